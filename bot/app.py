"""The composition root: the one place that knows all the parts and how they start and stop."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp

from bot import logs
from bot.commands.desk import Desk
from bot.commands.features import registry
from bot.config import Settings
from bot.db.crypto import Vault
from bot.db.migrate import migrate
from bot.db.models import Channel, Deployment, WatchedProject
from bot.db.session import Database
from bot.deployments.service import Deployments
from bot.deployments.submitter import Submitter
from bot.deployments.targets import Targets
from bot.deployments.tracker import Tracker
from bot.deployments.worker import Worker
from bot.errors import ConfigError
from bot.friendli.client import FriendliClient, TimeLimits
from bot.permissions import Authorizer
from bot.slack import listeners
from bot.slack.background import Background
from bot.slack.calls import WORKSPACE_ERRORS
from bot.slack.fates import Fates
from bot.slack.health import health_routes
from bot.slack.modals import Modals
from bot.slack.people import People
from bot.slack.responses import Responses
from bot.slack.sender import Sender
from bot.slack.workspaces import SlackUnreachableError, Workspaces

log = logs.get(__name__)

EVENTS_PATH = "/slack/events"

_IDENTITY_RETRY_SECONDS = 5.0
_SUBMITTERS, _TRACKERS, _SENDERS = 20, 20, 40


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


@dataclass(frozen=True, slots=True)
class _Workers:
    submitter: Worker
    tracker: Worker
    sender: Worker

    @property
    def all(self) -> tuple[Worker, Worker, Worker]:
        return self.submitter, self.tracker, self.sender


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Running]:
    """Migrate the database, start everything, and stop it all cleanly in the end.

    Raises:
        ConfigError: Slack refuses the bot's token.
    """
    logs.redactor.learn(settings.secrets())
    async with AsyncExitStack() as stack:
        database = Database(settings.database)
        stack.push_async_callback(database.close)
        await migrate(database)
        workspaces = Workspaces(
            settings.slack_bot_token, settings.slack_api_url, timeout=settings.slack_timeout
        )
        stack.push_async_callback(workspaces.close)
        limits = TimeLimits(write=settings.create_timeout)
        friendli = await stack.enter_async_context(
            FriendliClient(settings.friendli_api_url, limits=limits)
        )
        await _introduce(stack, workspaces)
        vault = Vault(settings.encryption_keys)
        people = People(workspaces, settings.admins)
        workers = _workers(settings, database, workspaces, friendli, vault, people)
        desk = _desk(settings, database, workspaces, friendli, vault, people, workers)
        background = Background()
        bolt = listeners.build(
            registry(),
            desk,
            workspaces,
            background,
            None if settings.socket_mode else settings.slack_signing_secret,
        )
        stack.push_async_callback(background.drain, settings.shutdown_timeout)
        await _run_workers(stack, workers, settings)
        handler = await _connect_socket(stack, bolt, workspaces, settings)
        url = await _listen(stack, bolt, handler, database, workspaces, settings)
        log.info("running", url=url, mode="socket" if settings.socket_mode else "http")
        yield Running(url)


async def _introduce(stack: AsyncExitStack, workspaces: Workspaces) -> None:
    """Ask Slack who we are; if it can't be reached now, go on asking beside everything else."""
    try:
        await workspaces.identity()
    except SlackUnreachableError as error:
        if error.error in WORKSPACE_ERRORS:
            problem = (
                f"SLACK_BOT_TOKEN is refused by Slack ({error.error}): copy it again from your"
                " Slack app, OAuth & Permissions → Bot User OAuth Token"
            )
            raise ConfigError([problem]) from None
        log.warning("Slack can't be reached yet", error=error.error)
        stack.push_async_callback(_cancel, asyncio.create_task(_go_on_asking(workspaces)))


async def _go_on_asking(workspaces: Workspaces) -> None:
    while not workspaces.is_known:
        await asyncio.sleep(_IDENTITY_RETRY_SECONDS)
        with contextlib.suppress(SlackUnreachableError):
            await workspaces.identity()


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _workers(
    settings: Settings,
    database: Database,
    workspaces: Workspaces,
    friendli: FriendliClient,
    vault: Vault,
    people: People,
) -> _Workers:
    lease = timedelta(seconds=settings.lease)
    nudges: dict[str, Callable[[], None]] = {}

    def nudge(name: str) -> Callable[[], None]:
        # The workers nudge one another, so the names are looked up when they are used.
        def look_up() -> None:
            nudges[name]()

        return look_up

    submitter = Submitter(
        database,
        friendli,
        vault,
        settings,
        nudge_sender=nudge("sender"),
        nudge_tracker=nudge("tracker"),
    )
    tracker = Tracker(database, friendli, vault, settings, nudge_sender=nudge("sender"))
    fates = Fates(database, settings, on_root=nudge("submitter"), find_admins=people.admins)
    sender = Sender(database, workspaces, settings, fates)
    workers = _Workers(
        Worker(
            "submitter",
            database,
            Deployment,
            submitter.handle,
            lease=lease,
            concurrency=_SUBMITTERS,
        ),
        Worker(
            "tracker", database, WatchedProject, tracker.handle, lease=lease, concurrency=_TRACKERS
        ),
        Worker("sender", database, Channel, sender.handle, lease=lease, concurrency=_SENDERS),
    )
    nudges.update(
        submitter=workers.submitter.nudge,
        tracker=workers.tracker.nudge,
        sender=workers.sender.nudge,
    )
    return workers


def _desk(
    settings: Settings,
    database: Database,
    workspaces: Workspaces,
    friendli: FriendliClient,
    vault: Vault,
    people: People,
    workers: _Workers,
) -> Desk:
    def wake_all() -> None:
        for worker in workers.all:
            worker.nudge()

    return Desk(
        settings=settings,
        deployments=Deployments(
            database,
            settings,
            wake_submitter=workers.submitter.nudge,
            wake_sender=workers.sender.nudge,
        ),
        targets=Targets(database, vault, settings, wake_all=wake_all),
        friendli=friendli,
        authorizer=Authorizer(people.is_admin, people.admins),
        people=people,
        modals=Modals(workspaces),
        responses=Responses(workspaces),
    )


async def _run_workers(stack: AsyncExitStack, workers: _Workers, settings: Settings) -> None:
    tasks = [asyncio.create_task(worker.run(settings.shutdown_timeout)) for worker in workers.all]

    async def stop() -> None:
        for worker in workers.all:
            worker.stop()
        await asyncio.gather(*tasks)

    stack.push_async_callback(stop)


async def _connect_socket(
    stack: AsyncExitStack, bolt: AsyncApp, workspaces: Workspaces, settings: Settings
) -> AsyncSocketModeHandler | None:
    if settings.slack_app_token is None:
        return None
    handler = AsyncSocketModeHandler(
        bolt, settings.slack_app_token.get_secret_value(), web_client=workspaces.posting
    )
    connecting = asyncio.create_task(_connect(handler))
    stack.push_async_callback(handler.close_async)
    stack.push_async_callback(_cancel, connecting)
    return handler


async def _connect(handler: AsyncSocketModeHandler) -> None:
    while True:
        try:
            await handler.connect_async()  # type: ignore[no-untyped-call] # Bolt's own gap
        except Exception as error:  # noqa: BLE001 - whatever it is, the way out is to try again
            log.warning("Socket Mode can't connect yet", error=type(error).__name__)
            await asyncio.sleep(_IDENTITY_RETRY_SECONDS)
        else:
            return


async def _listen(
    stack: AsyncExitStack,
    bolt: AsyncApp,
    handler: AsyncSocketModeHandler | None,
    database: Database,
    workspaces: Workspaces,
    settings: Settings,
) -> str:
    server = web.Application() if settings.socket_mode else bolt.web_app(EVENTS_PATH)

    async def connected() -> bool:
        return handler is None or await handler.client.is_connected()

    server.add_routes(health_routes(database, workspaces, connected))
    runner = web.AppRunner(server, access_log=None, handle_signals=False)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    site = web.TCPSite(runner, settings.host, settings.port)
    try:
        await site.start()
    except OSError as error:
        raise ConfigError(
            [f"PORT {settings.port} can't be listened on ({error.strerror}): choose another one"]
        ) from None
    host, port = runner.addresses[0][:2]
    return f"http://{host}:{port}"
