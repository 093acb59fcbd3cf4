"""Stories of endpoints that vanish: never given up too soon, and as before when they reappear."""

from functools import partial

import pytest
from inline_snapshot import snapshot

from bot.sandbox.environment import PROJECT, Environment, connect
from bot.sandbox.faults import Answer
from tests.acceptance.clock import lease_ends_in
from tests.acceptance.thread_assertions import ends, root, roots, thread, words
from tests.conftest import StartBot


async def serve(here: Environment, options: str = "") -> str:
    """Deploy one endpoint and wait until it serves; returns its id."""
    await here.member.command(
        here.channel, f"org/model --gpu 1xH100 --replicas 1 --name it {options} --yes"
    )
    await here.slack.until(lambda: roots(here) and thread(here))
    [endpoint] = here.friendli.endpoints
    here.friendli.set_status(endpoint, "RUNNING")
    await here.slack.until(lambda: len(thread(here)) == 2 and "is serving" in root(here).text)
    return endpoint


def sent(here: Environment, operation: str) -> int:
    """How many requests of a kind reached the API."""
    return sum(one.operation == operation for one in here.friendli.requests)


@pytest.mark.usefixtures("bot")
async def test_a_lone_endpoint_whose_project_vanishes_is_watched_on_and_revived(
    here: Environment,
) -> None:
    """A key without membership sees an empty list and 404; nobody is told that it costs nothing."""
    endpoint = await serve(here)
    here.friendli.hide_project(PROJECT)
    await here.slack.until(lambda: "isn't listed" in root(here).text)
    seen = len(here.friendli.requests)
    await here.friendli.until(lambda: len(here.friendli.requests) > seen + 8)
    assert words(here, root(here)) == snapshot("""\
*it* isn't listed by Friendli any more
It was deleted, or the API key lost its project; then it may be billed. Watching on until TIME.
org/model · 1 × H100 · 1 replica · endpoint `ENDPOINT-1`
asked by @requester at TIME · target `prod`
[Open in Friendli]\
""")
    here.friendli.unhide_project(PROJECT)
    await here.slack.until(lambda: "is serving" in root(here).text)
    here.friendli.set_status(endpoint, "SLEEPING")
    await here.slack.until(partial(ends, here, "sleep"))
    assert thread(here)[2:] == snapshot(
        [
            "# Friendli doesn't list *it* any more. Either it was deleted, or this target's API key lost its access to the project; then it may be billed on. Watching on until TIME.",
            "# Friendli lists *it* again: serving, $5.00/h while live.",
            "Put to sleep outside of this channel. $0.00/h while it sleeps; any request wakes it.",
        ]
    )


@pytest.mark.usefixtures("bot")
async def test_a_terminate_that_is_answered_with_404_is_carried_out_later(
    here: Environment,
) -> None:
    """A 404 is no proof that it ended: the request waits, and is sent when it reappears."""
    await serve(here)
    here.friendli.hide_project(PROJECT)
    await here.member.click(root(here), "Terminate")
    await here.slack.until(lambda: "isn't listed" in root(here).text)
    here.friendli.unhide_project(PROJECT)
    await here.slack.until(lambda: any(line.startswith("Terminat") for line in thread(here)))
    [endpoint] = here.friendli.endpoints.values()
    assert endpoint.status in ("TERMINATING", "TERMINATED")


async def test_a_lifetime_that_ended_meanwhile_is_ended_afterwards(
    here: Environment, start_bot: StartBot
) -> None:
    """Nothing is sent to what isn't listed; once it is back, its end is warned of and carried out."""
    async with start_bot(lifetime_notice_min=0.1, lifetime_notice_max=0.1):
        await connect(here)
        await serve(here, "--for 2h")
        here.friendli.hide_project(PROJECT)
        await here.slack.until(lambda: "isn't listed" in root(here).text)
        await lease_ends_in(here, 0)
        here.friendli.unhide_project(PROJECT)
        await here.friendli.until(lambda: sent(here, "terminate_endpoint") > 0, within=20)


@pytest.mark.usefixtures("bot")
async def test_what_was_deleted_from_here_is_gone_at_once(here: Environment) -> None:
    """That is what was asked for."""
    endpoint = await serve(here)
    here.friendli.terminate(endpoint)
    here.clock.advance(60)
    await here.slack.until(lambda: "Delete" in root(here).buttons)
    await here.admin.click(root(here), "Delete")
    await here.slack.until(lambda: here.admin.modal)
    await here.admin.fill("Type it to confirm", "it")
    await here.admin.submit()
    await here.slack.until(partial(ends, here, "gone from Friendli"))
    assert not any("doesn't list" in line for line in thread(here))


@pytest.mark.usefixtures("bot")
async def test_an_endpoint_that_is_gone_after_an_unanswered_delete_was_deleted(
    here: Environment,
) -> None:
    """Friendli fails after it deleted, and asks to wait; the list shows the outcome before."""
    endpoint = await serve(here)
    here.friendli.terminate(endpoint)
    here.clock.advance(60)
    await here.slack.until(lambda: "Delete" in root(here).buttons)
    failed = Answer(503, None, {"Retry-After": "60"}, acts=True)
    here.friendli.faults.add(failed, operation="delete_endpoint")
    await here.admin.click(root(here), "Delete")
    await here.slack.until(lambda: here.admin.modal)
    await here.admin.fill("Type it to confirm", "it")
    await here.admin.submit()
    await here.slack.until(partial(ends, here, "gone from Friendli"))
    assert not any("doesn't list" in line for line in thread(here))


@pytest.mark.usefixtures("bot")
async def test_a_delete_that_was_refused_proves_nothing(here: Environment) -> None:
    """An endpoint that vanishes after it is looked for on, like any other."""
    endpoint = await serve(here)
    here.friendli.terminate(endpoint)
    here.clock.advance(60)
    await here.slack.until(lambda: "Delete" in root(here).buttons)
    here.friendli.faults.add(Answer(403), operation="delete_endpoint", times=None)
    await here.admin.click(root(here), "Delete")
    await here.slack.until(lambda: here.admin.modal)
    await here.admin.fill("Type it to confirm", "it")
    await here.admin.submit()
    await here.slack.until(partial(ends, here, "didn't delete it"))
    here.friendli.hide_project(PROJECT)
    await here.slack.until(lambda: "isn't listed" in root(here).text)


async def test_a_bot_that_restarts_meanwhile_revives_it_too(
    here: Environment, start_bot: StartBot
) -> None:
    """Nothing lives only in memory."""
    async with start_bot():
        await connect(here)
        await serve(here)
        here.friendli.hide_project(PROJECT)
        await here.slack.until(lambda: "isn't listed" in root(here).text)
    here.friendli.unhide_project(PROJECT)
    async with start_bot():
        await here.slack.until(lambda: "is serving" in root(here).text)
    assert sum("lists *it* again" in line for line in thread(here)) == 1


@pytest.mark.usefixtures("bot")
async def test_an_empty_list_alone_takes_nothing_away(here: Environment) -> None:
    """An endpoint that answers for itself is there, whatever the list says."""
    await serve(here)
    blackout = here.friendli.faults.add(
        Answer(200, {"data": {}, "nextCursor": None}), operation="list_endpoints", times=None
    )
    seen = blackout.taken
    await here.friendli.until(lambda: blackout.taken > seen + 6)
    assert "is serving" in root(here).text
    assert len(thread(here)) == 2
