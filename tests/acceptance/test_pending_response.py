"""Stories of answers to one person that Slack didn't show before the bot died."""

import pytest
from sqlalchemy import func, select

from bot.db.message_tables import Message
from bot.db.session import Database
from bot.domain.delivery import MessageKind
from bot.sandbox.environment import Environment, connect
from bot.sandbox.faults import Answer, Effect, Hang
from bot.sandbox.slack.conversations import Message as Shown
from tests.acceptance.thread_assertions import plain, root, roots, thread, whispers
from tests.conftest import StartBot

# What is left over comes once the process that was to show it has had its time.
SHORT = {"lease": 1.5, "slack_timeout": 1.0}


async def left_over(here: Environment) -> int:
    """How many direct messages stand in the outbox."""
    database = Database(here.database)
    async with database.read() as session:
        count = await session.scalar(
            select(func.count(Message.id)).where(Message.kind == MessageKind.DIRECT)
        )
    await database.close()
    return count or 0


def directly(here: Environment) -> list[Shown]:
    """What the member was told in direct messages."""
    return list(here.slack.direct_message(here.member.user).messages.values())


async def taken(here: Environment) -> None:
    """A name is taken, so that a second request for it is refused."""
    await here.member.command(here.channel, "org/model --gpu 1xH100 --name it --yes")
    await here.slack.until(lambda: roots(here) and thread(here))


async def ask_again(here: Environment) -> None:
    """Ask for what is refused."""
    ack = await here.member.command(here.channel, "org/other --gpu 1xH100 --name it --yes")
    assert ack.status == 200


async def cancel_twice(here: Environment) -> None:
    """Decide what is decided already."""
    before = root(here).buttons
    assert "Cancel" in before
    await here.member.double_click(root(here), "Cancel")


@pytest.mark.parametrize(
    ("act", "said"), [(ask_again, "*it* is taken"), (cancel_twice, "Somebody asked for that")]
)
async def test_an_answer_comes_although_the_bot_died_before_slack_showed_it(
    here: Environment, start_bot: StartBot, act: object, said: str
) -> None:
    """Acknowledged, then killed: the next process tells it directly, once."""
    assert callable(act)
    async with start_bot(**SHORT, shutdown_timeout=0.05):
        await connect(here)
        await taken(here)
        await here.slack.until(lambda: "Cancel" in root(here).buttons)
        here.slack.faults.add(Hang(), operation="response_url", times=None)
        await act(here)
    assert whispers(here) == []
    here.slack.faults.clear()
    async with start_bot(**SHORT):
        await here.slack.until(lambda: directly(here), timeout=20)
        [told] = directly(here)
        assert plain(here, told.text).startswith(f"You asked in #{here.channel.name}: {said}")
        assert told.buttons == []
    assert len(here.friendli.endpoints) == 1


@pytest.mark.parametrize("effect", [Answer(500), Answer(404)])
async def test_an_answer_that_slack_does_not_take_comes_directly(
    here: Environment, start_bot: StartBot, effect: Effect
) -> None:
    """A response_url may have expired, or Slack may be ill."""
    async with start_bot(**SHORT):
        await connect(here)
        await taken(here)
        here.slack.faults.add(effect, operation="response_url", times=None)
        await ask_again(here)
        await here.slack.until(lambda: directly(here), timeout=20)
        assert whispers(here) == []


async def test_an_answer_that_was_shown_is_not_repeated(
    here: Environment, start_bot: StartBot
) -> None:
    """The row goes as soon as Slack has taken it."""
    async with start_bot(**SHORT):
        await connect(here)
        await taken(here)
        await ask_again(here)
        await here.slack.until(lambda: whispers(here))
        assert "*it* is taken" in whispers(here)[0]
        while await left_over(here):
            pass
        assert directly(here) == []
