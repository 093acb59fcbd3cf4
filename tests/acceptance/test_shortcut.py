"""Stories of the shortcut in a message's menu."""

import pytest
from inline_snapshot import snapshot

from bot.sandbox.environment import Environment
from tests.acceptance.at_home import unhurried
from tests.acceptance.test_operations import sent
from tests.acceptance.test_polling import serve
from tests.acceptance.thread_assertions import root, whispers, words

pytestmark = pytest.mark.usefixtures("bot")
STATUS = "endpoint.status"


@pytest.mark.parametrize("on", ["root", "reply"])
async def test_on_a_message_of_an_endpoint_s_thread(here: Environment, on: str) -> None:
    """How the endpoint is, with its buttons, to that person only and where the message stands."""
    await serve(here)
    message = root(here) if on == "root" else here.channel.replies(root(here).ts)[0]
    await here.member.shortcut(STATUS, message)
    [said] = await here.slack.until(lambda: here.member.ephemerals(here.channel))
    assert said.thread_ts == (None if on == "root" else root(here).ts)
    assert unhurried(words(here, said)) == snapshot("""\
● *it* is serving after MOMENTS
$5.00/h from now, until it sleeps or ends
org/model · 1 × H100 · 1 replica · endpoint `ENDPOINT-1`
asked by @requester at TIME · target `prod`
served for MOMENTS so far. “About” is estimated from how long it served and the price of its GPUs. What is charged stands in Friendli Suite under Billing.
[Sleep] [Open in Friendli] [Update] [Terminate]\
""")
    await here.member.click(said, "Sleep")
    await here.slack.until(lambda: sent(here, "sleep_endpoint") == 1)


async def test_on_what_people_write_in_the_thread(here: Environment) -> None:
    """A thread is about its endpoint, whoever wrote the message."""
    await serve(here)
    written = await here.member.say(here.channel, "is it up?", thread=root(here))
    await here.member.shortcut(STATUS, written)
    await here.slack.until(lambda: whispers(here))
    assert "is serving" in whispers(here)[0]


async def test_on_any_other_message(here: Environment) -> None:
    """It says what it is for."""
    await here.member.shortcut(STATUS, await here.member.say(here.channel, "hello"))
    await here.slack.until(lambda: whispers(here))
    assert whispers(here) == snapshot(
        [
            "This message isn't from the thread of an endpoint that I know. Endpoint status is for messages of such threads. `/friendli-deploy list` shows what runs."
        ]
    )


async def test_on_a_copy_in_another_channel(here: Environment) -> None:
    """What is of another channel is none of this one's, whatever the message says of itself."""
    await serve(here)
    other = here.slack.add_channel("other", members=[here.member.user])
    written = await here.member.say(other, "a copy")
    written.metadata = root(here).metadata
    await here.member.shortcut(STATUS, written)
    [said] = await here.slack.until(lambda: here.member.ephemerals(other))
    assert "isn't from the thread of an endpoint" in said.text


async def test_one_that_is_no_longer_ours(here: Environment) -> None:
    """A client may still show the entry of an older version."""
    ack = await here.member.shortcut("of.old", await here.member.say(here.channel, "hello"))
    assert ack.status == 200
    await here.slack.until(lambda: whispers(here))
    assert whispers(here) == snapshot(
        ["This button is from an older version of the bot and does nothing any more."]
    )
