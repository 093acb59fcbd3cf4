"""Stories of operations that raise a price, and so need a second person's yes."""

import asyncio

import pytest
from inline_snapshot import snapshot
from sqlalchemy import select

from bot.db.operation_tables import Operation
from bot.db.session import Database
from bot.domain.operations import OperationState
from bot.sandbox.environment import Environment
from tests.acceptance.deploying import serve
from tests.acceptance.settings_form import save_settings
from tests.acceptance.test_approval import ALWAYS, run_out
from tests.acceptance.thread_assertions import (
    card_with,
    last_reply_contains,
    message_text,
    rendered_text,
    root,
    thread,
)
from tests.acceptance.update_form import command_response, update_bodies


async def propose_update(env: Environment) -> Database:
    """Ask for an update that raises the price."""
    question = await command_response(env, "update it --replicas 4")
    await env.member.click(question, "Update")
    return Database(env.database)


async def state(database: Database) -> OperationState:
    """Of the only operation."""
    async with database.read() as session:
        return (await session.scalars(select(Operation.state))).one()


@pytest.mark.usefixtures("bot")
async def test_an_operation_that_raises_the_price_waits_too(env: Environment) -> None:
    """Its reply asks in the channel; a rejection leaves the endpoint as it is."""
    await serve(env)
    await save_settings(env, approval=ALWAYS)
    database = await propose_update(env)
    await env.slack.until(lambda: last_reply_contains(env, "waits for approval"))
    question = await card_with(env, "Approve")
    assert env.channel.replies(root(env).ts)[-1].broadcast
    assert message_text(env, question) == snapshot("""\
🟢 *it* is live (took under 1 s) · $5.00/h while live
Call it with `model: "ENDPOINT-1"`
org/model@ffc8550 · 1 × H100 · 1 replica · endpoint `ENDPOINT-1` · requested by @requester at TIME
🔵 @requester wants to update it: up to $20.00/h. Workspace admins can approve until TIME.
[Approve] [Reject] [Withdraw] [Use it] [Try a prompt] [Open in Friendli] [Update] [⋯ Sleep · Terminate · Deploy another like this · Copy as command]\
""")
    await env.admin.click(question, "Reject")
    await env.slack.until(lambda: env.admin.modal)
    await env.admin.fill("Reason", "too dear")
    await env.admin.submit()
    await env.slack.until(lambda: last_reply_contains(env, "rejected"))
    assert thread(env)[-1] == snapshot(
        "# @admin rejected @requester's request: “too dear”. It stays as it is."
    )
    assert await state(database) is OperationState.REJECTED
    seen = len(env.admin.ephemerals(env.channel))
    await env.admin.click(question, "Approve")
    await env.slack.until(lambda: len(env.admin.ephemerals(env.channel)) > seen)
    assert rendered_text(env, env.admin.ephemerals(env.channel)[-1].text) == snapshot(
        "@admin already rejected it; the reason is in the thread."
    )
    await database.close()


@pytest.mark.usefixtures("bot")
async def test_an_operation_that_nobody_approves_is_over(env: Environment) -> None:
    """As is a deployment."""
    await serve(env)
    await save_settings(env, approval=ALWAYS)
    database = await propose_update(env)
    await env.slack.until(lambda: last_reply_contains(env, "waits for approval"))
    await run_out(env)
    await env.slack.until(lambda: last_reply_contains(env, "Nobody approved"))
    assert await state(database) is OperationState.REJECTED
    await database.close()


@pytest.mark.usefixtures("bot")
async def test_an_operation_can_be_withdrawn(env: Environment) -> None:
    """By whoever asked."""
    await serve(env)
    await save_settings(env, approval=ALWAYS)
    database = await propose_update(env)
    await env.slack.until(lambda: last_reply_contains(env, "waits for approval"))
    await env.member.click(await card_with(env, "Withdraw"), "Withdraw")
    await env.slack.until(lambda: last_reply_contains(env, "withdrew"))
    assert thread(env)[-1] == snapshot("@requester withdrew the request. It stays as it is.")
    assert await state(database) is OperationState.REJECTED
    await database.close()


@pytest.mark.usefixtures("bot")
async def test_an_operation_is_carried_out_once_somebody_approved_it(env: Environment) -> None:
    """Not before, and told with who it was."""
    await serve(env)
    await save_settings(env, approval=ALWAYS)
    database = await propose_update(env)
    await env.slack.until(lambda: last_reply_contains(env, "waits for approval"))
    assert await state(database) is OperationState.PROPOSED
    assert not update_bodies(env)
    await env.admin.click(await card_with(env, "Approve"), "Approve")
    await env.friendli.until(lambda: update_bodies(env))
    await env.slack.until(lambda: "is updating" in root(env).text)
    assert "@admin approved @requester's request." in thread(env)
    assert await state(database) is OperationState.DONE
    await database.close()


@pytest.mark.usefixtures("bot")
async def test_what_waits_about_an_endpoint_that_is_gone_ends_with_it(env: Environment) -> None:
    """A late Approve learns it, and nothing is left to be decided."""
    endpoint = await serve(env)
    await save_settings(env, approval=ALWAYS)
    database = await propose_update(env)
    await env.slack.until(lambda: last_reply_contains(env, "waits for approval"))
    question = await card_with(env, "Approve")
    env.friendli.terminate(endpoint)
    env.clock.advance(60)
    env.friendli.delete(endpoint)
    await env.slack.until(lambda: "isn't listed" in root(env).text)
    async with asyncio.timeout(10):
        while await state(database) is OperationState.PROPOSED:
            pass
    seen = len(env.admin.ephemerals(env.channel))
    await env.admin.click(question, "Approve")
    await env.slack.until(lambda: len(env.admin.ephemerals(env.channel)) > seen)
    assert rendered_text(env, env.admin.ephemerals(env.channel)[-1].text) == snapshot(
        "The request has expired, so nothing was done."
    )
    await run_out(env)
    async with asyncio.timeout(10):
        while await state(database) is OperationState.PROPOSED:
            pass
    assert await state(database) is OperationState.REJECTED
    await database.close()
