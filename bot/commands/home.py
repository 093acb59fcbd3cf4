"""The Home tab: what a person runs, with the buttons of its roots, and where they can deploy.

A click in it comes from no channel. What it acts on belongs to one all the same, which its block
names; the click counts as made there, for those who are in that channel now.
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import replace

from bot.commands import deploy, links
from bot.commands.context import DeferredTask, Services
from bot.commands.registry import ClickHandler, Feature
from bot.domain.actors import Actor, ChannelRef
from bot.domain.errors import UserError
from bot.domain.permissions import Permission
from bot.domain.process.task_group import all_of
from bot.messages.body import Body
from bot.messages.home import (
    DEPLOY_ACTION,
    MOST_CHANNELS,
    MOST_ENDPOINTS,
    REFRESH_ACTION,
    ChannelTargets,
    Endpoint,
    Note,
    Overview,
    channel_in,
    home,
)
from bot.services.summaries import Summary
from bot.slack.requests import BlockAction, Event

# Of the three seconds until Slack gives up on a click, what asking for a membership may take.
_MEMBERSHIP_SECONDS = 1.5
_ADMINS_NAMED = 3


async def opened(services: Services, event: Event) -> DeferredTask:
    """Show the tab that was opened."""
    return _first_show(services, event) if event.tab == "home" else None


async def _first_show(services: Services, event: Event) -> None:
    # The event doesn't say where the person belongs.
    person = await services.people.actor(event.person.id)
    await _show(services, _anywhere(event.place), person)


async def refreshed(services: Services, click: BlockAction) -> DeferredTask:
    """Draw it anew."""
    return _show(services, click.place, click.person)


async def deploy_there(services: Services, click: BlockAction) -> DeferredTask:
    """Open the form for a channel."""
    return await deploy.open_form(services, click)


async def pressed(services: Services, click: BlockAction, handler: ClickHandler) -> DeferredTask:
    """A button was used that may stand in messages too: do what it does there.

    Args:
        services: The services.
        click: As it came.
        handler: The button's.

    Raises:
        UserError: The person isn't in the button's channel.
    """
    channel = channel_in(click.block_id)
    if not channel or handler is links.clicked:
        return await handler(services, click)
    place = replace(click.place, channel_id=channel)
    await _check_membership(services, place, click.person)
    answers = _Kept()
    there = replace(click, place=place, view=None)
    work = await handler(replace(services, responses=answers), there)
    return _then_show(services, there, answers, work)


async def _then_show(
    services: Services, click: BlockAction, answers: "_Kept", work: DeferredTask
) -> None:
    if work is not None:
        await work
    await _show(services, click.place, click.person, answers.body)


async def tell(services: Services, click: BlockAction, body: Body) -> None:
    """Answer a click in the Home tab, above what it shows."""
    place = replace(click.place, channel_id=channel_in(click.block_id))
    await _show(services, place, click.person, body)


async def tell_opened(services: Services, event: Event, body: Body) -> bool:
    """Say in the Home tab why it isn't there."""
    await _show(services, _anywhere(event.place), event.person, body)
    return True


async def _check_membership(services: Services, place: ChannelRef, person: Actor) -> None:
    channels: Collection[str] | None = None
    try:
        async with asyncio.timeout(_MEMBERSHIP_SECONDS):
            channels = await services.people.channels_of(place, person.id)
    except TimeoutError:
        pass
    if channels is None:
        raise UserError(
            "Slack doesn't say in time whether you are in its channel, so nothing was done.",
            hint="Try again in a moment, or use the buttons in its thread.",
        )
    if place.channel_id not in channels:
        raise UserError(
            "You aren't in its channel any more, or I'm not, so nothing was done.",
            hint="Someone who is in that channel can do it there.",
        )


async def _show(
    services: Services, place: ChannelRef, person: Actor, said: Body | None = None
) -> None:
    note = None if said is None else Note(said, place.channel_id)

    async def draw() -> dict[str, object]:
        return home(await _overview(services, place, person), note)

    shown = await services.home_tabs.publish(person.id, draw)
    if not shown and said is not None and place.channel_id:
        await services.people.post_ephemeral(place, person.id, said)


async def _overview(services: Services, place: ChannelRef, person: Actor) -> Overview | None:
    channels = await services.people.channels_of(place, person.id)
    if channels is None:
        return None
    mine = await services.summaries.of(place, person.id, channels, most=MOST_ENDPOINTS)
    running = await services.summaries.charged(mine.shown)
    targets = await services.summaries.targets(place, channels)
    shown = list(targets.items())[:MOST_CHANNELS]
    admins = [] if targets else await services.people.admins()
    return Overview(
        endpoints=await all_of(_endpoint(services, person, one) for one in running),
        more=mine.more,
        stopped=mine.stopped,
        elsewhere=mine.elsewhere,
        channels=await all_of(
            _channel(services, person, replace(place, channel_id=id_), names)
            for id_, names in shown
        ),
        more_channels=len(targets) - len(shown),
        admins=admins[:_ADMINS_NAMED],
        at=mine.at,
    )


async def _endpoint(services: Services, person: Actor, standing: Summary) -> Endpoint:
    place, deployment_view = standing.place, standing.deployment_view
    # Who belongs here and may not do something is told whom to ask; a guest has nobody to ask.
    may_act = not person.is_from_elsewhere(place) or await services.authorizer.may(
        Permission.OPERATE, person, place, deployment_view.target_name
    )
    thread = None
    if standing.thread_ts is not None:
        thread = await services.people.local_permalink(place.channel_id, standing.thread_ts)
    return Endpoint(deployment_view, standing.spend, place.channel_id, thread, may_act)


async def _channel(
    services: Services, person: Actor, place: ChannelRef, targets: Sequence[str]
) -> ChannelTargets:
    may_deploy = False
    for name in targets:
        if await _may_deploy(services, person, place, name):
            may_deploy = True
            break
    return ChannelTargets(place.channel_id, targets, may_deploy)


async def _may_deploy(services: Services, person: Actor, place: ChannelRef, target: str) -> bool:
    try:
        return await services.authorizer.may(Permission.DEPLOY, person, place, target)
    except UserError:
        # Slack is slow to say who is in a group; the click asks again.
        return True


def _anywhere(place: ChannelRef) -> ChannelRef:
    return replace(place, channel_id="")


class _Kept:
    """Takes the answer that a handler gives, for the Home tab to show."""

    def __init__(self) -> None:
        self.body: Body | None = None

    async def say(
        self,
        response_url: str,  # noqa: ARG002 - there is none in the Home tab
        body: Body,
        *,
        thread_ts: str | None = None,  # noqa: ARG002 - nor a thread
    ) -> bool:
        """Keep it."""
        self.body = body
        return True

    async def replace(self, response_url: str, body: Body) -> bool:
        """Keep it: what was clicked is drawn anew."""
        return await self.say(response_url, body)

    async def remove(self, response_url: str) -> bool:  # noqa: ARG002 - as above
        """What was clicked is drawn anew."""
        self.body = None
        return True


FEATURE = Feature(
    clicks={REFRESH_ACTION: refreshed, DEPLOY_ACTION: deploy_there},
    events={"app_home_opened": opened},
)
