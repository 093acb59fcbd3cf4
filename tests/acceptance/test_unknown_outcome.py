"""Stories of create requests whose fate nobody knows: never twice, and always an answer."""

import asyncio
import contextlib
import sqlite3

import pytest
from inline_snapshot import snapshot

from bot.sandbox.environment import PROJECT, Environment, connect
from bot.sandbox.faults import (
    Answer,
    DropRequest,
    GarbageBody,
    Hang,
    LoseReply,
    Slow,
    TruncateBody,
)
from tests.acceptance.thread_assertions import asked_which, root, roots, thread, words
from tests.conftest import StartBot


async def deploy(here: Environment, model: str = "org/model", name: str = "it") -> None:
    await here.member.command(
        here.channel, f"{model} --gpu 1xH100 --replicas 1 --name {name} --yes"
    )


def creates(here: Environment) -> int:
    """How many create requests reached the API."""
    return sum(one.operation == "create_endpoint" for one in here.friendli.requests)


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize(
    ("fault", "known"),
    [
        pytest.param(LoseReply(), "Friendli didn't answer {}.", id="the reply is lost"),
        pytest.param(Hang(acts=True), "Friendli didn't answer {}.", id="no answer in time"),
        pytest.param(
            Answer(502, {"detail": "Bad <Gateway>"}, acts=True),
            "Friendli answered 502 (“Bad <Gateway>”) {}.",
            id="a proxy fails after it was made",
        ),
        pytest.param(Answer(408, acts=True), "Friendli answered 408 {}.", id="408"),
        pytest.param(
            Answer(307, acts=True, headers={"Location": "/else"}),
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
    here: Environment, fault: LoseReply | Answer | Hang | TruncateBody | GarbageBody, known: str
) -> None:
    """Whatever hides the answer: what is known is said, one request is sent, its endpoint adopted."""
    here.friendli.faults.add(fault, operation="create_endpoint")
    await deploy(here)
    await here.slack.until(lambda: len(thread(here)) == 2)
    checking = "Checking whether it exists; it won't be sent twice."
    assert thread(here) == [
        f"{known.format('when asked to create *it*')} {checking}",
        "Found it: it was made, as `ENDPOINT-1`. Getting a GPU machine.",
    ]
    assert creates(here) == 1
    assert len(here.friendli.endpoints) == 1


@pytest.mark.usefixtures("hasty_bot")
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(DropRequest(), id="the connection breaks"),
        pytest.param(Answer(500), id="500"),
        pytest.param(Answer(503), id="503"),
        pytest.param(Hang(), id="no answer in time"),
    ],
)
async def test_an_endpoint_that_was_not_made_is_told_so_after_a_while(
    here: Environment, fault: DropRequest | Answer | Hang
) -> None:
    """Several complete lists without it are proof enough, and the form comes back with a click."""
    here.friendli.faults.add(fault, operation="create_endpoint")
    await deploy(here)
    await here.slack.until(lambda: len(thread(here)) == 2)
    assert thread(here)[1].startswith("# It wasn't created: nothing new was listed for ")
    await here.slack.until(lambda: root(here).buttons == ["Try again"])
    assert words(here, root(here)) == snapshot("""\
*it* wasn't created
Friendli lists nothing new.
org/model · 1 × H100 · 1 replica
asked by @requester at TIME · target `prod`
[Try again]\
""")
    assert creates(here) == 1


@pytest.mark.usefixtures("hasty_bot")
async def test_an_endpoint_that_appears_late_is_told_with_its_price(here: Environment) -> None:
    """After "it wasn't made" it is looked for on, and ends with one click."""
    await deploy(here, "sandbox/very-late")
    await here.slack.until(lambda: "wasn't created" in root(here).text)
    looked = len(here.friendli.requests)
    await here.friendli.until(lambda: len(here.friendli.requests) > looked + 3)
    here.clock.advance(3600)
    await here.slack.until(lambda: len(thread(here)) >= 3)
    late = here.channel.replies(root(here).ts)[2]
    assert words(here, late) == snapshot("""\
*it* was made after all, as `ENDPOINT-1`, and is billed: $5.00/h once it serves. Terminate it if you don't want it any more.
[Terminate]\
""")
    await here.member.click(late, "Terminate")
    await here.friendli.until(
        lambda: any(one.operation == "terminate_endpoint" for one in here.friendli.requests)
    )


@pytest.mark.usefixtures("bot")
async def test_of_two_that_look_like_it_a_person_chooses(here: Environment) -> None:
    """Nothing is adopted by guess."""
    await deploy(here, "sandbox/twins")
    question = await asked_which(here)
    assert words(here, question) == snapshot("""\
2 new endpoints look like it: `ENDPOINT-2`, `ENDPOINT-1`. Which one is it?
[ENDPOINT-2] [ENDPOINT-1] [Neither]\
""")
    [first, _] = here.friendli.endpoints
    await here.member.click(question, first)
    await here.slack.until(lambda: "says it is" in thread(here)[-1] or len(thread(here)) > 2)
    assert thread(here)[1:] == snapshot(
        [
            "# 2 new endpoints look like it: `ENDPOINT-2`, `ENDPOINT-1`. Which one is it?",
            "@requester says it is `ENDPOINT-1`.",
        ]
    )


@pytest.mark.usefixtures("hasty_bot")
async def test_neither_of_them_is_an_answer_too(here: Environment) -> None:
    """It is looked on for another one, and nothing is adopted."""
    await deploy(here, "sandbox/twins")
    await here.member.click(await asked_which(here), "Neither")
    await here.slack.until(lambda: root(here).buttons == ["Try again"])
    assert thread(here)[-2] == snapshot(
        "@requester says it is none of them. Looking on; nothing is sent twice."
    )
    assert thread(here)[-1].startswith("# It wasn't created")


@pytest.mark.usefixtures("hasty_bot")
async def test_an_endpoint_of_our_name_is_taken_and_what_differs_is_told(here: Environment) -> None:
    """Nobody knows how the API words what it made, so the name decides and a person sees the rest."""
    here.friendli.faults.add(DropRequest(), operation="create_endpoint")
    await deploy(here)
    await here.slack.until(lambda: thread(here))
    here.friendli.create(project_id=PROJECT, name="it", instance_option_id="zfTutSiLn0Hq")
    await here.slack.until(lambda: len(thread(here)) == 2)
    assert thread(here)[1] == snapshot(
        "Found it: it was made, as `ENDPOINT-1`. Getting a GPU machine. Friendli shows 2 × H100; 1 × H100 was asked for."
    )


async def test_a_bot_that_dies_while_it_sends_looks_for_what_it_made(
    here: Environment, start_bot: StartBot
) -> None:
    """After a restart nothing is sent again: the endpoint is looked for and found."""
    hanging = here.friendli.faults.add(Hang(acts=True), operation="create_endpoint")
    async with start_bot(shutdown_timeout=0.1, lease=2, slack_timeout=1):
        await connect(here)
        await deploy(here)
        await here.friendli.until(lambda: hanging.taken)
    async with start_bot(lease=2, slack_timeout=1):
        await here.slack.until(lambda: len(thread(here)) >= 2)
        assert thread(here)[-1].startswith("Found it")
    assert creates(here) == 1


async def test_a_bot_that_stalls_before_its_request_does_not_send_it(
    here: Environment, start_bot: StartBot
) -> None:
    """Once writing "sending" down took too long, someone else may look for what it made already."""
    async with start_bot(lease=2, create_timeout=1.9, slack_timeout=1, create_give_up_after=2):
        await connect(here)
        listing = here.friendli.faults.add(Slow(1), operation="list_endpoints")
        await deploy(here)
        await here.friendli.until(lambda: listing.taken)
        path = here.database.removeprefix("sqlite:///")
        with contextlib.closing(
            sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        ) as other:
            await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
            here.clock.advance(1)
            # A stall is time: nothing else happens in it.
            await asyncio.sleep(0.7)
            other.execute("ROLLBACK")
        await here.slack.until(lambda: "wasn't created" in root(here).text, timeout=20)
    assert creates(here) == 0


@pytest.mark.usefixtures("bot")
async def test_a_cancel_before_the_endpoint_is_known_is_carried_out_once_it_is(
    here: Environment,
) -> None:
    """The wish is kept while the endpoint is looked for."""
    lists = here.friendli.faults.add(
        Answer(503), operation="list_endpoints", times=None, when=lambda _: creates(here) > 0
    )
    await deploy(here)
    await here.friendli.until(lambda: len(here.friendli.endpoints) == 1)
    await here.slack.until(lambda: "Cancel" in root(here).buttons)
    await here.member.click(root(here), "Cancel")
    await here.slack.until(lambda: "being cancelled" in root(here).text)
    here.friendli.faults.remove(lists)
    await here.friendli.until(
        lambda: any(one.operation == "terminate_endpoint" for one in here.friendli.requests)
    )


@pytest.mark.usefixtures("bot")
async def test_a_request_that_never_left_is_sent_again(
    here: Environment,
) -> None:
    """A refused connection made nothing, for sure, so the deployment goes on when it is back."""
    await here.friendli.close()
    await deploy(here)
    await here.slack.until(lambda: roots(here))
    await here.friendli.start()
    await here.slack.until(lambda: thread(here))
    assert len(here.friendli.endpoints) == 1
