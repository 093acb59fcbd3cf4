"""Stories of choosing an endpoint from the picker, which every command about one has."""

import pytest
from inline_snapshot import snapshot

from bot.messages.blocks import actions, option, static_select
from bot.sandbox.environment import APP_TOKEN, Environment, connect
from bot.sandbox.faults import Answer, Hang
from bot.sandbox.slack.conversations import Message
from bot.sandbox.slack.workspace import Content
from tests.acceptance.listing import Counted, asked, made_elsewhere
from tests.acceptance.thread_assertions import thread, words
from tests.conftest import StartBot

PICKER = "endpoint.pick.status"


async def offered(here: Environment, message: Message, typed: str = "") -> list[str]:
    """The options that show after something was typed."""
    return await here.member.suggest(PICKER, typed, message)


@pytest.mark.parametrize(
    "how",
    [{}, {"slack_app_token": APP_TOKEN, "slack_signing_secret": None}],
    ids=["http", "socket"],
)
async def test_an_endpoint_that_isn_t_named_is_chosen(
    here: Environment, start_bot: StartBot, how: dict[str, object]
) -> None:
    """The choice goes on with the command, in the question's place."""
    async with start_bot(**how):
        await here.slack.until(lambda: not how or here.slack.connections)
        await connect(here)
        made_elsewhere(here, "llama", "SLEEPING")
        made_elsewhere(here, "qwen")
        question = await asked(here, "status")
        assert words(here, question) == snapshot("Which endpoint?")
        assert await offered(here, question) == snapshot(
            ["qwen · serving · 1 × H100", "llama · sleeping · 1 × H100"]
        )
        await here.member.choose(question, PICKER, "llama · sleeping · 1 × H100")
        await here.slack.until(lambda: "*llama* is sleeping" in words(here, question))
        assert here.member.notices == []


@pytest.mark.usefixtures("bot")
async def test_what_is_typed_filters(here: Environment) -> None:
    """By name, id, model, status and target, in any case; each word has to fit."""
    await here.member.command(
        here.channel, "org/Model-7B --gpu 2xH100 --replicas 1 --name mine --yes"
    )
    await here.slack.until(lambda: thread(here))
    asleep = made_elsewhere(here, "asleep", "SLEEPING")
    made_elsewhere(here, "twin")
    made_elsewhere(here, "twin")
    question = await asked(here, "status")
    assert await offered(here, question, "MINE") == snapshot(["mine · starting · 2 × H100"])
    assert len(await offered(here, question, "model-7b")) == 1
    assert len(await offered(here, question, asleep)) == 1
    assert len(await offered(here, question, "twin serving")) == 2
    assert len(set(await offered(here, question, "twin serving"))) == 2
    assert await offered(here, question, "twin sleeping") == []
    assert len(await offered(here, question, "prod")) == 4
    assert here.member.notices == []


@pytest.mark.usefixtures("bot")
async def test_hostile_text_finds_nothing_and_breaks_nothing(here: Environment) -> None:
    """Whatever is typed, the answer is a list of options."""
    made_elsewhere(here, "up")
    question = await asked(here, "status")
    for typed in ("<!channel>", "' OR 1=1 --", "\x00\ud7ff🦙", "x" * 3000, "%", "&amp;"):
        assert await offered(here, question, typed) == [], typed
    assert await offered(here, question, " \t ") == ["up · serving · 1 × H100"]
    assert here.member.notices == []


@pytest.mark.usefixtures("bot")
async def test_any_name_can_be_an_option(here: Environment) -> None:
    """Markup, space alone or a hundred characters: Slack takes them, at most a hundred of them."""
    for name in ("<!channel> *x* &amp;", "n" * 300, "🦙" * 75):
        made_elsewhere(here, name)
    for number in range(100):
        made_elsewhere(here, f"number-{number}")
    question = await asked(here, "status")
    assert len(await offered(here, question)) == 100
    assert await offered(here, question, "channel") == snapshot(
        ["<!channel> *x* &amp; · serving · 1 × H100"]
    )
    assert len((await offered(here, question, "nnn"))[0]) <= 75
    assert here.member.notices == []


async def test_another_channel_offers_nothing_of_this_one(
    here: Environment, start_bot: StartBot
) -> None:
    """A picker that is copied there has no options, and a choice reaches nothing."""
    async with start_bot():
        await connect(here)
        endpoint = made_elsewhere(here, "secret")
        question = await asked(here, "status")
        other = here.slack.add_channel("other", members=[here.member.user])
        stolen = here.slack.workspace.post(
            other, here.slack.workspace.bot, Content(text=question.text, blocks=question.blocks)
        )
        assert await offered(here, question) == ["secret · serving · 1 × H100"]
        assert await offered(here, stolen) == []
        choice = static_select(PICKER, "Choose", [option("secret", f"prod {endpoint}")])
        forged = here.slack.workspace.post(
            other, here.slack.workspace.bot, Content(text="a forgery", blocks=[actions(choice)])
        )
        await here.member.choose(forged, PICKER, "secret")
        [said] = await here.slack.until(lambda: here.member.ephemerals(other))
        assert said.text.startswith("This channel isn't connected")


async def test_a_slow_friendli_leaves_what_was_seen_before(
    here: Environment, start_bot: StartBot
) -> None:
    """Slack waits three seconds; what our own threads tell is there even before the first list."""
    async with start_bot(menu_timeout=0.1, list_timeout=0.2):
        await connect(here)
        await here.member.command(
            here.channel, "org/model --gpu 2xH100 --replicas 1 --name mine --yes"
        )
        await here.slack.until(lambda: thread(here))
        made_elsewhere(here, "theirs")
        outage = here.friendli.faults.add(Hang(), operation="list_endpoints", times=None)
        question = await asked(here, "status")
        assert await offered(here, question) == snapshot(["mine · starting"])
        await here.member.choose(question, PICKER, "mine · starting")
        await here.slack.until(lambda: len(here.member.ephemerals(here.channel)) == 2)
        assert words(here, here.member.ephemerals(here.channel)[-1]) == snapshot("""\
Friendli isn't answering right now, so I can't see what runs in `prod`. Whatever runs goes on.
Try again in a minute.\
""")
        here.friendli.faults.remove(outage)
        await asked(here, "list")
        here.friendli.faults.add(Hang(), operation="list_endpoints", times=None)
        assert await offered(here, question) == snapshot(
            ["mine · starting · 2 × H100", "theirs · serving · 1 × H100"]
        )
        here.friendli.faults.clear()


async def test_a_friendli_that_never_answered_is_said_in_the_menu(
    here: Environment, start_bot: StartBot
) -> None:
    """An empty menu would say that there is nothing; choosing the words tells more."""
    async with start_bot(menu_timeout=0.1, list_timeout=0.2):
        await connect(here)
        made_elsewhere(here, "up")
        outage = here.friendli.faults.add(Answer(401), operation="list_endpoints", times=None)
        question = await asked(here, "status")
        [only] = await offered(here, question)
        assert only == snapshot("Friendli isn't answering; choose this to hear more")
        await here.member.choose(question, PICKER, only)
        await here.slack.until(lambda: len(here.member.ephemerals(here.channel)) == 2)
        assert words(here, here.member.ephemerals(here.channel)[-1]) == snapshot("""\
Friendli refuses this target's API key.
An admin can connect a new key with `/friendli-deploy connect`.\
""")
        here.friendli.faults.remove(outage)
        await here.member.choose(question, PICKER, only)
        await here.slack.until(lambda: len(here.member.ephemerals(here.channel)) == 3)
        assert words(here, here.member.ephemerals(here.channel)[-1]) == snapshot("""\
Friendli answers again. Choose once more.
`/friendli-deploy list prod` shows what is.\
""")


@pytest.mark.usefixtures("bot")
async def test_what_is_gone_by_the_time_it_is_chosen_is_said(here: Environment) -> None:
    """The endpoint, or the whole target."""
    endpoint = made_elsewhere(here, "short-lived")
    question = await asked(here, "status")
    [only] = await offered(here, question)
    here.friendli.delete(endpoint)
    await here.member.choose(question, PICKER, only)
    await here.slack.until(lambda: len(here.member.ephemerals(here.channel)) == 2)
    assert words(here, here.member.ephemerals(here.channel)[-1]) == snapshot("""\
That endpoint isn't there any more.
`/friendli-deploy list prod` shows what is.\
""")
    await connect(here, "staging")
    await here.admin.command(here.channel, "disconnect prod")
    [asked_] = await here.slack.until(lambda: here.admin.ephemerals(here.channel))
    await here.admin.click(asked_, "Disconnect")
    await here.slack.until(lambda: "wiped" in asked_.text and "Disconnect" not in asked_.buttons)
    await here.member.choose(question, PICKER, only)
    await here.slack.until(lambda: len(here.member.ephemerals(here.channel)) == 3)
    assert words(here, here.member.ephemerals(here.channel)[-1]) == snapshot(
        "This target was disconnected meanwhile."
    )


@pytest.mark.usefixtures("bot")
async def test_typing_asks_friendli_once(here: Environment) -> None:
    """The list that was read for the question serves each letter."""
    made_elsewhere(here, "up")
    counted = Counted(here)
    question = await asked(here, "status")
    await here.friendli.until(lambda: counted.of("get_endpoint") == 1)
    for typed in ("u", "up", "up "):
        assert await offered(here, question, typed) == ["up · serving · 1 × H100"]
    assert counted.of("list_endpoints") == 1
    assert counted.of("get_endpoint") == 1


@pytest.mark.usefixtures("bot")
async def test_the_lists_picker_leaves_the_list(here: Environment) -> None:
    """One of its endpoints is shown below it; another target's are not offered."""
    await connect(here, "staging")
    made_elsewhere(here, "up")
    shown = await asked(here, "list staging")
    before = words(here, shown)
    await here.member.choose(shown, PICKER, "up · serving · 1 × H100")
    await here.slack.until(lambda: len(here.member.ephemerals(here.channel)) == 2)
    assert "target `staging`" in words(here, here.member.ephemerals(here.channel)[-1])
    assert words(here, shown) == before
