"""Stories of operations that raise a price, and so need a second person's yes."""

import asyncio

import pytest
from inline_snapshot import snapshot
from sqlalchemy import select

from bot.db.operation_tables import Operation
from bot.db.session import Database
from bot.domain.operations import OperationState
from bot.sandbox.environment import Environment
from tests.acceptance.configuring import configure
from tests.acceptance.test_approval import ALWAYS, run_out
from tests.acceptance.test_polling import serve
from tests.acceptance.thread_assertions import ends, plain, root, thread, words
from tests.acceptance.updating import asked, updates


async def propose_update(here: Environment) -> Database:
    """Ask for an update that raises the price."""
    question = await asked(here, "update it --replicas 4")
    await here.member.click(question, "Update")
    return Database(here.database)


async def state(database: Database) -> OperationState:
    """Of the only operation."""
    async with database.read() as session:
        return (await session.scalars(select(Operation.state))).one()


@pytest.mark.usefixtures("bot")
async def test_an_operation_that_raises_the_price_waits_too(here: Environment) -> None:
    """Its reply asks in the channel; a rejection leaves the endpoint as it is."""
    await serve(here)
    await configure(here, approval=ALWAYS)
    database = await propose_update(here)
    await here.slack.until(lambda: ends(here, "waits for approval"))
    question = here.channel.replies(root(here).ts)[-1]
    assert question.broadcast
    assert words(here, question) == snapshot("""\
@requester asked to update it.
Replicas: `1 replica` → `4 replicas`
It costs $5.00/h now, *$20.00/h* then.
*it* may then cost up to *$20.00/h*, so this waits for approval: workspace admins may approve it, until TIME. Nothing is sent to Friendli before.
[Approve] [Reject] [Withdraw]\
""")
    await here.admin.click(question, "Reject")
    await here.slack.until(lambda: here.admin.modal)
    await here.admin.fill("Reason", "too dear")
    await here.admin.submit()
    await here.slack.until(lambda: ends(here, "rejected"))
    assert thread(here)[-1] == snapshot(
        "# @admin rejected what @requester asked for: “too dear”. It stays as it is."
    )
    assert await state(database) is OperationState.REJECTED
    seen = len(here.admin.ephemerals(here.channel))
    await here.admin.click(question, "Approve")
    await here.slack.until(lambda: len(here.admin.ephemerals(here.channel)) > seen)
    assert plain(here, here.admin.ephemerals(here.channel)[-1].text) == snapshot(
        "@admin rejected it already; the thread says why."
    )
    await database.close()


@pytest.mark.usefixtures("bot")
async def test_an_operation_that_nobody_approves_is_over(here: Environment) -> None:
    """As is a deployment."""
    await serve(here)
    await configure(here, approval=ALWAYS)
    database = await propose_update(here)
    await here.slack.until(lambda: ends(here, "waits for approval"))
    await run_out(here)
    await here.slack.until(lambda: ends(here, "Nobody approved"))
    assert await state(database) is OperationState.REJECTED
    await database.close()


@pytest.mark.usefixtures("bot")
async def test_an_operation_can_be_withdrawn(here: Environment) -> None:
    """By whoever asked."""
    await serve(here)
    await configure(here, approval=ALWAYS)
    database = await propose_update(here)
    await here.slack.until(lambda: ends(here, "waits for approval"))
    await here.member.click(here.channel.replies(root(here).ts)[-1], "Withdraw")
    await here.slack.until(lambda: ends(here, "withdrew"))
    assert thread(here)[-1] == snapshot("@requester withdrew the request. It stays as it is.")
    assert await state(database) is OperationState.REJECTED
    await database.close()


@pytest.mark.usefixtures("bot")
async def test_an_operation_is_carried_out_once_somebody_approved_it(here: Environment) -> None:
    """Not before, and told with who it was."""
    await serve(here)
    await configure(here, approval=ALWAYS)
    database = await propose_update(here)
    await here.slack.until(lambda: ends(here, "waits for approval"))
    assert await state(database) is OperationState.PROPOSED
    assert not updates(here)
    await here.admin.click(here.channel.replies(root(here).ts)[-1], "Approve")
    await here.friendli.until(lambda: updates(here))
    await here.slack.until(lambda: "is updating" in root(here).text)
    assert "@admin approved what @requester asked for." in thread(here)
    assert await state(database) is OperationState.DONE
    await database.close()


@pytest.mark.usefixtures("bot")
async def test_what_waits_about_an_endpoint_that_is_gone_ends_with_it(here: Environment) -> None:
    """A late Approve learns it, and nothing is left to be decided."""
    endpoint = await serve(here)
    await configure(here, approval=ALWAYS)
    database = await propose_update(here)
    await here.slack.until(lambda: ends(here, "waits for approval"))
    question = here.channel.replies(root(here).ts)[-1]
    here.friendli.terminate(endpoint)
    here.clock.advance(60)
    here.friendli.delete(endpoint)
    await here.slack.until(lambda: "isn't listed" in root(here).text)
    async with asyncio.timeout(10):
        while await state(database) is OperationState.PROPOSED:
            pass
    seen = len(here.admin.ephemerals(here.channel))
    await here.admin.click(question, "Approve")
    await here.slack.until(lambda: len(here.admin.ephemerals(here.channel)) > seen)
    assert plain(here, here.admin.ephemerals(here.channel)[-1].text) == snapshot(
        "Its time to be approved is over; nothing was done."
    )
    await run_out(here)
    async with asyncio.timeout(10):
        while await state(database) is OperationState.PROPOSED:
            pass
    assert await state(database) is OperationState.REJECTED
    await database.close()
