"""The Home tab: what waits for a person, their endpoints, and the targets of their channels.

A click acts in the channel that its block names, if the person is in that channel now.
"""

import asyncio
import contextlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.commands.deploy_modal import DeployForm
from bot.commands.registry import ClickHandler, DeferredTask, Feature, deferred
from bot.commands.status import LINKS
from bot.domain.actors import Actor, ChannelRef
from bot.domain.errors import UserError
from bot.domain.listed_endpoint import Listing
from bot.domain.permissions import Permission
from bot.domain.process.task_group import all_of, both
from bot.messages.body import Body
from bot.messages.home import (
    DEPLOY_ACTION,
    MOST_CHANNELS,
    MOST_ENDPOINTS,
    MOST_WAITING,
    REFRESH_ACTION,
    ChannelTargets,
    Endpoint,
    Note,
    Overview,
    TargetTotal,
    WaitingEntry,
    home,
)
from bot.services.authorization import Authorizer
from bot.services.catalog import Catalog
from bot.services.credentials import NoKeyError
from bot.services.summaries import Summaries, Summary
from bot.services.targets import Targets
from bot.services.waiting import OpenProposal, WaitingItem, WaitingItems
from bot.slack.home_tab import HomeTabs
from bot.slack.people import People
from bot.slack.requests import BlockAction, Event

# Slack gives up on a click after three seconds; reading a membership may take this part of them.
_MEMBERSHIP_SECONDS = 1.5
_ADMINS_NAMED = 3
# Targets of a channel whose totals are read.
_TOTALS = 5
# Lists of one project that are read within this time are the same.
_SAME_TAB_SECONDS = 10.0

# A channel's id and a target's name.
_TargetKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class HomeTab:
    """Shows Home tabs, and runs the buttons in them."""

    people: People
    targets: Targets
    catalog: Catalog
    summaries: Summaries
    waiting_items: WaitingItems
    authorizer: Authorizer
    home_tabs: HomeTabs

    async def run(self, click: BlockAction, handler: ClickHandler) -> DeferredTask:
        """Run a button's handler as in its channel, then show the tab again.

        Raises:
            UserError: The person isn't in the button's channel.
        """
        if not click.place.channel_id or click.action_id in LINKS:
            return await handler(click)
        await self._check_membership(click.place, click.person)
        return self._then_show(click, await handler(click))

    async def _then_show(self, click: BlockAction, work: DeferredTask) -> None:
        if work is not None:
            await work
        # An answer is shown with the tab.
        if not click.responder.has_answered:
            await self.show(click.place, click.person)

    async def _check_membership(self, place: ChannelRef, person: Actor) -> None:
        channels: Collection[str] | None = None
        try:
            async with asyncio.timeout(_MEMBERSHIP_SECONDS):
                channels = await self.people.channels_of(place, person.id)
        except TimeoutError:
            pass
        if channels is None:
            raise UserError(
                "Slack didn't confirm in time that you are in its channel, so nothing was done.",
                hint="Try again in a moment, or use the buttons in its thread.",
            )
        if place.channel_id not in channels:
            raise UserError(
                "You or I have left its channel, so nothing was done.",
                hint="Someone in that channel can do it there.",
            )

    async def show(self, place: ChannelRef, person: Actor, answer: Body | None = None) -> bool:
        """Returns whether Slack took the answer."""
        note = None if answer is None else Note(answer, place.channel_id)

        async def draw() -> dict[str, object]:
            return home(await self._overview(place, person), note)

        shown = await self.home_tabs.publish(person.id, draw)
        if not shown and answer is not None and place.channel_id:
            return await self.people.post_ephemeral(place, person.id, answer)
        return shown

    async def _overview(self, place: ChannelRef, person: Actor) -> Overview | None:
        channels = await self.people.channels_of(place, person.id)
        if channels is None:
            return None
        waiting = await self._waiting(place, person, channels)
        shown_above = {one.waiting.deployment.public_id for one in waiting if not one.runs_on}
        mine = await self.summaries.of(
            place, person.id, channels, besides=shown_above, most=MOST_ENDPOINTS
        )
        targets = await self.summaries.targets(place, channels)
        shown = list(targets.items())[:MOST_CHANNELS]
        running, drawn = await both(
            self.summaries.charged(mine.shown), self._channels(person, place, shown)
        )
        admins = [] if targets else await self.people.admins()
        return Overview(
            waiting=await all_of(self._entry(one) for one in waiting[:MOST_WAITING]),
            more_waiting=max(0, len(waiting) - MOST_WAITING),
            endpoints=await all_of(self._endpoint(person, one) for one in running),
            more=mine.more,
            stopped=mine.stopped,
            elsewhere=mine.elsewhere,
            channels=drawn,
            more_channels=len(targets) - len(shown),
            admins=admins[:_ADMINS_NAMED],
            at=mine.at,
        )

    async def _waiting(
        self, place: ChannelRef, person: Actor, channels: Collection[str]
    ) -> Sequence[WaitingItem]:
        proposals = await self.waiting_items.proposals(place, channels)
        decidable = [one for one in proposals if await self._may_decide(person, one)]
        return await self.waiting_items.of(place, person.id, channels, decidable)

    async def _may_decide(self, person: Actor, one: OpenProposal) -> bool:
        if person.id == one.requested_by and not one.may_approve_own:
            return False
        try:
            return await self.authorizer.may(Permission.APPROVE, person, one.place, one.target)
        except UserError:
            # Slack is slow to say who is in a group; the thread has the buttons.
            return False

    async def _entry(self, item: WaitingItem) -> WaitingEntry:
        thread = await self._thread(item.place, item.thread_ts)
        return WaitingEntry(item.waiting, item.place.channel_id, thread)

    async def _thread(self, place: ChannelRef, thread_ts: str | None) -> str | None:
        if thread_ts is None:
            return None
        return await self.people.local_permalink(place.channel_id, thread_ts)

    async def _channels(
        self, person: Actor, place: ChannelRef, names: Sequence[tuple[str, Sequence[str]]]
    ) -> Sequence[ChannelTargets]:
        places = [(replace(place, channel_id=id_), targets) for id_, targets in names]
        listings = await self._listings([one for one, _ in places])
        return await all_of(
            self._channel(person, one, targets, listings) for one, targets in places
        )

    async def _listings(self, places: Sequence[ChannelRef]) -> Mapping[_TargetKey, Listing]:
        """What runs in the first targets of some channels; each project is listed once."""
        projects: dict[tuple[str, ...], list[_TargetKey]] = {}
        for place in places:
            for target in (await self.targets.cached(place))[:_TOTALS]:
                project = (target.team_id, target.project_id, target.key_last_four)
                projects.setdefault(project, []).append((place.channel_id, target.name))
        place_of = {place.channel_id: place for place in places}
        found: dict[_TargetKey, Listing] = {}

        async def read(keys: Sequence[_TargetKey]) -> None:
            fresh = 0.0
            for channel_id, name in keys:
                with contextlib.suppress(NoKeyError):
                    found[channel_id, name] = await self.catalog.cached(
                        place_of[channel_id], name, fresh=fresh
                    )
                    fresh = _SAME_TAB_SECONDS

        await all_of(read(keys) for keys in projects.values())
        return found

    async def _endpoint(self, person: Actor, summary: Summary) -> Endpoint:
        place, deployment_view = summary.place, summary.deployment_view
        # A member without the permission learns whom to ask; a guest gets no buttons.
        may_act = not person.is_from_elsewhere(place) or await self.authorizer.may(
            Permission.OPERATE, person, place, deployment_view.target_name
        )
        thread = await self._thread(place, summary.thread_ts)
        return Endpoint(summary.facts, place.channel_id, thread, may_act)

    async def _channel(
        self,
        person: Actor,
        place: ChannelRef,
        targets: Sequence[str],
        listings: Mapping[_TargetKey, Listing],
    ) -> ChannelTargets:
        may_deploy = False
        for name in targets:
            if await self._may_deploy(person, place, name):
                may_deploy = True
                break
        totals = [TargetTotal(name, listings.get((place.channel_id, name))) for name in targets]
        return ChannelTargets(place.channel_id, totals, may_deploy)

    async def _may_deploy(self, person: Actor, place: ChannelRef, target: str) -> bool:
        try:
            return await self.authorizer.may(Permission.DEPLOY, person, place, target)
        except UserError:
            # Slack is slow to say who is in a group; the click asks again.
            return True


@deferred
async def opened(event: Event, tab: HomeTab) -> None:
    if event.tab == "home":
        # The event doesn't say where the person belongs.
        await tab.show(event.place, await tab.people.actor(event.person.id))


@deferred
async def refreshed(click: BlockAction, tab: HomeTab) -> None:
    await tab.show(click.place, click.person)


@deferred
async def deploy_clicked(click: BlockAction, form: DeployForm) -> None:
    await form.open(click)


FEATURE = Feature(
    clicks={REFRESH_ACTION: refreshed, DEPLOY_ACTION: deploy_clicked},
    events={"app_home_opened": opened},
)
