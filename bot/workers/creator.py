"""Creates a deployment's endpoint, at most once.

The order of commits makes it safe: the status message is in Slack, the project's endpoints are
listed, "sending" is committed, and only then one create request is sent. After "sending" is
committed it is never sent again, whatever happens: `bot.workers.reconciler` looks for what it
created.
"""

import asyncio
import time
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select

from bot.config import Settings
from bot.db.claims import Claim, release, renew
from bot.db.clock import now
from bot.db.deployment_tables import Deployment, WatchedProject
from bot.db.encryption import KeyRing, MismatchedKeyError, UnreadableKeyError
from bot.db.session import Database
from bot.domain.audit_effect import Effect
from bot.domain.deployment_state import DeploymentState
from bot.domain.friendli_errors import (
    FriendliError,
    MalformedCredentials,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    Unavailable,
)
from bot.domain.process.metrics import CREATES
from bot.domain.request.deploy_request import DeployRequest
from bot.friendli.client import EndpointListing, FriendliClient
from bot.friendli.credentials import Credentials
from bot.messages import refusals, replies, search_replies
from bot.messages.markup import duration
from bot.services import audit
from bot.services.back_off import back_off
from bot.services.credentials import NoKeyError, credentials_for
from bot.services.deployment_views import setup_of
from bot.services.operations import needs_approval
from bot.services.terms import Terms, exceeds, full_scale_price
from bot.services.thread import post

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

# The list may be 30 s old when the request is sent.
_LIST_SECONDS = 25.0
_STALLED_SECONDS = 5.0
_NOW = timedelta(0)
# The database's clock may round up to this much.
_A_MOMENT = timedelta(milliseconds=50)


class Creator:
    """Creates the endpoint of a claimed deployment, or refuses or postpones it."""

    def __init__(
        self,
        database: Database,
        friendli: FriendliClient,
        key_ring: KeyRing,
        settings: Settings,
    ) -> None:
        self._database = database
        self._friendli = friendli
        self._key_ring = key_ring
        self._settings = settings
        self._lease = timedelta(seconds=settings.lease)
        self._stalled = min(_STALLED_SECONDS, settings.lease - settings.create_timeout)

    async def create(
        self, claim: Claim, deployment: Deployment, project: WatchedProject, present: datetime
    ) -> None:
        # The wait for an approval doesn't count.
        waited = (present - (deployment.decided_at or deployment.requested_at)).total_seconds()
        if waited > self._settings.create_give_up_after:
            await self._refuse(claim, _too_late(deployment, duration(waited)))
            return
        costs_more = await self._costs_more(deployment)
        if costs_more is not None:
            await self._refuse(claim, costs_more)
            return
        try:
            credentials = credentials_for(project, self._key_ring)
            listing = await self._list(credentials, project)
        except MismatchedKeyError:
            refusal = refusals.no_key(unreadable=True, mismatched=True)
            await self._refuse(claim, refusal, audited="target:key")
            return
        except (NoKeyError, UnreadableKeyError, MalformedCredentials) as error:
            await self._refuse(claim, refusals.no_key(unreadable=not isinstance(error, NoKeyError)))
            return
        except (Unavailable, RateLimited, TimeoutError) as error:
            await self._try_later(claim, deployment, error)
            return
        except FriendliError as error:
            await self._refuse(claim, refusals.by_the_api(error))
            return
        committed = time.monotonic()
        async with self._database.write() as session:
            still_wanted = await session.scalar(
                select(Deployment.id).where(
                    Deployment.id == claim.id,
                    Deployment.state == DeploymentState.REQUESTED,
                    Deployment.cancel_requested_by.is_(None),
                )
            )
            if still_wanted is None:
                await release(session, Deployment, claim, due=_NOW)
                return
            if not await renew(
                session,
                Deployment,
                claim,
                lease=self._lease,
                state=DeploymentState.SENDING,
                sent_at=now(),
                ids_before=sorted(listing.endpoints),
                listed_at=listing.api_date,
            ):
                return
        if time.monotonic() - committed > self._stalled:
            # The request could outlast the lease, and another worker would search meanwhile.
            return
        await self._send(claim, deployment, credentials, project)

    async def _costs_more(self, deployment: Deployment) -> refusals.Refusal | None:
        """Refuse if the price rose above the shown one and needs approval now."""
        dollars = full_scale_price(deployment, self._settings.prices)
        agreed = setup_of(deployment, self._settings.prices).price_at_most
        if not exceeds(dollars, agreed):
            return None
        async with self._database.read() as session:
            if not await needs_approval(session, deployment, Terms(dollars=dollars)):
                return None
        return refusals.costs_more(agreed, dollars)

    async def _list(self, credentials: Credentials, project: WatchedProject) -> EndpointListing:
        async with asyncio.timeout(_LIST_SECONDS):
            return await self._friendli.list_all_endpoints(credentials, project.project_id)

    async def _send(
        self,
        claim: Claim,
        deployment: Deployment,
        credentials: Credentials,
        project: WatchedProject,
    ) -> None:
        """Send the one create request, and record its outcome."""
        request = DeployRequest.model_validate(deployment.request)
        try:
            answer = await self._friendli.create_endpoint(
                credentials, request.create_body(project.project_id)
            )
        except NotSent as error:
            CREATES.labels("not_sent").inc()
            # The request surely wasn't sent, so the state may go back.
            await self._try_later(claim, deployment, error, state=DeploymentState.REQUESTED)
        except OutcomeUnknown as error:
            CREATES.labels("outcome_unknown").inc()
            log.warning("create request is doubtful", deployment=claim.id, error=str(error))
            await self.doubt(claim, error)
        except RateLimited as error:
            CREATES.labels("rate_limited").inc()
            # Nothing was created, so it may be sent again, after another list.
            await self._try_later(claim, deployment, error, state=DeploymentState.REQUESTED)
        except FriendliError as error:
            CREATES.labels("refused").inc()
            await self._refuse(claim, refusals.by_the_api(error))
        else:
            CREATES.labels("created").inc()
            log.info("created")
            async with self._database.write() as session:
                await release(
                    session,
                    Deployment,
                    claim,
                    due=_NOW,
                    state=DeploymentState.CREATED,
                    answered_created_at=answer.created_at,
                    answered_endpoint_id=answer.names,
                    attempts=0,
                )

    async def doubt(self, claim: Claim, error: FriendliError | None) -> None:
        """Record and post that the outcome is unknown; without an error, the sender died."""
        status = error.status if error is not None else None
        async with self._database.write() as session:
            if not await release(
                session,
                Deployment,
                claim,
                due=_NOW,
                state=DeploymentState.OUTCOME_UNKNOWN,
                attempts=0,
                answer_status=status,
                answer_message=error.message if error is not None else None,
            ):
                return
            row = await session.get_one(Deployment, claim.id)
            await post(
                session,
                row,
                self._settings,
                lambda view: search_replies.doubtful(
                    view, status, row.answer_message or "", was_interrupted=error is None
                ),
            )

    async def _refuse(self, claim: Claim, refusal: refusals.Refusal, *, audited: str = "") -> None:
        """Nothing was created, and nothing will be."""
        async with self._database.write() as session:
            fields = dict(refusal.fields) or None
            refused = {"state": DeploymentState.REFUSED, "refused_fields": fields}
            if await release(session, Deployment, claim, due=None, **refused):
                deployment = await session.get_one(Deployment, claim.id)
                if audited:
                    audit.write_about(
                        session, deployment, "", audited, Effect.REFUSED, detail=refusal.why
                    )
                await post(
                    session, deployment, self._settings, lambda view: replies.refused(view, refusal)
                )

    async def _try_later(
        self,
        claim: Claim,
        deployment: Deployment,
        error: FriendliError | TimeoutError,
        **values: object,
    ) -> None:
        """Nothing was created: try again later, up to a limit. A 429 is posted once."""
        wait = back_off(deployment.attempts, self._settings, error)
        async with self._database.write() as session:
            present = (await session.execute(select(now()))).scalar_one()
            if isinstance(error, RateLimited):
                values["limited_since"] = deployment.limited_since or present
                # A long Retry-After doesn't extend the limit.
                waited = present - (deployment.decided_at or deployment.requested_at)
                left = timedelta(seconds=self._settings.create_give_up_after) - waited
                wait = min(wait, max(left, _NOW) + _A_MOMENT)
            if not await release(
                session, Deployment, claim, due=wait, attempts=deployment.attempts + 1, **values
            ):
                return
            if isinstance(error, RateLimited) and deployment.limited_since is None:
                reply = replies.rate_limited(error.message, wait.total_seconds())
                row = await session.get_one(Deployment, claim.id)
                await post(session, row, self._settings, reply)


def _too_late(deployment: Deployment, waited: str) -> refusals.Refusal:
    if deployment.limited_since is not None:
        return refusals.gave_up_limited(waited)
    return refusals.gave_up(waited) if deployment.attempts else refusals.not_announced()
