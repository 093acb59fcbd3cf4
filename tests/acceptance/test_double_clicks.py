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
from bot.sandbox.faults import Hang, LoseReply, Respond
from bot.sandbox.slack.conversations import Message
from bot.sandbox.slack.deliveries import Ack
from tests.acceptance.endpoints import request_count
from tests.acceptance.thread_assertions import (
    candidate_question,
    ephemeral_texts,
    has_replies,
    last_reply_contains,
    root,
    roots,
    thread,
)
from tests.conftest import StartBot

LINE = "org/model --gpu 1xH100 --replicas 1 --name it"
ALREADY = "You already requested this; see its thread in this channel. Nothing was created twice."


async def shown_preview(env: Environment) -> Message:
    """What a line without `--yes` is answered with."""
    await env.member.command(env.channel, LINE)
    [preview] = await env.slack.until(lambda: env.member.ephemerals(env.channel))
    return preview


async def on_its_way(sending: Coroutine[object, object, Ack]) -> "asyncio.Task[Ack]":
    """Let a delivery leave; the next one comes before it is answered."""
    task = asyncio.create_task(sending)
    await asyncio.sleep(0)
    return task


# The same thing, delivered again


@pytest.mark.usefixtures("bot")
async def test_a_click_that_slack_delivers_three_times_deploys_once(env: Environment) -> None:
    """Each copy bears the signature of the first, which stays good for five minutes."""
    click = await env.member.click(await shown_preview(env), "Deploy")
    await asyncio.gather(*(env.slack.deliver_again(click.delivery) for _ in range(2)))
    await env.slack.until(lambda: ephemeral_texts(env).count(ALREADY) == 2)
    await env.slack.until(lambda: thread(env))
    assert request_count(env, "create_endpoint") == len(roots(env)) == 1


@pytest.mark.usefixtures("bot")
async def test_a_line_that_slack_delivers_three_times_at_once_deploys_once(
    env: Environment,
) -> None:
    """Also when no copy has been written down before the next one comes."""
    first = await on_its_way(env.member.command(env.channel, f"{LINE} --yes"))
    await asyncio.gather(first, env.slack.deliver_again(), env.slack.deliver_again())
    await env.slack.until(lambda: ephemeral_texts(env) == [ALREADY] * 2)
    await env.slack.until(lambda: thread(env))
    assert request_count(env, "create_endpoint") == len(roots(env)) == 1


@pytest.mark.usefixtures("bot")
async def test_a_form_that_is_submitted_twice_at_once_deploys_once(env: Environment) -> None:
    """Whichever comes first; the other one is told."""
    await env.member.command(env.channel)
    await env.slack.until(lambda: env.member.modal)
    await env.member.fill("Model", "org/model")
    await env.member.fill("Instance", "1xH100")
    first = await on_its_way(env.member.submit())
    await asyncio.gather(first, env.slack.deliver_again())
    await env.slack.until(lambda: ephemeral_texts(env) == [ALREADY])
    await env.slack.until(lambda: thread(env))
    assert request_count(env, "create_endpoint") == len(roots(env)) == 1


@pytest.mark.usefixtures("bot")
async def test_a_click_on_cancel_that_slack_delivers_three_times_ends_it_once(
    env: Environment,
) -> None:
    """The thread says once who asked for it."""
    await env.member.command(env.channel, f"{LINE} --yes")
    await env.slack.until(lambda: thread(env) and "Cancel" in root(env).buttons)
    click = await env.member.click(root(env), "Cancel")
    await asyncio.gather(*(env.slack.deliver_again(click.delivery) for _ in range(2)))
    await env.slack.until(
        lambda: ephemeral_texts(env) == ["Someone already requested this; see the thread."] * 2
    )
    await env.slack.until(lambda: any("Terminating." in said for said in thread(env)))
    assert thread(env).count("@requester asked to terminate it.") == 1
    assert request_count(env, "terminate_endpoint") == 1


# Two people


@pytest.mark.usefixtures("bot")
async def test_two_people_who_take_a_name_at_once_make_one_endpoint(env: Environment) -> None:
    """The unique key decides; whoever came second chooses another name."""
    people = (env.member, env.admin)
    await asyncio.gather(*(one.command(env.channel, f"{LINE} --yes") for one in people))
    await env.slack.until(lambda: any(ephemeral_texts(env, one) for one in people))
    [refusal] = [words for one in people for words in ephemeral_texts(env, one)]
    assert refusal == snapshot(
        "*it* is taken: another deployment has that name. Choose another with `--name`."
    )
    await env.slack.until(lambda: thread(env))
    assert request_count(env, "create_endpoint") == len(env.friendli.endpoints) == 1


@pytest.mark.usefixtures("bot")
async def test_two_people_who_end_it_at_once_make_one_request(env: Environment) -> None:
    """One is named in the thread, the other one is told."""
    await env.member.command(env.channel, f"{LINE} --yes")
    await env.slack.until(lambda: thread(env) and "Cancel" in root(env).buttons)
    people = (env.member, env.admin)
    await asyncio.gather(*(one.click(root(env), "Cancel") for one in people))
    await env.slack.until(lambda: any(ephemeral_texts(env, one) for one in people))
    [second] = [words for one in people for words in ephemeral_texts(env, one)]
    assert second == "Someone already requested this; see the thread."
    await env.slack.until(lambda: any("Terminating." in said for said in thread(env)))
    assert sum("asked to terminate it" in reply for reply in thread(env)) == 1
    assert request_count(env, "terminate_endpoint") == 1


@pytest.mark.usefixtures("bot")
async def test_two_people_who_choose_at_once_settle_it_once(env: Environment) -> None:
    """One choice is written in the thread, the other person is told."""
    await env.member.command(env.channel, "sandbox/twins --gpu 1xH100 --replicas 1 --name it --yes")
    question = await candidate_question(env)
    first, second = env.friendli.endpoints
    await asyncio.gather(env.member.click(question, first), env.admin.click(question, second))
    people = (env.member, env.admin)
    await env.slack.until(lambda: any(ephemeral_texts(env, one) for one in people))
    [late] = [words for one in people for words in ephemeral_texts(env, one)]
    assert late == snapshot("Someone already chose; see the thread.")
    await env.slack.until(lambda: " chose " in " ".join(thread(env)))
    assert sum(" chose " in reply for reply in thread(env)) == 1


# Two bots


@pytest.fixture
async def replicas(
    env: Environment, start_bot: StartBot, postgresql_url: str
) -> AsyncIterator[list[Running]]:
    """Two replicas on one database, in a connected channel."""
    async with AsyncExitStack() as stack:
        started = [
            await stack.enter_async_context(start_bot(database_url=postgresql_url))
            for _ in range(2)
        ]
        await connect(env)
        yield started


async def test_a_click_that_reaches_two_replicas_at_once_deploys_once(
    env: Environment, replicas: list[Running]
) -> None:
    """Their database decides, not their memory."""
    click = await on_its_way(env.member.click(await shown_preview(env), "Deploy"))
    env.slack.events_url = replicas[0].events_url
    await asyncio.gather(click, env.slack.deliver_again())
    await env.slack.until(lambda: ALREADY in ephemeral_texts(env))
    await env.slack.until(lambda: thread(env))
    assert request_count(env, "create_endpoint") == len(roots(env)) == 1


async def test_a_name_that_is_asked_of_two_replicas_at_once_is_given_once(
    env: Environment, replicas: list[Running]
) -> None:
    """Whoever came second is told that it is taken."""
    first = await on_its_way(env.member.command(env.channel, f"{LINE} --yes"))
    env.slack.events_url = replicas[0].events_url
    await asyncio.gather(first, env.admin.command(env.channel, f"{LINE} --yes"))
    people = (env.member, env.admin)
    await env.slack.until(lambda: any(ephemeral_texts(env, one) for one in people))
    [refusal] = [words for one in people for words in ephemeral_texts(env, one)]
    assert refusal.startswith("*it* is taken")
    await env.slack.until(lambda: thread(env))
    assert request_count(env, "create_endpoint") == len(env.friendli.endpoints) == 1


@pytest.mark.parametrize("label", ["Cancel", "Terminate"])
async def test_two_people_who_end_it_through_two_replicas_make_one_request(
    env: Environment, replicas: list[Running], label: str
) -> None:
    """One is named in the thread, the other one is told."""
    await env.member.command(env.channel, f"{LINE} --yes")
    await env.slack.until(lambda: thread(env) and "Cancel" in root(env).buttons)
    if label == "Terminate":
        env.clock.advance(3600)
    await env.slack.until(lambda: label in root(env).buttons)
    people = (env.member, env.admin)
    places = [root(env), root(env)]
    if label == "Terminate":
        await asyncio.gather(*(one.click(root(env), label) for one in people))
        places = [
            (await env.slack.until(partial(one.ephemerals, env.channel)))[0] for one in people
        ]
    first = await on_its_way(env.member.click(places[0], label))
    env.slack.events_url = replicas[0].events_url
    await asyncio.gather(first, env.admin.click(places[1], label))
    already = "already requested this; see the thread."
    await env.slack.until(lambda: already in str([ephemeral_texts(env, one) for one in people]))
    said = [words for one in people for words in ephemeral_texts(env, one)]
    assert sum(words.endswith(already) for words in said) == 1
    assert len(said) == (2 if label == "Terminate" else 1)
    await env.slack.until(lambda: any("Terminating." in said for said in thread(env)))
    assert sum("asked to terminate it" in reply for reply in thread(env)) == 1
    assert request_count(env, "terminate_endpoint") == 1


async def test_two_people_who_choose_through_two_replicas_settle_it_once(
    env: Environment, replicas: list[Running]
) -> None:
    """Here too, one choice is written in the thread and the other person is told."""
    await env.member.command(env.channel, "sandbox/twins --gpu 1xH100 --replicas 1 --name it --yes")
    question = await candidate_question(env)
    one, another = env.friendli.endpoints
    first = await on_its_way(env.member.click(question, one))
    env.slack.events_url = replicas[0].events_url
    await asyncio.gather(first, env.admin.click(question, another))
    people = (env.member, env.admin)
    await env.slack.until(lambda: any(ephemeral_texts(env, person) for person in people))
    await env.slack.until(lambda: " chose " in " ".join(thread(env)))
    assert sum(" chose " in reply for reply in thread(env)) == 1


async def test_two_bots_of_one_project_take_nothing_of_each_other(
    env: Environment, start_bot: StartBot, tmp_path: Path
) -> None:
    """Each has its own database, so both give the name; the one that can't know its own asks."""
    async with AsyncExitStack() as stack:
        bots: list[Running] = []
        for database in (env.database, f"sqlite:///{tmp_path / 'another.sqlite3'}"):
            bots.append(await stack.enter_async_context(start_bot(database_url=database)))
            await connect(env)
        env.slack.events_url = bots[0].events_url
        hanging = env.friendli.faults.add(Hang(acts=True), operation="create_endpoint")
        await env.member.command(env.channel, f"{LINE} --yes")
        await env.friendli.until(lambda: hanging.taken)
        env.slack.events_url = bots[1].events_url
        await env.admin.command(env.channel, f"{LINE} --yes")
        [doubtful, sure] = await env.slack.until(
            lambda: found if len(found := roots(env)) == 2 else None
        )
        question = await candidate_question(env)
        assert question.ts == doubtful.ts
        theirs, its_own = env.friendli.endpoints
        await env.slack.until(partial(last_reply_contains, env, its_own, sure))
        assert question.buttons[-3:] == [its_own, theirs, "Neither"]
        assert request_count(env, "create_endpoint") == 2


# Somebody in Friendli Suite


@pytest.mark.usefixtures("bot")
async def test_an_endpoint_of_the_same_name_made_just_before_stays_a_strangers(
    env: Environment,
) -> None:
    """Even if it can't be told from ours but for having been there before."""
    stranger = env.friendli.create(project_id=PROJECT, name="it")
    env.friendli.faults.add(LoseReply(), operation="create_endpoint")
    await env.member.command(env.channel, f"{LINE} --yes")
    await env.slack.until(partial(has_replies, env, 2))
    [ours] = [id_ for id_ in env.friendli.endpoints if id_ != stranger]
    assert ours in env.channel.replies(root(env).ts)[1].text


@pytest.mark.usefixtures("bot")
async def test_an_endpoint_of_the_same_name_made_at_the_same_time_is_asked_about(
    env: Environment,
) -> None:
    """Without an answer to the request nobody can tell them apart, so nothing is taken by guess."""
    lists = env.friendli.faults.add(
        Respond(503),
        operation="list_endpoints",
        times=None,
        when=lambda _: request_count(env, "create_endpoint") > 0,
    )
    env.friendli.faults.add(LoseReply(), operation="create_endpoint")
    await env.member.command(env.channel, f"{LINE} --yes")
    await env.friendli.until(lambda: env.friendli.endpoints)
    [ours] = env.friendli.endpoints
    stranger = env.friendli.create(project_id=PROJECT, name="it")
    env.friendli.faults.remove(lists)
    question = await candidate_question(env)
    assert sorted(question.buttons) == sorted(["Why?", ours, stranger, "Neither"])
    await env.member.click(question, ours)
    await env.slack.until(partial(last_reply_contains, env, f"chose `{ours}`"))
    assert request_count(env, "create_endpoint") == 1


@pytest.mark.usefixtures("bot")
async def test_the_same_line_sent_twice_is_asked_about(env: Environment) -> None:
    """Two commands of the same words within a minute make one endpoint and a question."""
    line = "org/model --gpu 1xH100 --yes"
    await env.member.command(env.channel, line)
    await env.member.command(env.channel, line)
    await env.slack.until(lambda: env.member.ephemerals(env.channel))
    [question] = env.member.ephemerals(env.channel)
    assert "Deploy a second one?" in question.text
    assert question.buttons == ["Why?", "Deploy a second one", "Change", "Cancel"]
    await env.friendli.until(lambda: env.friendli.endpoints)
    assert len(roots(env)) == 1
    await env.member.click(question, "Deploy a second one")
    await env.friendli.until(lambda: len(env.friendli.endpoints) == 2)
    await env.admin.command(env.channel, line)
    await env.friendli.until(lambda: len(env.friendli.endpoints) == 3)
