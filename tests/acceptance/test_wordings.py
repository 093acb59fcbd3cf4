"""Stories of an API that words the same endpoint in other ways that its reference allows."""

from collections.abc import AsyncIterator
from functools import partial

import pytest
from inline_snapshot import snapshot

from bot.app import Running
from bot.sandbox.environment import PROJECT, Environment, connect
from bot.sandbox.faults import Answer, DropRequest, Hang, LoseReply
from bot.sandbox.friendli import WORDINGS
from bot.sandbox.slack.conversations import Message
from tests.acceptance.thread_assertions import root, roots, thread, whispers, words
from tests.conftest import StartBot

RECOGNIZABLE = [name for name, wording in WORDINGS.items() if wording.is_recognizable]
OTHERS = [name for name, wording in WORDINGS.items() if not wording.is_recognizable]


@pytest.fixture
async def either_bot(
    here: Environment, start_bot: StartBot, database_url: str
) -> AsyncIterator[Running]:
    """A running bot on each kind of database, whose channel is connected."""
    async with start_bot(database_url=database_url) as started:
        await connect(here)
        yield started


@pytest.fixture
async def quick_bot(here: Environment, start_bot: StartBot) -> AsyncIterator[Running]:
    """The same, that gives up on an endpoint that isn't listed after a second."""
    async with start_bot(create_give_up_after=1) as started:
        await connect(here)
        yield started


async def deploy(here: Environment, name: str) -> Message:
    """Ask for an endpoint, and return its thread's root."""
    before = len(roots(here))
    line = f"org/model --gpu 1xH100 --replicas 1 --name {name} --yes"
    await here.member.command(here.channel, line)
    return await here.slack.until(lambda: found[-1] if len(found := roots(here)) > before else None)


async def asked(here: Environment) -> Message:
    """The reply that asks whether an endpoint is ours."""

    def question() -> Message | None:
        replies = here.channel.replies(root(here).ts) if roots(here) else []
        return next((one for one in reversed(replies) if "None of these" in one.buttons), None)

    return await here.slack.until(question, timeout=20)


@pytest.mark.usefixtures("either_bot")
@pytest.mark.parametrize("is_answered", [True, False], ids=["answered", "reply lost"])
async def test_however_it_is_worded_our_endpoint_is_adopted(
    here: Environment, *, is_answered: bool
) -> None:
    """With each wording in turn, one request is sent and its endpoint found by itself."""
    for wording in RECOGNIZABLE:
        here.friendli.wording = WORDINGS[wording]
        if not is_answered:
            if here.friendli.wording.needs_its_answer:
                continue
            here.friendli.faults.add(LoseReply(), operation="create_endpoint")
        before = set(here.friendli.endpoints)
        thread_root = await deploy(here, f"by-{wording}")
        await here.friendli.until(partial(has_more, here, before))
        [ours] = set(here.friendli.endpoints) - before
        await here.slack.until(partial(tells, here, thread_root, f", as `{ours}`"))
    creates = [one for one in here.friendli.requests if one.operation == "create_endpoint"]
    assert len(creates) == len(here.friendli.endpoints)


def has_more(here: Environment, before: set[str]) -> bool:
    """Whether there are endpoints besides those."""
    return set(here.friendli.endpoints) > before


def tells(here: Environment, root_: Message, part: str) -> bool:
    """Whether a thread says this."""
    return part in told(here, root_)


def told(here: Environment, root_: Message) -> str:
    """Everything that a thread says, as Slack has it."""
    return "\n".join(reply.text for reply in here.channel.replies(root_.ts))


@pytest.mark.usefixtures("bot")
async def test_what_differs_from_the_request_is_told(here: Environment) -> None:
    """In the reply that names the endpoint, since nobody knows what the API means by it."""
    here.friendli.wording = WORDINGS["from-zero"]
    await deploy(here, "it")
    await here.slack.until(lambda: thread(here))
    assert thread(here) == snapshot(
        [
            "Friendli made it, as `ENDPOINT-1`. Getting a GPU machine. Friendli shows 0–1 replicas; 1 was asked for."
        ]
    )


@pytest.mark.usefixtures("quick_bot")
@pytest.mark.parametrize("wording", OTHERS)
async def test_an_endpoint_that_may_be_ours_is_asked_about(here: Environment, wording: str) -> None:
    """Nobody is told that it wasn't created, and a person says that it is the one."""
    here.friendli.wording = WORDINGS[wording]
    here.friendli.faults.add(LoseReply(), operation="create_endpoint")
    await deploy(here, "it-k7wq")
    question = await asked(here)
    [ours] = here.friendli.endpoints
    assert ours in question.words
    await here.slack.until(lambda: root(here).buttons == ["This is it", "None of these"])
    await here.member.click(question, "This is it")
    await here.slack.until(lambda: "coming up" in root(here).text)
    assert f"says it is `{ours}`" in told(here, root(here))
    assert "wasn't created" not in told(here, root(here))


@pytest.mark.usefixtures("quick_bot")
async def test_what_is_known_of_a_candidate_is_shown(here: Environment) -> None:
    """Its id, its name, how it is set up, and when it was made; one button says that it is ours."""
    here.friendli.wording = WORDINGS["normalized-name"]
    here.friendli.faults.add(LoseReply(), operation="create_endpoint")
    await deploy(here, "it-k7wq")
    assert words(here, await asked(here)) == snapshot("""\
Friendli lists a new endpoint that may be *it-k7wq*, and may be billed. None has exactly that name.
`ENDPOINT-1` · named *IT_K7WQ* · 1 × H100 · 1 replica · created TIME
This is it
[This is it] [None of these]\
""")


@pytest.mark.usefixtures("quick_bot")
async def test_none_of_these_goes_on_looking(here: Environment) -> None:
    """What was ruled out isn't asked about again; without others, nothing was created."""
    here.friendli.faults.add(DropRequest(), operation="create_endpoint")
    await deploy(here, "it-k7wq")
    await here.slack.until(lambda: thread(here))
    here.friendli.create(project_id=PROJECT, name="somebody-elses")
    question = await asked(here)
    await here.member.click(question, "None of these")
    await here.slack.until(lambda: root(here).buttons == ["Try again"], timeout=20)
    assert [line.partition(" for ")[0] for line in thread(here)[2:]] == snapshot(
        [
            "@requester says it is none of them. Looking on; nothing is sent twice.",
            "# It wasn't created: nothing new was listed",
        ]
    )


@pytest.mark.usefixtures("quick_bot")
async def test_an_answer_to_a_question_that_is_settled_is_refused(here: Environment) -> None:
    """Of a double click the second does nothing, and neither does an old button."""
    here.friendli.wording = WORDINGS["no-name"]
    here.friendli.faults.add(LoseReply(), operation="create_endpoint")
    await deploy(here, "it-k7wq")
    question = await asked(here)
    await here.member.double_click(question, "This is it")
    await here.slack.until(lambda: whispers(here))
    await here.admin.click(question, "None of these")
    await here.slack.until(lambda: here.admin.ephemerals(here.channel))
    assert whispers(here) == ["That was settled already; the thread says how."]
    await here.slack.until(lambda: "says it is" in told(here, root(here)))
    assert sum("says it is" in line for line in thread(here)) == 1


@pytest.mark.usefixtures("quick_bot")
async def test_an_outsider_can_not_say_which_endpoint_it_is(here: Environment) -> None:
    """Somebody of another organisation may not deploy, so may not choose: the choice is billed."""
    here.friendli.wording = WORDINGS["no-name"]
    here.friendli.faults.add(LoseReply(), operation="create_endpoint")
    await deploy(here, "it-k7wq")
    question = await asked(here)
    outsider = here.slack.add_user("outsider", team_id="T0OUTSIDE")
    here.channel.member_ids.append(outsider.id)
    person = here.slack.act_as(outsider)
    await person.click(question, "This is it")
    await here.slack.until(lambda: person.ephemerals(here.channel))
    assert not any("says it is" in line for line in thread(here))


@pytest.mark.usefixtures("quick_bot")
async def test_ours_that_appears_while_a_question_is_open_answers_it(here: Environment) -> None:
    """A name that is exactly ours goes before what only may be."""
    here.friendli.faults.add(DropRequest(), operation="create_endpoint")
    await deploy(here, "it-k7wq")
    await here.slack.until(lambda: thread(here))
    here.friendli.create(project_id=PROJECT, name="IT_K7WQ")
    await asked(here)
    ours = here.friendli.create(project_id=PROJECT, name="it-k7wq")
    await here.slack.until(lambda: f"Found it: it was made, as `{ours}`" in told(here, root(here)))


@pytest.mark.usefixtures("quick_bot")
async def test_a_spec_that_hangs_does_not_stop_the_search(here: Environment) -> None:
    """A stranger's endpoint that can't be read is asked about, and ours is found beside it."""
    here.friendli.faults.add(DropRequest(), operation="create_endpoint")
    await deploy(here, "it-k7wq")
    await here.slack.until(lambda: thread(here))
    stranger = here.friendli.create(project_id=PROJECT, name="stranger")
    here.friendli.faults.add(
        Hang(),
        operation="get_endpoint",
        times=None,
        when=lambda call: call.path.endswith(stranger),
    )
    question = await asked(here)
    assert "name not readable" in question.words
    ours = here.friendli.create(project_id=PROJECT, name="it-k7wq")
    await here.slack.until(lambda: f"as `{ours}`" in told(here, root(here)), timeout=20)


@pytest.mark.usefixtures("quick_bot")
@pytest.mark.parametrize("cause", ["outage", "revoked key", "lost project"])
async def test_a_search_that_can_not_be_done_is_told_once_and_does_not_count(
    here: Environment, cause: str
) -> None:
    """Like an outage of watching; and time without an API never becomes "it wasn't created"."""
    creates_fail = Answer(500, {"detail": "Internal error"})
    here.friendli.faults.add(creates_fail, operation="create_endpoint")
    answer = {"outage": 503, "revoked key": 401, "lost project": 404}[cause]
    fault = here.friendli.faults.add(
        Answer(answer),
        operation="list_endpoints",
        times=None,
        when=lambda _: any(one.operation == "create_endpoint" for one in here.friendli.requests),
    )
    await deploy(here, "it-k7wq")
    await here.slack.until(lambda: len(thread(here)) == 2, timeout=20)
    failed = len(here.friendli.requests)
    await here.friendli.until(lambda: len(here.friendli.requests) > failed + 2, within=20)
    assert "nobody can tell whether the endpoint was created" in thread(here)[1]
    assert len(thread(here)) == 2
    here.friendli.faults.remove(fault)
    await here.slack.until(lambda: root(here).buttons == ["Try again"], timeout=20)
    assert thread(here)[2] == "Friendli answers again. Still checking whether it was created."
    assert thread(here)[3].startswith("# It wasn't created")
