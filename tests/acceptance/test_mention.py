"""Stories of mentions of the bot, in threads and outside of them."""

import pytest
from inline_snapshot import snapshot

from bot.sandbox.environment import Environment, connect
from bot.sandbox.slack.conversations import Message
from bot.sandbox.slack.workspace import Content
from tests.acceptance.at_home import unhurried
from tests.acceptance.test_operations import rest, sent
from tests.acceptance.test_polling import serve
from tests.acceptance.thread_assertions import root, thread, whispers, words
from tests.conftest import StartBot


async def mentioned(here: Environment, text: str, *, in_thread: bool = True) -> Message:
    """Mention the bot, and return what the member is answered."""
    before = len(here.member.ephemerals(here.channel))
    await here.member.mention(here.channel, text, thread=root(here) if in_thread else None)
    return await here.slack.until(lambda: here.member.ephemerals(here.channel)[before:][-1])


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("text", ["", "status", "Status?"])
async def test_how_the_thread_s_endpoint_is(here: Environment, text: str) -> None:
    """Shown in the thread, to the person who asks."""
    await serve(here)
    said = await mentioned(here, text)
    assert said.thread_ts == root(here).ts
    assert unhurried(words(here, said)) == snapshot("""\
● *it* is serving after MOMENTS
$5.00/h from now, until it sleeps or ends
org/model · 1 × H100 · 1 replica · endpoint `ENDPOINT-1`
asked by @requester at TIME · target `prod`
served for MOMENTS so far. “About” is estimated from how long it served and the price of its GPUs. What is charged stands in Friendli Suite under Billing.
[Sleep] [Open in Friendli] [Update] [Terminate]\
""")


@pytest.mark.usefixtures("bot")
async def test_sleep_is_done_at_once(here: Environment) -> None:
    """It costs nothing and any request wakes it."""
    await serve(here)
    assert words(here, await mentioned(here, "sleep")) == snapshot(
        "*it* is being put to sleep; its thread tells how it goes."
    )
    await here.slack.until(lambda: "is sleeping" in root(here).text)
    assert "@requester asked to put it to sleep." in thread(here)


@pytest.mark.usefixtures("bot")
async def test_what_costs_or_breaks_asks_first(here: Environment) -> None:
    """With the price, or with what it means; the button does it."""
    await serve(here)
    question = await mentioned(here, "terminate")
    assert words(here, question) == snapshot("""\
Terminate *it*? Requests to it fail from then on. It can be restarted.
[Terminate] [Leave it]\
""")
    assert sent(here, "terminate_endpoint") == 0
    await here.member.click(question, "Terminate")
    await here.slack.until(lambda: sent(here, "terminate_endpoint") == 1)


@pytest.mark.usefixtures("bot")
async def test_restarting_shows_the_price(here: Environment) -> None:
    """It would be billed again."""
    await rest(here)
    assert words(here, await mentioned(here, "restart")) == snapshot("""\
Restart *it*? *$5.00/h* once it serves.
[Restart] [Leave it]\
""")
    assert words(here, await mentioned(here, "wake")) == snapshot(
        "*it* is terminated now, so there is nothing to do."
    )


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "help",
            snapshot("""\
In this thread, mention me with `status`, `sleep`, `wake`, `restart`, `terminate`, `delete`, `update`, `extend` or `keep`. What starts to cost money or breaks something asks first.
`/friendli-deploy help` in the channel shows everything else.\
"""),
        ),
        (
            "snooze",
            snapshot("""\
I don't understand `snooze`.
Here I know `status`, `sleep`, `wake`, `restart`, `terminate`, `delete`, `update`, `extend` and `keep`.\
"""),
        ),
        (
            "connect",
            snapshot("""\
A mention can't do `connect`. Type it as a command in the channel:
`/friendli-deploy connect`\
"""),
        ),
        (
            "<https://evil.test|x> `*",
            snapshot("""\
I don't understand `<https://evil.test|x> ˋ*`.
Here I know `status`, `sleep`, `wake`, `restart`, `terminate`, `delete`, `update`, `extend` and `keep`.\
"""),
        ),
    ],
)
async def test_what_else_is_written_in_a_thread(here: Environment, text: str, said: str) -> None:
    """What a mention can do, and where to do the rest."""
    await serve(here)
    assert words(here, await mentioned(here, text)) == said


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "",
            snapshot("""\
Mention me in an endpoint's thread with `status`, `sleep`, `wake`, `restart` or `terminate`, or anywhere in this channel with `list`.
`/friendli-deploy` deploys a model, and `/friendli-deploy help` shows everything that can be typed.\
"""),
        ),
        (
            "org/model --gpu H100 --yes",
            snapshot("""\
I don't understand `org/model --gpu H100 --yes`.
To deploy a model, type `/friendli-deploy`. `/friendli-deploy help` shows what else there is.\
"""),
        ),
        (
            "settings",
            snapshot("""\
A mention can't do `settings`. Type it as a command in the channel:
`/friendli-deploy settings`\
"""),
        ),
    ],
)
async def test_outside_of_threads(here: Environment, text: str, said: str) -> None:
    """It says how; nothing is deployed by a mention."""
    assert words(here, await mentioned(here, text, in_thread=False)) == said
    assert not here.friendli.endpoints


@pytest.mark.usefixtures("bot")
async def test_outside_of_threads_it_is_like_a_command(here: Environment) -> None:
    """Where no form is needed."""
    await serve(here)
    assert "1 endpoint" in words(here, await mentioned(here, "list", in_thread=False))
    said = words(here, await mentioned(here, "sleep it", in_thread=False))
    assert said == snapshot("*it* is being put to sleep; its thread tells how it goes.")
    await here.slack.until(lambda: sent(here, "sleep_endpoint") == 1)


async def test_a_mention_that_is_told_three_times_acts_once(
    here: Environment, start_bot: StartBot
) -> None:
    """Also by a replica, or a bot that was started anew, which haven't heard of it."""
    async with start_bot():
        await connect(here)
        await serve(here)
        ack = await here.member.mention(here.channel, "sleep", thread=root(here))
        assert ack is not None
        heard = ack.delivery
        await here.slack.deliver_again(heard)
        await here.slack.until(lambda: "is sleeping" in root(here).text)
    async with start_bot():
        here.friendli.set_status(next(iter(here.friendli.endpoints)), "RUNNING")
        await here.slack.until(lambda: "is serving" in root(here).text)
        assert (await here.slack.deliver_again(heard)).ok
    assert sent(here, "sleep_endpoint") == 1
    assert len(whispers(here)) == 1


@pytest.mark.usefixtures("bot")
async def test_a_guest_looks_and_doesn_t_act(here: Environment) -> None:
    """A person of another organisation, in a shared channel."""
    await serve(here)
    here.channel.is_ext_shared = True
    user = here.slack.add_user("guest", team_id="T000000099")
    here.slack.set_member(here.channel, user, member=True)
    guest = here.slack.act_as(user)
    await guest.mention(here.channel, "status", thread=root(here))
    await guest.mention(here.channel, "sleep", thread=root(here))
    await here.slack.until(lambda: len(guest.ephemerals(here.channel)) == 2)
    looked, acted = guest.ephemerals(here.channel)
    assert "is serving" in looked.text
    assert words(here, acted) == snapshot("""\
You belong to another organisation, so you can look on here but not act.
Someone of this workspace can do it for you.\
""")
    assert sent(here, "sleep_endpoint") == 0


@pytest.mark.usefixtures("bot")
async def test_apps_aren_t_answered(here: Environment) -> None:
    """Two that answer each other would never end."""
    await serve(here)
    posted = here.slack.workspace.post(
        here.channel, here.slack.workspace.bot, Content(text="<@U0> sleep"), thread_ts=root(here).ts
    )
    await here.slack.events.send(
        {
            "type": "app_mention",
            "user": here.slack.workspace.bot.id,
            "bot_id": "B404",
            "text": posted.text,
            "ts": posted.ts,
            "thread_ts": root(here).ts,
            "channel": here.channel.id,
        }
    )
    await mentioned(here, "status")
    assert sent(here, "sleep_endpoint") == 0
    assert len(whispers(here)) == 1
