"""The Home tab: a person's endpoints, their cost so far, and where the person can deploy."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bot.domain.deployment_view import DeploymentView
from bot.domain.process.slash_command import SLASH
from bot.domain.spend import Spend
from bot.domain.statuses import Billing, statuses_that
from bot.messages.blocks import Block, actions, button, context, divider, header, section
from bot.messages.body import Body
from bot.messages.buttons import ActionId, for_root
from bot.messages.cost import amount, origin
from bot.messages.endpoint_facts import EndpointFacts, facts_line
from bot.messages.lifetime_replies import extend
from bot.messages.markup import bold, code, link, mention, moment, money
from bot.messages.status_message import ends, setup, summary

REFRESH_ACTION = "home.refresh"
DEPLOY_ACTION = "home.deploy"
# A Home tab takes 100 blocks; an endpoint takes four of them, a channel one.
MOST_ENDPOINTS, MOST_CHANNELS = 15, 20

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
class ChannelTargets:
    """A channel that the person is in and its targets, the default first."""

    channel_id: str
    targets: Sequence[str]
    may_deploy: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """What the Home tab shows.

    Attributes:
        endpoints: The person's that aren't over.
        more: How many of them are left out.
        stopped: How many are over.
        elsewhere: How many run in channels that the person isn't in.
        more_channels: How many channels with targets are left out.
        admins: Whom to ask where nothing is connected.
    """

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
                "Slack doesn't say which channels you are in, so I can't show what is yours."
                " Whatever runs goes on."
            )
        )
        blocks.append(_refresh())
    else:
        blocks += [*_endpoints(overview), *_channels(overview), *_end(overview)]
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


def _endpoints(overview: Overview) -> Iterator[Block]:
    yield header("Your endpoints")
    if overview.endpoints:
        yield section(_total(overview))
    elif overview.channels:
        yield section("Nothing of yours runs now. Deploy a model from one of the channels below.")
    else:
        yield section("Nothing of yours runs now.")
    for number, endpoint in enumerate(overview.endpoints):
        if number:
            yield divider()
        yield from _endpoint(endpoint)
    left_out = [*_left_out(overview)]
    if left_out:
        yield context(*left_out)


def _total(overview: Overview) -> str:
    endpoints = overview.endpoints
    count = "1 endpoint" if len(endpoints) == 1 else f"{len(endpoints)} endpoints"
    prices = [_price_now(endpoint.facts.deployment) for endpoint in endpoints]
    spends = [endpoint.facts.spend for endpoint in endpoints]
    known = sum((one for one in prices if one is not None), Decimal(0))
    unknown = " and what has no known price" if None in prices else ""
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


def _endpoint(endpoint: Endpoint) -> Iterator[Block]:
    deployment = endpoint.facts.deployment
    yield section(summary(deployment))
    about = [
        f"{code(deployment.target_name)} in <#{endpoint.channel_id}>",
        facts_line(endpoint.facts),
        link(endpoint.thread_link, f"{deployment.name}'s thread") if endpoint.thread_link else "",
    ]
    yield context(setup(deployment), " · ".join(filter(None, about)))
    row = [*for_root(deployment), *(extend(deployment) if ends(deployment) else ())]
    if not endpoint.may_act:
        row = [element for element in row if element["action_id"] == ActionId.OPEN]
    if row:
        yield actions(*row, block_id=f"{_PREFIX}.{endpoint.channel_id}.{deployment.public_id}")


def _left_out(overview: Overview) -> Iterator[str]:
    if overview.more:
        yield f"and {overview.more} more; `{_COMMAND} list` in their channels shows them"
    if overview.stopped:
        have = "1 has" if overview.stopped == 1 else f"{overview.stopped} have"
        yield f"{have} failed or ended; `{_COMMAND} list` in their channels shows them"
    if overview.elsewhere:
        runs = (
            "1 of yours runs" if overview.elsewhere == 1 else f"{overview.elsewhere} of yours run"
        )
        yield f"{runs} where you or I have left the channel, so it isn't shown here"


def _channels(overview: Overview) -> Iterator[Block]:
    yield divider()
    yield header("Where you can deploy")
    for channel in overview.channels:
        yield _channel(channel)
    if overview.more_channels:
        yield context(f"and {overview.more_channels} more; `{_COMMAND}` in a channel deploys there")
    if not overview.channels:
        whom = f", such as {' or '.join(map(mention, overview.admins))}" if overview.admins else ""
        yield section(
            "No channel that you are in is connected to a Friendli project yet. Type"
            f" `{_COMMAND} connect` in the channel that should be; workspace admins can{whom}."
        )


def _channel(channel: ChannelTargets) -> Block:
    names = [code(name) for name in channel.targets[:_MOST_TARGETS]]
    if len(channel.targets) > len(names):
        names.append(f"and {len(channel.targets) - len(names)} more")
    text = f"<#{channel.channel_id}> · {', '.join(names)}"
    block_id = f"{_PREFIX}.{channel.channel_id}"
    if not channel.may_deploy:
        return {**section(f"{text} · you can look on there"), "block_id": block_id}
    return {**section(text, accessory=button("Deploy", DEPLOY_ACTION)), "block_id": block_id}


def _end(overview: Overview) -> Iterator[Block]:
    yield divider()
    notes = [f"As of {moment(overview.at)}."]
    came_from = origin(*(one.facts.spend for one in overview.endpoints))
    if came_from:
        notes.append(came_from)
    yield context(*notes)
    yield _refresh()


def _refresh() -> Block:
    return actions(button("Refresh", REFRESH_ACTION), block_id=_PREFIX)
