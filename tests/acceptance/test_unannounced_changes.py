"""Deployments whose root Slack doesn't confirm in time."""

from inline_snapshot import snapshot

from bot.sandbox.environment import Environment, connect
from bot.sandbox.faults import LoseReply, Respond
from tests.acceptance.thread_assertions import message_text, root, thread
from tests.conftest import StartBot


async def test_a_doubtful_root_doesnt_go_on_promising(
    env: Environment, start_bot: StartBot
) -> None:
    """A root that was posted, but found only after its deployment was given up, says so."""
    async with start_bot(create_give_up_after=0.3):
        await connect(env)
        faults = env.slack.faults
        faults.add(LoseReply(), operation="chat.postMessage")
        unreadable = faults.add(
            Respond(429, headers={"Retry-After": "1"}),
            operation="conversations.history",
            times=None,
        )
        await env.member.command(
            env.channel, "org/model --gpu 1xH100 --replicas 1 --name mine --yes"
        )
        direct = env.slack.direct_message(env.member.user)
        [told] = (await env.slack.until(lambda: direct.messages)).values()
        assert "*mine* wasn't created" in told.text
        assert root(env).text.split("\n")[0] == snapshot("🟡 Creating *mine* · $5.00/h once live")
        faults.remove(unreadable)
        await env.slack.until(lambda: "wasn't created" in root(env).text and thread(env))
        assert thread(env) == snapshot(
            [
                "# 🔴 *mine* wasn't created. Slack didn't confirm this message for a long time, so nothing was sent."
            ]
        )
        await env.slack.until(
            lambda: "Request it again if you still want it." in message_text(env, root(env))
        )
        assert env.friendli.endpoints == {}
