"""The list of a target's endpoints: two lines each, some twenty at a time, and the total."""

from collections.abc import Sequence
from decimal import Decimal

from bot.domain.listed_endpoint import ListedEndpoint, Listing
from bot.domain.process.slash_command import SLASH
from bot.domain.statuses import COMING_UP, facts_of, phase_words
from bot.domain.text import clip
from bot.messages.blocks import Block, actions, button, context, section
from bot.messages.body import Body, body
from bot.messages.markup import bold, code, duration, escape, mention, money

MORE_ACTION = "endpoint.more"
BACK_ACTION = "endpoint.back"

_COMMAND = SLASH
_ENDPOINTS = 20
# Slack takes some 13,000 bytes of blocks.
_BYTES = 11_000
# A section's overhead.
_BLOCK = 80
_NAME, _MODEL, _GPUS = 60, 80, 40


def mark(listed: ListedEndpoint) -> str:
    return facts_of(listed.status.status).mark


def doing(listed: ListedEndpoint) -> str:
    """Such as "serving" or "starting (downloading the model)"; mrkdwn."""
    words = escape(clip(facts_of(listed.status.status).name, _NAME))
    phase = listed.status.phase
    if phase is None or listed.status.status not in COMING_UP:
        return words
    return f"{words} ({escape(clip(phase_words(phase).during, _NAME))})"


def price(listed: ListedEndpoint) -> str:
    return "price unknown" if listed.price_now is None else money(listed.price_now)


def who(listed: ListedEndpoint) -> str:
    if listed.ours is None:
        return (
            f"perhaps {mention(listed.possible_requester_id)}"
            if listed.possible_requester_id
            else "made elsewhere"
        )
    by = mention(listed.ours.requester_id)
    return f"made elsewhere, followed by {by}" if listed.ours.is_imported else by


def lines(listed: ListedEndpoint) -> str:
    """First status and price, then setup and requester."""
    name = bold(clip(listed.name, _NAME))
    setup = [
        escape(clip(listed.model, _MODEL)) if listed.model else None,
        escape(clip(listed.gpus, _GPUS)) if listed.gpus else None,
        listed.replicas,
        _made(listed),
    ]
    now = f"{mark(listed)} {name} · {doing(listed)} · {price(listed)}"
    return f"{now}\n{' · '.join(filter(None, setup))}"


def _made(listed: ListedEndpoint) -> str:
    ago = "" if listed.age is None else f" {duration(listed.age)} ago"
    if listed.ours is None:
        if listed.possible_requester_id:
            return f"made{ago}, perhaps by {mention(listed.possible_requester_id)}"
        return f"made elsewhere{ago}"
    by = mention(listed.ours.requester_id)
    if listed.ours.is_imported:
        return f"made elsewhere{ago}, followed by {by}"
    return f"made{ago} by {by}"


def total(endpoints: Sequence[ListedEndpoint]) -> str:
    """The price of all of them now, as far as it is known."""
    prices = [listed.price_now for listed in endpoints]
    known = sum((one for one in prices if one is not None), Decimal(0))
    unknown = prices.count(None)
    return money(known) + (f" and {unknown} of unknown price" if unknown else "")


def page(listing: Listing, offset: int = 0, *, others: Sequence[str] = (), pick: Block) -> Body:
    """A part of the list.

    Args:
        offset: Of the first endpoint.
        others: Names of the channel's other targets.
        pick: The menu to choose an endpoint from.
    """
    endpoints = listing.endpoints
    if not endpoints:
        return _empty(listing, others)
    # There may be fewer by now.
    offset = offset if 0 <= offset < len(endpoints) else 0
    shown = _fitting(endpoints[offset:])
    count = "1 endpoint" if len(endpoints) == 1 else f"{len(endpoints)} endpoints"
    headline = f"{bold(listing.target)} · {count} · {bold(total(endpoints))} now"
    after = len(endpoints) - offset - len(shown)
    if offset:
        headline += f" · from {offset + 1} on"
    turn = _turn(listing.target, offset, shown=len(shown), more=bool(after))
    if after:
        shown.append(f"and {after} more")
    blocks = [section(headline), *(section(text) for text in shown)]
    notes = _notes(listing, others)
    if notes:
        blocks.append(context(*notes))
    blocks.append(pick)
    if turn:
        blocks.append(actions(*turn))
    return body("\n".join([headline, *shown]), *blocks)


def _empty(listing: Listing, others: Sequence[str]) -> Body:
    text = f"Nothing runs in {bold(listing.target)}: its project has no endpoints."
    notes = [f"`{_COMMAND}` deploys a model.", *_notes(listing, others)]
    return body(f"{text} {' '.join(notes)}", section(text), context(*notes))


def _notes(listing: Listing, others: Sequence[str]) -> list[str]:
    notes = []
    if listing.unread:
        are = "is" if listing.unread == 1 else "are"
        notes.append(f"Friendli didn't say how {listing.unread} of them {are} set up; list again.")
    if others:
        notes.append(f"Also here: {', '.join(code(f'{_COMMAND} list {name}') for name in others)}.")
    return notes


def _turn(target: str, offset: int, *, shown: int, more: bool) -> list[Block]:
    buttons = []
    if offset:
        buttons.append(button("Back to the first", BACK_ACTION, value=f"{target} 0"))
    if more:
        buttons.append(button("Show more", MORE_ACTION, value=f"{target} {offset + shown}"))
    return buttons


def _fitting(endpoints: Sequence[ListedEndpoint]) -> list[str]:
    found: list[str] = []
    room = _BYTES
    for listed in endpoints[:_ENDPOINTS]:
        text = lines(listed)
        room -= len(text.encode(errors="replace")) + _BLOCK
        if found and room < 0:
            break
        found.append(text)
    return found
