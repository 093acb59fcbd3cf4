"""Stories of encryption keys that are changed while deployments are watched, and of one that is lost."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from inline_snapshot import snapshot
from pydantic import SecretStr
from sqlalchemy import event, select, update
from sqlalchemy.util import await_only

from bot.app import running
from bot.db.deployment_tables import WatchedProject
from bot.db.encryption import KeyRing, new_encryption_key
from bot.db.heartbeats import Replica
from bot.db.key_rotation import rotate as rotate_all
from bot.db.session import Database
from bot.ops.keys import rotate_keys
from bot.sandbox.environment import API_KEY, Environment, connect, open_environment
from tests.acceptance.thread_assertions import has_replies, last_reply_contains, thread
from tests.client import wait_for_replicas
from tests.conftest import NO_LIMITS, SHORT_WAITS, StartBot

OLD, NEW = new_encryption_key(), new_encryption_key()
LATER_KEY = "later-key-not-a-secret"
DEPLOY = "org/model --gpu H100 --replicas 1 --name it --yes"


@pytest.fixture
async def anywhere(database_url: str) -> AsyncIterator[Environment]:
    """Both sandboxes, on a database of each kind."""
    async with open_environment(database_url, speed=0, limits=NO_LIMITS) as made:
        yield made


@asynccontextmanager
async def replicas(env: Environment, *keys: str) -> AsyncIterator[None]:
    """Two replicas with these encryption keys, once both have reported themselves."""
    async with AsyncExitStack() as stack:
        for _ in range(2):
            settings = env.settings(**SHORT_WAITS, encryption_keys=list(keys))
            bot = await stack.enter_async_context(running(settings))
            env.slack.events_url = bot.events_url
        await wait_for_replicas(env.database, 2)
        yield


async def rotate(env: Environment, *keys: str) -> tuple[int, str]:
    """The exit code and the words of `keys rotate`; what differs from run to run gets a name."""
    said: list[str] = []
    code = await rotate_keys(env.settings(encryption_keys=list(keys)), said.append)
    words = "\n".join(said)
    assert not any(secret in words for secret in (OLD, NEW, API_KEY))
    database = Database(env.database)
    async with database.read() as session:
        for name in await session.scalars(select(Replica.name)):
            words = words.replace(name, "HOST/PID")
    await database.close()
    return code, words


async def test_keys_are_rotated_while_replicas_run(anywhere: Environment) -> None:
    """Step by step, each told when it is missing; the thread never notices."""
    env = anywhere
    async with replicas(env, OLD):
        await connect(env)
        await env.member.command(env.channel, DEPLOY)
        await env.slack.until(lambda: has_replies(env, 1))
        [endpoint] = env.friendli.endpoints
        assert await rotate(env, NEW, OLD) == snapshot(
            (
                1,
                """\
2 of 2 live replicas (HOST/PID, HOST/PID) run without the first key of these ENCRYPTION_KEYS. Nothing was changed.
Add it to theirs as the second key and restart them; then make it the first everywhere, restart, and run this again.\
""",
            )
        )
    async with replicas(env, OLD, NEW):
        env.friendli.set_status(endpoint, "RUNNING")
        await env.slack.until(lambda: has_replies(env, 2))
        assert await rotate(env, NEW, OLD) == snapshot(
            (
                1,
                """\
2 of 2 live replicas (HOST/PID, HOST/PID) run with another first key in ENCRYPTION_KEYS. Nothing was changed.
Make the new key the first there too, restart them, and run this again.\
""",
            )
        )
    async with replicas(env, NEW, OLD):
        assert await rotate(env, NEW, OLD) == snapshot(
            (
                0,
                """\
Encrypted anew: 1. Under the first key before: 0.
Now drop the other keys from ENCRYPTION_KEYS everywhere, and restart.\
""",
            )
        )
        env.friendli.set_status(endpoint, "SLEEPING")
        await env.slack.until(lambda: has_replies(env, 3))
    async with replicas(env, NEW):
        env.friendli.set_status(endpoint, "RUNNING")
        await env.slack.until(lambda: has_replies(env, 4))
        assert await rotate(env, NEW) == snapshot(
            (0, "Encrypted anew: 0. Under the first key before: 1.")
        )
    assert len(thread(env)) == 4


async def test_a_lost_key_is_told_to_the_operator_and_mended_by_connecting_again(
    env: Environment, start_bot: StartBot
) -> None:
    """The thread says so too, and goes on once an admin has typed the API key again."""
    async with start_bot(encryption_keys=[OLD]):
        await connect(env)
        await env.member.command(env.channel, DEPLOY)
        await env.slack.until(lambda: has_replies(env, 1))
    assert await rotate(env, NEW) == snapshot(
        (
            1,
            """\
Encrypted anew: 0. Under the first key before: 0.
No key of ENCRYPTION_KEYS decrypts the API keys of these targets (enterprise/workspace/channel/name). Bring the missing encryption key back and run this again, or have an admin run `/friendli-deploy connect` there:
  -/T000000001/C000000001/prod\
""",
        )
    )
    async with start_bot(encryption_keys=[NEW]):
        await env.slack.until(lambda: has_replies(env, 2))
        await connect(env)
        await env.slack.until(lambda: last_reply_contains(env, "I keep watching"))
    assert thread(env)[1:] == snapshot(
        [
            "The bot can't decrypt this target's API key: its encryption keys changed. An admin can reconnect the key with `/friendli-deploy connect`. The endpoint keeps running.",
            "Friendli is answering again; I keep watching.",
        ]
    )
    assert await rotate(env, NEW) == snapshot(
        (0, "Encrypted anew: 0. Under the first key before: 1.")
    )


@pytest.mark.parametrize(
    ("meanwhile", "kept"),
    [
        pytest.param(KeyRing([SecretStr(OLD)]).encrypt(SecretStr(LATER_KEY)), LATER_KEY, id="old"),
        pytest.param(KeyRing([SecretStr(NEW)]).encrypt(SecretStr(LATER_KEY)), LATER_KEY, id="new"),
        pytest.param("", "", id="the operator's"),
        pytest.param(None, None, id="wiped"),
    ],
)
async def test_a_key_that_changes_while_it_is_rotated_stays_as_it_was_changed(
    database: Database, meanwhile: str | None, kept: str | None
) -> None:
    """Between reading a key and writing it anew, somebody may connect another one."""
    before = KeyRing([SecretStr(OLD)]).encrypt(SecretStr(API_KEY))
    async with database.write() as session:
        session.add(
            WatchedProject(
                api_base="",
                team_id="",
                project_id="p",
                key_fingerprint="",
                key_last_four="",
                key_ciphertext=before,
            )
        )
    another = Database(database.engine.url.render_as_string(hide_password=False))

    async def change() -> None:
        async with another.write() as session:
            await session.execute(update(WatchedProject).values(key_ciphertext=meanwhile))

    due = [change]

    def read(*details: object) -> None:
        if due and "SELECT watched_projects.key_ciphertext" in str(details[2]):
            await_only(due.pop()())

    event.listen(database.engine.sync_engine, "after_cursor_execute", read)
    await rotate_all(database, KeyRing([SecretStr(NEW), SecretStr(OLD)]))
    async with database.read() as session:
        stored = await session.scalar(select(WatchedProject.key_ciphertext))
    await another.close()
    assert due == []
    found = KeyRing([SecretStr(NEW)]).decrypt(stored).get_secret_value() if stored else stored
    assert found == kept


async def test_neither_the_operators_key_nor_a_wiped_one_is_encrypted(
    env: Environment, start_bot: StartBot
) -> None:
    """There is nothing of them in the database."""
    async with start_bot(encryption_keys=[OLD], friendli_token=API_KEY):
        pass
    database = Database(env.database)
    async with database.write() as session:
        for project, ciphertext in (("operator's", ""), ("wiped", None)):
            session.add(
                WatchedProject(
                    api_base="",
                    team_id="",
                    project_id=project,
                    key_fingerprint="",
                    key_last_four="",
                    key_ciphertext=ciphertext,
                )
            )
    code, said = await rotate(env, NEW, OLD)
    async with database.read() as session:
        kept = await session.execute(
            select(WatchedProject.project_id, WatchedProject.key_ciphertext)
        )
        assert {tuple(row) for row in kept} == {("operator's", ""), ("wiped", None)}
    await database.close()
    assert (code, said.splitlines()[0]) == snapshot(
        (0, "Encrypted anew: 0. Under the first key before: 0.")
    )
