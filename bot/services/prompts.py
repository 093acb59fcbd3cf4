"""Prompts of people to endpoints: who may send how many, and how far each got.

Their contents are never stored here; they live in the process that sends them, and in the thread.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.claims import Claim, release, renew
from bot.db.clock import after, now
from bot.db.deployment_tables import Deployment, WatchedProject
from bot.db.encryption import KeyRing, MismatchedKeyError, UnreadableKeyError
from bot.db.inference_tables import PromptRequest, SmokeTest
from bot.db.session import Database
from bot.domain.actors import Actor, ChannelRef
from bot.domain.deployment_state import DeploymentState
from bot.domain.errors import UserError
from bot.domain.friendli_errors import MalformedCredentials
from bot.domain.inference import InferenceKind
from bot.domain.prompt_state import UNDER_WAY, PromptState
from bot.domain.statuses import SERVING, facts_of
from bot.friendli.credentials import Credentials
from bot.messages.markup import bold, escape
from bot.messages.reply import say
from bot.services.credentials import NoKeyError, credentials_for
from bot.services.lookup import lock_deployment
from bot.services.thread import post

_WINDOW = timedelta(seconds=60)
_KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class AcceptedPrompt:
    """A prompt that may be sent, by the process that holds its claim.

    Attributes:
        kind: What the model answers; None if no test showed it.
    """

    claim: Claim
    public_id: str
    name: str
    endpoint_id: str
    thread_ts: str
    place: ChannelRef
    person: Actor
    credentials: Credentials
    kind: InferenceKind | None


class Prompts:
    """Accepts prompts, and records how far each got."""

    def __init__(self, database: Database, key_ring: KeyRing, settings: Settings) -> None:
        self._database = database
        self._key_ring = key_ring
        self._settings = settings
        self._lease = timedelta(seconds=settings.lease)

    async def accept(
        self, place: ChannelRef, person: Actor, public_id: str, request_id: str
    ) -> AcceptedPrompt | None:
        """Accept one prompt; None if this request was accepted before.

        Raises:
            UserError: The endpoint can't answer, or the person asks too much.
        """
        try:
            async with self._database.write() as session:
                return await self._accept(session, place, person, public_id, request_id)
        except IntegrityError:
            return None

    async def _accept(
        self,
        session: AsyncSession,
        place: ChannelRef,
        person: Actor,
        public_id: str,
        request_id: str,
    ) -> AcceptedPrompt | None:
        # Locked, so that two requests at once are counted one after the other.
        deployment = await lock_deployment(session, place, public_id)
        repeated = await session.scalar(
            select(PromptRequest.id).where(PromptRequest.request_id == request_id)
        )
        if repeated is not None:
            return None
        deployment = _answering(deployment)
        await self._check_rate(session, deployment, person)
        project = await session.get_one(WatchedProject, deployment.watched_project_id)
        try:
            credentials = credentials_for(project, self._key_ring)
        except (NoKeyError, MismatchedKeyError, UnreadableKeyError, MalformedCredentials):
            raise UserError(
                "The API key of this target can't be used, so nothing was sent.",
                hint="An admin can connect it again.",
            ) from None
        row = PromptRequest(
            request_id=request_id,
            public_id=uuid.uuid4().hex,
            deployment_id=deployment.id,
            person_id=person.id,
            requested_at=now(),
            state=PromptState.ACCEPTED,
            channel_id=place.channel_id,
            thread_ts=deployment.thread_ts or "",
            # Ours, until we die.
            due_at=after(self._lease),
            claimed=True,
            fencing_token=1,
        )
        session.add(row)
        await session.flush()
        present: datetime = (await session.execute(select(now()))).scalar_one()
        kind = await session.scalar(
            select(SmokeTest.kind)
            .where(SmokeTest.deployment_id == deployment.id, SmokeTest.kind.is_not(None))
            .order_by(SmokeTest.sequence.desc())
            .limit(1)
        )
        if kind is InferenceKind.EMBEDDING:
            raise UserError(f"{bold(deployment.name)} answers with embeddings, not with text.")
        return AcceptedPrompt(
            claim=Claim(row.id, 1, present),
            public_id=row.public_id,
            name=deployment.name,
            endpoint_id=deployment.endpoint_id or "",
            thread_ts=row.thread_ts,
            place=place,
            person=person,
            credentials=credentials,
            kind=kind,
        )

    async def _check_rate(
        self, session: AsyncSession, deployment: Deployment, person: Actor
    ) -> None:
        own = (
            PromptRequest.deployment_id == deployment.id,
            PromptRequest.person_id == person.id,
        )
        recent = await session.scalar(
            select(func.count()).where(*own, PromptRequest.requested_at > after(-_WINDOW))
        )
        if (recent or 0) >= self._settings.prompts_per_minute:
            raise UserError(
                f"That's {recent} prompts to {bold(deployment.name)} within a minute.",
                hint="Wait a moment, or call it with your own key: `use` shows how.",
            )
        running = await session.scalar(
            select(func.count()).where(*own, PromptRequest.state.in_(UNDER_WAY))
        )
        if running:
            raise UserError(
                f"{bold(deployment.name)} is still answering you.",
                hint="Wait for its answer, or press Stop.",
            )

    async def asking(self, prompt: AcceptedPrompt, question_ts: str | None) -> bool:
        """Commit that the request may leave; False if it was stopped, or the claim is lost."""
        async with self._database.write() as session:
            row = await session.get_one(PromptRequest, prompt.claim.id)
            if row.stopped_by is not None:
                return False
            return await renew(
                session,
                PromptRequest,
                prompt.claim,
                lease=self._lease,
                state=PromptState.ASKING,
                question_ts=question_ts,
            )

    async def streaming(self, prompt: AcceptedPrompt, answer_ts: str, *, is_streamed: bool) -> None:
        async with self._database.write() as session:
            await renew(
                session,
                PromptRequest,
                prompt.claim,
                lease=self._lease,
                state=PromptState.STREAMING,
                answer_ts=answer_ts,
                is_streamed=is_streamed,
            )

    async def goes_on(self, prompt: AcceptedPrompt) -> bool:
        """Keep the claim; False if it is lost."""
        async with self._database.write() as session:
            return await renew(session, PromptRequest, prompt.claim, lease=self._lease)

    async def stopped_among(self, public_ids: Sequence[str]) -> frozenset[str]:
        """Those of these prompts that a person has stopped."""
        async with self._database.read() as session:
            found = await session.scalars(
                select(PromptRequest.public_id).where(
                    PromptRequest.public_id.in_(public_ids), PromptRequest.stopped_by.is_not(None)
                )
            )
            return frozenset(found)

    async def finish(self, prompt: AcceptedPrompt, state: PromptState, *, reply: str = "") -> None:
        """Record how it ended; a reply goes to the thread by the outbox."""
        await finish(self._database, self._settings, prompt.claim, state, reply)

    async def deployment_of(self, place: ChannelRef, public_id: str) -> str | None:
        """The public id of the deployment that a prompt in this channel is about."""
        async with self._database.read() as session:
            return await session.scalar(
                select(Deployment.public_id)
                .join(PromptRequest, PromptRequest.deployment_id == Deployment.id)
                .where(
                    PromptRequest.public_id == public_id,
                    PromptRequest.channel_id == place.channel_id,
                    Deployment.workspace_id == place.workspace_id,
                    Deployment.enterprise_id == place.enterprise_id,
                )
            )

    async def stop(self, public_id: str, person: Actor) -> bool:
        """Ask the process that sends it to stop; False if it is over."""
        async with self._database.write() as session:
            row = await session.scalar(
                select(PromptRequest)
                .where(PromptRequest.public_id == public_id)
                .with_for_update(key_share=True)
            )
            if row is None or row.state not in UNDER_WAY:
                return False
            row.stopped_by = person.id
            return True


def _answering(deployment: Deployment | None) -> Deployment:
    """Raise UserError if it can't answer now. Nothing is woken by a prompt: that would cost."""
    if deployment is None or deployment.state is not DeploymentState.LIVE:
        raise UserError("This endpoint isn't live any more, so nothing was sent.")
    name = bold(deployment.name)
    if deployment.thread_ts is None or deployment.endpoint_id is None:
        raise UserError(f"{name} is just being created. Try again once it is live.")
    if deployment.unlisted_at is not None or deployment.status is None:
        raise UserError(f"Friendli doesn't list {name} now, so nothing was sent.")
    if deployment.status in SERVING or deployment.status == "UPDATING":
        return deployment
    facts = facts_of(deployment.status)
    hint = "Wake it first: that starts billing." if facts.may_be_woken else ""
    raise UserError(f"{name} is {escape(facts.name)}, so nothing was sent.", hint=hint)


async def finish(
    database: Database, settings: Settings, claim: Claim, state: PromptState, reply: str
) -> None:
    """End a prompt, with a reply in its thread unless that is ''; nothing without the claim."""
    async with database.write() as session:
        if await release(session, PromptRequest, claim, due=None, state=state) and reply:
            row = await session.get_one(PromptRequest, claim.id)
            deployment = await session.get_one(Deployment, row.deployment_id)
            await post(session, deployment, settings, say(reply))


async def forget(session: AsyncSession) -> None:
    """Delete the rows that no limit counts any more."""
    await session.execute(
        delete(PromptRequest)
        .where(PromptRequest.state.not_in(UNDER_WAY), PromptRequest.requested_at < after(-_KEPT))
        .execution_options(synchronize_session=False)
    )
