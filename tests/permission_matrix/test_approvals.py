"""Every way to spend waits for the approval that the policy wants."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from decimal import Decimal
from functools import partial

import pytest
from sqlalchemy import select

from bot.db.operation_tables import Operation
from bot.db.session import Database
from bot.domain.operations import OperationState
from bot.domain.policy import Approval, Policy
from bot.sandbox.environment import PROJECT, Environment, open_environment
from bot.sandbox.friendli.instances import INSTANCES, Instance
from bot.sandbox.slack.conversations import Message
from tests.acceptance.deploying import serve
from tests.acceptance.due_times import lifetime_ends_in, make_schedules_due, set_policy
from tests.acceptance.endpoints import RequestCounter, command_response
from tests.acceptance.home_tab import click_in_home_tab, home_tab
from tests.acceptance.test_lifetime import deploy
from tests.acceptance.thread_assertions import (
    card_with,
    ephemeral_texts,
    last_reply_contains,
    message_text,
    root,
    roots,
    thread,
)
from tests.acceptance.update_form import open_update_form
from tests.conftest import NO_LIMITS

pytestmark = pytest.mark.usefixtures("bot")

Way = Callable[[Environment], Awaitable[object]]

ALWAYS = Policy(approval=Approval.ALWAYS)


@pytest.fixture
async def env(database_url: str) -> AsyncIterator[Environment]:
    """On a database of each kind."""
    async with open_environment(database_url, speed=0, limits=NO_LIMITS) as made:
        yield made


async def press(env: Environment, label: str) -> None:
    await env.member.click(root(env), next(one for one in root(env).buttons if label in one))


async def typed(env: Environment, text: str, label: str = "") -> None:
    question = await command_response(env, text)
    if label:
        await env.member.click(question, label)


async def mentioned(env: Environment, text: str, label: str = "") -> None:
    seen = len(env.member.ephemerals(env.channel))
    await env.member.mention(env.channel, text, thread=root(env))
    [question] = await env.slack.until(lambda: env.member.ephemerals(env.channel)[seen:])
    if label:
        await env.member.click(question, label)


async def at_home(env: Environment, label: str) -> None:
    view = await home_tab(env)
    block = str(view.body)
    found = next(
        part for part in block.split("'") if part.startswith(label) and len(part) < len(label) + 12
    )
    await click_in_home_tab(env, found)


async def by_schedule(env: Environment) -> None:
    await typed(env, "wake it at 09:55")
    await make_schedules_due(env)


async def by_form(env: Environment) -> None:
    await open_update_form(env)
    await env.member.fill("Instance", "2xH100")
    await env.member.submit()
    await env.member.submit()


async def proposal(env: Environment) -> Message:
    await env.slack.until(partial(last_reply_contains, env, "waits for approval"))
    return await card_with(env, "Approve")


async def withdraw(env: Environment, waits: Message) -> None:
    """The status message offers no decision afterwards: the next one's can't be mistaken for it."""
    await env.member.click(waits, "Withdraw")
    await env.slack.until(partial(last_reply_contains, env, "withdrew"))
    await env.slack.until(lambda: "Approve" not in root(env).buttons)


async def all_wait(env: Environment, ways: Mapping[str, Way], sent: str) -> None:
    """Each way waits; withdrawn it does nothing, approved it is done once."""
    counted = RequestCounter(env)
    for name, way in ways.items():
        await way(env)
        try:
            waits = await proposal(env)
        except TimeoutError:
            pytest.fail(f"{name} asked for no approval")
        assert counted.of(sent) == 0, name
        await withdraw(env, waits)
    await next(iter(ways.values()))(env)
    await env.admin.click(await proposal(env), "Approve")
    await env.friendli.until(lambda: counted.of(sent) == 1)


async def test_waking(env: Environment) -> None:
    """By button, text, mention, schedule and the Home tab."""
    endpoint = await serve(env)
    env.friendli.set_status(endpoint, "SLEEPING")
    await env.slack.until(lambda: "is asleep" in root(env).text)
    await set_policy(env, ALWAYS)
    ways: dict[str, Way] = {
        "button": partial(press, label="Wake"),
        "text": partial(typed, text="wake it", label="Wake"),
        "mention": partial(mentioned, text="wake", label="Wake"),
        "schedule": by_schedule,
        "home": partial(at_home, label="Wake"),
    }
    await all_wait(env, ways, "wake_endpoint")


async def test_restarting(env: Environment) -> None:
    """By button, text and mention."""
    endpoint = await serve(env)
    env.friendli.set_status(endpoint, "TERMINATED")
    await env.slack.until(lambda: "was terminated" in root(env).text)
    await set_policy(env, ALWAYS)
    ways: dict[str, Way] = {
        "button": partial(press, label="Restart"),
        "text": partial(typed, text="restart it", label="Restart"),
        "mention": partial(mentioned, text="restart", label="Restart"),
    }
    await all_wait(env, ways, "restart_endpoint")


async def test_scaling_up(env: Environment) -> None:
    """By text, mention, form and rollback; scaling down needs none."""
    await serve(env)
    await typed(env, "update it --replicas 2", "Update")
    env.clock.advance(1)
    await env.slack.until(lambda: "is updating" in root(env).text)
    env.clock.advance(180)
    await env.slack.until(lambda: "is live" in root(env).text)
    await set_policy(env, ALWAYS)
    counted = RequestCounter(env)
    await typed(env, "update it --replicas 1", "Update")
    await env.friendli.until(lambda: counted.of("update_endpoint") == 1)
    await env.slack.until(lambda: "is updating" in root(env).text)
    env.clock.advance(180)
    await env.slack.until(lambda: "is live" in root(env).text)
    ways: dict[str, Way] = {
        "text": partial(typed, text="update it --replicas 2", label="Update"),
        "mention": partial(mentioned, text="update --replicas 3", label="Update"),
        "form": by_form,
        "rollback": partial(typed, text="rollback it 1", label="Roll back"),
    }
    await all_wait(env, ways, "update_endpoint")


async def test_running_longer(env: Environment) -> None:
    """By text, mention, the warning's buttons and the Home tab."""
    await deploy(env)
    await lifetime_ends_in(env, 300)
    await env.slack.until(partial(last_reply_contains, env, "Extend by"))
    warning = await card_with(env, "Remove lifetime")
    await set_policy(env, ALWAYS)
    counted = RequestCounter(env)
    ways: dict[str, Way] = {
        "extend": partial(typed, text="extend it 9h"),
        "extend by mention": partial(mentioned, text="extend 9h"),
        "extend by button": lambda env: env.member.click(warning, "Extend by 8 h"),
        "extend at home": partial(at_home, label="Extend by 8 h"),
        "keep": partial(typed, text="keep it"),
        "keep by mention": partial(mentioned, text="keep"),
        "keep by button": lambda env: env.member.click(warning, "Remove lifetime"),
    }
    for name, way in ways.items():
        await way(env)
        try:
            waits = await proposal(env)
        except TimeoutError:
            pytest.fail(f"{name} asked for no approval")
        await withdraw(env, waits)
    assert await states(env) == [OperationState.REJECTED] * len(ways)
    await typed(env, "extend it 9h")
    await env.admin.click(await proposal(env), "Approve")
    await env.slack.until(partial(last_reply_contains, env, "extended the lifetime by 9 h"))
    assert not sum(counted.of(one) for one in ("wake_endpoint", "restart_endpoint"))


async def test_an_unknown_price_needs_approval_wherever_there_is_a_price_rule(
    env: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an endpoint made elsewhere on unknown GPUs, however high the limit."""
    monkeypatch.setitem(INSTANCES, "odd-option", Instance("odd-option", "NVIDIA Odd", 1, 100))
    endpoint = env.friendli.create(
        project_id=PROJECT, name="it", instance_option_id="odd-option", replicas=1
    )
    env.friendli.set_status(endpoint, "RUNNING")
    await set_policy(env, Policy(approval=Approval.ABOVE, approval_above=Decimal(1_000_000)))
    await env.member.command(env.channel, "follow it")
    await env.slack.until(lambda: roots(env) and ephemeral_texts(env))
    await typed(env, "update it --replicas 2", "Update")
    waits = await proposal(env)
    assert "may then cost an unknown amount" in thread(env)[-1]
    assert "at an unknown price" in message_text(env, waits)
    await withdraw(env, waits)
    env.friendli.set_status(endpoint, "SLEEPING")
    await env.slack.until(lambda: "is asleep" in root(env).text)
    await press(env, "Wake")
    await proposal(env)
    assert (await states(env))[-1] is OperationState.PROPOSED


async def states(env: Environment) -> list[OperationState]:
    database = Database(env.database)
    async with database.read() as session:
        found = await session.scalars(select(Operation.state).order_by(Operation.id))
        listed = list(found)
    await database.close()
    return listed
