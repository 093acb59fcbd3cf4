"""The Home tab: what waits for a person, their endpoints, and the targets with their totals."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bot.domain.deployment_view import DeploymentView
from bot.domain.listed_endpoint import Listing
from bot.domain.process.slash_command import SLASH
from bot.domain.spend import Spend
from bot.domain.statuses import Billing, statuses_that
from bot.messages.blocks import Block, actions, button, context, divider, header, section
from bot.messages.body import Body
from bot.messages.buttons import DECISIONS, ActionId, for_root
from bot.messages.cost import amount, origin
from bot.messages.endpoint_facts import EndpointFacts, facts_line
from bot.messages.listing import endpoints_text, total
from bot.messages.markup import bold, code, link, mention, moment, money
from bot.messages.status_message import setup, summary
from bot.messages.waiting import Waiting

REFRESH_ACTION = "home.refresh"
DEPLOY_ACTION = "home.deploy"
# A Home tab takes 100 blocks: three for what waits and for an endpoint, one for a channel.
MOST_WAITING, MOST_ENDPOINTS, MOST_CHANNELS = 8, 14, 15
_MOST_BLOCKS = 100

_PREFIX = "home"
_COMMAND = SLASH
_MOST_TARGETS = 20
_BILLED = statuses_that(lambda facts: facts.billing in (Billing.YES, Billing.AS_BEFORE_OR_FIRST))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A deployment of the person's.

    Attributes:
        thread_link: None while the thread isn't posted.
        may_act: Whether it has buttons beside links.
    """

    facts: EndpointFacts
    channel_id: str
    thread_link: str | None
    may_act: bool


@dataclass(frozen=True, slots=True)
class WaitingEntry:
    """Something that waits for the person.

    Attributes:
        thread_link: None while the thread isn't posted.
    """

    waiting: Waiting
    channel_id: str
    thread_link: str | None


@dataclass(frozen=True, slots=True)
class TargetTotal:
    """A target and what its project holds; None if that isn't read."""

    name: str
    listing: Listing | None


@dataclass(frozen=True, slots=True)
class ChannelTargets:
    """A channel that the person is in and its targets, the default first."""

    channel_id: str
    targets: Sequence[TargetTotal]
    may_deploy: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """What the Home tab shows.

    Attributes:
        waiting: What waits for the person, the most urgent first.
        more_waiting: How much of it is left out.
        endpoints: The person's that aren't over.
        more: How many of them are left out.
        stopped: How many are over.
        elsewhere: How many run in channels that the person isn't in.
        more_channels: How many channels with targets are left out.
        admins: Whom to ask where nothing is connected.
    """

    waiting: Sequence[WaitingEntry]
    more_waiting: int
    endpoints: Sequence[Endpoint]
    more: int
    stopped: int
    elsewhere: int
    channels: Sequence[ChannelTargets]
    more_channels: int
    admins: Sequence[str]
    at: datetime


@dataclass(frozen=True, slots=True)
class Note:
    """The answer to the last click.

    Attributes:
        channel_id: Where its buttons act.
    """

    body: Body
    channel_id: str


def home(overview: Overview | None, note: Note | None = None) -> dict[str, object]:
    """Draw the Home tab.

    Args:
        overview: None if Slack doesn't say which channels the person is in.
        note: Shown first.
    """
    blocks = [*_note(note)]
    if overview is None:
        blocks.append(
            section(
                "Slack didn't return your channels, so I can't show your endpoints. They keep"
                " running."
            )
        )
        blocks.append(_refresh())
    else:
        end = [*_end(overview)]
        blocks += [*_waiting(overview), *_endpoints(overview), *_channels(overview)]
        # The answer to a click may be long.
        blocks = [*blocks[: _MOST_BLOCKS - len(end)], *end]
    return {"type": "home", "blocks": blocks}


def channel_in(block_id: str) -> str:
    """The channel of a block of the Home tab; '' for none."""
    prefix, _, rest = block_id.partition(".")
    return rest.partition(".")[0] if prefix == _PREFIX else ""


def _note(note: Note | None) -> Iterator[Block]:
    if note is None:
        return
    for number, block in enumerate(note.body.without_plan().blocks):
        yield {**block, "block_id": f"{_PREFIX}.{note.channel_id}.note{number}"}
    yield divider()


def _waiting(overview: Overview) -> Iterator[Block]:
    if not overview.waiting:
        return
    yield header("Waiting for you")
    for number, entry in enumerate(overview.waiting):
        deployment = entry.waiting.deployment
        yield section(entry.waiting.text)
        about = [
            entry.waiting.about,
            f"{code(deployment.target_name)} in <#{entry.channel_id}>",
            _thread(deployment, entry.thread_link),
        ]
        yield context(" · ".join(filter(None, about)))
        if entry.waiting.buttons:
            block_id = f"{_PREFIX}.{entry.channel_id}.waiting{number}"
            yield actions(*entry.waiting.buttons, block_id=block_id)
    if overview.more_waiting:
        yield context(f"and {overview.more_waiting} more, once these are decided")
    yield divider()


def _thread(deployment: DeploymentView, address: str | None) -> str:
    return link(address, f"{deployment.name}'s thread") if address else ""


def _endpoints(overview: Overview) -> Iterator[Block]:
    yield header("Your endpoints")
    if overview.endpoints:
        yield section(_total(overview))
    elif overview.channels:
        yield section("You have no endpoints. Deploy a model from a channel below.")
    else:
        yield section("You have no endpoints.")
    waiting = {one.waiting.deployment.public_id for one in overview.waiting}
    for endpoint in overview.endpoints:
        yield from _endpoint(endpoint, waits=endpoint.facts.deployment.public_id in waiting)
    left_out = [*_left_out(overview)]
    if left_out:
        yield context(*left_out)


def _total(overview: Overview) -> str:
    endpoints = overview.endpoints
    count = "1 endpoint" if len(endpoints) == 1 else f"{len(endpoints)} endpoints"
    prices = [_price_now(endpoint.facts.deployment) for endpoint in endpoints]
    spends = [endpoint.facts.spend for endpoint in endpoints]
    known = sum((one for one in prices if one is not None), Decimal(0))
    unknown = " and some of unknown price" if None in prices else ""
    spent = Spend(
        sum(spend.seconds for spend in spends),
        sum((spend.dollars or Decimal(0) for spend in spends), Decimal(0)),
        is_least=any(spend.is_least or spend.dollars is None for spend in spends),
        is_charged=all(spend.is_charged or not spend.seconds for spend in spends),
    )
    return f"{bold(count)} · {bold(money(known))} now{unknown} · {amount(spent)} so far"


def _price_now(deployment: DeploymentView) -> Decimal | None:
    """Dollars per hour that are certainly billed now; None if unknown."""
    if deployment.endpoint_state is None or deployment.endpoint_state.status not in _BILLED:
        return Decimal(0)
    return deployment.setup.price_once_up


def _endpoint(endpoint: Endpoint, *, waits: bool) -> Iterator[Block]:
    deployment = endpoint.facts.deployment
    yield section(summary(deployment))
    about = [
        f"{code(deployment.target_name)} in <#{endpoint.channel_id}>",
        facts_line(endpoint.facts),
        _thread(deployment, endpoint.thread_link),
    ]
    yield context(setup(deployment), " · ".join(filter(None, about)))
    # What waits has its decision above.
    row = [one for one in for_root(deployment) if not (waits and one["action_id"] in DECISIONS)]
    if not endpoint.may_act:
        row = [element for element in row if element["action_id"] == ActionId.OPEN]
    if row:
        yield actions(*row, block_id=f"{_PREFIX}.{endpoint.channel_id}.{deployment.public_id}")


def _left_out(overview: Overview) -> Iterator[str]:
    if overview.more:
        yield f"and {overview.more} more: `{_COMMAND} list` in their channels"
    if overview.stopped:
        have = "1 has" if overview.stopped == 1 else f"{overview.stopped} have"
        yield f"{have} failed or ended: `{_COMMAND} list` in their channels"
    if overview.elsewhere:
        runs = (
            "1 endpoint runs" if overview.elsewhere == 1 else f"{overview.elsewhere} endpoints run"
        )
        yield f"{runs} in channels that you or I have left"


def _channels(overview: Overview) -> Iterator[Block]:
    yield divider()
    yield header("Targets")
    for channel in overview.channels:
        yield _channel(channel)
    if overview.more_channels:
        yield context(f"and {overview.more_channels} more; `{_COMMAND}` in a channel deploys there")
    if not overview.channels:
        whom = f", such as {' or '.join(map(mention, overview.admins))}" if overview.admins else ""
        yield section(
            "None of your channels is connected to a Friendli project yet. Workspace admins"
            f"{whom} can connect one with `{_COMMAND} connect`."
        )


def _channel(channel: ChannelTargets) -> Block:
    lines = [f"<#{channel.channel_id}>", *map(_target, channel.targets[:_MOST_TARGETS])]
    if len(channel.targets) > _MOST_TARGETS:
        lines.append(f"and {len(channel.targets) - _MOST_TARGETS} more")
    block_id = f"{_PREFIX}.{channel.channel_id}"
    if not channel.may_deploy:
        lines[0] += " · you can look here, not deploy"
        return {**section("\n".join(lines)), "block_id": block_id}
    deploy = button("Deploy", DEPLOY_ACTION)
    return {**section("\n".join(lines), accessory=deploy), "block_id": block_id}


def _target(target: TargetTotal) -> str:
    """Its count and dollars per hour, as `list` shows them."""
    found = target.listing
    if found is None:
        return code(target.name)
    if not (found.endpoints or found.is_current):
        return f"{code(target.name)} · Friendli isn't answering now"
    parts = [code(target.name), endpoints_text(len(found.endpoints))]
    if found.endpoints:
        parts.append(f"{bold(total(found.endpoints))} now")
    if not found.is_current:
        parts.append("as last seen")
    return " · ".join(parts)


def _end(overview: Overview) -> Iterator[Block]:
    yield divider()
    notes = [f"{moment(overview.at, lead='As of ')}."]
    came_from = origin(*(one.facts.spend for one in overview.endpoints))
    if came_from:
        notes.append(came_from)
    yield context(*notes)
    yield _refresh()


def _refresh() -> Block:
    return actions(button("Refresh", REFRESH_ACTION), block_id=_PREFIX)
