"""Creates a deployment's endpoint at most once, and leads it through everything that follows.

The order is what makes it safe: the thread's root stands in Slack, the project's endpoints are
listed, "sending" is committed, and only then one create request is sent. Once "sending" is
committed nobody sends it again, whatever happens: `bot.deployments.creating.reconciler` looks for
what it made.
"""

import asyncio
import time
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot import logs
from bot.config import Settings
from bot.db.acts import Effect
from bot.db.claims import Claim, finish, keep
from bot.db.clock import now
from bot.db.conversations import Delivery, Message
from bot.db.crypto import MismatchedKeyError, UnreadableKeyError, Vault
from bot.db.models import Deployment, Step, WatchedProject
from bot.db.session import Database
from bot.deployments import audit, mail
from bot.deployments.approving.proposal_ends import expire
from bot.deployments.approving.terms import Terms, exceeds, full_scale_price
from bot.deployments.creating.reconciler import Reconciler
from bot.deployments.leftovers import drop_operations
from bot.deployments.live import Live
from bot.deployments.lookup import bind_request
from bot.deployments.nudges import Nudges
from bot.deployments.operations import needs_approval
from bot.deployments.pace import back_off
from bot.deployments.record import facts_of, tell
from bot.deployments.request.deploy_request import DeployRequest
from bot.deployments.targets.credentials import NoKeyError, access_to
from bot.deployments.watching.obstacle import Obstacle
from bot.friendli.access import Access
from bot.friendli.client import EndpointListing, FriendliClient
from bot.friendli.errors import (
    Ambiguous,
    FriendliError,
    MalformedAccess,
    NeverLeft,
    RateLimited,
    Unavailable,
)
from bot.messages import refusals, replies, undeliverable
from bot.messages.markup import duration
from bot.messages.reply import Reply
from bot.metrics import CREATES

log = logs.get(__name__)

# "At most 30 s before the POST" is how old the list may be; see `_create`.
_LIST_SECONDS = 25.0
_STALLED_SECONDS = 5.0
_NOW = timedelta(0)
# Later than the moment of giving up by as much as the database's clock may round.
_A_MOMENT = timedelta(milliseconds=50)


class Submitter:
    """Handles one claimed deployment: takes its next step and puts it back."""

    def __init__(
        self,
        database: Database,
        friendli: FriendliClient,
        vault: Vault,
        settings: Settings,
        nudges: Nudges,
        *,
        live: Live,
    ) -> None:
        self._database = database
        self._friendli = friendli
        self._vault = vault
        self._settings = settings
        self._lease = timedelta(seconds=settings.lease)
        self._stalled = min(_STALLED_SECONDS, settings.lease - settings.create_timeout)
        self._live = live
        self._nudges = nudges
        self._reconciler = Reconciler(database, friendli, settings, nudges)

    async def handle(self, held: Claim) -> None:
        """Take the next step of a deployment."""
        async with self._database.read() as session:
            deployment = await session.get_one(Deployment, held.id)
            project = await session.get_one(WatchedProject, deployment.watched_project_id)
            present = (await session.execute(select(now()))).scalar_one()
            await bind_request(session, deployment)
        if project.unreconciled and deployment.step in (Step.ASKED, Step.LIVE):
            await self._wait_for_list(held)
        else:
            await self._step(held, deployment, project, present)
        self._nudges.sender()

    async def _step(
        self, held: Claim, deployment: Deployment, project: WatchedProject, present: datetime
    ) -> None:
        match deployment.step:
            case Step.ASKED | Step.PROPOSED if deployment.stop_asked_by is not None:
                await self._cancel(held)
            case Step.ASKED | Step.PROPOSED if deployment.root_ts is None:
                await self._give_up_unannounced(held)
            case Step.PROPOSED:
                async with self._database.write() as session:
                    await expire(session, held, self._settings)
            case Step.ASKED:
                await self._create(held, deployment, project, present)
            case Step.SENDING:
                # Whoever was sending died, or stalled past its lease.
                await self._reconciler.doubt(held, None)
            case Step.UNCLEAR if not deployment.candidate_notes:
                # Only a person can tell twins apart.
                async with self._database.write() as session:
                    await finish(session, Deployment, held, due=None)
            case Step.MADE | Step.DOUBTFUL | Step.NOT_MADE | Step.UNCLEAR:
                await self._look(held, deployment, project)
            case Step.LIVE:
                await self._live.handle(held, deployment, project)
            case _:
                async with self._database.write() as session:
                    if await finish(session, Deployment, held, due=None):
                        over = await session.get_one(Deployment, held.id)
                        await drop_operations(session, over, self._settings)

    async def _wait_for_list(self, held: Claim) -> None:
        """The database is a backup: nothing is sent before its project was listed."""
        wait = timedelta(seconds=self._settings.poll_seconds_moving)
        async with self._database.write() as session:
            await finish(session, Deployment, held, due=wait)

    async def _cancel(self, held: Claim) -> None:
        async with self._database.write() as session:
            if await finish(session, Deployment, held, due=None, step=Step.CANCELLED):
                await self._tell(session, held, replies.cancelled())

    async def _give_up_unannounced(self, held: Claim) -> None:
        """The root never reached Slack: an endpoint now would come as a surprise."""
        async with self._database.write() as session:
            if not await finish(session, Deployment, held, due=None, step=Step.REFUSED):
                return
            deployment = await session.get_one(Deployment, held.id)
            query = select(Message).where(Message.deployment_id == deployment.id)
            messages = (await session.scalars(query)).all()
            if any(_may_stand_in_slack(message) for message in messages):
                # Found a moment ago, or still looked for, it mustn't go on promising an endpoint.
                await self._tell_refusal(session, deployment, refusals.not_announced())
            else:
                for message in messages:
                    message.delivery = Delivery.DROPPED
            await mail.send_direct(
                session,
                await mail.workspace_row(
                    session,
                    enterprise_id=deployment.enterprise_id,
                    workspace_id=deployment.workspace_id,
                ),
                deployment.requester_id,
                undeliverable.not_announced(deployment.name, deployment.channel_id),
            )

    async def _create(
        self, held: Claim, deployment: Deployment, project: WatchedProject, present: datetime
    ) -> None:
        # What was approved waited for that, and not for Friendli.
        waited = (present - (deployment.decided_at or deployment.asked_at)).total_seconds()
        if waited > self._settings.create_give_up_after:
            await self._refuse(held, _too_late(deployment, duration(waited)))
            return
        costs_more = await self._costs_more(deployment)
        if costs_more is not None:
            await self._refuse(held, costs_more)
            return
        try:
            access = access_to(project, self._vault)
            listing = await self._list(access, project)
        except MismatchedKeyError:
            refusal = refusals.no_key(unreadable=True, mismatched=True)
            await self._refuse(held, refusal, audited="target:key")
            return
        except (NoKeyError, UnreadableKeyError, MalformedAccess) as error:
            await self._refuse(held, refusals.no_key(unreadable=not isinstance(error, NoKeyError)))
            return
        except (Unavailable, RateLimited, TimeoutError) as error:
            await self._try_later(held, deployment, error)
            return
        except FriendliError as error:
            await self._refuse(held, refusals.by_the_api(error))
            return
        committed = time.monotonic()
        async with self._database.write() as session:
            still_wanted = await session.scalar(
                select(Deployment.id).where(
                    Deployment.id == held.id,
                    Deployment.step == Step.ASKED,
                    Deployment.stop_asked_by.is_(None),
                )
            )
            if still_wanted is None:
                await finish(session, Deployment, held, due=_NOW)
                return
            if not await keep(
                session,
                Deployment,
                held,
                lease=self._lease,
                step=Step.SENDING,
                sent_at=now(),
                ids_before=sorted(listing.endpoints),
                listed_at=listing.api_date,
            ):
                return
        if time.monotonic() - committed > self._stalled:
            # The request might end after the lease, when someone else looks for what it made.
            return
        await self._send(held, deployment, access, project)

    async def _costs_more(self, deployment: Deployment) -> refusals.Refusal | None:
        """Refuse what would cost more than people were shown, and needs approval at that price."""
        dollars = full_scale_price(deployment, self._settings.prices)
        async with self._database.read() as session:
            agreed = (await facts_of(session, deployment, self._settings)).setup.price_at_most
            if not exceeds(dollars, agreed):
                return None
            if not await needs_approval(session, deployment, Terms(dollars=dollars)):
                return None
        return refusals.costs_more(agreed, dollars)

    async def _list(self, access: Access, project: WatchedProject) -> EndpointListing:
        async with asyncio.timeout(_LIST_SECONDS):
            return await self._friendli.list_all_endpoints(access, project.project_id)

    async def _send(
        self, held: Claim, deployment: Deployment, access: Access, project: WatchedProject
    ) -> None:
        """Send the one create request, and write down what is known of it afterwards."""
        request = DeployRequest.model_validate(deployment.request)
        try:
            answer = await self._friendli.create_endpoint(
                access, request.create_body(project.project_id)
            )
        except NeverLeft as error:
            CREATES.labels("never_sent").inc()
            # Known not to have left: the only way back to before "sending".
            await self._try_later(held, deployment, error, step=Step.ASKED)
        except Ambiguous as error:
            CREATES.labels("doubtful").inc()
            log.warning("create request is doubtful", deployment=held.id, error=str(error))
            await self._reconciler.doubt(held, error)
        except RateLimited as error:
            CREATES.labels("rate_limited").inc()
            # Nothing was made, so that it may be sent again, after another list.
            await self._try_later(held, deployment, error, step=Step.ASKED)
        except FriendliError as error:
            CREATES.labels("refused").inc()
            await self._refuse(held, refusals.by_the_api(error))
        else:
            CREATES.labels("made").inc()
            log.info("created")
            async with self._database.write() as session:
                await finish(
                    session,
                    Deployment,
                    held,
                    due=_NOW,
                    step=Step.MADE,
                    answered_created_at=answer.created_at,
                    answered_endpoint_id=answer.names,
                    attempts=0,
                )

    async def _look(self, held: Claim, deployment: Deployment, project: WatchedProject) -> None:
        try:
            access = access_to(project, self._vault)
        except NoKeyError:
            await self._lose(held)
            return
        except MismatchedKeyError:
            await self._reconciler.look_later(held, deployment, Obstacle.KEY_MISMATCHED)
            return
        except (UnreadableKeyError, MalformedAccess):
            # Nothing to look with; a key that is connected again wakes the row.
            await self._reconciler.look_later(held, deployment, Obstacle.KEY_UNREADABLE)
            return
        await self._reconciler.look(held, deployment, project, access)

    async def _lose(self, held: Claim) -> None:
        """The target was disconnected before it was known what the request made."""
        async with self._database.write() as session:
            if await finish(session, Deployment, held, due=None, step=Step.UNWATCHED):
                await self._tell(session, held, replies.disconnected_unfound())

    async def _refuse(self, held: Claim, refusal: refusals.Refusal, *, audited: str = "") -> None:
        """Nothing was made, and nothing will be."""
        async with self._database.write() as session:
            fields = dict(refusal.fields) or None
            refused = {"step": Step.REFUSED, "refused_fields": fields}
            if await finish(session, Deployment, held, due=None, **refused):
                deployment = await session.get_one(Deployment, held.id)
                if audited:
                    audit.write_about(
                        session, deployment, "", audited, Effect.REFUSED, detail=refusal.why
                    )
                await self._tell_refusal(session, deployment, refusal)

    async def _tell_refusal(
        self, session: AsyncSession, deployment: Deployment, refusal: refusals.Refusal
    ) -> None:
        facts = await facts_of(session, deployment, self._settings)
        await tell(session, deployment, facts, replies.refused(facts, refusal))

    async def _try_later(
        self,
        held: Claim,
        deployment: Deployment,
        error: FriendliError | TimeoutError,
        **values: object,
    ) -> None:
        """Nothing was made: send it later, and give up in time. A 429 is told once."""
        wait = back_off(deployment.attempts, self._settings, error)
        async with self._database.write() as session:
            present = (await session.execute(select(now()))).scalar_one()
            if isinstance(error, RateLimited):
                values["limited_since"] = deployment.limited_since or present
                # However long Friendli asks to wait, nobody waits longer than for an outage.
                waited = present - (deployment.decided_at or deployment.asked_at)
                left = timedelta(seconds=self._settings.create_give_up_after) - waited
                wait = min(wait, max(left, _NOW) + _A_MOMENT)
            if not await finish(
                session, Deployment, held, due=wait, attempts=deployment.attempts + 1, **values
            ):
                return
            if isinstance(error, RateLimited) and deployment.limited_since is None:
                said = replies.rate_limited(error.words, wait.total_seconds())
                await self._tell(session, held, said)

    async def _tell(self, session: AsyncSession, held: Claim, *said: Reply) -> None:
        deployment = await session.get_one(Deployment, held.id)
        await tell(session, deployment, await facts_of(session, deployment, self._settings), *said)


def _too_late(deployment: Deployment, waited: str) -> refusals.Refusal:
    """Why nothing was sent until it was given up."""
    if deployment.limited_since is not None:
        return refusals.gave_up_limited(waited)
    return refusals.gave_up(waited) if deployment.attempts else refusals.not_announced()


def _may_stand_in_slack(message: Message) -> bool:
    return message.delivery in (Delivery.SENDING, Delivery.SENT) or message.possible_repeat
