"""Stories of create requests whose fate nobody knows: never twice, and always an answer."""

import asyncio
import contextlib
import re
import sqlite3

import pytest
from inline_snapshot import snapshot

from bot.sandbox.environment import PROJECT, Environment, connect
from bot.sandbox.faults import (
    DropRequest,
    GarbageBody,
    Hang,
    LoseReply,
    Respond,
    Slow,
    TruncateBody,
)
from tests.acceptance.deploying import send_deploy
from tests.acceptance.thread_assertions import (
    candidate_question,
    card_with,
    message_text,
    root,
    roots,
    terminate,
    thread,
)
from tests.conftest import StartBot


def creates(env: Environment) -> int:
    """How many create requests reached the API."""
    return sum(one.operation == "create_endpoint" for one in env.friendli.requests)


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize(
    ("fault", "known"),
    [
        pytest.param(LoseReply(), "Friendli didn't answer {}.", id="the reply is lost"),
        pytest.param(Hang(acts=True), "Friendli didn't answer {}.", id="no answer in time"),
        pytest.param(
            Respond(502, {"detail": "Bad <Gateway>"}, acts=True),
            "Friendli answered 502 (“Bad <Gateway>”) {}.",
            id="a proxy fails after it was made",
        ),
        pytest.param(Respond(408, acts=True), "Friendli answered 408 {}.", id="408"),
        pytest.param(
            Respond(307, acts=True, headers={"Location": "/else"}),
            "Friendli answered 307 {}.",
            id="a redirect",
        ),
        pytest.param(
            TruncateBody(),
            "Friendli answered 200 {}, but the answer can't be read.",
            id="the answer breaks off",
        ),
        pytest.param(
            GarbageBody(),
            "Friendli answered 200 {}, but the answer can't be read.",
            id="the answer can't be read",
        ),
    ],
)
async def test_an_endpoint_that_was_made_is_found_and_not_made_again(
    env: Environment, fault: LoseReply | Respond | Hang | TruncateBody | GarbageBody, known: str
) -> None:
    """Whatever hides the answer: what is known is said, one request is sent, its endpoint adopted."""
    env.friendli.faults.add(fault, operation="create_endpoint")
    await send_deploy(env)
    await env.slack.until(lambda: len(thread(env)) == 2)
    checking = "Checking whether it exists; it won't be sent twice."
    assert thread(env) == [
        f"{known.format('when asked to create *it*')} {checking}",
        "Found it: `ENDPOINT-1`. Getting a GPU machine.",
    ]
    assert creates(env) == 1
    assert len(env.friendli.endpoints) == 1


@pytest.mark.usefixtures("short_timeout_bot")
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(DropRequest(), id="the connection breaks"),
        pytest.param(Respond(500), id="500"),
        pytest.param(Respond(503), id="503"),
        pytest.param(Hang(), id="no answer in time"),
    ],
)
async def test_an_endpoint_that_was_not_made_is_told_so_after_a_while(
    env: Environment, fault: DropRequest | Respond | Hang
) -> None:
    """Several complete lists without it are proof enough, and the form comes back with a click."""
    env.friendli.faults.add(fault, operation="create_endpoint")
    await send_deploy(env)
    await env.slack.until(lambda: len(thread(env)) == 2)
    assert thread(env)[1].startswith("# 🔴 *it* wasn't created: nothing new was listed for ")
    await env.slack.until(lambda: root(env).buttons == ["Try again"])
    assert re.sub(r"for \d+ s\.", "for 2 s.", message_text(env, root(env))) == snapshot("""\
🔴 *it* wasn't created
Nothing new was listed for 2 s.
org/model@ffc8550 · 1 × H100 · 1 replica · requested by @requester at TIME
[Try again]\
""")
    assert creates(env) == 1


@pytest.mark.usefixtures("short_timeout_bot")
async def test_an_endpoint_that_appears_late_is_told_with_its_price(env: Environment) -> None:
    """After "it wasn't created" it is looked for on, and ends with one click."""
    await send_deploy(env, "sandbox/very-late")
    await env.slack.until(lambda: "wasn't created" in root(env).text)
    looked = len(env.friendli.requests)
    await env.friendli.until(lambda: len(env.friendli.requests) > looked + 3)
    env.clock.advance(3600)
    await env.slack.until(lambda: len(thread(env)) >= 3)
    late = env.channel.replies(root(env).ts)[2]
    assert message_text(env, late) == snapshot(
        "*it* was created after all: `ENDPOINT-1`. It costs $5.00/h while live. Terminate it if you don't want it any more."
    )
    await terminate(env, message=await card_with(env, "Terminate"))
    await env.friendli.until(
        lambda: any(one.operation == "terminate_endpoint" for one in env.friendli.requests)
    )


@pytest.mark.usefixtures("short_timeout_bot")
async def test_a_late_endpoint_that_fails_has_its_own_reason_alone(env: Environment) -> None:
    """Why nothing seemed to be created isn't why it failed."""
    await send_deploy(env, "sandbox/very-late")
    await env.slack.until(lambda: "Nothing new was listed" in message_text(env, root(env)))
    env.clock.advance(3600)
    await card_with(env, "Terminate")
    [endpoint] = env.friendli.endpoints
    env.friendli.set_status(endpoint, "FAILED")
    await env.slack.until(lambda: "failed" in root(env).text)
    assert "Nothing new was listed" not in message_text(env, root(env))


@pytest.mark.usefixtures("bot")
async def test_of_two_that_look_like_it_a_person_chooses(env: Environment) -> None:
    """Nothing is adopted by guess."""
    await send_deploy(env, "sandbox/twins")
    question = await candidate_question(env)
    assert message_text(env, question) == snapshot("""\
❓ *it* may have been created
Several new endpoints look like it. Choose below.
Fits, room for 44 requests at 8k.
Why?
sandbox/twins@af437b1 · 1 × H100 · 1 replica · requested by @requester at TIME
[Why?] [ENDPOINT-2] [ENDPOINT-1] [Neither]\
""")
    [first, _] = env.friendli.endpoints
    await env.member.click(question, first)
    await env.slack.until(lambda: " chose " in thread(env)[-1] or len(thread(env)) > 2)
    assert thread(env)[1:] == snapshot(
        [
            "# ❓ 2 new endpoints look like *it*. Choose above which it is.",
            "@requester chose `ENDPOINT-1`.",
        ]
    )


@pytest.mark.usefixtures("short_timeout_bot")
async def test_neither_of_them_is_an_answer_too(env: Environment) -> None:
    """It is looked on for another one, and nothing is adopted."""
    await send_deploy(env, "sandbox/twins")
    await env.member.click(await candidate_question(env), "Neither")
    await env.slack.until(lambda: root(env).buttons == ["Try again"])
    assert thread(env)[-2] == snapshot(
        "@requester chose none of them. Still searching; nothing is sent twice."
    )
    assert thread(env)[-1].startswith("# 🔴 *it* wasn't created: ")


@pytest.mark.usefixtures("short_timeout_bot")
async def test_an_endpoint_of_our_name_is_taken_and_what_differs_is_told(env: Environment) -> None:
    """Nobody knows how the API words what it made, so the name decides and a person sees the rest."""
    env.friendli.faults.add(DropRequest(), operation="create_endpoint")
    await send_deploy(env)
    await env.slack.until(lambda: thread(env))
    env.friendli.create(project_id=PROJECT, name="it", instance_option_id="zfTutSiLn0Hq")
    await env.slack.until(lambda: len(thread(env)) == 2)
    assert thread(env)[1] == snapshot(
        "Found it: `ENDPOINT-1`. Getting a GPU machine. Friendli shows 2 × H100; 1 × H100 was requested."
    )


async def test_a_bot_that_dies_while_it_sends_looks_for_what_it_made(
    env: Environment, start_bot: StartBot
) -> None:
    """After a restart nothing is sent again: the endpoint is looked for and found."""
    hanging = env.friendli.faults.add(Hang(acts=True), operation="create_endpoint")
    async with start_bot(shutdown_timeout=0.1, lease=2, slack_timeout=1):
        await connect(env)
        await send_deploy(env)
        await env.friendli.until(lambda: hanging.taken)
    async with start_bot(lease=2, slack_timeout=1):
        await env.slack.until(lambda: len(thread(env)) >= 2)
        assert thread(env)[-1].startswith("Found it")
    assert creates(env) == 1


async def test_a_bot_that_stalls_before_its_request_does_not_send_it(
    env: Environment, start_bot: StartBot
) -> None:
    """Once writing "sending" down took too long, someone else may look for what it made already."""
    async with start_bot(lease=2, create_timeout=1.9, slack_timeout=1, create_give_up_after=2):
        await connect(env)
        listing = env.friendli.faults.add(Slow(1), operation="list_endpoints")
        await send_deploy(env)
        await env.friendli.until(lambda: listing.taken)
        path = env.database.removeprefix("sqlite:///")
        with contextlib.closing(
            sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        ) as other:
            await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
            env.clock.advance(1)
            # A stall is time: nothing else happens in it.
            await asyncio.sleep(0.7)
            other.execute("ROLLBACK")
        await env.slack.until(lambda: "wasn't created" in root(env).text, timeout=20)
    assert creates(env) == 0


@pytest.mark.usefixtures("bot")
async def test_a_cancel_before_the_endpoint_is_known_is_carried_out_once_it_is(
    env: Environment,
) -> None:
    """The wish is kept while the endpoint is looked for."""
    lists = env.friendli.faults.add(
        Respond(503), operation="list_endpoints", times=None, when=lambda _: creates(env) > 0
    )
    await send_deploy(env)
    await env.friendli.until(lambda: len(env.friendli.endpoints) == 1)
    await env.slack.until(lambda: "Cancel" in root(env).buttons)
    await env.member.click(root(env), "Cancel")
    await env.slack.until(lambda: "being cancelled" in root(env).text)
    env.friendli.faults.remove(lists)
    await env.friendli.until(
        lambda: any(one.operation == "terminate_endpoint" for one in env.friendli.requests)
    )


@pytest.mark.usefixtures("bot")
async def test_a_request_that_never_left_is_sent_again(
    env: Environment,
) -> None:
    """A refused connection made nothing, for sure, so the deployment goes on when it is back."""
    await env.friendli.close()
    await send_deploy(env)
    await env.slack.until(lambda: roots(env))
    await env.friendli.start()
    await env.slack.until(lambda: thread(env))
    assert len(env.friendli.endpoints) == 1
