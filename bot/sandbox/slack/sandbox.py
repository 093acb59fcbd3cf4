"""A Slack workspace on loopback that speaks Slack's protocols to an unmodified Bolt app."""

from collections.abc import Callable, Collection, Iterable, Sequence
from types import TracebackType
from typing import Self, TypeVar

from aiohttp import web

from bot.sandbox.clock import SandboxClock
from bot.sandbox.faults import FaultPlan
from bot.sandbox.slack.base_client import ClientContext
from bot.sandbox.slack.changes import Change, Changes, RequestLogged
from bot.sandbox.slack.controls import Controls
from bot.sandbox.slack.conversations import User
from bot.sandbox.slack.deliveries import Ack, Deliveries, Delivery
from bot.sandbox.slack.events import Events
from bot.sandbox.slack.modals import Modals
from bot.sandbox.slack.payloads import Payloads
from bot.sandbox.slack.rate_limits import Limits, RateLimiter
from bot.sandbox.slack.request_log import RequestLog
from bot.sandbox.slack.response_urls import ResponseUrls
from bot.sandbox.slack.server import Server
from bot.sandbox.slack.socket_mode import SocketMode
from bot.sandbox.slack.summary import summary
from bot.sandbox.slack.triggers import Triggers
from bot.sandbox.slack.user_client import UserClient
from bot.sandbox.slack.web_api.call import Backend
from bot.sandbox.slack.workspace import Identity, Workspace

T = TypeVar("T")

SCOPES = frozenset(
    {
        "commands",
        "chat:write",
        "users:read",
        "channels:read",
        "groups:read",
        "channels:history",
        "groups:history",
        "im:write",
        "usergroups:read",
        "app_mentions:read",
    }
)


class SlackSandbox(Controls):
    """A workspace with one app installed.

    Args:
        app_token: The app-level token that opens Socket Mode connections.
        port: Where to listen on 127.0.0.1; 0 takes a free port.
        org_wide: Whether the app is installed for the whole organisation.
        team_missing: Whether `team` is null in payloads, as it can be then.
        events: The subscribed event types; known are app_mention, message,
            app_home_opened, app_uninstalled, tokens_revoked, channel_archive, channel_unarchive,
            member_joined_channel and member_left_channel.
        event_retry_delays: Seconds of sandbox time before an event is sent again.
        clock: The time of everything but signatures and acknowledgement limits.

    Attributes:
        faults: The fault plan: operations are Web API methods such as
            "chat.postMessage", "response_url" and "socket".
    """

    def __init__(
        self,
        *,
        bot_token: str,
        signing_secret: str,
        app_token: str | None = None,
        limits: Limits | None = None,
        port: int = 0,
        workspace_id: str = "T000000001",
        enterprise_id: str | None = None,
        org_wide: bool = False,
        team_missing: bool = False,
        scopes: Collection[str] = SCOPES,
        events: Collection[str] = ("app_mention",),
        event_retry_delays: Sequence[float] = (0, 60, 300),
        clock: SandboxClock | None = None,
        routes: Iterable[web.AbstractRouteDef] = (),
    ) -> None:
        self.clock = clock or SandboxClock()
        self.changes = Changes()
        self.faults = FaultPlan()
        self.requests = RequestLog(
            self.clock.now,
            lambda entry: self.changes.publish(RequestLogged(entry)),
            {
                name: secret
                for name, secret in (
                    ("bot token", bot_token),
                    ("app token", app_token),
                    ("signing secret", signing_secret),
                )
                if secret
            },
        )
        identity = Identity(
            team_id=workspace_id,
            team_domain="sandbox",
            team_name="Sandbox",
            enterprise_id=enterprise_id,
            org_wide=org_wide,
            app_id="A000000001",
            bot_id="B000000001",
            bot_name="friendli-deploy",
            scopes=frozenset(scopes),
        )
        workspace = Workspace(identity, self.clock, self.changes)
        self.modals = Modals(workspace)
        self.sockets = SocketMode(identity.app_id, self.changes, self.faults, self.clock)
        triggers = Triggers(workspace.ids, self.clock)
        self._backend = Backend(
            workspace,
            self.modals,
            triggers,
            RateLimiter(self.clock),
            limits or Limits(),
            self._connection_url,
        )
        response_urls = ResponseUrls(self._backend)
        self._deliveries = Deliveries(
            self.requests, self.sockets, signing_secret, lambda: self.limits.ack
        )
        self._payloads = Payloads(
            workspace, self.modals, triggers, response_urls, team_missing=team_missing
        )
        super().__init__(
            workspace,
            Events(self._deliveries, self._payloads, self.clock, events, event_retry_delays),
        )
        self._surroundings = ClientContext(
            workspace, self.modals, self._payloads, self._deliveries, self.events
        )
        self._people: dict[str, UserClient] = {}
        self._port = port
        self._runner = web.AppRunner(
            Server(
                self._backend,
                response_urls,
                self.sockets,
                self.faults,
                self.requests,
                bot_token=bot_token,
                app_token=app_token,
            ).application(routes),
            shutdown_timeout=0.1,
        )

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """Listen, or raise OSError if the port is taken."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._payloads.base = self.url

    async def close(self) -> None:
        """Stop listening, release hanging requests, cancel retries."""
        self.faults.clear()
        await self.events.close()
        await self.sockets.close()
        await self._deliveries.close()
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    @property
    def events_url(self) -> str | None:
        """Where the app listens; None delivers over Socket Mode."""
        return self._deliveries.url

    @events_url.setter
    def events_url(self, url: str | None) -> None:
        self._deliveries.url = url

    @property
    def signing_secret(self) -> str:
        """Signs deliveries; changing it makes the app refuse them."""
        return self._deliveries.signing_secret

    @signing_secret.setter
    def signing_secret(self, secret: str) -> None:
        self._deliveries.signing_secret = secret

    @property
    def limits(self) -> Limits:
        return self._backend.limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        self._backend.limits = limits

    # Acting and waiting

    def act_as(self, user: User) -> UserClient:
        return self._people.setdefault(user.id, UserClient(user, self._surroundings))

    async def until(
        self,
        predicate: Callable[[], T | None],
        timeout: float = 10,  # noqa: ASYNC109 - the error tells what is there instead
    ) -> T:
        """Return the first truthy result of a predicate, which is checked after each change.

        Args:
            predicate: A LookupError from it means "not yet".
            timeout: Real seconds.

        Raises:
            ConditionTimeoutError: With the workspace's state, if the time is over first.
        """
        return await self.changes.until(predicate, timeout, self.summary)

    def summary(self) -> str:
        return summary(self.workspace, self.modals, self.requests)

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Call `listener` with every change; returns the unsubscribe function."""
        return self.changes.subscribe(listener)

    async def deliver_again(self, delivery: Delivery | None = None) -> Ack:
        """Resend a delivery (by default the last one) byte by byte with its old signature.

        Raises:
            LookupError: If nothing was delivered yet.
        """
        again = delivery or self._deliveries.last
        if again is None:
            raise LookupError("nothing was delivered yet")
        return await self._deliveries.send(again)

    # Socket Mode

    @property
    def connections(self) -> int:
        return len(self.sockets.connections)

    @property
    def protocol_errors(self) -> list[str]:
        return self.sockets.field_errors

    async def refresh_connection(self) -> None:
        """Ask the app to replace a Socket Mode connection, as Slack does every few hours."""
        await self.sockets.refresh()

    async def drop_connections(self) -> None:
        await self.sockets.close()

    def _connection_url(self) -> str:
        return f"{self.url.replace('http', 'ws', 1)}/link?ticket={self.sockets.ticket()}"
