"""A whole life of an endpoint, after which every secret is looked for wherever it may have gone."""

import io
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from urllib.parse import quote

import aiohttp
import pytest
from sqlalchemy import text

from bot.app import running
from bot.db.encryption import new_encryption_key
from bot.db.session import Database
from bot.ops.keys import rotate_keys
from bot.sandbox.environment import (
    API_KEY,
    BOT_TOKEN,
    PROJECT,
    SIGNING_SECRET,
    Environment,
    connect,
    open_environment,
)
from bot.sandbox.faults import Call, Hang, Respond
from tests.acceptance.settings_form import save_settings
from tests.acceptance.thread_assertions import ephemeral_texts, root
from tests.conftest import NO_LIMITS, SHORT_WAITS
from tests.ops.test_logs import Configure, configure, everything_stored, response_url_keys

__all__ = ["configure"]

OLD, NEW = new_encryption_key(), new_encryption_key()
REFUSED_KEY, LATER_KEY = "refused-key-not-a-secret", "later-key-not-a-secret"


class Terminal(io.StringIO):
    """Shows lines for reading, with tracebacks below them."""

    def isatty(self) -> bool:
        """Say that somebody reads along."""
        return True


@pytest.fixture
async def anywhere(database_url: str) -> AsyncIterator[Environment]:
    """Both sandboxes, on a database of each kind."""
    async with open_environment(database_url, speed=0, limits=NO_LIMITS) as made:
        made.friendli.add_key(LATER_KEY, team_id="sandbox-team")
        yield made


class Overheard:
    """What was sent to Slack, before its log masks anything."""

    def __init__(self, env: Environment) -> None:
        self.said: list[str] = []
        env.slack.faults.add(Hang(), when=self._hear, times=None)

    def _hear(self, call: Call) -> bool:
        self.said.append(json.dumps([call.path, dict(call.query), dict(call.body)]))
        return False


async def type_key(env: Environment, key: str) -> None:
    """Have an admin type a key into the form that connects the target."""
    await env.admin.command(env.channel, "connect prod")
    await env.slack.until(lambda: env.admin.modal)
    await env.admin.fill("Friendli project id", PROJECT)
    await env.admin.fill("Personal API key (flp_…)", key)


async def test_no_secret_is_left_anywhere(anywhere: Environment, configure: Configure) -> None:
    """Neither in logs, tracebacks, metrics, tables, messages, forms and buttons, nor said by us."""
    env = anywhere
    # Of the two ways to write logs, each goes with one of the databases.
    stream = configure("DEBUG", Terminal() if env.database.startswith("sqlite") else None)
    overheard = Overheard(env)
    said: list[str] = []
    async with running(env.settings(**SHORT_WAITS, encryption_keys=[OLD])) as bot:
        env.slack.events_url = bot.events_url
        await type_key(env, REFUSED_KEY)
        await env.admin.submit()
        assert "rejected this key" in str(env.admin.field_errors)
        await env.admin.close_modal()
        await connect(env)
        await save_settings(env, approval="always")
        await env.member.command(env.channel, "org/model --gpu 1xH100 --name it --yes")
        await env.slack.until(lambda: "Approve" in root(env).buttons)
        await env.admin.click(root(env), "Approve")
        await env.friendli.until(lambda: env.friendli.endpoints)
        [endpoint] = env.friendli.endpoints
        env.friendli.set_status(endpoint, "RUNNING")
        await env.slack.until(lambda: "is live" in root(env).text)
        await save_settings(env, approval="never")
        await it_is_updated(env)
        await it_fails(env)
        await type_key(env, LATER_KEY)
        await env.admin.submit()
        await env.slack.until(lambda: "is connected" in str(env.admin.modal))
    async with (
        running(env.settings(**SHORT_WAITS, encryption_keys=[NEW, OLD])) as bot,
        aiohttp.ClientSession() as http,
    ):
        env.slack.events_url = bot.events_url
        settings = env.settings(encryption_keys=[NEW, OLD])
        assert await rotate_keys(settings, said.append) == 0
        await env.member.command(env.channel, "status it")
        await env.slack.until(lambda: "it" in ephemeral_texts(env)[-1])
        for path in ("metrics", "readyz", "healthz"):
            async with http.get(f"{bot.url}/{path}") as answer:
                said.append(await answer.text())
    places = {
        "log": stream.getvalue(),
        "tables": await everything_stored(env),
        "calls of Slack": "\n".join(overheard.said),
        "answers to Slack": "\n".join(one.answer for one in env.slack.requests.entries),
        "said": "\n".join(said),
    }
    told_ = "".join(places.values())
    for expected in ("org/model", "Traceback", "friendli_deploy_", "private_metadata", "approval"):
        assert expected in told_
    secrets = {BOT_TOKEN, SIGNING_SECRET, API_KEY, REFUSED_KEY, LATER_KEY, OLD, NEW}
    for place, words in places.items():
        looked_for = secrets | (set() if place == "calls of Slack" else response_url_keys(env))
        found = [one for secret in looked_for for one in _spellings(secret) if one in words]
        assert found == [], place


async def it_is_updated(env: Environment) -> None:
    """Change its GPUs, and wait until that was asked of Friendli."""
    await env.member.command(env.channel, "update it --gpu 2xH100")
    question = await env.slack.until(
        lambda: next(
            (one for one in env.member.ephemerals(env.channel) if "Change" in one.buttons), None
        )
    )
    await env.member.click(question, "update.agree")
    await env.friendli.until(
        lambda: any(one.operation == "update_endpoint" for one in env.friendli.requests)
    )


async def it_fails(env: Environment) -> None:
    """An API that quotes the key, and a table that is gone while a key is stored."""
    echo = f"the key {API_KEY} of Bearer {API_KEY} is unwell"
    answer = Respond(403, {"detail": echo})
    fault = env.friendli.faults.add(answer, operation="get_endpoint", times=None)
    await env.member.command(env.channel, "versions it")
    await env.slack.until(lambda: "is unwell" in ephemeral_texts(env)[-1])
    env.friendli.faults.remove(fault)
    await type_key(env, LATER_KEY)
    database = Database(env.database)
    async with renamed(database, "targets", "hidden"):
        await env.admin.submit()
        await env.slack.until(lambda: "went wrong on our side" in modal_text(env))
    await database.close()
    await env.admin.close_modal()


def modal_text(env: Environment) -> str:
    """What the admin's modal says."""
    return "" if env.admin.modal is None else str(env.admin.modal.body)


@asynccontextmanager
async def renamed(database: Database, table: str, meanwhile: str) -> AsyncIterator[None]:
    """Have no table of that name."""
    async with database.connection() as connection:
        await connection.execute(text(f"ALTER TABLE {table} RENAME TO {meanwhile}"))
    yield
    async with database.connection() as connection:
        await connection.execute(text(f"ALTER TABLE {meanwhile} RENAME TO {table}"))


def _spellings(secret: str) -> Iterator[str]:
    """As it is, and as it travels in headers and addresses."""
    yield from {secret, quote(secret, safe=""), b64encode(secret.encode()).decode()}
