"""Stories of what people do with an endpoint by its buttons."""

from copy import deepcopy
from functools import partial

import pytest
from inline_snapshot import snapshot
from sqlalchemy import select

from bot.db.operation_tables import Operation
from bot.db.session import Database
from bot.domain.operations import OperationKind, OperationState
from bot.domain.schemas import InferenceDeploymentStatus
from bot.sandbox.environment import Environment, connect
from bot.sandbox.faults import Hang, LoseReply, Respond, Slow
from tests.acceptance.deploying import serve
from tests.acceptance.endpoints import request_count
from tests.acceptance.test_polling import asked_since
from tests.acceptance.thread_assertions import (
    ephemeral_texts,
    has_replies,
    message_text,
    root,
    terminate,
    thread,
)
from tests.conftest import StartBot


async def rest(env: Environment) -> str:
    """Let an endpoint serve and be terminated elsewhere."""
    endpoint = await serve(env)
    env.friendli.set_status(endpoint, "TERMINATED")
    await env.slack.until(lambda: "Restart ($5.00/h)" in root(env).buttons)
    await env.slack.until(lambda: has_replies(env, 3))
    return endpoint


@pytest.mark.usefixtures("bot")
async def test_an_endpoint_is_put_to_sleep_and_woken(env: Environment) -> None:
    """Who asked for what, and what followed, stands in the thread; the root has what fits."""
    await serve(env)
    await env.member.click(root(env), "Sleep")
    await env.slack.until(lambda: "is asleep" in root(env).text)
    assert message_text(env, root(env)) == snapshot("""\
😴 *it* is asleep
$0.00/h while asleep; any request wakes it.
org/model@ffc8550 · 1 × H100 · 1 replica · endpoint `ENDPOINT-1` · requested by @requester at TIME
[Wake ($5.00/h)] [Open in Friendli] [Update] [⋯ Terminate · Deploy another like this · Copy as command]\
""")
    await env.member.click(root(env), "Wake ($5.00/h)")
    await env.slack.until(lambda: "Waking up" in thread(env)[-1])
    while "is live" not in root(env).text:
        seen = len(env.friendli.requests)
        env.clock.advance(60)
        await env.friendli.until(partial(asked_since, env, seen, 2))
    await env.slack.until(lambda: "live" in thread(env)[-1])
    assert thread(env)[2:] == snapshot(
        [
            "@requester asked to put it to sleep.",
            "😴 Asleep. $0.00/h while asleep; any request wakes it.",
            "@requester asked to wake it.",
            "Waking up. Getting a GPU machine.",
            "A GPU machine is ready (24 s). Downloading the model.",
            "Model downloaded (40 s). Starting the engine.",
            "🟢 Awake and live again (took 2 min 4 s).",
        ]
    )


@pytest.mark.usefixtures("bot")
async def test_an_endpoint_is_terminated_and_restarted(env: Environment) -> None:
    """What was ended here can be started again here."""
    await serve(env)
    await terminate(env)
    await env.slack.until(lambda: any("Terminating." in said for said in thread(env)))
    env.clock.advance(60)
    await env.slack.until(lambda: "Restart ($5.00/h)" in root(env).buttons)
    await env.member.click(root(env), "Restart ($5.00/h)")
    await env.slack.until(lambda: "is starting" in root(env).text)
    await env.slack.until(lambda: "Starting again" in thread(env)[-1])
    assert thread(env)[2:] == snapshot(
        [
            "@requester asked to terminate it.",
            "🟠 Terminating.",
            "⚪ Terminated. $0.00/h; a restart in Friendli Suite shows up here.",
            "@requester asked to restart it.",
            "Starting again. Getting a GPU machine.",
        ]
    )
    assert "Cancel" in root(env).buttons


@pytest.mark.usefixtures("bot")
async def test_deleting_asks_for_the_name(env: Environment) -> None:
    """Only who types the endpoint's name deletes it, and only admins may by default."""
    endpoint = await rest(env)
    await env.member.click(root(env), "Delete")
    await env.slack.until(lambda: ephemeral_texts(env))
    assert ephemeral_texts(env) == snapshot(
        ["Only workspace admins can delete in `prod`. Ask @admin."]
    )
    await env.admin.click(root(env), "Delete")
    await env.slack.until(lambda: env.admin.modal)
    await env.admin.fill("Type it to confirm", "its")
    await env.admin.submit()
    assert env.admin.modal is not None
    assert env.admin.field_errors == snapshot(
        {"Type it to confirm": "That isn't its name. Type it to delete it."}
    )
    await env.admin.fill("Type it to confirm", "it")
    await env.admin.submit()
    await env.slack.until(lambda: "is gone" in root(env).text)
    await env.slack.until(lambda: "gone from Friendli" in thread(env)[-1])
    assert thread(env)[3:] == snapshot(
        [
            "@admin asked to delete it.",
            "The endpoint is gone from Friendli. It costs nothing now.",
        ]
    )
    assert endpoint not in env.friendli.endpoints


@pytest.mark.usefixtures("bot")
async def test_a_stale_button_is_answered_with_what_is_true(env: Environment) -> None:
    """Who clicks what was drawn before something changed is told what is so now."""
    endpoint = await serve(env)
    stale = deepcopy(root(env))
    env.friendli.set_status(endpoint, "SLEEPING")
    await env.slack.until(lambda: "is asleep" in root(env).text)
    await env.member.click(stale, "Sleep")
    await env.slack.until(lambda: ephemeral_texts(env))
    assert ephemeral_texts(env) == snapshot(["It is already asleep."])
    assert request_count(env, "sleep_endpoint") == 0


@pytest.mark.usefixtures("bot")
async def test_two_clicks_at_once_do_it_once(env: Environment) -> None:
    """The second person is told who asked for it already."""
    await serve(env)
    stale = deepcopy(root(env))
    env.friendli.faults.add(Slow(60), operation="sleep_endpoint")
    await env.member.click(stale, "Sleep")
    await env.member.click(stale, "Sleep")
    await env.slack.until(lambda: ephemeral_texts(env))
    assert ephemeral_texts(env) == snapshot(["@requester already requested this; see the thread."])
    env.clock.advance(60)
    await env.slack.until(lambda: "is asleep" in root(env).text)
    assert request_count(env, "sleep_endpoint") == 1


@pytest.mark.usefixtures("bot")
async def test_a_lost_reply_is_looked_into(env: Environment) -> None:
    """An operation whose answer got lost is found done, and isn't done twice."""
    await rest(env)
    env.friendli.faults.add(LoseReply(), operation="restart_endpoint")
    await env.member.click(root(env), "Restart ($5.00/h)")
    await env.slack.until(lambda: "Starting again" in thread(env)[-1])
    await env.slack.until(lambda: "is starting" in root(env).text)
    assert request_count(env, "restart_endpoint") == 1


async def test_a_restart_that_came_and_went_is_not_sent_again(
    env: Environment, start_bot: StartBot
) -> None:
    """Its answer was lost, and by the time that anybody can look it is at rest once more."""
    async with start_bot(outage_notify_after=60):
        await connect(env)
        endpoint = await rest(env)
        env.friendli.faults.add(LoseReply(), operation="restart_endpoint")
        blind = [
            env.friendli.faults.add(Respond(503), operation=operation, times=None)
            for operation in ("get_endpoint_status", "list_endpoints")
        ]
        await env.member.click(root(env), "Restart ($5.00/h)")
        await env.friendli.until(lambda: request_count(env, "restart_endpoint"))
        env.clock.advance(5)
        env.friendli.set_status(endpoint, "TERMINATED")
        for fault in blind:
            env.friendli.faults.remove(fault)
        seen = len(env.friendli.requests)
        await env.friendli.until(partial(asked_since, env, seen, 10))
        assert request_count(env, "restart_endpoint") == 1


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize(
    ("button", "operation", "said"),
    [
        (
            "Sleep",
            "sleep_endpoint",
            snapshot(
                "# Friendli didn't put it to sleep. It said: “not <now>”. It may still be billed."
            ),
        ),
        (
            "Terminate",
            "terminate_endpoint",
            snapshot(
                "# Friendli didn't terminate it. It said: “not <now>”. It may still be billed."
            ),
        ),
    ],
)
async def test_a_refusal_is_told_in_the_api_s_words(
    env: Environment, button: str, operation: str, said: str
) -> None:
    """What Friendli won't do, the thread says, and the buttons come back."""
    await serve(env)
    env.friendli.faults.add(Respond(400, {"detail": "not <now>"}), operation=operation)
    if button == "Terminate":
        await terminate(env)
    else:
        await env.member.click(root(env), button)
    await env.slack.until(lambda: has_replies(env, 4))
    assert thread(env)[3] == said
    await env.slack.until(lambda: button in root(env).buttons)


@pytest.mark.usefixtures("bot")
async def test_what_is_so_already_is_no_refusal(env: Environment) -> None:
    """Somebody did it elsewhere a moment before, so Friendli won't do it, and it is done."""
    endpoint = await serve(env)
    wait = Respond(429, {"detail": "slow down"}, headers={"Retry-After": "60"})
    unseen = env.friendli.faults.add(wait, operation="list_endpoints")
    await env.friendli.until(lambda: unseen.taken)
    env.friendli.set_status(endpoint, "SLEEPING")
    await env.member.click(root(env), "Sleep")
    await env.slack.until(lambda: has_replies(env, 4))
    assert thread(env)[2:] == snapshot(
        [
            "@requester asked to put it to sleep.",
            "😴 Asleep. $0.00/h while asleep; any request wakes it.",
        ]
    )
    assert request_count(env, "sleep_endpoint") == 1


@pytest.mark.usefixtures("bot")
async def test_what_is_asked_of_one_that_goes_away_ends_with_it(env: Environment) -> None:
    """Friendli asked to wait, and then there was nothing left to do it to."""
    endpoint = await serve(env)
    wait = Respond(429, {"detail": "slow down"}, headers={"Retry-After": "60"})
    env.friendli.faults.add(wait, operation="sleep_endpoint", times=None)
    await env.member.click(root(env), "Sleep")
    await env.friendli.until(lambda: request_count(env, "sleep_endpoint") == 1)
    env.friendli.delete(endpoint)
    await env.slack.until(lambda: has_replies(env, 6))
    assert thread(env)[2:] == snapshot(
        [
            "@requester asked to put it to sleep.",
            "Friendli is rate-limiting requests (429: “slow down”). Nothing was done yet; retrying in 30 s.",
            "# Friendli no longer lists *it*. Either it was deleted, or this target's API key lost access to the project and it may still be billed. I keep watching until TIME.",
            "# *it* isn't listed by Friendli any more, so it wasn't put to sleep.",
        ]
    )
    await env.slack.until(lambda: "isn't listed" in root(env).text)


@pytest.mark.usefixtures("bot")
async def test_what_is_asked_of_one_that_is_let_go_ends_with_it(env: Environment) -> None:
    """Whoever disconnects the target is no answer to whoever waits."""
    await serve(env)
    wait = Respond(429, {"detail": "slow down"}, headers={"Retry-After": "60"})
    env.friendli.faults.add(wait, operation="sleep_endpoint", times=None)
    await env.member.click(root(env), "Sleep")
    await env.friendli.until(lambda: request_count(env, "sleep_endpoint") == 1)
    await env.admin.command(env.channel, "disconnect")
    [question] = await env.slack.until(lambda: env.admin.ephemerals(env.channel))
    await env.admin.click(question, "Disconnect")
    await env.slack.until(lambda: has_replies(env, 6))
    assert thread(env)[4:] == snapshot(
        [
            "@admin disconnected `prod`, so this endpoint is no longer watched. It keeps running and is billed until someone stops it in Friendli Suite.",
            "# *it* is no longer watched from here, so it wasn't put to sleep.",
        ]
    )


@pytest.mark.parametrize("kind", list(OperationKind))
def test_what_has_no_effect_isn_t_offered(kind: OperationKind) -> None:
    """Nothing can be done to an endpoint that is on its way down."""
    assert not kind.fits(InferenceDeploymentStatus.TERMINATING)
    assert not kind.fits(InferenceDeploymentStatus.STOPPING)


@pytest.mark.usefixtures("bot")
async def test_a_request_is_stored_as_sending_before_it_leaves(env: Environment) -> None:
    """A process that dies with the answer under way must know that something may have happened."""
    await serve(env)
    fault = env.friendli.faults.add(Hang(), operation="sleep_endpoint")
    await env.member.click(root(env), "Sleep")
    await env.friendli.until(lambda: request_count(env, "sleep_endpoint"))
    database = Database(env.database)
    async with database.read() as session:
        states = (await session.scalars(select(Operation.state))).all()
    await database.close()
    assert states == [OperationState.SENDING]
    env.friendli.faults.remove(fault)
