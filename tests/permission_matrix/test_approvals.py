"""Every way to start or prolong spending asks for the approval that the target's policy wants."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from decimal import Decimal
from functools import partial

import pytest
from sqlalchemy import select

from bot.db.operation_tables import Operation
from bot.db.session import Database
from bot.domain.operations import OperationState
from bot.domain.policy import Approval, Policy
from bot.sandbox.environment import PROJECT, Environment, world
from bot.sandbox.friendli.instances import INSTANCES, Instance
from bot.sandbox.slack.conversations import Message
from tests.acceptance.at_home import clicked, home
from tests.acceptance.clock import decide, lease_ends_in, schedules_due
from tests.acceptance.listing import Counted, asked
from tests.acceptance.test_lifetime import deploy
from tests.acceptance.test_polling import serve
from tests.acceptance.thread_assertions import ends, root, roots, whispers
from tests.acceptance.updating import form
from tests.conftest import UNHURRIED

pytestmark = pytest.mark.usefixtures("bot")

Way = Callable[[Environment], Awaitable[object]]

ALWAYS = Policy(approval=Approval.ALWAYS)


@pytest.fixture
async def here(database_url: str) -> AsyncIterator[Environment]:
    """Both sandboxes, on a database of each kind."""
    async with world(database_url, speed=0, limits=UNHURRIED) as made:
        yield made


async def press(here: Environment, label: str) -> None:
    """Use a button of the thread's first message."""
    await here.member.click(root(here), next(one for one in root(here).buttons if label in one))


async def typed(here: Environment, text: str, label: str = "") -> None:
    """Type a command, and agree to what it asks."""
    question = await asked(here, text)
    if label:
        await here.member.click(question, label)


async def mentioned(here: Environment, text: str, label: str = "") -> None:
    """Mention the bot in the thread, and agree to what it asks."""
    seen = len(here.member.ephemerals(here.channel))
    await here.member.mention(here.channel, text, thread=root(here))
    [question] = await here.slack.until(lambda: here.member.ephemerals(here.channel)[seen:])
    if label:
        await here.member.click(question, label)


async def at_home(here: Environment, label: str) -> None:
    """Use a button of the Home tab."""
    view = await home(here)
    block = str(view.body)
    found = next(
        part for part in block.split("'") if part.startswith(label) and len(part) < len(label) + 12
    )
    await clicked(here, found)


async def by_schedule(here: Environment) -> None:
    """Let a time to wake come."""
    await typed(here, "wake it at 09:55")
    await schedules_due(here)


async def by_form(here: Environment) -> None:
    """Fill the form in, and agree to before and after."""
    await form(here)
    await here.member.fill("Instance", "2xH100")
    await here.member.submit()
    await here.member.submit()


async def proposal(here: Environment) -> Message:
    """The reply that asks for approval, as the newest of its thread."""
    await here.slack.until(partial(ends, here, "waits for approval"))
    return here.channel.replies(root(here).ts)[-1]


async def all_wait(here: Environment, ways: Mapping[str, Way], sent: str) -> None:
    """Each way waits for approval; withdrawn it does nothing, approved it is done once."""
    counted = Counted(here)
    for name, way in ways.items():
        await way(here)
        try:
            waits = await proposal(here)
        except TimeoutError:
            pytest.fail(f"{name} asked for no approval")
        assert counted.of(sent) == 0, name
        await here.member.click(waits, "Withdraw")
        await here.slack.until(partial(ends, here, "withdrew"))
    await next(iter(ways.values()))(here)
    await here.admin.click(await proposal(here), "Approve")
    await here.friendli.until(lambda: counted.of(sent) == 1)


async def test_waking(here: Environment) -> None:
    """By button, text, mention, schedule, and in the Home tab."""
    endpoint = await serve(here)
    here.friendli.set_status(endpoint, "SLEEPING")
    await here.slack.until(lambda: "is sleeping" in root(here).text)
    await decide(here, ALWAYS)
    ways: dict[str, Way] = {
        "button": partial(press, label="Wake"),
        "text": partial(typed, text="wake it", label="Wake"),
        "mention": partial(mentioned, text="wake", label="Wake"),
        "schedule": by_schedule,
        "home": partial(at_home, label="Wake"),
    }
    await all_wait(here, ways, "wake_endpoint")


async def test_restarting(here: Environment) -> None:
    """By button, text and mention."""
    endpoint = await serve(here)
    here.friendli.set_status(endpoint, "TERMINATED")
    await here.slack.until(lambda: "is terminated" in root(here).text)
    await decide(here, ALWAYS)
    ways: dict[str, Way] = {
        "button": partial(press, label="Restart"),
        "text": partial(typed, text="restart it", label="Restart"),
        "mention": partial(mentioned, text="restart", label="Restart"),
    }
    await all_wait(here, ways, "restart_endpoint")


async def test_scaling_up(here: Environment) -> None:
    """By text, mention, form, and back to a version that costs more; scaling down is free to do."""
    await serve(here)
    await typed(here, "update it --replicas 2", "Update")
    here.clock.advance(1)
    await here.slack.until(lambda: "is updating" in root(here).text)
    here.clock.advance(180)
    await here.slack.until(lambda: "is serving" in root(here).text)
    await decide(here, ALWAYS)
    counted = Counted(here)
    await typed(here, "update it --replicas 1", "Update")
    await here.friendli.until(lambda: counted.of("update_endpoint") == 1)
    await here.slack.until(lambda: "is updating" in root(here).text)
    here.clock.advance(180)
    await here.slack.until(lambda: "is serving" in root(here).text)
    ways: dict[str, Way] = {
        "text": partial(typed, text="update it --replicas 2", label="Update"),
        "mention": partial(mentioned, text="update --replicas 3", label="Update"),
        "form": by_form,
        "rollback": partial(typed, text="rollback it 1", label="Roll back"),
    }
    await all_wait(here, ways, "update_endpoint")


async def test_running_longer(here: Environment) -> None:
    """By text, mention, the buttons of the warning, and in the Home tab."""
    await deploy(here)
    await lease_ends_in(here, 300)
    await here.slack.until(partial(ends, here, "Going on costs"))
    warning = here.channel.replies(root(here).ts)[-1]
    await decide(here, ALWAYS)
    counted = Counted(here)
    ways: dict[str, Way] = {
        "extend": partial(typed, text="extend it 9h"),
        "extend by mention": partial(mentioned, text="extend 9h"),
        "extend by button": lambda here: here.member.click(warning, "Extend 8 h"),
        "extend at home": partial(at_home, label="Extend 8 h"),
        "keep": partial(typed, text="keep it"),
        "keep by mention": partial(mentioned, text="keep"),
        "keep by button": lambda here: here.member.click(warning, "Keep it running"),
    }
    for name, way in ways.items():
        await way(here)
        try:
            waits = await proposal(here)
        except TimeoutError:
            pytest.fail(f"{name} asked for no approval")
        await here.member.click(waits, "Withdraw")
        await here.slack.until(partial(ends, here, "withdrew"))
    assert await states(here) == [OperationState.REJECTED] * len(ways)
    await typed(here, "extend it 9h")
    await here.admin.click(await proposal(here), "Approve")
    await here.slack.until(partial(ends, here, "extended it by 9 h"))
    assert not sum(counted.of(one) for one in ("wake_endpoint", "restart_endpoint"))


async def test_an_unknown_price_needs_approval_wherever_there_is_a_price_rule(
    here: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an endpoint made elsewhere on GPUs that nobody here knows, however high the limit."""
    monkeypatch.setitem(INSTANCES, "odd-option", Instance("odd-option", "NVIDIA Odd", 1, 100))
    endpoint = here.friendli.create(
        project_id=PROJECT, name="it", instance_option_id="odd-option", replicas=1
    )
    here.friendli.set_status(endpoint, "RUNNING")
    await decide(here, Policy(approval=Approval.ABOVE, approval_above=Decimal(1_000_000)))
    await here.member.command(here.channel, "follow it")
    await here.slack.until(lambda: roots(here) and whispers(here))
    await typed(here, "update it --replicas 2", "Update")
    waits = await proposal(here)
    assert "may then cost an unknown amount" in waits.text
    await here.member.click(waits, "Withdraw")
    await here.slack.until(partial(ends, here, "withdrew"))
    here.friendli.set_status(endpoint, "SLEEPING")
    await here.slack.until(lambda: "is sleeping" in root(here).text)
    await press(here, "Wake")
    await proposal(here)
    assert (await states(here))[-1] is OperationState.PROPOSED


async def states(here: Environment) -> list[OperationState]:
    """Of all operations, oldest first."""
    database = Database(here.database)
    async with database.read() as session:
        found = await session.scalars(select(Operation.state).order_by(Operation.id))
        listed = list(found)
    await database.close()
    return listed
