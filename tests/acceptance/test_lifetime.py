"""Stories of endpoints that run for a time: told before, ended then, or kept by someone."""

from functools import partial

import pytest
from inline_snapshot import snapshot

from bot.domain.policy import ExpiryAction, Policy
from bot.sandbox.environment import API_KEY, Environment, connect
from bot.sandbox.faults import Respond
from tests.acceptance.deploying import REPLICA, serve
from tests.acceptance.due_times import lifetime_ends_in, lifetime_is_removed, set_policy
from tests.acceptance.endpoints import RequestCounter, command_response
from tests.acceptance.thread_assertions import (
    card_with,
    ephemeral_texts,
    has_replies,
    last_reply_contains,
    message_text,
    rendered_text,
    root,
    thread,
)
from tests.conftest import StartBot

SOON = 0.05


async def deploy(env: Environment, *, lease: str = "--for 8h", name: str = "it") -> str:
    """Deploy a model for a time and wait until it serves; returns its id."""
    return await serve(env, name, f"{REPLICA} {lease}")


async def warned(env: Environment) -> None:
    """Let the time nearly pass."""
    await lifetime_ends_in(env, 300)
    await env.slack.until(partial(last_reply_contains, env, "Extend by"))


@pytest.mark.usefixtures("bot")
async def test_a_time_is_shown_before_and_after_it_is_agreed_to(env: Environment) -> None:
    """The preview says how long it runs and what happens then; the root says until when."""
    await env.member.command(env.channel, "org/model --gpu 1xH100 --replicas 1 --name it --for 8h")
    await env.slack.until(lambda: env.member.ephemerals(env.channel))
    assert message_text(env, env.member.ephemerals(env.channel)[0]) == snapshot("""\
*it* on 1 × H100, 1 replica, in `prod`: *$5.00/h* while live ($3,650/month) · about $40.00 by TIME
Fits, room for 44 requests at 8k.
Why?
Skip special tokens: `on` · Add special tokens: `on`
org/model@ffc8550
8.2 B parameters, 16 GB bf16 · Qwen3ForCausalLM · 40k context
A fixed replica never sleeps: it is billed until someone stops it.
Lifetime 8 h from creation, then it terminates.
[Why?] [Deploy] [Change] [Cancel]\
""")
    await deploy(env)
    await env.slack.until(lambda: "ends TIME" in message_text(env, root(env)))
    assert message_text(env, root(env)) == snapshot("""\
🟢 *it* is live (took under 1 s) · $5.00/h while live · ends TIME
Call it with `model: "ENDPOINT-1"`
org/model@ffc8550 · 1 × H100 · 1 replica · endpoint `ENDPOINT-1` · requested by @requester at TIME
[Use it] [Try a prompt] [Open in Friendli] [Update] [⋯ Sleep · Terminate · Extend by 8 h · Deploy another like this · Copy as command]\
""")


@pytest.mark.usefixtures("bot")
async def test_a_target_can_give_every_endpoint_a_time(env: Environment) -> None:
    """What its team has decided holds where nobody says otherwise, and is shown before."""
    await set_policy(env, Policy(lifetime_hours=2, expiry_action=ExpiryAction.SLEEP))
    await env.member.command(env.channel, "org/model --gpu 1xH100 --replicas 1 --name it")
    await env.slack.until(lambda: env.member.ephemerals(env.channel))
    shown = message_text(env, env.member.ephemerals(env.channel)[0])
    assert "Lifetime 2 h from creation, then it sleeps" in shown
    await deploy(env, lease="")
    await env.slack.until(lambda: "sleeps TIME" in message_text(env, root(env)))


@pytest.mark.usefixtures("bot")
async def test_the_warning_says_what_going_on_costs(env: Environment) -> None:
    """It reaches the channel, and somebody decides by a button; a stale one is told what is so."""
    await deploy(env)
    await warned(env)
    warning = await card_with(env, "Remove lifetime")
    assert (thread(env)[-1], warning.buttons) == snapshot(
        (
            "# *it* terminates TIME. Extend by 8 h for $40.00?",
            [
                "Extend by 8 h",
                "Remove lifetime",
                "Use it",
                "Try a prompt",
                "Open in Friendli",
                "Update",
                "Sleep",
                "Terminate",
                "Deploy another like this",
                "Copy as command",
            ],
        )
    )
    await env.member.click(warning, "Extend by 8 h")
    await env.slack.until(partial(last_reply_contains, env, "extended the lifetime"))
    before = len(thread(env))
    await env.member.click(warning, "Extend by 8 h")
    await env.slack.until(lambda: ephemeral_texts(env))
    assert len(thread(env)) == before
    assert (thread(env)[-1], ephemeral_texts(env)[-1]) == snapshot(
        (
            "@requester extended the lifetime by 8 h: it terminates TIME. It costs $5.00/h while live.",
            "Someone already decided. It terminates TIME.",
        )
    )


@pytest.mark.usefixtures("bot")
async def test_keeping_it_is_a_decision_that_the_thread_records(env: Environment) -> None:
    """It has no end any more, whoever clicks how often; the old end passes unnoticed."""
    await deploy(env)
    await warned(env)
    warning = await card_with(env, "Remove lifetime")
    await env.member.click(warning, "Remove lifetime")
    await env.slack.until(partial(last_reply_contains, env, "removed the lifetime"))
    assert thread(env)[-1] == snapshot(
        "@requester removed the lifetime: it runs until someone stops it. It costs $5.00/h while live."
    )
    await env.slack.until(lambda: "ends TIME" not in message_text(env, root(env)))
    await env.member.click(warning, "Remove lifetime")
    await env.slack.until(lambda: ephemeral_texts(env))
    await env.member.click(warning, "Extend by 8 h")
    await env.slack.until(lambda: len(ephemeral_texts(env)) > 1)
    assert ephemeral_texts(env) == snapshot(
        [
            "It has no lifetime: it runs until someone stops it.",
            "It has no lifetime: it runs until someone stops it.",
        ]
    )


async def test_at_the_end_it_is_terminated_once(env: Environment, start_bot: StartBot) -> None:
    """Nobody decided otherwise, so it stops costing money."""
    counted = RequestCounter(env)
    async with start_bot(lifetime_notice_min=SOON):
        await connect(env)
        endpoint = await deploy(env)
        await lifetime_ends_in(env, 0)
        await env.slack.until(partial(last_reply_contains, env, "Lifetime over"))
        await env.friendli.until(lambda: counted.of("terminate_endpoint"))
        env.friendli.set_status(endpoint, "TERMINATED")
        await env.slack.until(partial(last_reply_contains, env, "Terminated."))
        await env.slack.until(lambda: "ends TIME" not in message_text(env, root(env)))
    assert counted.of("terminate_endpoint") == 1
    assert thread(env)[2:] == snapshot(
        [
            "# *it* terminates TIME. Extend by 8 h for $40.00?",
            "Lifetime over: terminating it.",
            "⚪ Terminated. $0.00/h; a restart in Friendli Suite shows up here.",
        ]
    )


async def test_two_bots_on_one_database_end_it_once(env: Environment, start_bot: StartBot) -> None:
    """Whoever claims the row does it; the other finds it done."""
    counted = RequestCounter(env)
    async with start_bot(lifetime_notice_min=SOON), start_bot(lifetime_notice_min=SOON):
        await connect(env)
        endpoint = await deploy(env)
        await lifetime_ends_in(env, 0)
        await env.friendli.until(lambda: counted.of("terminate_endpoint"))
        env.friendli.set_status(endpoint, "TERMINATED")
        await env.slack.until(partial(last_reply_contains, env, "Terminated."))
    assert counted.of("terminate_endpoint") == 1
    assert sum("Lifetime over" in line for line in thread(env)) == 1


async def test_it_sleeps_where_someone_chose_that(env: Environment, start_bot: StartBot) -> None:
    """Its time begins anew when something wakes it: sleep alone guards no money."""
    async with start_bot(lifetime_notice_min=SOON):
        await connect(env)
        await set_policy(env, Policy(expiry_action=ExpiryAction.SLEEP))
        endpoint = await deploy(env)
        await lifetime_ends_in(env, 0)
        await env.slack.until(partial(last_reply_contains, env, "Lifetime over"))
        env.friendli.set_status(endpoint, "SLEEPING")
        await env.slack.until(lambda: "asleep" in root(env).text)
        assert "ends TIME" not in message_text(env, root(env))
        env.friendli.set_status(endpoint, "RUNNING")
        await env.slack.until(lambda: "sleeps TIME" in message_text(env, root(env)))


async def test_an_end_that_friendli_refuses_is_told_loudly_and_tried_again(
    env: Environment, start_bot: StartBot
) -> None:
    """Money runs, so the channel hears of it, and it isn't given up."""
    counted = RequestCounter(env)
    async with start_bot(lifetime_notice_min=SOON, lifetime_end_retry=SOON):
        await connect(env)
        endpoint = await deploy(env)
        env.friendli.faults.add(Respond(400, {"detail": "not now"}), operation="terminate_endpoint")
        await lifetime_ends_in(env, 0)
        await env.friendli.until(lambda: counted.of("terminate_endpoint") > 1)
        env.friendli.set_status(endpoint, "TERMINATED")
        await env.slack.until(partial(last_reply_contains, env, "Terminated."))
    assert thread(env)[3:] == snapshot(
        [
            "Lifetime over: terminating it.",
            "# *it* is still running past its lifetime: Friendli didn't terminate it. Friendli said: “not now”. It may still be billed, at $5.00/h. I keep trying; to be sure, stop it in Friendli Suite.",
            "⚪ Terminated. $0.00/h; a restart in Friendli Suite shows up here.",
        ]
    )


async def test_an_end_that_nobody_can_reach_is_tried_until_it_is_given_up(
    env: Environment, start_bot: StartBot
) -> None:
    """With a revoked key nothing can be ended; the thread says so, and at last that it's over."""
    async with start_bot(
        lifetime_notice_min=SOON, lifetime_end_retry=SOON, lifetime_end_give_up_after=0.3
    ):
        await connect(env)
        await deploy(env)
        env.friendli.revoke_key(API_KEY)
        await lifetime_ends_in(env, 0)
        await env.slack.until(partial(last_reply_contains, env, "stopped trying"), timeout=15)
    assert thread(env)[3:] == snapshot(
        [
            "# *it* terminates TIME. Extend by 8 h for $40.00?",
            "Lifetime over: terminating it.",
            "# *it* is still running past its lifetime: Friendli didn't terminate it. Friendli said: “Missing or invalid API key.”. It may still be billed, at $5.00/h. I keep trying; to be sure, stop it in Friendli Suite.",
            "# *it* is still running past its lifetime, and I stopped trying to terminate it. It may still be billed, at $5.00/h, until someone stops it here or in Friendli Suite.",
        ]
    )


async def test_a_bot_that_was_down_warns_before_it_ends_anything(
    env: Environment, start_bot: StartBot
) -> None:
    """Whoever wasn't warned still gets the least notice."""
    async with start_bot():
        await connect(env)
        await deploy(env)
    await lifetime_ends_in(env, -3600)
    counted = RequestCounter(env)
    async with start_bot():
        await env.slack.until(partial(last_reply_contains, env, "Extend by"))
        await env.slack.until(lambda: "ends TIME" in message_text(env, root(env)))
    assert counted.of("terminate_endpoint") == 0


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("status", ["SLEEPING", "FAILED", "TERMINATED"])
async def test_what_is_at_rest_when_its_time_is_over_is_left_alone(
    env: Environment, status: str
) -> None:
    """Nothing is warned of or done; its time begins anew once it comes up."""
    endpoint = await deploy(env)
    env.friendli.set_status(endpoint, status)
    await env.slack.until(lambda: has_replies(env, 3))
    counted = RequestCounter(env)
    await lifetime_ends_in(env, 0)
    await lifetime_is_removed(env)
    assert has_replies(env, 3)
    await env.slack.until(lambda: "ends TIME" not in message_text(env, root(env)))
    env.friendli.set_status(endpoint, "INITIALIZING", phase="ENGINE_INITIALIZING")
    await env.slack.until(lambda: "ends TIME" in message_text(env, root(env)))
    assert counted.of("terminate_endpoint") == 0


@pytest.mark.parametrize("status", ["INITIALIZING", "UPDATING", "UNKNOWN"])
async def test_what_isn_t_at_rest_is_ended_whatever_it_does(
    env: Environment, start_bot: StartBot, status: str
) -> None:
    """Coming up, updating, or unknown: it costs money, or soon will."""
    counted = RequestCounter(env)
    async with start_bot(lifetime_notice_min=SOON):
        await connect(env)
        endpoint = await deploy(env)
        env.friendli.set_status(endpoint, status)
        await env.slack.until(lambda: has_replies(env, 3))
        await lifetime_ends_in(env, 0)
        await env.friendli.until(lambda: counted.of("terminate_endpoint"))


async def test_a_command_that_slack_delivers_again_extends_once(
    env: Environment, start_bot: StartBot
) -> None:
    """Also where the bot was started anew, and hasn't heard of the first time."""
    async with start_bot():
        await connect(env)
        await deploy(env)
        typed = await env.member.command(env.channel, "extend it 8h")
        await env.slack.until(partial(last_reply_contains, env, "extended the lifetime by 8 h"))
    async with start_bot():
        before = len(ephemeral_texts(env))
        assert (await env.slack.deliver_again(typed.delivery)).ok
        await env.slack.until(lambda: len(ephemeral_texts(env)) > before)
        assert ephemeral_texts(env)[-1] == snapshot("It terminates TIME.")
        await env.member.command(env.channel, "extend it 1h")
        await env.slack.until(partial(last_reply_contains, env, "extended the lifetime by 1 h"))
    assert sum("extended the lifetime" in line for line in thread(env)) == 2


@pytest.mark.usefixtures("bot")
async def test_extending_and_keeping_by_name(env: Environment) -> None:
    """What the buttons do, at any time; slips come with a correction."""
    await deploy(env)
    answers = [
        rendered_text(env, (await command_response(env, text)).text)
        for text in ("extend it 8", "extend it", "extend it 1h", "keep it", "keep it")
    ]
    assert answers == snapshot(
        [
            "`8` isn't a duration. Write `8h`, `2d` or `90m`. Did you mean `8h`? `/friendli-deploy extend it 8h`",
            "It terminates TIME.",
            "It terminates TIME.",
            "It runs until someone stops it.",
            "It has no lifetime: it runs until someone stops it.",
        ]
    )
    await env.slack.until(partial(last_reply_contains, env, "removed the lifetime"))
    assert thread(env)[2:] == snapshot(
        [
            "@requester extended the lifetime by 8 h: it terminates TIME. It costs $5.00/h while live.",
            "@requester extended the lifetime by 1 h: it terminates TIME. It costs $5.00/h while live.",
            "@requester removed the lifetime: it runs until someone stops it. It costs $5.00/h while live.",
        ]
    )


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("typed", ["extend it", "extend it 2h"])
async def test_an_endpoint_without_an_end_gets_one_only_if_someone_says_so(
    env: Environment, typed: str
) -> None:
    """`extend` asks first and says what changes; a click twice sets one lifetime."""
    await deploy(env, lease="")
    question = await command_response(env, typed)
    assert "until someone stops it. Set a lifetime of" in question.text
    assert "then it terminates" in question.text
    assert question.buttons == ["Set lifetime", "Cancel"]
    assert "ends TIME" not in message_text(env, root(env))
    assert has_replies(env, 2)
    await env.member.double_click(question, "Set lifetime")
    await env.slack.until(lambda: "ends TIME" in message_text(env, root(env)))
    await env.slack.until(lambda: "terminates TIME" in ephemeral_texts(env)[-1])
    assert sum("set a lifetime" in line for line in thread(env)) == 1
    again = await command_response(env, "extend it 8h")
    await env.slack.until(partial(last_reply_contains, env, "extended the lifetime by 8 h"))
    assert not again.buttons


@pytest.mark.usefixtures("bot")
async def test_a_question_about_a_lifetime_is_stale_once_there_is_one(env: Environment) -> None:
    """The lifetime that somebody else set meanwhile stays as it is."""
    await deploy(env, lease="")
    stale, other = [await command_response(env, f"extend it {hours}h") for hours in (9, 2)]
    await env.member.click(other, "Set lifetime")
    await env.slack.until(partial(last_reply_contains, env, "set a lifetime"))
    await env.member.click(stale, "Set lifetime")
    await env.slack.until(lambda: any("already decided" in one for one in ephemeral_texts(env)))
    assert sum("set a lifetime" in line for line in thread(env)) == 1
