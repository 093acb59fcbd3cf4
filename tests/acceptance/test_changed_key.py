"""Stories of a database in which somebody changed the stored API keys."""

from collections.abc import AsyncIterator

import pytest
from inline_snapshot import snapshot
from sqlalchemy import text

from bot.app import running
from bot.db.session import Database
from bot.sandbox.environment import Environment, connect, world
from bot.services.audit import Audit
from tests.acceptance.thread_assertions import ends, thread, told
from tests.conftest import QUICK, UNHURRIED

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
    async with world(database_url, speed=0, limits=UNHURRIED) as made:
        made.friendli.add_project("other-project", "sandbox-team")
        made.friendli.add_key(OTHER_KEY, team_id="sandbox-team")
        yield made


async def connect_other(here: Environment) -> None:
    """Connect a second target, whose key is another one."""
    await here.admin.command(here.channel, "connect other")
    await here.slack.until(lambda: here.admin.modal)
    await here.admin.fill("Target name", "other")
    await here.admin.fill("Friendli project id", "other-project")
    await here.admin.fill("Personal API key (flp_…)", OTHER_KEY)
    await here.admin.submit()
    await here.slack.until(
        lambda: here.admin.modal is not None and "is connected" in str(here.admin.modal.body)
    )
    await here.admin.close_modal()


async def change(here: Environment, statement: str) -> None:
    """Write into the database past the bot."""
    database = Database(here.database)
    async with database.connection() as connection:
        await connection.execute(text(statement))
    await database.close()


async def audited(here: Environment) -> list[tuple[str, str, str, str]]:
    database = Database(here.database)
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
    here = anywhere
    # The operator's key is there too: a blank stands for it.
    settings = here.settings(**QUICK, friendli_token=OTHER_KEY)
    async with running(settings) as bot:
        here.slack.events_url = bot.events_url
        await connect(here)
        await connect_other(here)
        await here.member.command(here.channel, f"{DEPLOY} --to prod")
        await here.slack.until(lambda: told(here, 1))
    await change(here, CHANGES[how])
    before = len(here.friendli.requests)
    async with running(settings) as bot:
        here.slack.events_url = bot.events_url
        await here.slack.until(lambda: told(here, 2))
        assert len(here.friendli.requests) == before
        assert ("target:key", "prod", "refused") in [entry[:3] for entry in await audited(here)]
        await connect(here)
        await here.slack.until(lambda: ends(here, "watching goes on"))
    assert thread(here)[1] == snapshot(
        "The API key stored for this target isn't the one that was connected, so it isn't used. Somebody may have changed the bot's database: tell whoever runs it. `/friendli-deploy connect` stores the key again. The endpoint runs on."
    )


@pytest.mark.parametrize("how", ["swapped", "blanked", "moved"])
async def test_nothing_is_created_with_a_key_that_was_changed(
    anywhere: Environment, how: str
) -> None:
    """It would be billed to somebody else."""
    here = anywhere
    settings = here.settings(**QUICK, friendli_token=OTHER_KEY)
    async with running(settings) as bot:
        here.slack.events_url = bot.events_url
        await connect(here)
        await connect_other(here)
    await change(here, CHANGES[how])
    async with running(settings) as bot:
        here.slack.events_url = bot.events_url
        await here.member.command(here.channel, f"{DEPLOY} --to prod")
        await here.slack.until(lambda: told(here, 1))
    assert not here.friendli.endpoints
    assert thread(here) == snapshot(
        [
            "# *it* wasn't made. The API key stored for this target isn't the one that was connected, so it isn't used. Somebody may have changed the bot's database: tell whoever runs it. An admin can connect a new key with `/friendli-deploy connect`."
        ]
    )
    assert await audited(here) == snapshot(
        [
            (
                "target:key",
                "prod",
                "refused",
                "The API key stored for this target isn't the one that was connected, so it isn't used. Somebody may have changed the bot's database: tell whoever runs it.",
            )
        ]
    )
