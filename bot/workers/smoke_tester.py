"""Sends the smoke test of an endpoint that has just started.

"Sending" is committed before each attempt. A row that is found in that state may have been sent:
it isn't sent again. Its own worker, so that a slow model delays nothing else.
"""

import asyncio
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.claims import Claim, release, renew
from bot.db.clock import now
from bot.db.commit_log import log_committed
from bot.db.deployment_tables import Deployment, WatchedProject
from bot.db.encryption import KeyRing, MismatchedKeyError, UnreadableKeyError
from bot.db.inference_tables import SmokeTest
from bot.db.session import Database
from bot.domain.deployment_state import DeploymentState
from bot.domain.friendli_errors import FriendliError, MalformedCredentials, NotApplied, Refused
from bot.domain.inference import InferenceKind, Speed, Stopwatch
from bot.domain.model_facts import ModelFacts
from bot.domain.smoke_test import (
    COMPLETION_PROMPT,
    EMBEDDED_TEXT,
    LONGEST_EXCERPT,
    PROMPT,
    SmokeTestState,
    kinds_to_try,
)
from bot.domain.statuses import SERVING
from bot.friendli.client import FriendliClient
from bot.friendli.credentials import Credentials
from bot.friendli.inference import InferenceClient, InferenceLimits
from bot.hub.model_checks import ModelChecks
from bot.messages import smoke_test
from bot.services.back_off import back_off
from bot.services.credentials import NoKeyError, credentials_for
from bot.services.lookup import bind_request, policy_of
from bot.services.smoke_tests import last_smoke_tests
from bot.services.thread import AnyReply, post

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

_HUB_SECONDS = 3.0
_MOST_SECONDS = 30.0
# Refusals after which another kind of request may be answered, and the words that say so.
_OTHER_KIND = frozenset({400, 404, 405, 422, 501})
_SAYS_SO = re.compile(r"chat|template|completion|embed|not support|unsupported", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Answer:
    """How the endpoint answered; `seconds` to the first token, or to the embedding."""

    kind: InferenceKind
    seconds: float
    speed: Speed | None = None
    text: str = ""


class SmokeTester:
    """Handles one claimed smoke test."""

    def __init__(
        self,
        database: Database,
        friendli: FriendliClient,
        inference: InferenceClient,
        checks: ModelChecks,
        key_ring: KeyRing,
        settings: Settings,
    ) -> None:
        self._database = database
        self._friendli = friendli
        self._inference = inference
        self._checks = checks
        self._key_ring = key_ring
        self._settings = settings
        self._lease = timedelta(seconds=settings.lease)
        # All kinds together end before the lease does.
        self._seconds = min(_MOST_SECONDS, settings.lease / 2)

    async def handle(self, claim: Claim) -> timedelta | None:
        async with self._database.read() as session:
            test = await session.get_one(SmokeTest, claim.id)
            deployment = await session.get_one(Deployment, test.deployment_id)
            project = await session.get_one(WatchedProject, deployment.watched_project_id)
            is_wanted = await self._is_wanted(session, test, deployment)
            await bind_request(session, deployment)
        if test.state is SmokeTestState.SENDING:
            await self._finish(claim, SmokeTestState.LOST)
            return None
        if test.state is not SmokeTestState.PENDING or not is_wanted:
            await self._finish(claim, SmokeTestState.SKIPPED)
            return None
        if project.unreconciled:
            return timedelta(seconds=self._settings.poll_seconds_transitional)
        try:
            credentials = credentials_for(project, self._key_ring)
        except (NoKeyError, MismatchedKeyError, UnreadableKeyError, MalformedCredentials):
            # The poller reports it.
            await self._finish(claim, SmokeTestState.SKIPPED)
            return None
        await self._attempt(claim, credentials, deployment)
        return None

    async def _is_wanted(
        self, session: AsyncSession, test: SmokeTest, deployment: Deployment
    ) -> bool:
        newest = await session.scalar(
            select(func.max(SmokeTest.sequence)).where(SmokeTest.deployment_id == deployment.id)
        )
        return (
            deployment.state is DeploymentState.LIVE
            and deployment.endpoint_id is not None
            and deployment.unlisted_at is None
            and deployment.status in SERVING
            and newest == test.sequence
            and (await policy_of(session, deployment)).smoke_test
        )

    async def _attempt(
        self, claim: Claim, credentials: Credentials, deployment: Deployment
    ) -> None:
        endpoint_id = deployment.endpoint_id or ""
        kinds = await self._kinds(deployment)
        try:
            # A request would wake an endpoint that has fallen asleep since the last poll.
            status = await self._friendli.get_endpoint_status(credentials, endpoint_id)
        except FriendliError as error:
            if await self._sending(claim):
                await self._failed(claim, error)
            return
        if str(status.status) not in SERVING:
            await self._finish(claim, SmokeTestState.SKIPPED)
            return
        if not await self._sending(claim):
            return
        try:
            async with asyncio.timeout(self._seconds):
                answer = await self._ask(credentials, endpoint_id, kinds)
        except FriendliError as error:
            await self._failed(claim, error)
        except TimeoutError:
            words = f"no complete answer within {self._seconds:.0f} s"
            await self._failed(claim, FriendliError("smoke_test", message=words))
        else:
            await self._passed(claim, answer)

    async def _kinds(self, deployment: Deployment) -> list[InferenceKind]:
        model = deployment.request.get("model")
        revision = deployment.request.get("revision")
        if not model:
            return kinds_to_try(None, has_chat_template=None)
        facts = await self._checks.check(model, revision, within=_HUB_SECONDS)
        if not isinstance(facts, ModelFacts):
            return kinds_to_try(None, has_chat_template=None)
        return kinds_to_try(facts.pipeline, has_chat_template=facts.has_chat_template)

    async def _ask(
        self, credentials: Credentials, endpoint_id: str, kinds: list[InferenceKind]
    ) -> _Answer:
        """The first kind that isn't refused as the wrong one."""
        first: Refused | None = None
        for kind in kinds:
            try:
                return await self._ask_for(kind, credentials, endpoint_id)
            except Refused as error:
                first = first or error
                if error.status not in _OTHER_KIND or not _SAYS_SO.search(error.message):
                    break
        assert first is not None  # noqa: S101 - there is at least one kind
        raise first

    async def _ask_for(
        self, kind: InferenceKind, credentials: Credentials, endpoint_id: str
    ) -> _Answer:
        clock = asyncio.get_running_loop().time
        sent = clock()
        limits = InferenceLimits(
            first_byte=self._seconds, silence=self._seconds, total=self._seconds
        )
        if kind is InferenceKind.EMBEDDING:
            await self._inference.embed(credentials, endpoint_id, EMBEDDED_TEXT, limits)
            return _Answer(kind, clock() - sent)
        prompt = PROMPT if kind is InferenceKind.CHAT else COMPLETION_PROMPT
        watch, text = Stopwatch(sent), ""
        async with self._inference.stream(credentials, endpoint_id, kind, prompt, limits) as chunks:
            async for chunk in chunks:
                watch.add(chunk, clock())
                text = (text + chunk.text)[:LONGEST_EXCERPT]
        speed = watch.speed
        if speed is None:
            raise FriendliError("smoke_test", status=200, message="it has no text")
        return _Answer(kind, speed.first_token, speed, text)

    async def _sending(self, claim: Claim) -> bool:
        """Commit that a request may leave; False if somebody else has the claim."""
        async with self._database.write() as session:
            if not await renew(session, SmokeTest, claim, lease=self._lease):
                return False
            row = await session.get_one(SmokeTest, claim.id)
            row.state = SmokeTestState.SENDING
            row.attempts += 1
            present: datetime = (await session.execute(select(now()))).scalar_one()
            row.first_sent_at = row.first_sent_at or present
        return True

    async def _passed(self, claim: Claim, answer: _Answer) -> None:
        speed = answer.speed
        rate = None if speed is None else speed.tokens_per_second
        await self._finish(
            claim,
            SmokeTestState.PASSED,
            kind=answer.kind,
            first_token_ms=round(answer.seconds * 1000),
            tokens=None if speed is None else speed.tokens,
            tokens_per_second=rate,
            excerpt=answer.text,
        )

    async def _failed(self, claim: Claim, error: FriendliError) -> None:
        """Repeat it for a while; then tell."""
        async with self._database.write() as session:
            row = await session.get_one(SmokeTest, claim.id)
            present: datetime = (await session.execute(select(now()))).scalar_one()
            wait = back_off(row.attempts - 1, self._settings, error)
            since = row.first_sent_at or present
            until = since + timedelta(seconds=self._settings.smoke_test_give_up_after)
            if present + wait < until:
                await release(session, SmokeTest, claim, due=wait, state=SmokeTestState.PENDING)
                return
        log.info("smoke test failed", status=error.status, reason=error.reason)
        await self._finish(
            claim,
            SmokeTestState.FAILED,
            error=error.message or _plainly(error),
            error_status=error.status,
        )

    async def _finish(self, claim: Claim, state: SmokeTestState, **values: object) -> None:
        """Record the outcome, and show it."""
        async with self._database.write() as session:
            if not await release(
                session, SmokeTest, claim, due=None, state=state, finished_at=now(), **values
            ):
                return
            if state is SmokeTestState.SKIPPED:
                return
            test = await session.get_one(SmokeTest, claim.id, populate_existing=True)
            deployment = await session.get_one(Deployment, test.deployment_id)
            shown = (await last_smoke_tests(session, [deployment])).get(deployment.id)
            replies: list[AnyReply] = []
            if state is SmokeTestState.FAILED and shown is not None:
                replies.append(smoke_test.failed(deployment.name, shown))
            elif state is SmokeTestState.PASSED and test.is_first:
                replies.append(smoke_test.explanation())
            await post(session, deployment, self._settings, *replies)
            log_committed(session, log, "smoke test", state=state)


def _plainly(error: FriendliError) -> str:
    """What happened, where the API has no words for it."""
    if isinstance(error, NotApplied):
        return ""
    return "no answer in time" if error.reason == "Deadline" else error.reason
