"""Extend the lifetime of an endpoint, or remove its end."""

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
from bot.domain.statuses import AT_REST, GOING_DOWN
from bot.messages import lifetime_replies
from bot.messages.markup import duration, moment
from bot.services import audit
from bot.services.lifetime import extend_to, is_ending, remove_end
from bot.services.lookup import lock_deployment, policy_of, target_of
from bot.services.operations import blocking_operation, needs_approval, request_operation
from bot.services.terms import Terms, full_scale_price
from bot.services.thread import AnyReply, post


class LifetimeOutcome(StrEnum):
    """Outcome of a request to let an endpoint run on."""

    ACCEPTED = "accepted"
    WAITS = "waits"
    IN_FLIGHT = "in_flight"
    UNCONNECTED = "unconnected"
    REPEATED = "repeated"
    CHANGED = "changed"
    """The end has changed since the message with the button was rendered."""
    NO_END = "no_end"
    AT_REST = "at_rest"
    """Its lifetime is over; another begins once it comes up."""
    ENDING = "ending"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class LifetimeResult:
    """Result of such a request; with `IN_FLIGHT`, `by` requested the same before."""

    outcome: LifetimeOutcome
    ends_at: datetime | None = None
    end: str | None = None
    by: str = ""


class Lifetimes:
    """Records such requests, one transaction each."""

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
        shown_end: datetime | None = None,
        message_ts: str = "",
        request_id: str | None = None,
    ) -> LifetimeResult:
        """Extend the lifetime; an endpoint without one isn't given one unasked.

        Args:
            seconds: None for as long as the first lifetime.
            shown_end: The end in the message whose button was used: each is extended once.
            request_id: Of a command: accepted once.
        """
        async with self._database.write() as session:
            deployment = await _locked_live(session, place, public_id)
            if deployment is None:
                return LifetimeResult(LifetimeOutcome.GONE)
            if request_id is not None and await audit.is_known(session, request_id):
                return _answer(LifetimeOutcome.REPEATED, deployment)
            refused = await self._may_extend(session, deployment, shown_end)
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
            answer = await self._propose(
                session,
                deployment,
                OperationKind.EXTEND,
                request,
                {"seconds": by, "until": until},
                f"By {duration(by)}, {moment(until, lead='until ')}.",
            )
            if answer is None:
                extend_to(deployment, until)
                answer = await self._accept(
                    session,
                    deployment,
                    request,
                    lambda view: lifetime_replies.extended(view, person.id, by),
                )
        return answer

    async def set(
        self,
        place: ChannelRef,
        person: Actor,
        public_id: str,
        seconds: int,
        *,
        message_ts: str = "",
    ) -> LifetimeResult:
        """Give an endpoint without a lifetime one from now; it costs less, so nobody approves."""
        async with self._database.write() as session:
            deployment = await _locked_live(session, place, public_id)
            if deployment is None:
                return LifetimeResult(LifetimeOutcome.GONE)
            if deployment.status in GOING_DOWN or await is_ending(session, deployment):
                return _answer(LifetimeOutcome.ENDING, deployment)
            if deployment.lifetime_seconds is not None:
                return _answer(LifetimeOutcome.CHANGED, deployment)
            present: datetime = (await session.execute(select(now()))).scalar_one()
            until = present + timedelta(seconds=seconds)
            deployment.lifetime_seconds = seconds
            deployment.expiry_action = await _end_of(session, deployment)
            extend_to(deployment, until)
            return await self._accept(
                session,
                deployment,
                _Request(
                    person, f"{duration(seconds)}, until {until:%Y-%m-%d %H:%M} UTC", message_ts
                ),
                lambda view: lifetime_replies.lifetime_set(view, person.id, seconds),
            )

    async def _may_extend(
        self,
        session: AsyncSession,
        deployment: Deployment,
        shown_end: datetime | None,
    ) -> LifetimeResult | None:
        """Why it can't be extended; None if it can."""
        if deployment.status in GOING_DOWN or await is_ending(session, deployment):
            return _answer(LifetimeOutcome.ENDING, deployment)
        ends_at = deployment.lifetime_ends_at
        if deployment.lifetime_seconds is None:
            return await _no_end(session, deployment)
        if ends_at is None and deployment.status in AT_REST:
            return _answer(LifetimeOutcome.AT_REST, deployment)
        if shown_end is not None and ends_at != shown_end:
            return _answer(LifetimeOutcome.CHANGED, deployment)
        return None

    async def keep(
        self, place: ChannelRef, person: Actor, public_id: str, *, message_ts: str = ""
    ) -> LifetimeResult:
        """Remove the end."""
        async with self._database.write() as session:
            deployment = await _locked_live(session, place, public_id)
            if deployment is None:
                return LifetimeResult(LifetimeOutcome.GONE)
            if deployment.lifetime_seconds is None:
                return await _no_end(session, deployment)
            if deployment.status in GOING_DOWN or await is_ending(session, deployment):
                return _answer(LifetimeOutcome.ENDING, deployment)
            request = _Request(person, "no lifetime", message_ts)
            answer = await self._propose(session, deployment, OperationKind.KEEP, request)
            if answer is None:
                remove_end(deployment)
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
    ) -> LifetimeResult | None:
        """Propose the change where the target's policy asks for approval; None if it doesn't."""
        if await target_of(session, deployment) is None:
            return _answer(LifetimeOutcome.UNCONNECTED, deployment)
        dollars = full_scale_price(deployment, self._settings.prices)
        terms = Terms.model_validate({"dollars": dollars, **(longer or {})})
        waiting = await blocking_operation(session, deployment, kind, terms)
        if waiting is not None:
            return replace(_answer(LifetimeOutcome.IN_FLIGHT, deployment), by=waiting.requested_by)
        if not await needs_approval(session, deployment, terms):
            return None
        await request_operation(
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
    ) -> LifetimeResult:
        await post(session, deployment, self._settings, reply)
        await make_due(session, Deployment, deployment.id)
        _audit(session, deployment, request, request.detail)
        return _answer(LifetimeOutcome.ACCEPTED, deployment)


@dataclass(frozen=True, slots=True)
class _Request:
    """Who requests a change, and its audit entry."""

    person: Actor
    detail: str
    message_ts: str
    request_id: str | None = None


async def _locked_live(
    session: AsyncSession, place: ChannelRef, public_id: str
) -> Deployment | None:
    """A live deployment, locked until the transaction ends."""
    found = await lock_deployment(session, place, public_id)
    return found if found is not None and found.state is DeploymentState.LIVE else None


async def _no_end(session: AsyncSession, deployment: Deployment) -> LifetimeResult:
    """With what would happen at the end of a lifetime."""
    return LifetimeResult(LifetimeOutcome.NO_END, end=await _end_of(session, deployment))


async def _end_of(session: AsyncSession, deployment: Deployment) -> str:
    return (await policy_of(session, deployment)).expiry_action.value


def _answer(outcome: LifetimeOutcome, deployment: Deployment) -> LifetimeResult:
    return LifetimeResult(outcome, deployment.lifetime_ends_at, deployment.expiry_action)


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
