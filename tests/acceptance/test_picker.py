"""Stories of choosing an endpoint from the picker, which every command about one has."""

import pytest
from inline_snapshot import snapshot

from bot.messages.blocks import actions, option, static_select
from bot.sandbox.environment import APP_TOKEN, Environment, connect
from bot.sandbox.faults import Hang, Respond
from bot.sandbox.slack.conversations import Message
from bot.sandbox.slack.workspace import Content
from tests.acceptance.endpoints import RequestCounter, command_response, create_in_suite
from tests.acceptance.thread_assertions import message_text, thread
from tests.conftest import StartBot

PICKER = "endpoint.pick.status"


async def offered(env: Environment, message: Message, typed: str = "") -> list[str]:
    """The options that show after something was typed."""
    return await env.member.suggest(PICKER, typed, message)


@pytest.mark.parametrize(
    "how",
    [{}, {"slack_app_token": APP_TOKEN, "slack_signing_secret": None}],
    ids=["http", "socket"],
)
async def test_an_endpoint_that_isn_t_named_is_chosen(
    env: Environment, start_bot: StartBot, how: dict[str, object]
) -> None:
    """The choice goes on with the command, in the question's place."""
    async with start_bot(**how):
        await env.slack.until(lambda: not how or env.slack.connections)
        await connect(env)
        create_in_suite(env, "llama", "SLEEPING")
        create_in_suite(env, "qwen")
        question = await command_response(env, "status")
        assert message_text(env, question) == snapshot("Which endpoint?")
        assert await offered(env, question) == snapshot(
            ["qwen · live · 1 × H100", "llama · asleep · 1 × H100"]
        )
        await env.member.choose(question, PICKER, "llama · asleep · 1 × H100")
        await env.slack.until(lambda: "*llama* is asleep" in message_text(env, question))
        assert env.member.notices == []


@pytest.mark.usefixtures("bot")
async def test_what_is_typed_filters(env: Environment) -> None:
    """By name, id, model, status and target, in any case; each word has to fit."""
    await env.member.command(
        env.channel, "org/Model-7B --gpu 2xH100 --replicas 1 --name mine --yes"
    )
    await env.slack.until(lambda: thread(env))
    asleep = create_in_suite(env, "asleep", "SLEEPING")
    create_in_suite(env, "twin")
    create_in_suite(env, "twin")
    question = await command_response(env, "status")
    assert await offered(env, question, "MINE") == snapshot(["mine · starting · 2 × H100"])
    assert len(await offered(env, question, "model-7b")) == 1
    assert len(await offered(env, question, asleep)) == 1
    assert len(await offered(env, question, "twin live")) == 2
    assert len(set(await offered(env, question, "twin live"))) == 2
    assert await offered(env, question, "twin asleep") == []
    assert len(await offered(env, question, "prod")) == 4
    assert env.member.notices == []


@pytest.mark.usefixtures("bot")
async def test_hostile_text_finds_nothing_and_breaks_nothing(env: Environment) -> None:
    """Whatever is typed, the answer is a list of options."""
    create_in_suite(env, "up")
    question = await command_response(env, "status")
    for typed in ("<!channel>", "' OR 1=1 --", "\x00\ud7ff🦙", "x" * 3000, "%", "&amp;"):
        assert await offered(env, question, typed) == [], typed
    assert await offered(env, question, " \t ") == ["up · live · 1 × H100"]
    assert env.member.notices == []


@pytest.mark.usefixtures("bot")
async def test_any_name_can_be_an_option(env: Environment) -> None:
    """Markup, space alone or a hundred characters: Slack takes them, at most a hundred of them."""
    for name in ("<!channel> *x* &amp;", "n" * 300, "🦙" * 75):
        create_in_suite(env, name)
    for number in range(100):
        create_in_suite(env, f"number-{number}")
    question = await command_response(env, "status")
    assert len(await offered(env, question)) == 100
    assert await offered(env, question, "channel") == snapshot(
        ["<!channel> *x* &amp; · live · 1 × H100"]
    )
    assert len((await offered(env, question, "nnn"))[0]) <= 75
    assert env.member.notices == []


async def test_another_channel_offers_nothing_of_this_one(
    env: Environment, start_bot: StartBot
) -> None:
    """A picker that is copied there has no options, and a choice reaches nothing."""
    async with start_bot():
        await connect(env)
        endpoint = create_in_suite(env, "secret")
        question = await command_response(env, "status")
        other = env.slack.add_channel("other", members=[env.member.user])
        stolen = env.slack.workspace.post(
            other, env.slack.workspace.bot, Content(text=question.text, blocks=question.blocks)
        )
        assert await offered(env, question) == ["secret · live · 1 × H100"]
        assert await offered(env, stolen) == []
        choice = static_select(PICKER, "Choose", [option("secret", f"prod {endpoint}")])
        forged = env.slack.workspace.post(
            other, env.slack.workspace.bot, Content(text="a forgery", blocks=[actions(choice)])
        )
        await env.member.choose(forged, PICKER, "secret")
        [said] = await env.slack.until(lambda: env.member.ephemerals(other))
        assert said.text.startswith("This channel isn't connected")


async def test_a_slow_friendli_leaves_what_was_seen_before(
    env: Environment, start_bot: StartBot
) -> None:
    """Slack waits three seconds; what our own threads tell is there even before the first list."""
    async with start_bot(menu_timeout=0.1, list_timeout=0.2):
        await connect(env)
        await env.member.command(
            env.channel, "org/model --gpu 2xH100 --replicas 1 --name mine --yes"
        )
        await env.slack.until(lambda: thread(env))
        create_in_suite(env, "theirs")
        outage = env.friendli.faults.add(Hang(), operation="list_endpoints", times=None)
        question = await command_response(env, "status")
        assert await offered(env, question) == snapshot(["mine · starting"])
        await env.member.choose(question, PICKER, "mine · starting")
        await env.slack.until(lambda: len(env.member.ephemerals(env.channel)) == 2)
        assert message_text(env, env.member.ephemerals(env.channel)[-1]) == snapshot("""\
Friendli isn't answering, so I can't list the endpoints in `prod`. They keep running.
Try again in a minute.\
""")
        env.friendli.faults.remove(outage)
        await command_response(env, "list")
        env.friendli.faults.add(Hang(), operation="list_endpoints", times=None)
        assert await offered(env, question) == snapshot(
            ["mine · starting · 2 × H100", "theirs · live · 1 × H100"]
        )
        env.friendli.faults.clear()


async def test_a_friendli_that_never_answered_is_said_in_the_menu(
    env: Environment, start_bot: StartBot
) -> None:
    """An empty menu would say that there is nothing; choosing the words tells more."""
    async with start_bot(menu_timeout=0.1, list_timeout=0.2):
        await connect(env)
        create_in_suite(env, "up")
        outage = env.friendli.faults.add(Respond(401), operation="list_endpoints", times=None)
        question = await command_response(env, "status")
        [only] = await offered(env, question)
        assert only == snapshot("Friendli isn't answering; choose this for details")
        await env.member.choose(question, PICKER, only)
        await env.slack.until(lambda: len(env.member.ephemerals(env.channel)) == 2)
        assert message_text(env, env.member.ephemerals(env.channel)[-1]) == snapshot("""\
Friendli refuses this target's API key.
An admin can connect a new key with `/friendli-deploy connect`.\
""")
        env.friendli.faults.remove(outage)
        await env.member.choose(question, PICKER, only)
        await env.slack.until(lambda: len(env.member.ephemerals(env.channel)) == 3)
        assert message_text(env, env.member.ephemerals(env.channel)[-1]) == snapshot("""\
Friendli is answering again. Choose again.
`/friendli-deploy list prod` shows what is.\
""")


@pytest.mark.usefixtures("bot")
async def test_what_is_gone_by_the_time_it_is_chosen_is_said(env: Environment) -> None:
    """The endpoint, or the whole target."""
    endpoint = create_in_suite(env, "short-lived")
    question = await command_response(env, "status")
    [only] = await offered(env, question)
    env.friendli.delete(endpoint)
    await env.member.choose(question, PICKER, only)
    await env.slack.until(lambda: len(env.member.ephemerals(env.channel)) == 2)
    assert message_text(env, env.member.ephemerals(env.channel)[-1]) == snapshot("""\
That endpoint doesn't exist any more.
`/friendli-deploy list prod` shows what is.\
""")
    await connect(env, "staging")
    await env.admin.command(env.channel, "disconnect prod")
    [asked_] = await env.slack.until(lambda: env.admin.ephemerals(env.channel))
    await env.admin.click(asked_, "Disconnect")
    await env.slack.until(
        lambda: "is disconnected" in asked_.text and "Disconnect" not in asked_.buttons
    )
    await env.member.choose(question, PICKER, only)
    await env.slack.until(lambda: len(env.member.ephemerals(env.channel)) == 3)
    assert message_text(env, env.member.ephemerals(env.channel)[-1]) == snapshot(
        "This target has been disconnected."
    )


@pytest.mark.usefixtures("bot")
async def test_typing_asks_friendli_once(env: Environment) -> None:
    """The list that was read for the question serves each letter."""
    create_in_suite(env, "up")
    counted = RequestCounter(env)
    question = await command_response(env, "status")
    await env.friendli.until(lambda: counted.of("get_endpoint") == 1)
    for typed in ("u", "up", "up "):
        assert await offered(env, question, typed) == ["up · live · 1 × H100"]
    assert counted.of("list_endpoints") == 1
    assert counted.of("get_endpoint") == 1


@pytest.mark.usefixtures("bot")
async def test_the_lists_picker_leaves_the_list(env: Environment) -> None:
    """One of its endpoints is shown below it; another target's are not offered."""
    await connect(env, "staging")
    create_in_suite(env, "up")
    shown = await command_response(env, "list staging")
    before = message_text(env, shown)
    await env.member.choose(shown, PICKER, "up · live · 1 × H100")
    await env.slack.until(lambda: len(env.member.ephemerals(env.channel)) == 2)
    assert "target `staging`" in message_text(env, env.member.ephemerals(env.channel)[-1])
    assert message_text(env, shown) == before
