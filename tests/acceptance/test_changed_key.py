"""Stories of a database in which somebody changed the stored API keys."""

from collections.abc import AsyncIterator

import pytest
from inline_snapshot import snapshot
from sqlalchemy import text

from bot.app import running
from bot.db.session import Database
from bot.sandbox.environment import Environment, connect, open_environment
from bot.services.audit import Audit
from tests.acceptance.thread_assertions import has_replies, last_reply_contains, thread
from tests.conftest import NO_LIMITS, SHORT_WAITS

DEPLOY = "org/model --gpu H100 --name it --yes"
OTHER_KEY = "another-key-not-a-secret"
CHANGES = {
    "swapped": "UPDATE watched_projects SET key_ciphertext = (SELECT key_ciphertext FROM"
    " watched_projects AS other WHERE other.id != watched_projects.id)",
    "blanked": "UPDATE watched_projects SET key_ciphertext = ''",
    "wiped": "UPDATE watched_projects SET key_ciphertext = NULL",
    "moved": "UPDATE watched_projects SET key_ciphertext = (SELECT key_ciphertext FROM"
    " watched_projects AS other WHERE other.id = (SELECT max(id) FROM watched_projects))",
}


@pytest.fixture
async def anywhere(database_url: str) -> AsyncIterator[Environment]:
    """Both sandboxes, on a database of each kind, with a second key to Friendli."""
    async with open_environment(database_url, speed=0, limits=NO_LIMITS) as made:
        made.friendli.add_project("other-project", "sandbox-team")
        made.friendli.add_key(OTHER_KEY, team_id="sandbox-team")
        yield made


async def connect_other(env: Environment) -> None:
    """Connect a second target, whose key is another one."""
    await env.admin.command(env.channel, "connect other")
    await env.slack.until(lambda: env.admin.modal)
    await env.admin.fill("Target name", "other")
    await env.admin.fill("Friendli project id", "other-project")
    await env.admin.fill("Personal API key (flp_…)", OTHER_KEY)
    await env.admin.submit()
    await env.slack.until(
        lambda: env.admin.modal is not None and "is connected" in str(env.admin.modal.body)
    )
    await env.admin.close_modal()


async def change(env: Environment, statement: str) -> None:
    """Write into the database past the bot."""
    database = Database(env.database)
    async with database.connection() as connection:
        await connection.execute(text(statement))
    await database.close()


async def audited(env: Environment) -> list[tuple[str, str, str, str]]:
    database = Database(env.database)
    found = [
        (entry.action, entry.target_name, str(entry.effect), entry.detail)
        async for entry in Audit(database).since(None)
        if entry.action == "target:key"
    ]
    await database.close()
    return found


@pytest.mark.parametrize("how", CHANGES)
async def test_a_key_that_was_changed_is_not_used_for_what_runs(
    anywhere: Environment, how: str
) -> None:
    """The thread says so, the audit has it, and connecting again mends it."""
    env = anywhere
    # The operator's key is there too: a blank stands for it.
    settings = env.settings(**SHORT_WAITS, friendli_token=OTHER_KEY)
    async with running(settings) as bot:
        env.slack.events_url = bot.events_url
        await connect(env)
        await connect_other(env)
        await env.member.command(env.channel, f"{DEPLOY} --to prod")
        await env.slack.until(lambda: has_replies(env, 1))
    await change(env, CHANGES[how])
    before = len(env.friendli.requests)
    async with running(settings) as bot:
        env.slack.events_url = bot.events_url
        await env.slack.until(lambda: has_replies(env, 2))
        assert len(env.friendli.requests) == before
        assert ("target:key", "prod", "refused") in [entry[:3] for entry in await audited(env)]
        await connect(env)
        await env.slack.until(lambda: last_reply_contains(env, "I keep watching"))
    assert thread(env)[1] == snapshot(
        "The API key stored for this target isn't the one that was connected, so the bot doesn't use it. Someone may have changed the bot's database: tell its operator. `/friendli-deploy connect` stores the key again. The endpoint keeps running."
    )


@pytest.mark.parametrize("how", ["swapped", "blanked", "moved"])
async def test_nothing_is_created_with_a_key_that_was_changed(
    anywhere: Environment, how: str
) -> None:
    """It would be billed to somebody else."""
    env = anywhere
    settings = env.settings(**SHORT_WAITS, friendli_token=OTHER_KEY)
    async with running(settings) as bot:
        env.slack.events_url = bot.events_url
        await connect(env)
        await connect_other(env)
    await change(env, CHANGES[how])
    async with running(settings) as bot:
        env.slack.events_url = bot.events_url
        await env.member.command(env.channel, f"{DEPLOY} --to prod")
        await env.slack.until(lambda: has_replies(env, 1))
    assert not env.friendli.endpoints
    assert thread(env) == snapshot(
        [
            "# 🔴 *it* wasn't created. The API key stored for this target isn't the one that was connected, so the bot doesn't use it. Someone may have changed the bot's database: tell its operator."
        ]
    )
    assert await audited(env) == snapshot(
        [
            (
                "target:key",
                "prod",
                "refused",
                "The API key stored for this target isn't the one that was connected, so the bot doesn't use it. Someone may have changed the bot's database: tell its operator.",
            )
        ]
    )
