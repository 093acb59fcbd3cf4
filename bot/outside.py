"""What the bot needs from outside: reached when it starts, or as soon as it can be."""

from functools import partial

from bot.config import Settings
from bot.db.session import Database
from bot.db.startup import prepare
from bot.errors import ConfigError
from bot.reaching import NotReachedError, Reaching, start_all
from bot.slack.calls import WORKSPACE_ERRORS
from bot.slack.health import Check, answers
from bot.slack.socket import Socket
from bot.slack.workspaces import SlackUnreachableError, Workspaces


class Outside:
    """The database, Slack, and in Socket Mode a connection that Slack can use.

    Attributes:
        database: Reached once its tables are up to date.
        slack: Reached once it has taken our token.
        ready: What `/readyz` asks, by name.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        workspaces: Workspaces,
        socket: Socket | None,
    ) -> None:
        pause = settings.reconnect_after
        self._open = database
        self.database = Reaching("database", partial(prepare, database, settings), pause=pause)
        self.slack = Reaching("Slack", partial(_introduce, workspaces), pause=pause)
        self._all = [self.database, self.slack]
        self.ready: dict[str, Check] = {
            "database": self._is_database_ready,
            "slack": self._is_slack_ready,
        }
        if socket is not None:
            self._all.append(Reaching("Socket Mode", socket.connect, pause=pause))
            self.ready["socket_mode"] = socket.is_connected

    async def start(self) -> None:
        """Try to reach them all.

        Raises:
            ConfigError: Only a person can help.
        """
        await start_all(self._all)

    async def stop(self) -> None:
        """Try no more."""
        for part in self._all:
            await part.stop()

    async def _is_database_ready(self) -> bool:
        return self.database.reached.is_set() and await answers(self._open)

    async def _is_slack_ready(self) -> bool:
        return self.slack.reached.is_set()


async def _introduce(workspaces: Workspaces) -> None:
    try:
        await workspaces.identity()
    except SlackUnreachableError as error:
        if error.error not in WORKSPACE_ERRORS:
            raise NotReachedError(error.error) from None
        how = Settings.model_fields["slack_bot_token"].description
        problem = f"SLACK_BOT_TOKEN is refused by Slack ({error.error}). {how}"
        raise ConfigError([problem]) from None
