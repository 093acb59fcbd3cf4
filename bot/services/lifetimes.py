"""How people decide that an endpoint may run on: for another while, or with no end."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.claims import make_due
from bot.db.clock import now
from bot.db.deployment_tables import Deployment
from bot.db.session import Database
from bot.domain.actors import Actor, ChannelRef
from bot.domain.deployment_state import DeploymentState
from bot.domain.operations import OperationKind
from bot.domain.permissions import Permission
from bot.domain.policy import Policy
from bot.domain.statuses import AT_REST, GOING_DOWN
from bot.messages import lifetime_replies
from bot.messages.markup import duration, moment
from bot.services import audit
from bot.services.lifetime import extend_to, is_ending, take_end_away
from bot.services.lookup import find_target, hold_deployment, target_of
from bot.services.operations import needs_approval, still_under_way, write_down
from bot.services.terms import Terms, full_scale_price
from bot.services.thread import AnyReply, post


class LifetimeOutcome(StrEnum):
    """What became of a wish to let an endpoint run on."""

    ACCEPTED = "accepted"
    WAITS = "waits"
    """Somebody has to approve it first."""
    IN_FLIGHT = "in_flight"
    """Somebody asked for the same, and it waits for approval."""
    UNCONNECTED = "unconnected"
    """Its target is disconnected, so nobody decides about spending any more."""
    REPEATED = "repeated"
    """The same command, delivered again: nothing was done for this one."""
    CHANGED = "changed"
    """Somebody decided before, after the message was drawn whose button was used."""
    NO_END = "no_end"
    """It has no end, so there is nothing to extend, or to take away."""
    AT_REST = "at_rest"
    """Its time is over, and it doesn't run; its time begins anew once it comes up."""
    ENDING = "ending"
    """It is going down, or is told to."""
    GONE = "gone"
    """There is no such endpoint here, or nobody watches it from here any more."""


@dataclass(frozen=True, slots=True)
class LifetimeAnswer:
    """The answer to such a request.

    Attributes:
        ends_at: When it ends now; None if it doesn't.
        end: What is done then: a `bot.deployments.policy.ExpiryAction`.
        by: Who asked before, with `IN_FLIGHT`.
    """

    outcome: LifetimeOutcome
    ends_at: datetime | None = None
    end: str | None = None
    by: str = ""


class Lifetimes:
    """Writes what people decide, in one transaction each."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    async def extend(
        self,
        place: ChannelRef,
        person: Actor,
        public_id: str,
        *,
        seconds: int | None = None,
        seen: datetime | None = None,
        message_ts: str = "",
        request_id: str | None = None,
    ) -> LifetimeAnswer:
        """Let an endpoint run for longer.

        Args:
            place: Where the deployment belongs.
            person: Who decides.
            public_id: The deployment.
            seconds: By how long; None for as long as it was given at first. An endpoint without
                an end gets one so long from now.
            seen: The end that the message showed whose button was used: it is moved once.
            message_ts: Of that message.
            request_id: Of a command: the same one is carried out once.
        """
        async with self._database.write() as session:
            deployment = await _held(session, place, public_id)
            if deployment is None:
                return LifetimeAnswer(LifetimeOutcome.GONE)
            if request_id is not None and await audit.is_known(session, request_id):
                return _answer(LifetimeOutcome.REPEATED, deployment)
            refused = await self._may_extend(session, deployment, seconds, seen)
            if refused is not None:
                return refused
            present: datetime = (await session.execute(select(now()))).scalar_one()
            by = seconds or deployment.lifetime_seconds or 0
            until = max(deployment.lifetime_ends_at or present, present) + timedelta(seconds=by)
            request = _Request(
                person,
                f"by {duration(by)}, until {until:%Y-%m-%d %H:%M} UTC",
                message_ts,
                request_id,
            )
            answer = None
            # One that had no end at all gets one: it costs less than before.
            if deployment.lifetime_seconds is not None:
                longer = {"seconds": by, "until": until}
                answer = await self._propose(
                    session,
                    deployment,
                    OperationKind.EXTEND,
                    request,
                    longer,
                    f"By {duration(by)}, until {moment(until)}.",
                )
            if answer is None:
                had_end = deployment.lifetime_ends_at is not None
                extend_to(deployment, until)
                if deployment.lifetime_seconds is None:
                    deployment.lifetime_seconds = by
                    deployment.expiry_action = await _end_of(session, place, deployment)
                answer = await self._accept(
                    session,
                    deployment,
                    request,
                    lambda view: lifetime_replies.extended(view, person.id, by, had_end=had_end),
                )
        return answer

    async def _may_extend(
        self,
        session: AsyncSession,
        deployment: Deployment,
        seconds: int | None,
        seen: datetime | None,
    ) -> LifetimeAnswer | None:
        """Why it can't be extended; None if it can."""
        if deployment.status in GOING_DOWN or await is_ending(session, deployment):
            return _answer(LifetimeOutcome.ENDING, deployment)
        ends_at = deployment.lifetime_ends_at
        if ends_at is None and deployment.lifetime_seconds is None and seconds is None:
            return _answer(LifetimeOutcome.NO_END, deployment)
        if ends_at is None and deployment.status in AT_REST:
            return _answer(LifetimeOutcome.AT_REST, deployment)
        if seen is not None and ends_at != seen:
            return _answer(LifetimeOutcome.CHANGED, deployment)
        return None

    async def keep(
        self, place: ChannelRef, person: Actor, public_id: str, *, message_ts: str = ""
    ) -> LifetimeAnswer:
        """Let an endpoint run with no end.

        Args:
            place: Where the deployment belongs.
            person: Who decides.
            public_id: The deployment.
            message_ts: Of the message whose button was used.
        """
        async with self._database.write() as session:
            deployment = await _held(session, place, public_id)
            if deployment is None:
                return LifetimeAnswer(LifetimeOutcome.GONE)
            if deployment.lifetime_seconds is None:
                return _answer(LifetimeOutcome.NO_END, deployment)
            if deployment.status in GOING_DOWN or await is_ending(session, deployment):
                return _answer(LifetimeOutcome.ENDING, deployment)
            request = _Request(person, "no end", message_ts)
            answer = await self._propose(session, deployment, OperationKind.KEEP, request)
            if answer is None:
                take_end_away(deployment)
                answer = await self._accept(
                    session,
                    deployment,
                    request,
                    lambda view: lifetime_replies.kept(view, person.id),
                )
        return answer

    async def _propose(
        self,
        session: AsyncSession,
        deployment: Deployment,
        kind: OperationKind,
        request: "_Request",
        longer: Mapping[str, object] | None = None,
        detail: str = "",
    ) -> LifetimeAnswer | None:
        """Ask for approval where the target's policy wants it; None if it doesn't."""
        if await target_of(session, deployment) is None:
            return _answer(LifetimeOutcome.UNCONNECTED, deployment)
        dollars = full_scale_price(deployment, self._settings.prices)
        terms = Terms.model_validate({"dollars": dollars, **(longer or {})})
        waiting = await still_under_way(session, deployment, kind, terms)
        if waiting is not None:
            return replace(_answer(LifetimeOutcome.IN_FLIGHT, deployment), by=waiting.requested_by)
        if not await needs_approval(session, deployment, terms):
            return None
        await write_down(
            session,
            deployment,
            self._settings,
            kind,
            by=request.person.id,
            terms=terms,
            detail=detail,
        )
        _audit(session, deployment, request, f"{kind}: {request.detail}; waits for approval")
        return _answer(LifetimeOutcome.WAITS, deployment)

    async def _accept(
        self,
        session: AsyncSession,
        deployment: Deployment,
        request: "_Request",
        reply: AnyReply,
    ) -> LifetimeAnswer:
        await post(session, deployment, self._settings, reply)
        await make_due(session, Deployment, deployment.id)
        _audit(session, deployment, request, request.detail)
        return _answer(LifetimeOutcome.ACCEPTED, deployment)


@dataclass(frozen=True, slots=True)
class _Request:
    """Who wants an end changed, and how: the audit's words, and the message or command."""

    person: Actor
    detail: str
    message_ts: str
    request_id: str | None = None


async def _held(session: AsyncSession, place: ChannelRef, public_id: str) -> Deployment | None:
    """A live deployment that nobody else changes before this transaction ends."""
    found = await hold_deployment(session, place, public_id)
    return found if found is not None and found.state is DeploymentState.LIVE else None


async def _end_of(session: AsyncSession, place: ChannelRef, deployment: Deployment) -> str:
    target = await find_target(session, place, deployment.target_name)
    stored = target.policy if target is not None else None
    return Policy.model_validate(stored or {}).expiry_action.value


def _answer(outcome: LifetimeOutcome, deployment: Deployment) -> LifetimeAnswer:
    return LifetimeAnswer(outcome, deployment.lifetime_ends_at, deployment.expiry_action)


def _audit(session: AsyncSession, deployment: Deployment, request: _Request, detail: str) -> None:
    audit.write_about(
        session,
        deployment,
        request.person.id,
        Permission.EXTEND,
        detail=detail,
        message_ts=request.message_ts,
        request_id=request.request_id,
    )
