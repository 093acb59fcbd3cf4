"""Carries out one operation on an endpoint.

"Sending" is committed before the request leaves. An operation found in that state may have been
done: its effect is looked for first. An update is never sent twice; other requests are repeated, as
that does no harm.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.claims import Claim, make_due, release, renew
from bot.db.clock import now
from bot.db.commit_log import log_committed
from bot.db.deployment_tables import Deployment, Transition, WatchedProject
from bot.db.encryption import KeyRing, MismatchedKeyError, UnreadableKeyError
from bot.db.operation_tables import Operation
from bot.db.session import Database
from bot.domain.audit_effect import Effect
from bot.domain.deployment_view import DeploymentView
from bot.domain.friendli_errors import (
    FriendliError,
    MalformedCredentials,
    NotFound,
    NotSent,
    RateLimited,
    Refused,
    Unauthorized,
)
from bot.domain.operations import (
    UNDER_WAY,
    Cause,
    Mechanism,
    OperationKind,
    OperationState,
    WhenGone,
    operations_that,
)
from bot.domain.request.refused_fields import by_form_field
from bot.domain.schemas import DedicatedEndpointStatus
from bot.domain.update import Update
from bot.friendli.client import FriendliClient
from bot.friendli.credentials import Credentials
from bot.messages import lifetime_replies, replies
from bot.messages.refusals import by_the_api
from bot.messages.reply import Reply
from bot.services import audit
from bot.services.back_off import back_off
from bot.services.credentials import NoKeyError, credentials_for
from bot.services.operations import needs_approval
from bot.services.rollout import Rollout, overtaken_by
from bot.services.terms import Terms, exceeds, present_price
from bot.services.thread import post
from bot.workers.lifetime_end import tries_to_end

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

# With their back-off, about ten minutes.
_ATTEMPTS = 12
# Of looks for an update's version, with their back-off.
_LOOKS = 5
_NOW = timedelta(0)
# The database's clock rounds.
_A_MOMENT = timedelta(milliseconds=50)
# Stored in whole milliseconds.
_STORED_PRECISION = timedelta(milliseconds=1)
_ENDPOINT_GONE = "The endpoint doesn't exist any more."


Send = Callable[[FriendliClient, Credentials, str], Awaitable[object]]

_SEND: Mapping[OperationKind, Send] = {
    kind: getattr(FriendliClient, kind.facts.client_call or "")
    for kind in operations_that(lambda facts: facts.mechanism is Mechanism.REQUEST)
}


@dataclass(frozen=True, slots=True)
class _Outcome:
    """The outcome of an attempt: a state to continue from, or to end in.

    Attributes:
        words: The API's.
        error: Why it is retried, or was refused.
        version: The version that an update made.
        said: Replaces the usual reply.
        key_was_changed: The stored key isn't the one that was connected.
    """

    state: OperationState
    words: str = ""
    error: FriendliError | None = None
    version: str | None = None
    said: Reply | None = None
    key_was_changed: bool = False


class OperationRunner:
    """Takes an operation's next step, under its deployment's claim."""

    def __init__(
        self, database: Database, friendli: FriendliClient, key_ring: KeyRing, settings: Settings
    ) -> None:
        self._database = database
        self._friendli = friendli
        self._key_ring = key_ring
        self._settings = settings
        self._lease = timedelta(seconds=settings.lease)
        self._rollout = Rollout(friendli, settings.prices)

    async def carry_out(
        self, claim: Claim, deployment: Deployment, project: WatchedProject, operation: Operation
    ) -> None:
        try:
            credentials = credentials_for(project, self._key_ring)
            outcome = await self._attempt(claim, credentials, deployment, operation)
        except MismatchedKeyError:
            words = "The stored API key was changed."
            outcome = _Outcome(OperationState.FAILED, words, key_was_changed=True)
        except (NoKeyError, UnreadableKeyError, MalformedCredentials):
            outcome = _Outcome(OperationState.FAILED)
        match outcome:
            case None:
                # Another worker has the claim.
                return
            case _Outcome(OperationState.DONE):
                await self._finish(claim, deployment, operation, outcome)
            case _Outcome(OperationState.REQUESTED | OperationState.SENDING):
                await self._retry_later(claim, deployment, operation, outcome)
            case _:
                await self._give_up(claim, deployment, operation, outcome)

    async def _attempt(
        self, claim: Claim, credentials: Credentials, deployment: Deployment, operation: Operation
    ) -> _Outcome | None:
        attempt = self._send_update if _makes_version(operation) else self._send
        before = operation.state
        try:
            return await attempt(claim, credentials, deployment, operation)
        except NotFound as error:
            # The poller confirms that the endpoint is gone, and posts it.
            match operation.kind.facts.when_gone:
                case WhenGone.DONE:
                    return _Outcome(OperationState.DONE)
                case WhenGone.UNCLEAR:
                    return _Outcome(operation.state, error=error)
                case WhenGone.REFUSED:
                    return _Outcome(OperationState.REFUSED, _ENDPOINT_GONE)
                case _ as unknown:
                    assert_never(unknown)
        except (NotSent, RateLimited) as error:
            # An earlier request may still have been carried out.
            return _Outcome(before, error=error)
        except Refused as error:
            return _Outcome(OperationState.REFUSED, error.message, error)
        except FriendliError as error:
            # The request's outcome is unknown, or a read before it failed.
            return _Outcome(operation.state, error=error)

    async def _send(
        self, claim: Claim, credentials: Credentials, deployment: Deployment, operation: Operation
    ) -> _Outcome | None:
        is_sent = operation.state == OperationState.SENDING
        if is_sent and await self._was_done(credentials, deployment, operation):
            return _Outcome(OperationState.DONE)
        costs_more = None if is_sent else await self._costs_more(deployment, operation)
        if costs_more is not None:
            return costs_more
        if not await self._sending(claim, operation):
            return None
        try:
            await _SEND[operation.kind](self._friendli, credentials, deployment.endpoint_id or "")
        except (NotFound, RateLimited, Unauthorized):
            raise
        except Refused:
            # Refused too if the effect is there already: done elsewhere, or by a dead process.
            status = await self._status(credentials, deployment)
            if not operation.kind.is_done_in(status.status):
                raise
        return _Outcome(OperationState.DONE)

    async def _send_update(
        self, claim: Claim, credentials: Credentials, deployment: Deployment, operation: Operation
    ) -> _Outcome | None:
        endpoint = deployment.endpoint_id or ""
        if operation.state == OperationState.SENDING:
            version = await self._rollout.find(credentials, endpoint, operation)
            state = OperationState.SENDING if version is None else OperationState.DONE
            return _Outcome(state, version=version)
        newest = await self._rollout.newest(credentials, endpoint)
        costs_more = await self._costs_more(deployment, operation)
        if costs_more is not None:
            return costs_more
        overtaken = overtaken_by(Update.stored(operation.request), newest)
        if overtaken is not None:
            said = replies.update_overtaken(overtaken)
            return _Outcome(OperationState.REFUSED, said=said)
        if not await self._sending(claim, operation, version_before=newest):
            return None
        version = await self._rollout.send(credentials, endpoint, operation)
        return _Outcome(OperationState.DONE, version=version)

    async def _costs_more(self, deployment: Deployment, operation: Operation) -> _Outcome | None:
        """Refuse a price that is higher than agreed and needs approval."""
        agreed = Terms.stored(operation.terms).dollars
        async with self._database.read() as session:
            row = await session.get_one(Deployment, deployment.id)
            dollars = present_price(row, operation, self._settings.prices)
            if not exceeds(dollars, agreed):
                return None
            if not await needs_approval(session, row, Terms(dollars=dollars)):
                return None
        said = replies.costs_more(operation.kind, agreed, dollars)
        return _Outcome(OperationState.REFUSED, said=said)

    async def _sending(
        self, claim: Claim, operation: Operation, *, version_before: str | None = None
    ) -> bool:
        """Commit that the request may leave; False if it may not be sent any more."""
        async with self._database.write() as session:
            if not await renew(session, Deployment, claim, lease=self._lease):
                return False
            row = await session.get_one(Operation, operation.id)
            if row.state not in UNDER_WAY:
                await release(session, Deployment, claim, due=_NOW)
                return False
            row.state = OperationState.SENDING
            row.version_before = version_before
        operation.state = OperationState.SENDING
        return True

    async def _was_done(
        self, credentials: Credentials, deployment: Deployment, operation: Operation
    ) -> bool:
        status = await self._status(credentials, deployment)
        if operation.kind.facts.is_done_once_unfit and await self._moved(deployment, status):
            return True
        return operation.kind.is_done_in(status.status)

    async def _status(
        self, credentials: Credentials, deployment: Deployment
    ) -> DedicatedEndpointStatus:
        return await self._friendli.get_endpoint_status(credentials, deployment.endpoint_id or "")

    async def _moved(self, deployment: Deployment, status: DedicatedEndpointStatus) -> bool:
        """Whether it came up and ended again since the last transition."""
        async with self._database.read() as session:
            before = await session.scalar(
                select(Transition.api_updated_at)
                .where(Transition.deployment_id == deployment.id)
                .order_by(Transition.sequence.desc())
                .limit(1)
            )
        at = status.updated_at
        return before is not None and at is not None and at - before > _STORED_PRECISION

    async def _finish(
        self, claim: Claim, deployment: Deployment, operation: Operation, outcome: _Outcome
    ) -> None:
        async with self._database.write() as session:
            if not await release(session, Deployment, claim, due=_NOW, last_operation_at=now()):
                return
            await _settle(session, operation, OperationState.DONE, version=outcome.version)
            await make_due(session, WatchedProject, deployment.watched_project_id)
            row = await session.get_one(Deployment, deployment.id)
            if _makes_version(operation):
                update = Update.stored(operation.request)
                await self._rollout.follow(session, row, update, outcome.version)

            def reply(view: DeploymentView) -> Reply | None:
                if not _makes_version(operation):
                    return None
                return replies.updated_at_rest(view, outcome.version)

            await post(session, row, self._settings, reply)
            log_committed(session, log, "operation done", operation=operation.kind)

    async def _retry_later(
        self, claim: Claim, deployment: Deployment, operation: Operation, outcome: _Outcome
    ) -> None:
        looks_only = _makes_version(operation) and outcome.state is OperationState.SENDING
        is_limited = isinstance(outcome.error, RateLimited)
        if not is_limited and operation.attempts >= (_LOOKS if looks_only else _ATTEMPTS):
            await self._give_up(claim, deployment, operation, _Outcome(OperationState.FAILED))
            return
        wait = back_off(operation.attempts, self._settings, outcome.error)
        async with self._database.write() as session:
            present: datetime = (await session.execute(select(now()))).scalar_one()
            since = operation.limited_since or present
            left = since + timedelta(seconds=self._settings.create_give_up_after) - present
            is_over = is_limited and left <= _NOW
            if is_limited and not is_over:
                # Retry-After may exceed the time after which it is given up.
                wait = min(wait, left + _A_MOMENT)
            if not is_over and await release(session, Deployment, claim, due=wait):
                row = await session.get_one(Operation, operation.id)
                row.state = outcome.state
                row.attempts += 1
                if is_limited:
                    row.limited_since = since
                    await self._post_rate_limit(session, operation, outcome.error, wait)
        if is_over:
            words = outcome.error.message if outcome.error is not None else ""
            outcome = _Outcome(OperationState.FAILED, words)
            await self._give_up(claim, deployment, operation, outcome)

    async def _post_rate_limit(
        self,
        session: AsyncSession,
        operation: Operation,
        error: FriendliError | None,
        wait: timedelta,
    ) -> None:
        """Post a 429 once per operation."""
        row = await session.get_one(Deployment, operation.deployment_id)
        if operation.limited_since is not None or await _is_known(session, row, operation):
            return
        said = replies.rate_limited(
            error.message if error is not None else "", wait.total_seconds()
        )
        await post(session, row, self._settings, said)

    async def _give_up(
        self, claim: Claim, deployment: Deployment, operation: Operation, outcome: _Outcome
    ) -> None:
        async with self._database.write() as session:
            if not await release(session, Deployment, claim, due=_NOW):
                return
            await _settle(session, operation, outcome.state)
            log_committed(
                session, log, "operation not done", operation=operation.kind, state=outcome.state
            )
            refused_fields = (
                by_form_field(outcome.error.fields) if outcome.error is not None else {}
            )
            refused = await session.get_one(Operation, operation.id)
            refused.refused_fields = dict(refused_fields) or None
            row = await session.get_one(Deployment, deployment.id)
            is_known = await _is_known(session, row, operation)
            await post(
                session,
                row,
                self._settings,
                lambda view: None if is_known else _not_done(view, operation, outcome),
            )
            audit.write_about(
                session,
                row,
                operation.requested_by,
                operation.kind.audit_action,
                Effect.REFUSED,
                detail=outcome.words,
            )


def _makes_version(operation: Operation) -> bool:
    return operation.kind.facts.mechanism is Mechanism.VERSION


async def _is_known(session: AsyncSession, deployment: Deployment, operation: Operation) -> bool:
    """The thread knows that this lifetime couldn't be ended."""
    ends_at = deployment.lifetime_ends_at
    if operation.cause is not Cause.LIFETIME or ends_at is None:
        return False
    tries = await tries_to_end(session, deployment, ends_at)
    return bool(tries) and tries[0].id != operation.id


def _not_done(deployment_view: DeploymentView, operation: Operation, outcome: _Outcome) -> Reply:
    if outcome.said is not None:
        return outcome.said
    if outcome.key_was_changed:
        return replies.key_mismatched()
    if _makes_version(operation) and outcome.state is OperationState.FAILED:
        return replies.update_unconfirmed()
    if _makes_version(operation) and isinstance(outcome.error, Refused):
        return replies.update_refused(by_the_api(outcome.error))
    if operation.cause is Cause.LIFETIME:
        return lifetime_replies.not_ended(deployment_view, operation.kind, outcome.words)
    return replies.operation_failed(operation.kind, outcome.words)


async def _settle(
    session: AsyncSession,
    operation: Operation,
    state: OperationState,
    *,
    version: str | None = None,
) -> None:
    row = await session.get_one(Operation, operation.id)
    row.state = state
    row.version = version
    row.finished_at = await session.scalar(select(now()))
    await session.flush()
