"""Endpoints that were made elsewhere: watching them in threads of their own, letting them go."""

import uuid
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.acts import Effect
from bot.db.claims import wake
from bot.db.clock import now
from bot.db.models import Deployment, Step, Target, WatchedProject
from bot.deployments import audit, mail
from bot.deployments.listing.listed import Listed
from bot.deployments.lookup import find_target, hold_deployment
from bot.deployments.place import Person, Place
from bot.deployments.record import facts_of, tell, write_down
from bot.deployments.watching.states import Told, observe
from bot.deployments.wishes import Wishes
from bot.friendli.schemas import DedicatedEndpointSpec
from bot.messages import replies
from bot.messages.root import root
from bot.permissions import Permission

_OVER = (Step.UNWATCHED, Step.ENDED)


class FollowOutcome(StrEnum):
    """What became of a wish to follow, or to let go."""

    ACCEPTED = "accepted"
    KNOWN = "known"
    """It is watched already."""
    TARGET_GONE = "target_gone"
    NOT_FOLLOWED = "not_followed"
    """It was deployed from here, so its thread stays; or it isn't watched at all."""


@dataclass(frozen=True, slots=True)
class Followed:
    """The answer to a wish to follow.

    Attributes:
        channel_id: Where it is watched already, with `KNOWN`.
    """

    outcome: FollowOutcome
    channel_id: str = ""


class Following(Wishes):
    """Writes down what is followed, in one transaction each."""

    async def follow(
        self,
        place: Place,
        person: Person,
        endpoint: Listed,
        spec: DedicatedEndpointSpec,
        *,
        message_ts: str = "",
    ) -> Followed:
        """Watch an endpoint from now on, in a thread of its own.

        Args:
            place: The channel.
            person: Who asks.
            endpoint: As one of the channel's targets lists it.
            spec: How it is set up.
            message_ts: Of the message whose button was used.
        """
        try:
            async with self._database.write() as session:
                target = await find_target(session, place, endpoint.target)
                if target is None:
                    return Followed(FollowOutcome.TARGET_GONE)
                project = await session.get_one(WatchedProject, target.watched_project_id)
                known = await session.scalar(
                    select(Deployment).where(
                        Deployment.api_base == project.api_base,
                        Deployment.endpoint_id == endpoint.endpoint_id,
                    )
                )
                if known is not None and known.step not in _OVER:
                    return Followed(FollowOutcome.KNOWN, known.channel_id)
                if known is not None:
                    # Its old thread has ended; the endpoint belongs to the new one from now on.
                    await session.execute(
                        update(Deployment)
                        .where(Deployment.id == known.id)
                        .values(endpoint_id=None)
                        .execution_options(synchronize_session=False)
                    )
                await self._write_down(session, place, person, endpoint, spec, target, project)
                audit.write(
                    session,
                    place,
                    person.id,
                    Permission.FOLLOW,
                    Effect.ACCEPTED,
                    target=target.name,
                    endpoint=endpoint.name,
                    message_ts=message_ts,
                )
        except IntegrityError:
            # Somebody else was faster.
            return Followed(FollowOutcome.KNOWN)
        self._nudges.all()
        return Followed(FollowOutcome.ACCEPTED)

    async def _write_down(
        self,
        session: AsyncSession,
        place: Place,
        person: Person,
        endpoint: Listed,
        spec: DedicatedEndpointSpec,
        target: Target,
        project: WatchedProject,
    ) -> None:
        channel = await mail.channel_row(
            session,
            enterprise_id=place.enterprise_id,
            workspace_id=place.workspace_id,
            address=place.channel_id,
        )
        public_id = uuid.uuid4().hex
        each = endpoint.price_each
        deployment = Deployment(
            request_id=f"follow {public_id}",
            public_id=public_id,
            channel_row_id=channel,
            enterprise_id=place.enterprise_id,
            workspace_id=place.workspace_id,
            channel_id=place.channel_id,
            requester_id=person.id,
            target_name=target.name,
            watched_project_id=project.id,
            api_base=project.api_base,
            friendli_project_id=project.project_id,
            friendli_team_id=spec.team_id or project.team_id,
            name=spec.name.strip() or endpoint.endpoint_id,
            request={},
            spec=spec.model_dump(mode="json", by_alias=True),
            price_per_hour="" if each is None else str(each),
            asked_at=now(),
            step=Step.LIVE,
            endpoint_id=endpoint.endpoint_id,
        )
        session.add(deployment)
        await session.flush()
        await session.refresh(deployment)
        state = observe(None, endpoint.status, unknown_lasts=True)
        if state is None:
            facts = await facts_of(session, deployment, self._settings)
        else:
            at = endpoint.status.changed_at
            newest = Told(state, deployment.asked_at, at)
            facts = await write_down(session, deployment, self._settings, newest)
        await mail.send_root(
            session, channel_row_id=channel, deployment_id=deployment.id, body=root(facts)
        )
        await wake(session, WatchedProject, project.id)

    async def unfollow(self, place: Place, person: Person, public_id: str) -> FollowOutcome:
        """Let an endpoint go that was made elsewhere; it runs on."""
        async with self._database.write() as session:
            deployment = await hold_deployment(session, place, public_id)
            if deployment is None or deployment.spec is None or deployment.step != Step.LIVE:
                return FollowOutcome.NOT_FOLLOWED
            deployment.step = Step.UNWATCHED
            await session.flush()
            await wake(session, WatchedProject, deployment.watched_project_id)
            await wake(session, Deployment, deployment.id)
            facts = await facts_of(session, deployment, self._settings)
            await tell(session, deployment, facts, replies.unfollowed(person.id))
            audit.write_about(session, deployment, person.id, Permission.FOLLOW, detail="unfollow")
        self._nudges.all()
        return FollowOutcome.ACCEPTED
