"""Stories of an API that words the same endpoint in other ways that its reference allows."""

from collections.abc import AsyncIterator
from functools import partial

import pytest
from inline_snapshot import snapshot

from bot.app import Running
from bot.sandbox.environment import PROJECT, Environment, connect
from bot.sandbox.faults import DropRequest, Hang, LoseReply, Respond
from bot.sandbox.friendli import RESPONSE_VARIANTS
from bot.sandbox.slack.conversations import Message
from tests.acceptance.thread_assertions import (
    card_with,
    ephemeral_texts,
    message_text,
    root,
    roots,
    thread,
)
from tests.conftest import StartBot

RECOGNIZABLE = [name for name, variant in RESPONSE_VARIANTS.items() if variant.is_recognizable]
OTHERS = [name for name, variant in RESPONSE_VARIANTS.items() if not variant.is_recognizable]


@pytest.fixture
async def either_bot(
    env: Environment, start_bot: StartBot, database_url: str
) -> AsyncIterator[Running]:
    """A running bot on each kind of database, whose channel is connected."""
    async with start_bot(database_url=database_url) as started:
        await connect(env)
        yield started


@pytest.fixture
async def quick_bot(env: Environment, start_bot: StartBot) -> AsyncIterator[Running]:
    """The same, that gives up on an endpoint that isn't listed after a second."""
    async with start_bot(create_give_up_after=1) as started:
        await connect(env)
        yield started


async def deploy(env: Environment, name: str) -> Message:
    """Ask for an endpoint, and return its thread's root."""
    before = len(roots(env))
    line = f"org/model --gpu 1xH100 --replicas 1 --name {name} --yes"
    await env.member.command(env.channel, line)
    return await env.slack.until(lambda: found[-1] if len(found := roots(env)) > before else None)


async def asked(env: Environment) -> Message:
    """The status message that asks whether an endpoint is ours."""
    return await card_with(env, "None of these")


@pytest.mark.usefixtures("either_bot")
@pytest.mark.parametrize("is_answered", [True, False], ids=["answered", "reply lost"])
async def test_however_it_is_worded_our_endpoint_is_adopted(
    env: Environment, *, is_answered: bool
) -> None:
    """With each wording in turn, one request is sent and its endpoint found by itself."""
    for variant in RECOGNIZABLE:
        env.friendli.variant = RESPONSE_VARIANTS[variant]
        if not is_answered:
            if env.friendli.variant.needs_its_answer:
                continue
            env.friendli.faults.add(LoseReply(), operation="create_endpoint")
        before = set(env.friendli.endpoints)
        thread_root = await deploy(env, f"by-{variant}")
        await env.friendli.until(partial(has_more, env, before))
        [ours] = set(env.friendli.endpoints) - before
        await env.slack.until(partial(tells, env, thread_root, f": `{ours}`"))
    creates = [one for one in env.friendli.requests if one.operation == "create_endpoint"]
    assert len(creates) == len(env.friendli.endpoints)


def has_more(env: Environment, before: set[str]) -> bool:
    """Whether there are endpoints besides those."""
    return set(env.friendli.endpoints) > before


def tells(env: Environment, root_: Message, part: str) -> bool:
    """Whether a thread says this."""
    return part in told(env, root_)


def told(env: Environment, root_: Message) -> str:
    """Everything that a thread says, as Slack has it."""
    return "\n".join(reply.text for reply in env.channel.replies(root_.ts))


@pytest.mark.usefixtures("bot")
async def test_what_differs_from_the_request_is_told(env: Environment) -> None:
    """In the reply that names the endpoint, since nobody knows what the API means by it."""
    env.friendli.variant = RESPONSE_VARIANTS["from-zero"]
    await deploy(env, "it")
    await env.slack.until(lambda: thread(env))
    assert thread(env) == snapshot(
        [
            "Endpoint created: `ENDPOINT-1`. Getting a GPU machine. Friendli shows 0–1 replicas; 1 was requested."
        ]
    )


@pytest.mark.usefixtures("quick_bot")
@pytest.mark.parametrize("variant", OTHERS)
async def test_an_endpoint_that_may_be_ours_is_asked_about(env: Environment, variant: str) -> None:
    """Nobody is told that it wasn't created, and a person says that it is the one."""
    env.friendli.variant = RESPONSE_VARIANTS[variant]
    env.friendli.faults.add(LoseReply(), operation="create_endpoint")
    await deploy(env, "it-k7wq")
    question = await asked(env)
    [ours] = env.friendli.endpoints
    assert ours in question.words
    await env.slack.until(lambda: root(env).buttons == ["Why?", "This is it", "None of these"])
    await env.member.click(question, "This is it")
    await env.slack.until(lambda: "is starting" in root(env).text)
    assert f"chose `{ours}`" in told(env, root(env))
    assert "wasn't created" not in told(env, root(env))


@pytest.mark.usefixtures("quick_bot")
async def test_what_is_known_of_a_candidate_is_shown(env: Environment) -> None:
    """Its id, its name, how it is set up, and when it was made; one button says that it is ours."""
    env.friendli.variant = RESPONSE_VARIANTS["normalized-name"]
    env.friendli.faults.add(LoseReply(), operation="create_endpoint")
    await deploy(env, "it-k7wq")
    assert message_text(env, await asked(env)) == snapshot("""\
❓ *it-k7wq* may have been created
A new endpoint may be it, with another name. Which one is it?
Fits, room for 44 requests at 8k.
Why?
`ENDPOINT-1` · named *IT_K7WQ* · 1 × H100 · 1 replica · created TIME
This is it
org/model@ffc8550 · 1 × H100 · 1 replica · requested by @requester at TIME
[Why?] [This is it] [None of these]\
""")


@pytest.mark.usefixtures("quick_bot")
async def test_none_of_these_goes_on_looking(env: Environment) -> None:
    """What was ruled out isn't asked about again; without others, nothing was created."""
    env.friendli.faults.add(DropRequest(), operation="create_endpoint")
    await deploy(env, "it-k7wq")
    await env.slack.until(lambda: thread(env))
    env.friendli.create(project_id=PROJECT, name="somebody-elses")
    question = await asked(env)
    await env.member.click(question, "None of these")
    await env.slack.until(lambda: root(env).buttons == ["Try again"], timeout=20)
    assert [line.partition(" for ")[0] for line in thread(env)[2:]] == snapshot(
        [
            "@requester chose none of them. Still searching; nothing is sent twice.",
            "# 🔴 *it-k7wq* wasn't created: nothing new was listed",
        ]
    )


@pytest.mark.usefixtures("quick_bot")
async def test_an_answer_to_a_question_that_is_settled_is_refused(env: Environment) -> None:
    """Of a double click the second does nothing, and neither does an old button."""
    env.friendli.variant = RESPONSE_VARIANTS["no-name"]
    env.friendli.faults.add(LoseReply(), operation="create_endpoint")
    await deploy(env, "it-k7wq")
    question = await asked(env)
    await env.member.double_click(question, "This is it")
    await env.slack.until(lambda: ephemeral_texts(env))
    await env.admin.click(question, "None of these")
    await env.slack.until(lambda: env.admin.ephemerals(env.channel))
    assert ephemeral_texts(env) == ["Someone already chose; see the thread."]
    await env.slack.until(lambda: " chose " in told(env, root(env)))
    assert sum(" chose " in line for line in thread(env)) == 1


@pytest.mark.usefixtures("quick_bot")
async def test_an_outsider_can_not_say_which_endpoint_it_is(env: Environment) -> None:
    """Somebody of another organisation may not deploy, so may not choose: the choice is billed."""
    env.friendli.variant = RESPONSE_VARIANTS["no-name"]
    env.friendli.faults.add(LoseReply(), operation="create_endpoint")
    await deploy(env, "it-k7wq")
    question = await asked(env)
    outsider = env.slack.add_user("outsider", team_id="T0OUTSIDE")
    env.channel.member_ids.append(outsider.id)
    person = env.slack.act_as(outsider)
    await person.click(question, "This is it")
    await env.slack.until(lambda: person.ephemerals(env.channel))
    assert not any(" chose " in line for line in thread(env))


@pytest.mark.usefixtures("quick_bot")
async def test_ours_that_appears_while_a_question_is_open_answers_it(env: Environment) -> None:
    """A name that is exactly ours goes before what only may be."""
    env.friendli.faults.add(DropRequest(), operation="create_endpoint")
    await deploy(env, "it-k7wq")
    await env.slack.until(lambda: thread(env))
    env.friendli.create(project_id=PROJECT, name="IT_K7WQ")
    await asked(env)
    ours = env.friendli.create(project_id=PROJECT, name="it-k7wq")
    await env.slack.until(lambda: f"Found it: `{ours}`" in told(env, root(env)))


@pytest.mark.usefixtures("quick_bot")
async def test_a_spec_that_hangs_does_not_stop_the_search(env: Environment) -> None:
    """A stranger's endpoint that can't be read is asked about, and ours is found beside it."""
    env.friendli.faults.add(DropRequest(), operation="create_endpoint")
    await deploy(env, "it-k7wq")
    await env.slack.until(lambda: thread(env))
    stranger = env.friendli.create(project_id=PROJECT, name="stranger")
    env.friendli.faults.add(
        Hang(),
        operation="get_endpoint",
        times=None,
        when=lambda call: call.path.endswith(stranger),
    )
    question = await asked(env)
    assert "name unreadable" in question.words
    ours = env.friendli.create(project_id=PROJECT, name="it-k7wq")
    await env.slack.until(lambda: f": `{ours}`" in told(env, root(env)), timeout=20)


@pytest.mark.usefixtures("quick_bot")
@pytest.mark.parametrize("cause", ["outage", "revoked key", "lost project"])
async def test_a_search_that_can_not_be_done_is_told_once_and_does_not_count(
    env: Environment, cause: str
) -> None:
    """Like an outage of watching; and time without an API never becomes "it wasn't created"."""
    creates_fail = Respond(500, {"detail": "Internal error"})
    env.friendli.faults.add(creates_fail, operation="create_endpoint")
    answer = {"outage": 503, "revoked key": 401, "lost project": 404}[cause]
    fault = env.friendli.faults.add(
        Respond(answer),
        operation="list_endpoints",
        times=None,
        when=lambda _: any(one.operation == "create_endpoint" for one in env.friendli.requests),
    )
    await deploy(env, "it-k7wq")
    await env.slack.until(lambda: len(thread(env)) == 2, timeout=20)
    failed = len(env.friendli.requests)
    await env.friendli.until(lambda: len(env.friendli.requests) > failed + 2, within=20)
    assert "I can't tell whether the endpoint was created" in thread(env)[1]
    assert len(thread(env)) == 2
    env.friendli.faults.remove(fault)
    await env.slack.until(lambda: root(env).buttons == ["Try again"], timeout=20)
    assert thread(env)[2] == "Friendli is answering again. Still checking whether it was created."
    assert thread(env)[3].startswith("# 🔴 *it-k7wq* wasn't created: ")
