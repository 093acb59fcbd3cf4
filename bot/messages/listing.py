"""The list of a target's endpoints: two lines and a menu each, twenty at a time, and the total."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Self, assert_never

from pydantic import NonNegativeInt, TypeAdapter

from bot.domain.listed_endpoint import ListedEndpoint, Listing
from bot.domain.operations import OperationKind, operations_that
from bot.domain.process.slash_command import SLASH
from bot.domain.schemas import InferenceDeploymentStatus as Status
from bot.domain.statuses import COMING_UP, SERVING, facts_of, phase_words
from bot.domain.text import clip
from bot.messages import cost
from bot.messages.blocks import (
    Block,
    actions,
    button,
    context,
    option,
    overflow,
    section,
    static_select,
)
from bot.messages.body import BLOCKS_BYTES, Body, body, size
from bot.messages.endpoint_facts import EndpointFacts, facts_line
from bot.messages.markup import bold, code, duration, escape, mention, money

# Of its buttons and menus; all of them carry a `ListView`, but for a row's menu.
MORE_ACTION = "endpoint.more"
BACK_ACTION = "endpoint.back"
FILTER_ACTION = "list.filter"
TARGET_ACTION = "list.target"
ROW_ACTION = "list.row"

PAGE = 20
_COMMAND = SLASH
_NAME, _MODEL, _GPUS = 60, 80, 40
# Options of a row's menu, fewer where a page gets too large: Details has all buttons.
_OPTIONS = (5, 3, 2)
_LIVE = SERVING | {Status.UPDATING.value}


class Filter(StrEnum):
    """Which endpoints of a target are listed; also the word that people type."""

    ALL = "all"
    MINE = "mine"
    LIVE = "live"
    ASLEEP = "asleep"
    FAILED = "failed"


_FILTER_WORDS: Mapping[Filter, str] = {
    Filter.ALL: "All endpoints",
    Filter.MINE: "Mine: requested or followed by me",
    Filter.LIVE: "Live",
    Filter.ASLEEP: "Asleep",
    Filter.FAILED: "Failed",
}


_FILTER: TypeAdapter[Filter] = TypeAdapter(Filter)
_OFFSET: TypeAdapter[int] = TypeAdapter(NonNegativeInt)


@dataclass(frozen=True, slots=True)
class ListView:
    """What a list shows, as its buttons carry it.

    Attributes:
        offset: Of the first endpoint among those that the filter lets through.
    """

    target: str
    filter: Filter = Filter.ALL
    offset: int = 0

    @property
    def value(self) -> str:
        return f"{self.target} {self.filter} {self.offset}"

    @classmethod
    def read(cls, value: str) -> Self:
        """Raise pydantic.ValidationError if it is another version's."""
        target, *between, offset = value.split(" ")
        # Buttons of former versions carry no filter.
        by = _FILTER.validate_python(" ".join(between) or Filter.ALL)
        return cls(target, by, _OFFSET.validate_python(offset))

    def chosen_from(
        self, endpoints: Sequence[ListedEndpoint], person_id: str
    ) -> Sequence[ListedEndpoint]:
        """Those that a person's filter lets through."""
        return [one for one in endpoints if _passes(one, self.filter, person_id)]


def _passes(listed: ListedEndpoint, by: Filter, person_id: str) -> bool:
    status = str(listed.status.status)
    match by:
        case Filter.ALL:
            return True
        case Filter.MINE:
            return listed.ours is not None and listed.ours.requester_id == person_id
        case Filter.LIVE:
            return status in _LIVE
        case Filter.ASLEEP:
            return status == Status.SLEEPING
        case Filter.FAILED:
            return status == Status.FAILED
        case _ as unknown:
            assert_never(unknown)


def shown_on(
    view: ListView, chosen: Sequence[ListedEndpoint]
) -> tuple[int, Sequence[ListedEndpoint]]:
    """The offset of a page and its endpoints, of which there may be fewer by now."""
    offset = view.offset if view.offset < len(chosen) else 0
    return offset, chosen[offset : offset + PAGE]


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
            else "created elsewhere"
        )
    by = mention(listed.ours.requester_id)
    return f"created elsewhere, followed by {by}" if listed.ours.is_imported else by


def lines(listed: ListedEndpoint, facts: EndpointFacts | None = None) -> str:
    """First status and price, then setup and whose it is, with the facts of one from here."""
    name = bold(clip(listed.name, _NAME))
    setup = [
        escape(clip(listed.model, _MODEL)) if listed.model else None,
        escape(clip(listed.gpus, _GPUS)) if listed.gpus else None,
        listed.replicas,
        _created(listed) if facts is None else facts_line(facts),
    ]
    now = f"{mark(listed)} {name} · {doing(listed)} · {price(listed)}"
    return f"{now}\n{' · '.join(filter(None, setup))}"


def _created(listed: ListedEndpoint) -> str:
    ago = "" if listed.age is None else f" {duration(listed.age)} ago"
    if listed.ours is None:
        if listed.possible_requester_id:
            return f"created{ago}, perhaps by {mention(listed.possible_requester_id)}"
        return f"created elsewhere{ago}"
    by = mention(listed.ours.requester_id)
    if listed.ours.is_imported:
        return f"created elsewhere{ago}, followed by {by}"
    return f"created{ago} by {by}"


def total(endpoints: Sequence[ListedEndpoint]) -> str:
    """The price of all of them now, as far as it is known."""
    prices = [listed.price_now for listed in endpoints]
    known = sum((one for one in prices if one is not None), Decimal(0))
    unknown = prices.count(None)
    return money(known) + (f" and {unknown} of unknown price" if unknown else "")


def page(
    listing: Listing,
    view: ListView,
    person_id: str,
    facts: Mapping[str, EndpointFacts],
    *,
    targets: Sequence[str],
    pick: Block,
) -> Body:
    """A part of the list.

    Args:
        facts: By public id, of those on the page that were deployed or followed from here.
        targets: All of the channel's.
        pick: The menu to choose an endpoint from.
    """
    if not listing.endpoints:
        return _empty(listing, targets)
    chosen = view.chosen_from(listing.endpoints, person_id)
    offset, on_page = shown_on(view, chosen)
    known = [
        facts[one.ours.public_id] for one in on_page if one.ours and one.ours.public_id in facts
    ]
    notes = [*_notes(listing), *filter(None, [cost.origin(*(one.spend for one in known))])]
    rows: list[Block] = []
    drawn: list[Block] = []
    # First the menus get shorter, then the page.
    for most, options in [
        *((PAGE, one) for one in _OPTIONS),
        *((one, 2) for one in range(PAGE)[::-1]),
    ]:
        rows = [_row(one, facts, options) for one in on_page[:most]]
        drawn = _drawn(listing, view, chosen, offset, rows, notes, targets, pick)
        if size(drawn) <= BLOCKS_BYTES:
            break
    return body(_headline(listing, view, chosen, offset, len(rows)), *drawn)


def _drawn(
    listing: Listing,
    view: ListView,
    chosen: Sequence[ListedEndpoint],
    offset: int,
    rows: Sequence[Block],
    notes: Sequence[str],
    targets: Sequence[str],
    pick: Block,
) -> list[Block]:
    after = offset + len(rows)
    turn = []
    if offset:
        before = replace(view, offset=max(0, offset - PAGE))
        turn.append(button("Previous", BACK_ACTION, value=before.value))
    if after < len(chosen):
        turn.append(button("Next", MORE_ACTION, value=replace(view, offset=after).value))
    blocks = [section(_headline(listing, view, chosen, offset, len(rows))), *rows]
    if notes:
        blocks.append(context(*notes))
    return [*blocks, actions(*_menus(view, targets), *turn), pick]


def _headline(
    listing: Listing, view: ListView, chosen: Sequence[ListedEndpoint], offset: int, rows: int
) -> str:
    count = endpoints_text(len(listing.endpoints))
    word = "yours" if view.filter is Filter.MINE else view.filter.value
    parts = [count if view.filter is Filter.ALL else f"{len(chosen)} {word} of {count}"]
    if chosen:
        parts.append(f"{bold(total(chosen))} now")
    if rows < len(chosen):
        parts.append(f"{offset + 1}–{offset + rows}")
    return " · ".join([bold(listing.target), *parts])


def endpoints_text(count: int) -> str:
    if not count:
        return "no endpoints"
    return "1 endpoint" if count == 1 else f"{count} endpoints"


def _row(listed: ListedEndpoint, facts: Mapping[str, EndpointFacts], most: int) -> Block:
    known = facts.get(listed.ours.public_id) if listed.ours is not None else None
    choices = [option(label, verb) for label, verb in row_actions(listed)[:most]]
    block = section(lines(listed, known), accessory=overflow(ROW_ACTION, choices))
    return {**block, "block_id": row_id(listed.target, listed.endpoint_id)}


def row_id(target: str, endpoint_id: str) -> str:
    """The block id of a row, which its menu's choices are about."""
    return f"row {target} {endpoint_id}"[:255]


def row_actions(listed: ListedEndpoint) -> list[tuple[str, str]]:
    """Label and command of what can be done with an endpoint, the most useful first."""
    found = [("Details", "status")]
    if listed.ours is None:
        return [*found, ("Follow", "follow")]
    if listed.ours.is_here:
        status = facts_of(listed.status.status)
        fitting = operations_that(lambda facts: facts.button is not None and facts.fits(status))
        found += [(_label(kind), kind.value) for kind in fitting]
    return found


def _label(kind: OperationKind) -> str:
    facts = kind.facts.button
    return kind.capitalize() if facts is None else facts.label


def _menus(view: ListView, targets: Sequence[str]) -> list[Block]:
    """The menus of filters and targets."""
    choices = {
        one: option(words, replace(view, filter=one, offset=0).value)
        for one, words in _FILTER_WORDS.items()
    }
    menus = [
        {
            **static_select(FILTER_ACTION, "Filter", list(choices.values())),
            "initial_option": choices[view.filter],
        }
    ]
    if len(targets) > 1:
        places = {
            name: option(name, replace(view, target=name, offset=0).value)
            for name in targets[:_MOST_TARGETS]
        }
        menu = static_select(TARGET_ACTION, "Target", list(places.values()))
        if view.target in places:
            menu["initial_option"] = places[view.target]
        menus.append(menu)
    return menus


# Slack's limit for a menu is 100; each costs a hundred bytes.
_MOST_TARGETS = 20


def _empty(listing: Listing, targets: Sequence[str]) -> Body:
    text = f"{bold(listing.target)} has no endpoints."
    others = [name for name in targets if name != listing.target]
    notes = [f"`{_COMMAND}` deploys a model."]
    if others:
        notes.append(f"Also here: {', '.join(code(f'{_COMMAND} list {one}') for one in others)}.")
    return body(f"{text} {' '.join(notes)}", section(text), context(*notes))


def _notes(listing: Listing) -> list[str]:
    if not listing.unread:
        return []
    return [f"Friendli didn't return the configuration of {listing.unread}; list again."]
