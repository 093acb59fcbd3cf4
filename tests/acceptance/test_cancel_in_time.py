"""Stories of a cancel that comes at the moment at which the endpoint becomes known."""

from collections.abc import AsyncIterator
from copy import deepcopy

import pytest
from inline_snapshot import snapshot

from bot.sandbox.environment import Environment, world
from bot.sandbox.faults import Slow
from tests.acceptance.thread_assertions import plain, root, roots, thread
from tests.conftest import UNHURRIED

pytestmark = pytest.mark.usefixtures("bot")

ENDS = "terminate_endpoint"


@pytest.fixture
async def here(database_url: str) -> AsyncIterator[Environment]:
    """Both sandboxes, on each engine."""
    async with world(database_url, speed=0, limits=UNHURRIED) as made:
        yield made


def sent(here: Environment, operation: str) -> int:
    """How many requests of an operation have reached Friendli."""
    return sum(one.operation == operation for one in here.friendli.requests)


async def deploy(here: Environment) -> None:
    """Ask for an endpoint, and see its root."""
    await here.member.command(here.channel, "org/model --gpu 1xH100 --replicas 1 --name it --yes")
    await here.slack.until(lambda: roots(here) and "Cancel" in root(here).buttons)


async def is_over(here: Environment) -> None:
    """Let the endpoint go down, and see that the root says so."""
    await here.friendli.until(lambda: sent(here, ENDS))
    await here.slack.until(lambda: "Terminating." in thread(here))
    here.clock.advance(60)
    await here.slack.until(lambda: "is terminated" in root(here).text)
    await here.slack.until(lambda: "Terminated." in thread(here)[-1])


async def test_a_cancel_written_before_the_adoption_is_carried_out_by_it(here: Environment) -> None:
    """The endpoint was found already and about to be written down as ours."""
    here.friendli.faults.add(Slow(5), operation="get_endpoint")
    await deploy(here)
    await here.friendli.until(lambda: sent(here, "get_endpoint"))
    assert (await here.member.click(root(here), "Cancel")).ok
    await here.slack.until(lambda: "is being cancelled" in root(here).text)
    here.clock.advance(5)
    await is_over(here)
    assert thread(here) == snapshot(
        [
            "@requester asked to cancel it.",
            "Friendli made it, as `ENDPOINT-1`. Getting a GPU machine.",
            "Terminating.",
            "Terminated. It costs nothing now; a restart in Friendli Suite would be told here.",
        ]
    )
    assert (sent(here, "create_endpoint"), sent(here, ENDS)) == (1, 1)


async def test_a_cancel_clicked_after_the_adoption_ends_what_it_found(here: Environment) -> None:
    """The root that was clicked was drawn before."""
    await deploy(here)
    before = deepcopy(root(here))
    await here.slack.until(lambda: thread(here))
    assert (await here.member.click(before, "Cancel")).ok
    await is_over(here)
    assert thread(here) == snapshot(
        [
            "Friendli made it, as `ENDPOINT-1`. Getting a GPU machine.",
            "@requester asked to terminate it.",
            "Terminating.",
            "Terminated. It costs nothing now; a restart in Friendli Suite would be told here.",
        ]
    )
    assert (sent(here, "create_endpoint"), sent(here, ENDS)) == (1, 1)


async def test_a_cancel_between_the_list_and_the_request_sends_nothing(here: Environment) -> None:
    """What is listed before the request takes its time, in which a person may change their mind."""
    held = here.friendli.faults.add(Slow(5), operation="list_endpoints")
    await deploy(here)
    await here.friendli.until(lambda: held.taken)
    assert (await here.member.click(root(here), "Cancel")).ok
    await here.slack.until(lambda: "is being cancelled" in root(here).text)
    here.clock.advance(5)
    await here.slack.until(lambda: len(thread(here)) == 2)
    assert thread(here) == snapshot(
        ["@requester asked to cancel it.", "Cancelled. Nothing was made."]
    )
    assert sent(here, "create_endpoint") == 0


async def test_a_second_cancel_is_told_that_there_was_one(here: Environment) -> None:
    """Whoever clicks what was drawn before the first one changes nothing."""
    here.friendli.faults.add(Slow(5), operation="get_endpoint")
    await deploy(here)
    await here.friendli.until(lambda: sent(here, "get_endpoint"))
    before = deepcopy(root(here))
    assert (await here.member.click(before, "Cancel")).ok
    assert (await here.admin.click(before, "Cancel")).ok
    [said] = await here.slack.until(lambda: here.admin.ephemerals(here.channel)[-1:])
    assert plain(here, said.text) == snapshot(
        "Somebody asked for that already; the thread tells how it goes."
    )
    here.clock.advance(5)
    await is_over(here)
    assert thread(here)[0] == "@requester asked to cancel it."
    assert not [line for line in thread(here) if line.startswith("@admin")]
