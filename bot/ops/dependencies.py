"""The bot's dependencies, connected at startup or as soon as possible."""

from functools import partial

from bot.config import Settings
from bot.db.session import Database
from bot.db.startup import prepare
from bot.domain.errors import ConfigError
from bot.domain.process.startup_retry import StartupRetry, UnreachableError, start_all
from bot.ops.health import Check, is_database_up, is_friendli_up
from bot.services.restore import reconcile_if_restored
from bot.slack.calls import WORKSPACE_ERRORS
from bot.slack.clients import SlackClients, SlackUnreachableError
from bot.slack.socket_mode import SocketMode
from bot.slack.token_check import CHECKS_BEFORE_AWAY, TokenCheck
from bot.workers.periodic import Periodic


class Dependencies:
    """The database, Slack, and in Socket Mode a connection.

    Attributes:
        database: Reached once its tables are up to date.
        slack: Reached once it has accepted our token.
        token_check: Whether it still does.
        ready: The checks of `/readyz`, by name.
        reported: Checks that `/readyz` only shows.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clients: SlackClients,
        socket: SocketMode | None,
    ) -> None:
        pause = settings.reconnect_after
        self._open = database
        self.database = StartupRetry("database", partial(_prepare, database, settings), pause=pause)
        self.slack = StartupRetry("Slack", partial(_introduce, clients), pause=pause)
        self._all = [self.database, self.slack]
        self.token_check = TokenCheck(clients, unready_after=settings.unready_after)
        self._token_checks: Periodic | None = None
        self._check_every = settings.unready_after / CHECKS_BEFORE_AWAY
        self.ready: dict[str, Check] = {
            "database": self._is_database_ready,
            "slack": self._is_slack_ready,
        }
        self.reported: dict[str, Check] = {
            "friendli": partial(is_friendli_up, database, settings.unready_after)
        }
        if socket is not None:
            self._all.append(StartupRetry("Socket Mode", socket.connect, pause=pause))
            self.ready["socket_mode"] = socket.is_connected

    async def start(self) -> None:
        """Try to reach them all. Raises ConfigError: only a person can help."""
        await start_all(self._all)
        self._token_checks = Periodic(
            "check Slack's token",
            self.token_check.check,
            every=self._check_every,
            first_after=self._check_every,
            needs=self.slack.reached,
        )

    async def stop(self) -> None:
        if self._token_checks is not None:
            await self._token_checks.stop()
        for part in self._all:
            await part.stop()

    async def _is_database_ready(self) -> bool:
        return self.database.reached.is_set() and await is_database_up(self._open)

    async def _is_slack_ready(self) -> bool:
        return self.is_slack_up()

    def is_slack_up(self) -> bool:
        return self.slack.reached.is_set() and self.token_check.is_well


async def _prepare(database: Database, settings: Settings) -> None:
    await prepare(database, settings)
    await reconcile_if_restored(database, settings)


async def _introduce(clients: SlackClients) -> None:
    try:
        await clients.identity()
    except SlackUnreachableError as error:
        if error.error not in WORKSPACE_ERRORS:
            raise UnreachableError(error.error) from None
        how = Settings.model_fields["slack_bot_token"].description
        problem = f"SLACK_BOT_TOKEN is refused by Slack ({error.error}). {how}"
        raise ConfigError([problem]) from None
