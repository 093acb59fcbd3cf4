"""The composition root: makes all parts, starts them and stops them."""

import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from types import FrameType

import structlog
from pydantic import SecretStr
from slack_bolt.async_app import AsyncApp
from sqlalchemy.exc import SQLAlchemyError

from bot.commands.bolt_app import bolt_app
from bot.commands.dispatch import Dispatcher
from bot.commands.features import registry
from bot.commands.home import HomeTab
from bot.commands.injection import Injector
from bot.commands.listeners import Listeners
from bot.commands.manifest import EVENTS_PATH
from bot.commands.unconnected import Unconnected
from bot.config import Settings
from bot.db.deployment_tables import Deployment, WatchedProject
from bot.db.encryption import KeyRing
from bot.db.file_lock import exclusive_use
from bot.db.heartbeats import REPORTS_BEFORE_SILENT, Heartbeat
from bot.db.inference_tables import PromptRequest, SmokeTest
from bot.db.message_tables import Channel
from bot.db.operation_tables import Schedule
from bot.db.schema_revision import Schema
from bot.db.session import Database
from bot.db.startup import open_database
from bot.domain.process.file_descriptors import share
from bot.domain.process.redaction import redactor
from bot.friendli.client import FriendliClient, TimeLimits
from bot.friendli.inference import InferenceClient
from bot.hub.client import HubClient
from bot.hub.known_models import KnownModels
from bot.hub.model_checks import ModelChecks
from bot.hub.model_search import ModelSearch
from bot.hub.revisions import Revisions
from bot.ops.dependencies import Dependencies
from bot.ops.effective_settings import changed_settings
from bot.ops.health import health_routes
from bot.ops.metrics_endpoint import metrics_route
from bot.ops.supervisor import Supervisor, Workers
from bot.services.access_requests import AccessRequests
from bot.services.announcements import ConnectRequests
from bot.services.approvals import Approvals
from bot.services.audit import Audit
from bot.services.authorization import Authorizer
from bot.services.billing import Billing
from bot.services.cancellations import Cancellations
from bot.services.catalog import Catalog
from bot.services.deployments import Deployments
from bot.services.endpoint_selection import EndpointSelection
from bot.services.imported_endpoints import ImportedEndpoints
from bot.services.lifetimes import Lifetimes
from bot.services.model_history import ModelHistory
from bot.services.operations import Operations
from bot.services.pending_responses import PendingResponses
from bot.services.prompts import Prompts
from bot.services.proposal_expiry import expire_operations
from bot.services.recent_models import RecentModels
from bot.services.schedules import Schedules
from bot.services.smoke_tests import SmokeTests
from bot.services.summaries import Summaries
from bot.services.target_connections import TargetConnections
from bot.services.target_settings import TargetSettings
from bot.services.targets import Targets
from bot.services.updates import Updates
from bot.services.waiting import WaitingItems
from bot.slack.clients import SlackClients
from bot.slack.deferred_tasks import DeferredTasks
from bot.slack.delivery import Sender
from bot.slack.home_tab import HomeTabs
from bot.slack.http_server import events_route, listening
from bot.slack.modals import Modals
from bot.slack.people import People
from bot.slack.prompt_answers import PromptAnswers
from bot.slack.prompt_recovery import PromptRecovery
from bot.slack.prompt_thread import PromptThread
from bot.slack.responses import Responses
from bot.slack.socket_mode import SocketMode
from bot.workers.claim_loop import Worker
from bot.workers.creator import Creator
from bot.workers.deployment_steps import DeploymentSteps
from bot.workers.lifetime_end import end_in_time
from bot.workers.live_step import LiveStep, PeriodicCheck
from bot.workers.operation_runner import OperationRunner
from bot.workers.periodic import Periodic
from bot.workers.poller import Poller
from bot.workers.reconciler import Reconciler
from bot.workers.retention import FIRST_SWEEP_AFTER, Retention
from bot.workers.scheduler import Scheduler
from bot.workers.smoke_tester import SmokeTester
from bot.workers.stuck import report_stuck_phase

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

__all__ = ["EVENTS_PATH", "Running", "running", "serving"]

# Run for each live deployment whenever it is claimed.
PERIODIC_CHECKS: Sequence[PeriodicCheck] = (expire_operations, end_in_time, report_stuck_phase)

_WITHDRAW_SECONDS = 1.0
# Rows of each kind that a process handles at once.
_DEPLOYMENTS, _PROJECTS, _CHANNELS, _SCHEDULES, _SMOKE_TESTS, _PROMPTS = 100, 100, 40, 5, 10, 10
# Connections to endpoints, of smoke tests and prompts.
_STREAMS = 200
# A due project waits this part of the shortest interval, to be claimed together with others.
_GATHER = 0.05


@dataclass(frozen=True, slots=True)
class Running:
    """A bot that runs; `url` is where it listens."""

    url: str

    @property
    def events_url(self) -> str:
        return self.url + EVENTS_PATH


@dataclass(frozen=True, slots=True)
class _Apis:
    """Clients of Friendli and the Hub."""

    friendli: FriendliClient
    inference: InferenceClient
    hub: HubClient
    checks: ModelChecks


# A thread that runs a transaction gives the interpreter up at each statement. To get it back from a
# busy event loop takes this long, 5 ms by default.
_SWITCH_SECONDS = 0.0005


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Running]:
    """Migrate the database, start everything, and stop it all cleanly in the end.

    Slack and the database may be unreachable: what needs them starts as soon as they answer.

    Raises:
        ConfigError: A token is refused, the database can't be used, or the port is taken.
    """
    redactor.learn(settings.secrets())
    async with AsyncExitStack() as stack:
        database = open_database(settings)
        stack.enter_context(exclusive_use(settings))
        stack.push_async_callback(database.close)
        clients = SlackClients(
            settings.slack_bot_token, settings.slack_api_url, timeout=settings.slack_timeout
        )
        stack.push_async_callback(clients.close)
        apis = await _open_apis(stack, settings)
        key_ring = KeyRing(settings.encryption_keys, settings.friendli_token)
        people = People(clients, settings.admins)
        schema = Schema()
        workers = _workers(stack, settings, database, schema, clients, apis, key_ring, people)
        services = _services(stack, settings, database, clients, apis, key_ring, people)
        deferred_tasks = DeferredTasks()
        accepts_requests = settings.role.accepts_requests
        app_token = settings.slack_app_token if accepts_requests else None
        secret = settings.slack_signing_secret if accepts_requests and app_token is None else None
        bolt = _bolt(Injector(*services), clients, deferred_tasks, schema)
        socket = _socket(settings, bolt, clients, app_token)
        dependencies = Dependencies(settings, database, clients, socket)

        # The web half and the workers stop at the same time, within one time limit.
        web, work = AsyncExitStack(), AsyncExitStack()
        stack.push_async_callback(_stop, web, work, deferred_tasks, settings.shutdown_timeout)
        if socket is not None:
            web.push_async_callback(socket.close)
        web.push_async_callback(dependencies.stop)
        await dependencies.start()
        at_work = workers if settings.role.runs_workers else None
        heartbeat = Heartbeat(
            database,
            schema,
            role=settings.role,
            key_fingerprints=key_ring.fingerprints,
            silent_after=settings.replica_silent_after,
        )
        work.push_async_callback(_withdraw, heartbeat, dependencies)
        heartbeat_task = Periodic(
            "heartbeat",
            heartbeat.report,
            every=settings.replica_silent_after / REPORTS_BEFORE_SILENT,
            needs=dependencies.database.reached,
        )
        work.push_async_callback(heartbeat_task.stop)
        if settings.role.runs_workers:
            retention = Retention(database, keep=timedelta(days=settings.keep_finished_days))
            retention_task = Periodic(
                "retention",
                retention.sweep,
                every=settings.retention_interval,
                first_after=min(FIRST_SWEEP_AFTER, settings.retention_interval),
                needs=dependencies.database.reached,
                may_act=schema.is_current,
            )
            work.push_async_callback(retention_task.stop)
        supervisor = Supervisor(database, at_work, dependencies, settings.shutdown_timeout)
        work.push_async_callback(supervisor.stop)
        routes = [
            *health_routes(
                supervisor.is_complete,
                {**dependencies.ready, "schema": schema.check},
                dependencies.reported,
            ),
            metrics_route(database, settings, is_slack_up=dependencies.is_slack_up),
        ]
        if secret is not None:
            routes.append(events_route(EVENTS_PATH, bolt, secret))
        url = await web.enter_async_context(
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


async def _open_apis(stack: AsyncExitStack, settings: Settings) -> _Apis:
    friendli = await stack.enter_async_context(
        FriendliClient(
            settings.friendli_api_url,
            limits=TimeLimits(write=settings.create_timeout),
            first_wait=settings.friendli_retry_wait,
            connections=share(8, most=_DEPLOYMENTS + _PROJECTS),
        )
    )
    inference = await stack.enter_async_context(
        InferenceClient(settings.inference_url, connections=share(8, most=_STREAMS))
    )
    hub = await stack.enter_async_context(HubClient(settings.hf_endpoint, settings.hf_token))
    checks = ModelChecks(hub)
    stack.push_async_callback(checks.close)
    return _Apis(friendli, inference, hub, checks)


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Running]:
    """The same until the process ends, which lets the garbage collector ignore what was started.

    A full collection took longer than a hundred requests.
    """
    async with running(settings) as bot:
        gc.freeze()
        sys.setswitchinterval(_SWITCH_SECONDS)
        yield bot


async def _withdraw(heartbeat: Heartbeat, dependencies: Dependencies) -> None:
    """Tell the other replicas that this one stops, so that they needn't wait for its silence."""
    if dependencies.database.reached.is_set():
        with contextlib.suppress(SQLAlchemyError, OSError, TimeoutError):
            async with asyncio.timeout(_WITHDRAW_SECONDS):
                await heartbeat.withdraw()


async def _stop(
    web: AsyncExitStack, work: AsyncExitStack, deferred_tasks: DeferredTasks, grace: float
) -> None:
    ends = asyncio.get_running_loop().time() + grace
    await asyncio.gather(web.aclose(), work.aclose())
    # Deferred tasks share the same time limit.
    await deferred_tasks.drain(max(0.1, ends - asyncio.get_running_loop().time()))


def _socket(
    settings: Settings, bolt: AsyncApp, clients: SlackClients, app_token: SecretStr | None
) -> SocketMode | None:
    if app_token is None:
        return None
    return SocketMode(bolt, clients, app_token, pause=settings.reconnect_after)


def _workers(
    stack: AsyncExitStack,
    settings: Settings,
    database: Database,
    schema: Schema,
    clients: SlackClients,
    apis: _Apis,
    key_ring: KeyRing,
    people: People,
) -> Workers:
    friendli = apis.friendli
    lease = timedelta(seconds=settings.lease)
    steps = DeploymentSteps(
        database,
        settings,
        creator=Creator(database, friendli, key_ring, settings),
        reconciler=Reconciler(database, friendli, key_ring, settings),
        live_step=LiveStep(
            database,
            settings,
            OperationRunner(database, friendli, key_ring, settings),
            checks=PERIODIC_CHECKS,
        ),
    )
    poller = Poller(
        database,
        friendli,
        key_ring,
        settings,
        failing_at_once=_PROJECTS // 2,
    )
    sender = Sender(database, clients, settings, find_admins=people.admins)
    stack.push_async_callback(sender.close)
    scheduler = Scheduler(database, settings)
    prompt_recovery = PromptRecovery(database, clients, PromptThread(clients), settings)
    smoke_tester = SmokeTester(database, friendli, apis.inference, apis.checks, key_ring, settings)
    worker = partial(Worker, database=database, lease=lease, may_claim=schema.is_current)
    return Workers(
        deployments=worker(
            "deployments", table=Deployment, handle=steps.handle, concurrency=_DEPLOYMENTS
        ),
        poller=worker(
            "poller",
            table=WatchedProject,
            handle=poller.handle,
            concurrency=_PROJECTS,
            gather=settings.poll_seconds_transitional * _GATHER,
        ),
        delivery=worker("delivery", table=Channel, handle=sender.handle, concurrency=_CHANNELS),
        scheduler=worker(
            "scheduler", table=Schedule, handle=scheduler.handle, concurrency=_SCHEDULES
        ),
        prompt_recovery=worker(
            "prompt_recovery",
            table=PromptRequest,
            handle=prompt_recovery.handle,
            concurrency=_PROMPTS,
        ),
        smoke_tester=worker(
            "smoke_tester", table=SmokeTest, handle=smoke_tester.handle, concurrency=_SMOKE_TESTS
        ),
    )


def _services(
    stack: AsyncExitStack,
    settings: Settings,
    database: Database,
    clients: SlackClients,
    apis: _Apis,
    key_ring: KeyRing,
    people: People,
) -> Sequence[object]:
    """Everything that a handler may declare as a parameter."""
    friendli, hub = apis.friendli, apis.hub
    prompts, thread = Prompts(database, key_ring, settings), PromptThread(clients)
    targets = Targets(database)
    audit = Audit(database)
    billing = Billing(database, friendli, key_ring, timeout=settings.menu_timeout)
    search = ModelSearch(hub)
    stack.push_async_callback(search.close)
    return [
        settings,
        settings.prices,
        friendli,
        people,
        clients,
        audit,
        targets,
        AccessRequests(database, settings),
        Approvals(database, settings),
        Authorizer(targets, audit, people),
        Cancellations(database, settings),
        ConnectRequests(database),
        Catalog(database, friendli, key_ring, settings),
        Deployments(database, settings),
        EndpointSelection(database, settings),
        HomeTabs(clients),
        ImportedEndpoints(database, settings),
        KnownModels(hub),
        Lifetimes(database, settings),
        apis.checks,
        search,
        Modals(clients),
        Operations(database, settings),
        PendingResponses(database, settings),
        RecentModels(database),
        Revisions(hub),
        Schedules(database, settings),
        SmokeTests(database),
        prompts,
        PromptAnswers(prompts, apis.inference, clients, thread, settings),
        Summaries(database, settings, billing),
        ModelHistory(database),
        TargetConnections(database, key_ring, settings, targets),
        TargetSettings(targets),
        Updates(database, friendli, key_ring, settings),
        WaitingItems(database, settings),
    ]


def _bolt(
    injector: Injector, clients: SlackClients, deferred_tasks: DeferredTasks, schema: Schema
) -> AsyncApp:
    handlers = registry()
    handlers.bind(injector)
    home = injector.get(HomeTab)
    listeners = Listeners(
        handlers,
        injector.get(Dispatcher),
        home,
        Responses(clients, injector.get(People), injector.get(Modals), home.show),
        injector.get(PendingResponses),
        deferred_tasks,
        schema,
        injector.get(Unconnected),
        injector.get(Settings).slow_notice_after,
    )
    return bolt_app(listeners, clients)


async def serve(settings: Settings) -> None:
    """Run the bot until SIGTERM or Ctrl-C."""
    loop = asyncio.get_running_loop()
    running = asyncio.create_task(_serve_until_cancelled(settings))

    def stop(_number: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(running.cancel)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def _serve_until_cancelled(settings: Settings) -> None:
    async with serving(settings):
        await asyncio.Event().wait()
