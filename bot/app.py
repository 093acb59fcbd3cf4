"""The composition root: the one place that knows all the parts and how they start and stop."""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version

from pydantic import SecretStr
from slack_bolt.async_app import AsyncApp
from sqlalchemy.exc import SQLAlchemyError

from bot import logs
from bot.commands.desk import Desk
from bot.commands.features import registry
from bot.config import Settings
from bot.crew import Crew, Workers
from bot.db.acts import Schedule
from bot.db.conversations import Channel
from bot.db.crypto import Vault
from bot.db.models import Deployment, WatchedProject
from bot.db.replicas import REPORTS_BEFORE_SILENT, Presence
from bot.db.schema import Schema
from bot.db.session import Database
from bot.db.sole_use import sole_use
from bot.db.startup import open_database
from bot.deployments.approving.approval import Approvals
from bot.deployments.approving.proposal_ends import expire_operations
from bot.deployments.approving.requests import Requests
from bot.deployments.audit import Audit
from bot.deployments.creating.choices import Choices
from bot.deployments.creating.submitter import Submitter
from bot.deployments.executor import Executor
from bot.deployments.late_answers import LateAnswers
from bot.deployments.listing.catalog import Catalog
from bot.deployments.listing.charges import Charges
from bot.deployments.listing.following import Following
from bot.deployments.listing.standings import Standings
from bot.deployments.live import Chore, Live
from bot.deployments.nudges import Nudges
from bot.deployments.operations import Operations
from bot.deployments.retention import FIRST_SWEEP_AFTER, Retention
from bot.deployments.service import Deployments
from bot.deployments.targets.connecting import Targets
from bot.deployments.targets.settings import TargetSettings
from bot.deployments.targets.views import TargetViews
from bot.deployments.timing.lease_end import end_in_time
from bot.deployments.timing.leases import Leases
from bot.deployments.timing.scheduler import Scheduler
from bot.deployments.timing.schedules import Schedules
from bot.deployments.updating.updates import Updates
from bot.deployments.watching.stuck import nudge_if_stuck
from bot.deployments.watching.tracker import Tracker
from bot.deployments.worker import Worker
from bot.descriptors import share
from bot.friendli.client import FriendliClient, TimeLimits
from bot.hub.client import HubClient
from bot.hub.known_models import KnownModels
from bot.ops.effective_settings import changed_settings
from bot.outside import Outside
from bot.periodic import Periodic
from bot.permissions import Authorizer
from bot.scraping import metrics_route
from bot.slack import listeners
from bot.slack.background import Background
from bot.slack.fates import Fates
from bot.slack.health import health_routes
from bot.slack.homes import Homes
from bot.slack.manifest import EVENTS_PATH
from bot.slack.modals import Modals
from bot.slack.people import People
from bot.slack.responses import Responses
from bot.slack.sender import Sender
from bot.slack.socket import Socket
from bot.slack.workspaces import Workspaces
from bot.web import events_route, listening

log = logs.get(__name__)

__all__ = ["EVENTS_PATH", "Running", "running", "serving"]

# What comes due by itself while an endpoint lives.
CHORES: Sequence[Chore] = (expire_operations, end_in_time, nudge_if_stuck)

_WITHDRAW_SECONDS = 1.0
_SUBMITTERS, _TRACKERS, _SENDERS, _SCHEDULERS = 100, 100, 40, 5
# A project waits this part of the shortest cadence for others that are due or done by then.
_GATHER = 0.05


@dataclass(frozen=True, slots=True)
class Running:
    """A bot that runs.

    Attributes:
        url: Where it listens for HTTP.
    """

    url: str

    @property
    def events_url(self) -> str:
        """Where Slack sends commands and clicks to, in HTTP mode."""
        return self.url + EVENTS_PATH


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Running]:
    """Migrate the database, start everything, and stop it all cleanly in the end.

    Slack and the database may be out of reach: what needs them begins once they are there.

    Raises:
        ConfigError: A token is refused, the database can't be used, or the port is taken.
    """
    logs.redactor.learn(settings.secrets())
    async with AsyncExitStack() as stack:
        database = open_database(settings)
        stack.enter_context(sole_use(settings))
        stack.push_async_callback(database.close)
        workspaces = Workspaces(
            settings.slack_bot_token, settings.slack_api_url, timeout=settings.slack_timeout
        )
        stack.push_async_callback(workspaces.close)
        friendli = await stack.enter_async_context(
            FriendliClient(
                settings.friendli_api_url,
                limits=TimeLimits(write=settings.create_timeout),
                first_wait=settings.friendli_retry_wait,
                connections=share(8, most=_SUBMITTERS + _TRACKERS),
            )
        )
        vault = Vault(settings.encryption_keys, settings.friendli_token)
        people = People(workspaces, settings.admins)
        schema = Schema()
        workers, nudges = _workers(
            stack, settings, database, schema, workspaces, friendli, vault, people
        )
        hub = await stack.enter_async_context(HubClient(settings.hf_endpoint, settings.hf_token))
        desk = _desk(settings, database, workspaces, friendli, hub, vault, people, nudges)
        background = Background()
        # A process that takes no requests has neither door.
        takes_requests = settings.role.takes_requests
        app_token = settings.slack_app_token if takes_requests else None
        secret = settings.slack_signing_secret if takes_requests and app_token is None else None
        bolt = listeners.build(registry(), desk, workspaces, background, schema)
        socket = _socket(settings, bolt, workspaces, app_token)
        outside = Outside(settings, database, workspaces, socket)

        # What takes requests and what works on them stop side by side, within one patience.
        front, back = AsyncExitStack(), AsyncExitStack()
        stack.push_async_callback(_stop, front, back, background, settings.shutdown_timeout)
        if socket is not None:
            front.push_async_callback(socket.close)
        front.push_async_callback(outside.stop)
        await outside.start()
        at_work = workers if settings.role.works else None
        presence = Presence(
            database,
            schema,
            role=settings.role,
            key_fingerprints=vault.fingerprints,
            silent_after=settings.replica_silent_after,
        )
        back.push_async_callback(_withdraw, presence, outside)
        reporting = Periodic(
            "report that this replica lives",
            presence.report,
            every=settings.replica_silent_after / REPORTS_BEFORE_SILENT,
            needs=outside.database.reached,
        )
        back.push_async_callback(reporting.stop)
        if settings.role.works:
            retention = Retention(database, keep=timedelta(days=settings.keep_finished_days))
            forgetting = Periodic(
                "forget what is over",
                retention.sweep,
                every=settings.forget_every,
                first_after=min(FIRST_SWEEP_AFTER, settings.forget_every),
                needs=outside.database.reached,
                may_act=schema.does_fit,
            )
            back.push_async_callback(forgetting.stop)
        crew = Crew(database, at_work, outside, settings.shutdown_timeout)
        back.push_async_callback(crew.stop)
        routes = [
            *health_routes(
                crew.is_complete, {**outside.ready, "schema": schema.check}, outside.reported
            ),
            metrics_route(database, settings, is_slack_up=outside.is_slack_up),
        ]
        if secret is not None:
            routes.append(events_route(EVENTS_PATH, bolt, secret))
        url = await front.enter_async_context(
            listening(routes, host=settings.host, port=settings.port)
        )
        mode = "http" if secret is not None else "socket" if socket is not None else "none"
        log.info(
            "running",
            url=url,
            role=settings.role,
            mode=mode,
            version=version("friendli-deploy"),
            schema=schema.ours,
            settings=changed_settings(settings),
        )
        try:
            yield Running(url)
        finally:
            log.info("stopping")


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Running]:
    """The same for as long as the process lives: what is there by then stays, and never is garbage.

    Looking through all of it for garbage took longer than a hundred requests, now and then.
    """
    async with running(settings) as bot:
        gc.freeze()
        yield bot


async def _withdraw(presence: Presence, outside: Outside) -> None:
    """Leave now, so that nobody has to wait until we count as gone."""
    if outside.database.reached.is_set():
        with contextlib.suppress(SQLAlchemyError, OSError, TimeoutError):
            async with asyncio.timeout(_WITHDRAW_SECONDS):
                await presence.withdraw()


async def _stop(
    front: AsyncExitStack, back: AsyncExitStack, background: Background, patience: float
) -> None:
    ends = asyncio.get_running_loop().time() + patience
    await asyncio.gather(front.aclose(), back.aclose())
    # Whatever it was waiting for had the same time to come.
    await background.drain(max(0.1, ends - asyncio.get_running_loop().time()))


def _socket(
    settings: Settings, bolt: AsyncApp, workspaces: Workspaces, app_token: SecretStr | None
) -> Socket | None:
    if app_token is None:
        return None
    return Socket(bolt, workspaces, app_token, pause=settings.reconnect_after)


def _workers(
    stack: AsyncExitStack,
    settings: Settings,
    database: Database,
    schema: Schema,
    workspaces: Workspaces,
    friendli: FriendliClient,
    vault: Vault,
    people: People,
) -> tuple[Workers, Nudges]:
    lease = timedelta(seconds=settings.lease)
    nudges = Nudges()
    live = Live(database, settings, Executor(database, friendli, vault, settings), chores=CHORES)
    submitter = Submitter(
        database,
        friendli,
        vault,
        settings,
        nudges,
        live=live,
    )
    tracker = Tracker(
        database,
        friendli,
        vault,
        settings,
        nudges,
        failing_at_once=_TRACKERS // 2,
    )
    fates = Fates(database, settings, nudges, find_admins=people.admins)
    sender = Sender(database, workspaces, settings, fates)
    stack.push_async_callback(sender.close)
    scheduler = Scheduler(database, settings, nudges)
    workers = Workers(
        Worker(
            "submitter",
            database,
            Deployment,
            submitter.handle,
            lease=lease,
            concurrency=_SUBMITTERS,
            may_claim=schema.does_fit,
        ),
        Worker(
            "tracker",
            database,
            WatchedProject,
            tracker.handle,
            lease=lease,
            concurrency=_TRACKERS,
            gather=settings.poll_seconds_moving * _GATHER,
            may_claim=schema.does_fit,
        ),
        Worker(
            "sender",
            database,
            Channel,
            sender.handle,
            lease=lease,
            concurrency=_SENDERS,
            may_claim=schema.does_fit,
        ),
        Worker(
            "scheduler",
            database,
            Schedule,
            scheduler.handle,
            lease=lease,
            concurrency=_SCHEDULERS,
            may_claim=schema.does_fit,
        ),
    )
    # The workers nudge one another, so they are put in when all are there.
    nudges.submitter = workers.submitter.nudge
    nudges.tracker = workers.tracker.nudge
    nudges.sender = workers.sender.nudge
    nudges.scheduler = workers.scheduler.nudge
    return workers, nudges


def _desk(
    settings: Settings,
    database: Database,
    workspaces: Workspaces,
    friendli: FriendliClient,
    hub: HubClient,
    vault: Vault,
    people: People,
    nudges: Nudges,
) -> Desk:
    views = TargetViews(database)
    audit = Audit(database)
    return Desk(
        settings=settings,
        deployments=Deployments(database, settings, nudges),
        choices=Choices(database, settings, nudges),
        operations=Operations(database, settings, nudges),
        updates=Updates(database, friendli, vault, settings, nudges),
        approvals=Approvals(database, settings, nudges),
        late_answers=LateAnswers(database, settings, nudges),
        leases=Leases(database, settings, nudges),
        schedules=Schedules(database, settings, nudges),
        standings=Standings(
            database,
            settings,
            Charges(database, friendli, vault, patience=settings.menu_patience),
        ),
        following=Following(database, settings, nudges),
        targets=Targets(database, vault, settings, nudges, views),
        requests=Requests(database, settings, nudges),
        target_settings=TargetSettings(views),
        audit=audit,
        catalog=Catalog(database, friendli, vault, settings),
        friendli=friendli,
        known_models=KnownModels(hub),
        authorizer=Authorizer(views, audit, people),
        people=people,
        modals=Modals(workspaces),
        homes=Homes(workspaces),
        responses=Responses(workspaces),
    )
