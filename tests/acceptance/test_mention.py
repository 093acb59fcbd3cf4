"""Stories of mentions of the bot, in threads and outside of them."""

import pytest
from inline_snapshot import snapshot

from bot.sandbox.environment import Environment, connect
from bot.sandbox.slack.conversations import Message
from bot.sandbox.slack.workspace import Content
from tests.acceptance.deploying import serve
from tests.acceptance.endpoints import request_count
from tests.acceptance.home_tab import without_durations
from tests.acceptance.test_operations import rest
from tests.acceptance.thread_assertions import ephemeral_texts, message_text, root, thread
from tests.conftest import StartBot


async def mentioned(env: Environment, text: str, *, in_thread: bool = True) -> Message:
    """Mention the bot, and return what the member is answered."""
    before = len(env.member.ephemerals(env.channel))
    await env.member.mention(env.channel, text, thread=root(env) if in_thread else None)
    return await env.slack.until(lambda: env.member.ephemerals(env.channel)[before:][-1])


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("text", ["", "status", "Status?"])
async def test_how_the_thread_s_endpoint_is(env: Environment, text: str) -> None:
    """Shown in the thread, to the person who asks."""
    await serve(env)
    said = await mentioned(env, text)
    assert said.thread_ts == root(env).ts
    assert without_durations(message_text(env, said)) == snapshot("""\
🟢 *it* is live (took MOMENTS) · $5.00/h while live
Call it with `model: "ENDPOINT-1"`
org/model@ffc8550 · 1 × H100 · 1 replica · endpoint `ENDPOINT-1` · requested by @requester at TIME
requested by @requester · no lifetime · live for MOMENTS so far
“About” is estimated from how long it was live and the price of its GPUs. Friendli Suite shows charges under Billing.
[Use it] [Try a prompt] [Open in Friendli] [Update] [⋯ Sleep · Terminate · Deploy another like this · Copy as command]\
""")


@pytest.mark.usefixtures("bot")
async def test_sleep_is_done_at_once(env: Environment) -> None:
    """It costs nothing and any request wakes it."""
    await serve(env)
    assert message_text(env, await mentioned(env, "sleep")) == snapshot(
        "*it* is being put to sleep; see its thread."
    )
    await env.slack.until(lambda: "is asleep" in root(env).text)
    assert "@requester asked to put it to sleep." in thread(env)


@pytest.mark.usefixtures("bot")
async def test_what_costs_or_breaks_asks_first(env: Environment) -> None:
    """With the price, or with what it means; the button does it."""
    await serve(env)
    question = await mentioned(env, "terminate")
    assert message_text(env, question) == snapshot("""\
Terminate *it*? Requests to it will fail. You can restart it later.
[Terminate] [Cancel]\
""")
    assert request_count(env, "terminate_endpoint") == 0
    await env.member.click(question, "Terminate")
    await env.slack.until(lambda: request_count(env, "terminate_endpoint") == 1)


@pytest.mark.usefixtures("bot")
async def test_restarting_shows_the_price(env: Environment) -> None:
    """It would be billed again."""
    await rest(env)
    assert message_text(env, await mentioned(env, "restart")) == snapshot("""\
Restart *it*? *$5.00/h* while live.
[Restart] [Cancel]\
""")
    assert message_text(env, await mentioned(env, "wake")) == snapshot(
        "*it* is ended, so it can't be woken."
    )


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "help",
            snapshot("""\
In this thread, mention me with `status`, `sleep`, `wake`, `restart`, `terminate`, `delete`, `update`, `extend` or `keep`. Anything that costs money or breaks something needs a confirmation. Anything else is a prompt to the model.
`/friendli-deploy help` in the channel lists everything else.\
"""),
        ),
        (
            "slep",
            snapshot("""\
I don't understand `slep`.
Here you can use `status`, `sleep`, `wake`, `restart`, `terminate`, `delete`, `update`, `extend` and `keep`.\
"""),
        ),
        (
            "connect",
            snapshot("""\
Mentions don't support `connect`. Type it as a command in the channel:
`/friendli-deploy connect`\
"""),
        ),
    ],
)
async def test_what_else_is_written_in_a_thread(env: Environment, text: str, said: str) -> None:
    """What a mention can do, and where to do the rest."""
    await serve(env)
    assert message_text(env, await mentioned(env, text)) == said


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "",
            snapshot("""\
Mention me in an endpoint's thread with `status`, `sleep`, `wake`, `restart` or `terminate`, or anywhere in this channel with `list`.
`/friendli-deploy` deploys a model, and `/friendli-deploy help` lists the commands.\
"""),
        ),
        (
            "org/model --gpu H100 --yes",
            snapshot("""\
I don't understand `org/model --gpu H100 --yes`.
To deploy a model, type `/friendli-deploy`. `/friendli-deploy help` lists the rest.\
"""),
        ),
        (
            "settings",
            snapshot("""\
Mentions don't support `settings`. Type it as a command in the channel:
`/friendli-deploy settings`\
"""),
        ),
    ],
)
async def test_outside_of_threads(env: Environment, text: str, said: str) -> None:
    """It says how; nothing is deployed by a mention."""
    assert message_text(env, await mentioned(env, text, in_thread=False)) == said
    assert not env.friendli.endpoints


@pytest.mark.usefixtures("bot")
async def test_outside_of_threads_it_is_like_a_command(env: Environment) -> None:
    """Where no form is needed."""
    await serve(env)
    assert "1 endpoint" in message_text(env, await mentioned(env, "list", in_thread=False))
    said = message_text(env, await mentioned(env, "sleep it", in_thread=False))
    assert said == snapshot("*it* is being put to sleep; see its thread.")
    await env.slack.until(lambda: request_count(env, "sleep_endpoint") == 1)


async def test_a_mention_that_is_told_three_times_acts_once(
    env: Environment, start_bot: StartBot
) -> None:
    """Also by a replica, or a bot that was started anew, which haven't heard of it."""
    async with start_bot():
        await connect(env)
        await serve(env)
        ack = await env.member.mention(env.channel, "sleep", thread=root(env))
        assert ack is not None
        heard = ack.delivery
        await env.slack.deliver_again(heard)
        await env.slack.until(lambda: "is asleep" in root(env).text)
    async with start_bot():
        env.friendli.set_status(next(iter(env.friendli.endpoints)), "RUNNING")
        await env.slack.until(lambda: "is live" in root(env).text)
        assert (await env.slack.deliver_again(heard)).ok
    assert request_count(env, "sleep_endpoint") == 1
    assert len(ephemeral_texts(env)) == 1


@pytest.mark.usefixtures("bot")
async def test_a_guest_looks_and_doesn_t_act(env: Environment) -> None:
    """A person of another organisation, in a shared channel."""
    await serve(env)
    env.channel.is_ext_shared = True
    user = env.slack.add_user("guest", team_id="T000000099")
    env.slack.set_member(env.channel, user, member=True)
    guest = env.slack.act_as(user)
    await guest.mention(env.channel, "status", thread=root(env))
    await guest.mention(env.channel, "sleep", thread=root(env))
    await env.slack.until(lambda: len(guest.ephemerals(env.channel)) == 2)
    looked, acted = guest.ephemerals(env.channel)
    assert "is live" in looked.text
    assert message_text(env, acted) == snapshot("""\
You belong to another organisation, so you can look here but not act.
Ask someone in this workspace to do it.\
""")
    assert request_count(env, "sleep_endpoint") == 0


@pytest.mark.usefixtures("bot")
async def test_apps_aren_t_answered(env: Environment) -> None:
    """Two that answer each other would never end."""
    await serve(env)
    posted = env.slack.workspace.post(
        env.channel, env.slack.workspace.bot, Content(text="<@U0> sleep"), thread_ts=root(env).ts
    )
    await env.slack.events.send(
        {
            "type": "app_mention",
            "user": env.slack.workspace.bot.id,
            "bot_id": "B404",
            "text": posted.text,
            "ts": posted.ts,
            "thread_ts": root(env).ts,
            "channel": env.channel.id,
        }
    )
    await mentioned(env, "status")
    assert request_count(env, "sleep_endpoint") == 0
    assert len(ephemeral_texts(env)) == 1
