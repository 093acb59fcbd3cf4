"""Stories of a list that was asked for before something happened and is answered after it."""

from functools import partial

import pytest

from bot.sandbox.environment import TEAM, Environment, connect
from bot.sandbox.faults import Slow
from tests.acceptance.test_operations import sent
from tests.acceptance.test_polling import deploy
from tests.acceptance.thread_assertions import ends, root, roots, thread, told

pytestmark = pytest.mark.usefixtures("bot")

HELD = 60.0


async def list_shows(here: Environment, endpoint: str, status: str | None = None) -> None:
    """Hold back a list whose answer shows how the endpoint is now, or a new status."""
    held = here.friendli.faults.add(Slow(HELD), operation="list_endpoints")
    if status is not None:
        here.friendli.set_status(endpoint, status)
    await here.friendli.until(lambda: held.taken)


async def listed_again(here: Environment) -> None:
    """Let the list arrive that was held back, and two more after it."""
    lists = sent(here, "list_endpoints")
    here.clock.advance(HELD)
    await here.friendli.until(lambda: sent(here, "list_endpoints") >= lists + 2)


async def test_what_moved_to_another_key_is_not_told_by_the_old_one(here: Environment) -> None:
    """The list under the old key shows how it was before the new one told what followed."""
    endpoint = await deploy(here)
    await list_shows(here, endpoint)
    here.friendli.add_key("sandbox-second-key", team_id=TEAM)
    await here.admin.command(here.channel, "connect prod")
    await here.slack.until(lambda: here.admin.modal)
    await here.admin.fill("Personal API key (flp_…)", "sandbox-second-key")
    await here.admin.submit()
    here.friendli.set_status(endpoint, "RUNNING")
    await here.slack.until(lambda: "is serving" in root(here).text)
    await here.slack.until(lambda: told(here, 2))
    await listed_again(here)
    here.friendli.set_status(endpoint, "SLEEPING")
    await here.slack.until(partial(ends, here, "Put to sleep outside"))
    assert len(thread(here)) == 3


async def test_a_list_older_than_what_we_did_is_not_told(here: Environment) -> None:
    """After somebody asked to terminate it, nobody is told that it serves."""
    endpoint = await deploy(here)
    await list_shows(here, endpoint, "RUNNING")
    await here.member.click(root(here), "Cancel")
    await here.friendli.until(lambda: sent(here, "terminate_endpoint"))
    await listed_again(here)
    await here.slack.until(partial(ends, here, "Terminat"))
    assert not [said for said in thread(here) if "serving" in said]


async def test_what_was_let_go_meanwhile_is_not_told(here: Environment) -> None:
    """Its target was disconnected while the list was under way: nobody watches it any more."""
    endpoint = await deploy(here)
    await list_shows(here, endpoint, "RUNNING")
    await here.admin.command(here.channel, "disconnect prod")
    [question] = await here.slack.until(lambda: here.admin.ephemerals(here.channel))
    await here.admin.click(question, question.buttons[0])
    await here.slack.until(lambda: told(here, 2))
    await connect(here)
    await deploy(here, "another")
    await listed_again(here)
    first, _ = roots(here)
    assert len(here.channel.replies(first.ts)) == 2
    assert "serving" not in first.text
