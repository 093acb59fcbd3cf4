"""Stories of what comes twice, or from two sides at once: one effect, and the other side is told."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from bot.app import Running
from bot.sandbox.environment import PROJECT, Environment, connect
from bot.sandbox.faults import Answer, Hang, LoseReply
from bot.sandbox.slack.conversations import Message
from bot.sandbox.slack.deliveries import Ack
from bot.sandbox.slack.people import Actor
from tests.acceptance.thread_assertions import (
    asked_which,
    ends,
    plain,
    root,
    roots,
    thread,
    told,
    whispers,
)
from tests.conftest import StartBot

LINE = "org/model --gpu 1xH100 --replicas 1 --name it"
ALREADY = "You asked for that already; its thread is in this channel. Nothing was made twice."


def sent(here: Environment, operation: str) -> int:
    """How many requests of a kind reached the API."""
    return sum(one.operation == operation for one in here.friendli.requests)


def heard(here: Environment, person: Actor) -> list[str]:
    """What only this person sees."""
    return [plain(here, message.text) for message in person.ephemerals(here.channel)]


async def shown_preview(here: Environment) -> Message:
    """What a line without `--yes` is answered with."""
    await here.member.command(here.channel, LINE)
    [preview] = await here.slack.until(lambda: here.member.ephemerals(here.channel))
    return preview


async def on_its_way(sending: Coroutine[object, object, Ack]) -> "asyncio.Task[Ack]":
    """Let a delivery leave; the next one comes before it is answered."""
    task = asyncio.create_task(sending)
    await asyncio.sleep(0)
    return task


# The same thing, delivered again


@pytest.mark.usefixtures("bot")
async def test_a_click_that_slack_delivers_three_times_deploys_once(here: Environment) -> None:
    """Each copy bears the signature of the first, which stays good for five minutes."""
    click = await here.member.click(await shown_preview(here), "Deploy")
    await asyncio.gather(*(here.slack.deliver_again(click.delivery) for _ in range(2)))
    await here.slack.until(lambda: whispers(here).count(ALREADY) == 2)
    await here.slack.until(lambda: thread(here))
    assert sent(here, "create_endpoint") == len(roots(here)) == 1


@pytest.mark.usefixtures("bot")
async def test_a_line_that_slack_delivers_three_times_at_once_deploys_once(
    here: Environment,
) -> None:
    """Also when no copy has been written down before the next one comes."""
    first = await on_its_way(here.member.command(here.channel, f"{LINE} --yes"))
    await asyncio.gather(first, here.slack.deliver_again(), here.slack.deliver_again())
    await here.slack.until(lambda: whispers(here) == [ALREADY] * 2)
    await here.slack.until(lambda: thread(here))
    assert sent(here, "create_endpoint") == len(roots(here)) == 1


@pytest.mark.usefixtures("bot")
async def test_a_form_that_is_submitted_twice_at_once_deploys_once(here: Environment) -> None:
    """Whichever comes first; the other one is told."""
    await here.member.command(here.channel)
    await here.slack.until(lambda: here.member.modal)
    await here.member.fill("Model", "org/model")
    await here.member.fill("Instance", "1xH100")
    first = await on_its_way(here.member.submit())
    await asyncio.gather(first, here.slack.deliver_again())
    await here.slack.until(lambda: whispers(here) == [ALREADY])
    await here.slack.until(lambda: thread(here))
    assert sent(here, "create_endpoint") == len(roots(here)) == 1


@pytest.mark.usefixtures("bot")
async def test_a_click_on_cancel_that_slack_delivers_three_times_ends_it_once(
    here: Environment,
) -> None:
    """The thread says once who asked for it."""
    await here.member.command(here.channel, f"{LINE} --yes")
    await here.slack.until(lambda: thread(here) and "Cancel" in root(here).buttons)
    click = await here.member.click(root(here), "Cancel")
    await asyncio.gather(*(here.slack.deliver_again(click.delivery) for _ in range(2)))
    await here.slack.until(
        lambda: (
            whispers(here) == ["Somebody asked for that already; the thread tells how it goes."] * 2
        )
    )
    await here.slack.until(lambda: "Terminating." in thread(here))
    assert thread(here).count("@requester asked to terminate it.") == 1
    assert sent(here, "terminate_endpoint") == 1


# Two people


@pytest.mark.usefixtures("bot")
async def test_two_people_who_take_a_name_at_once_make_one_endpoint(here: Environment) -> None:
    """The unique key decides; whoever came second chooses another name."""
    people = (here.member, here.admin)
    await asyncio.gather(*(one.command(here.channel, f"{LINE} --yes") for one in people))
    await here.slack.until(lambda: any(heard(here, one) for one in people))
    [refusal] = [words for one in people for words in heard(here, one)]
    assert refusal == snapshot(
        "*it* is taken: a deployment of that name is on its way or running. Give another one with `--name`."
    )
    await here.slack.until(lambda: thread(here))
    assert sent(here, "create_endpoint") == len(here.friendli.endpoints) == 1


@pytest.mark.usefixtures("bot")
async def test_two_people_who_end_it_at_once_make_one_request(here: Environment) -> None:
    """One is named in the thread, the other one is told."""
    await here.member.command(here.channel, f"{LINE} --yes")
    await here.slack.until(lambda: thread(here) and "Cancel" in root(here).buttons)
    people = (here.member, here.admin)
    await asyncio.gather(*(one.click(root(here), "Cancel") for one in people))
    await here.slack.until(lambda: any(heard(here, one) for one in people))
    [second] = [words for one in people for words in heard(here, one)]
    assert second == "Somebody asked for that already; the thread tells how it goes."
    await here.slack.until(lambda: "Terminating." in thread(here))
    assert sum("asked to terminate it" in reply for reply in thread(here)) == 1
    assert sent(here, "terminate_endpoint") == 1


@pytest.mark.usefixtures("bot")
async def test_two_people_who_choose_at_once_settle_it_once(here: Environment) -> None:
    """One choice is written in the thread, the other person is told."""
    await here.member.command(
        here.channel, "sandbox/twins --gpu 1xH100 --replicas 1 --name it --yes"
    )
    question = await asked_which(here)
    first, second = here.friendli.endpoints
    await asyncio.gather(here.member.click(question, first), here.admin.click(question, second))
    people = (here.member, here.admin)
    await here.slack.until(lambda: any(heard(here, one) for one in people))
    [late] = [words for one in people for words in heard(here, one)]
    assert late == snapshot("That was settled already; the thread says how.")
    await here.slack.until(lambda: "says it is" in " ".join(thread(here)))
    assert sum("says it is" in reply for reply in thread(here)) == 1


# Two bots


@pytest.fixture
async def replicas(
    here: Environment, start_bot: StartBot, postgresql_url: str
) -> AsyncIterator[list[Running]]:
    """Two replicas on one database, in a connected channel."""
    async with AsyncExitStack() as stack:
        started = [
            await stack.enter_async_context(start_bot(database_url=postgresql_url))
            for _ in range(2)
        ]
        await connect(here)
        yield started


async def test_a_click_that_reaches_two_replicas_at_once_deploys_once(
    here: Environment, replicas: list[Running]
) -> None:
    """Their database decides, not their memory."""
    click = await on_its_way(here.member.click(await shown_preview(here), "Deploy"))
    here.slack.events_url = replicas[0].events_url
    await asyncio.gather(click, here.slack.deliver_again())
    await here.slack.until(lambda: ALREADY in whispers(here))
    await here.slack.until(lambda: thread(here))
    assert sent(here, "create_endpoint") == len(roots(here)) == 1


async def test_a_name_that_is_asked_of_two_replicas_at_once_is_given_once(
    here: Environment, replicas: list[Running]
) -> None:
    """Whoever came second is told that it is taken."""
    first = await on_its_way(here.member.command(here.channel, f"{LINE} --yes"))
    here.slack.events_url = replicas[0].events_url
    await asyncio.gather(first, here.admin.command(here.channel, f"{LINE} --yes"))
    people = (here.member, here.admin)
    await here.slack.until(lambda: any(heard(here, one) for one in people))
    [refusal] = [words for one in people for words in heard(here, one)]
    assert refusal.startswith("*it* is taken")
    await here.slack.until(lambda: thread(here))
    assert sent(here, "create_endpoint") == len(here.friendli.endpoints) == 1


@pytest.mark.parametrize("label", ["Cancel", "Terminate"])
async def test_two_people_who_end_it_through_two_replicas_make_one_request(
    here: Environment, replicas: list[Running], label: str
) -> None:
    """One is named in the thread, the other one is told."""
    await here.member.command(here.channel, f"{LINE} --yes")
    await here.slack.until(lambda: thread(here) and "Cancel" in root(here).buttons)
    if label == "Terminate":
        here.clock.advance(3600)
    await here.slack.until(lambda: label in root(here).buttons)
    first = await on_its_way(here.member.click(root(here), label))
    here.slack.events_url = replicas[0].events_url
    await asyncio.gather(first, here.admin.click(root(here), label))
    people = (here.member, here.admin)
    await here.slack.until(lambda: any(heard(here, one) for one in people))
    [second] = [words for one in people for words in heard(here, one)]
    assert second.endswith("already; the thread tells how it goes.")
    await here.slack.until(lambda: "Terminating." in thread(here))
    assert sum("asked to terminate it" in reply for reply in thread(here)) == 1
    assert sent(here, "terminate_endpoint") == 1


async def test_two_people_who_choose_through_two_replicas_settle_it_once(
    here: Environment, replicas: list[Running]
) -> None:
    """Here too, one choice is written in the thread and the other person is told."""
    await here.member.command(
        here.channel, "sandbox/twins --gpu 1xH100 --replicas 1 --name it --yes"
    )
    question = await asked_which(here)
    one, another = here.friendli.endpoints
    first = await on_its_way(here.member.click(question, one))
    here.slack.events_url = replicas[0].events_url
    await asyncio.gather(first, here.admin.click(question, another))
    people = (here.member, here.admin)
    await here.slack.until(lambda: any(heard(here, person) for person in people))
    await here.slack.until(lambda: "says it is" in " ".join(thread(here)))
    assert sum("says it is" in reply for reply in thread(here)) == 1


async def test_two_bots_of_one_project_take_nothing_of_each_other(
    here: Environment, start_bot: StartBot, tmp_path: Path
) -> None:
    """Each has its own database, so both give the name; the one that can't know its own asks."""
    async with AsyncExitStack() as stack:
        bots: list[Running] = []
        for database in (here.database, f"sqlite:///{tmp_path / 'another.sqlite3'}"):
            bots.append(await stack.enter_async_context(start_bot(database_url=database)))
            await connect(here)
        here.slack.events_url = bots[0].events_url
        hanging = here.friendli.faults.add(Hang(acts=True), operation="create_endpoint")
        await here.member.command(here.channel, f"{LINE} --yes")
        await here.friendli.until(lambda: hanging.taken)
        here.slack.events_url = bots[1].events_url
        await here.admin.command(here.channel, f"{LINE} --yes")
        [doubtful, sure] = await here.slack.until(
            lambda: found if len(found := roots(here)) == 2 else None
        )
        await here.slack.until(partial(ends, here, "Which one is it?", doubtful))
        theirs, its_own = here.friendli.endpoints
        await here.slack.until(partial(ends, here, its_own, sure))
        assert here.channel.replies(doubtful.ts)[-1].buttons[-3:] == [its_own, theirs, "Neither"]
        assert sent(here, "create_endpoint") == 2


# Somebody in Friendli Suite


@pytest.mark.usefixtures("bot")
async def test_an_endpoint_of_the_same_name_made_just_before_stays_a_strangers(
    here: Environment,
) -> None:
    """Even if it can't be told from ours but for having been there before."""
    stranger = here.friendli.create(project_id=PROJECT, name="it")
    here.friendli.faults.add(LoseReply(), operation="create_endpoint")
    await here.member.command(here.channel, f"{LINE} --yes")
    await here.slack.until(partial(told, here, 2))
    [ours] = [id_ for id_ in here.friendli.endpoints if id_ != stranger]
    assert ours in here.channel.replies(root(here).ts)[1].text


@pytest.mark.usefixtures("bot")
async def test_an_endpoint_of_the_same_name_made_at_the_same_time_is_asked_about(
    here: Environment,
) -> None:
    """Without an answer to the request nobody can tell them apart, so nothing is taken by guess."""
    lists = here.friendli.faults.add(
        Answer(503),
        operation="list_endpoints",
        times=None,
        when=lambda _: sent(here, "create_endpoint") > 0,
    )
    here.friendli.faults.add(LoseReply(), operation="create_endpoint")
    await here.member.command(here.channel, f"{LINE} --yes")
    await here.friendli.until(lambda: here.friendli.endpoints)
    [ours] = here.friendli.endpoints
    stranger = here.friendli.create(project_id=PROJECT, name="it")
    here.friendli.faults.remove(lists)
    await here.slack.until(partial(ends, here, "Which one is it?"))
    question = here.channel.replies(root(here).ts)[-1]
    assert sorted(question.buttons[:-1]) == sorted([ours, stranger])
    await here.member.click(question, ours)
    await here.slack.until(partial(ends, here, f"says it is `{ours}`"))
    assert sent(here, "create_endpoint") == 1


@pytest.mark.usefixtures("bot")
async def test_the_same_line_sent_twice_is_asked_about(here: Environment) -> None:
    """Two commands of the same words within a minute make one endpoint and a question."""
    line = "org/model --gpu 1xH100 --yes"
    await here.member.command(here.channel, line)
    await here.member.command(here.channel, line)
    await here.slack.until(lambda: here.member.ephemerals(here.channel))
    [question] = here.member.ephemerals(here.channel)
    assert "Deploy a second one?" in question.text
    assert question.buttons == ["Deploy a second one", "Change", "Cancel"]
    await here.friendli.until(lambda: here.friendli.endpoints)
    assert len(roots(here)) == 1
    await here.member.click(question, "Deploy a second one")
    await here.friendli.until(lambda: len(here.friendli.endpoints) == 2)
    await here.admin.command(here.channel, line)
    await here.friendli.until(lambda: len(here.friendli.endpoints) == 3)
