"""Stories of the shortcut in a message's menu."""

import pytest
from inline_snapshot import snapshot

from bot.sandbox.environment import Environment
from tests.acceptance.deploying import serve
from tests.acceptance.endpoints import request_count
from tests.acceptance.home_tab import without_durations
from tests.acceptance.thread_assertions import ephemeral_texts, message_text, root

pytestmark = pytest.mark.usefixtures("bot")
STATUS = "endpoint.status"


@pytest.mark.parametrize("on", ["root", "reply"])
async def test_on_a_message_of_an_endpoint_s_thread(env: Environment, on: str) -> None:
    """How the endpoint is, with its buttons, to that person only and where the message stands."""
    await serve(env)
    message = root(env) if on == "root" else env.channel.replies(root(env).ts)[0]
    await env.member.shortcut(STATUS, message)
    [said] = await env.slack.until(lambda: env.member.ephemerals(env.channel))
    assert said.thread_ts == (None if on == "root" else root(env).ts)
    assert without_durations(message_text(env, said)) == snapshot("""\
🟢 *it* is live (took MOMENTS) · $5.00/h while live
Call it with `model: "ENDPOINT-1"`
org/model@ffc8550 · 1 × H100 · 1 replica · endpoint `ENDPOINT-1` · requested by @requester at TIME
requested by @requester · no lifetime · live for MOMENTS so far
“About” is estimated from how long it was live and the price of its GPUs. Friendli Suite shows charges under Billing.
[Use it] [Try a prompt] [Open in Friendli] [Update] [⋯ Sleep · Terminate · Deploy another like this · Copy as command]\
""")
    await env.member.click(said, "Sleep")
    await env.slack.until(lambda: request_count(env, "sleep_endpoint") == 1)


async def test_on_what_people_write_in_the_thread(env: Environment) -> None:
    """A thread is about its endpoint, whoever wrote the message."""
    await serve(env)
    written = await env.member.say(env.channel, "is it up?", thread=root(env))
    await env.member.shortcut(STATUS, written)
    await env.slack.until(lambda: ephemeral_texts(env))
    assert "is live" in ephemeral_texts(env)[0]


async def test_on_any_other_message(env: Environment) -> None:
    """It says what it is for."""
    await env.member.shortcut(STATUS, await env.member.say(env.channel, "hello"))
    await env.slack.until(lambda: ephemeral_texts(env))
    assert ephemeral_texts(env) == snapshot(
        [
            "This message isn't in an endpoint's thread. Endpoint status works on messages in endpoint threads. `/friendli-deploy list` shows the endpoints."
        ]
    )


async def test_on_a_copy_in_another_channel(env: Environment) -> None:
    """What is of another channel is none of this one's, whatever the message says of itself."""
    await serve(env)
    other = env.slack.add_channel("other", members=[env.member.user])
    written = await env.member.say(other, "a copy")
    written.metadata = root(env).metadata
    await env.member.shortcut(STATUS, written)
    [said] = await env.slack.until(lambda: env.member.ephemerals(other))
    assert "isn't in an endpoint's thread" in said.text


async def test_one_that_is_no_longer_ours(env: Environment) -> None:
    """A client may still show the entry of an older version."""
    ack = await env.member.shortcut("of.old", await env.member.say(env.channel, "hello"))
    assert ack.status == 200
    await env.slack.until(lambda: ephemeral_texts(env))
    assert ephemeral_texts(env) == snapshot(
        ["This button is from an older version of the bot and no longer works."]
    )
