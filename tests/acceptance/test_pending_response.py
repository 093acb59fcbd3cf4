"""Stories of answers to one person that Slack didn't show before the bot died."""

import pytest
from sqlalchemy import func, select

from bot.db.message_tables import Message
from bot.db.session import Database
from bot.domain.delivery import MessageKind
from bot.sandbox.environment import Environment, connect
from bot.sandbox.faults import Effect, Hang, Respond
from bot.sandbox.slack.conversations import Message as Shown
from tests.acceptance.thread_assertions import ephemeral_texts, rendered_text, root, roots, thread
from tests.conftest import StartBot

# What is left over comes once the process that was to show it has had its time.
SHORT = {"lease": 1.5, "slack_timeout": 1.0}


async def left_over(env: Environment) -> int:
    """How many direct messages stand in the outbox."""
    database = Database(env.database)
    async with database.read() as session:
        count = await session.scalar(
            select(func.count(Message.id)).where(Message.kind == MessageKind.DIRECT)
        )
    await database.close()
    return count or 0


def directly(env: Environment) -> list[Shown]:
    """What the member was told in direct messages."""
    return list(env.slack.direct_message(env.member.user).messages.values())


async def taken(env: Environment) -> None:
    """A name is taken, so that a second request for it is refused."""
    await env.member.command(env.channel, "org/model --gpu 1xH100 --name it --yes")
    await env.slack.until(lambda: roots(env) and thread(env))


async def ask_again(env: Environment) -> None:
    """Ask for what is refused."""
    ack = await env.member.command(env.channel, "org/other --gpu 1xH100 --name it --yes")
    assert ack.status == 200


async def cancel_twice(env: Environment) -> None:
    """Decide what is decided already."""
    before = root(env).buttons
    assert "Cancel" in before
    await env.member.double_click(root(env), "Cancel")


@pytest.mark.parametrize(
    ("act", "said"),
    [(ask_again, "*it* is taken"), (cancel_twice, "Someone already requested this")],
)
async def test_an_answer_comes_although_the_bot_died_before_slack_showed_it(
    env: Environment, start_bot: StartBot, act: object, said: str
) -> None:
    """Acknowledged, then killed: the next process tells it directly, once."""
    assert callable(act)
    async with start_bot(**SHORT, shutdown_timeout=0.05):
        await connect(env)
        await taken(env)
        await env.slack.until(lambda: "Cancel" in root(env).buttons)
        env.slack.faults.add(Hang(), operation="response_url", times=None)
        await act(env)
    assert ephemeral_texts(env) == []
    env.slack.faults.clear()
    async with start_bot(**SHORT):
        await env.slack.until(lambda: directly(env), timeout=20)
        [told] = directly(env)
        assert rendered_text(env, told.text).startswith(f"From #{env.channel.name}: {said}")
        assert told.buttons == []
    assert len(env.friendli.endpoints) == 1


@pytest.mark.parametrize("effect", [Respond(500), Respond(404)])
async def test_an_answer_that_slack_does_not_take_comes_directly(
    env: Environment, start_bot: StartBot, effect: Effect
) -> None:
    """A response_url may have expired, or Slack may be ill."""
    async with start_bot(**SHORT):
        await connect(env)
        await taken(env)
        env.slack.faults.add(effect, operation="response_url", times=None)
        await ask_again(env)
        await env.slack.until(lambda: directly(env), timeout=20)
        assert ephemeral_texts(env) == []


async def test_an_answer_that_was_shown_is_not_repeated(
    env: Environment, start_bot: StartBot
) -> None:
    """The row goes as soon as Slack has taken it."""
    async with start_bot(**SHORT):
        await connect(env)
        await taken(env)
        await ask_again(env)
        await env.slack.until(lambda: ephemeral_texts(env))
        assert "*it* is taken" in ephemeral_texts(env)[0]
        while await left_over(env):
            pass
        assert directly(env) == []
