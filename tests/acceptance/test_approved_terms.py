"""Stories of approvals that cover what was shown, and no higher price and no longer time."""

import asyncio
from copy import deepcopy
from functools import partial

import pytest
from inline_snapshot import snapshot
from sqlalchemy import update

from bot.db.deployment_tables import Deployment
from bot.db.session import Database
from bot.domain.policy import Approval, Policy
from bot.sandbox.environment import Environment, connect
from bot.sandbox.faults import DropRequest, Respond
from bot.sandbox.slack.conversations import Message
from bot.sandbox.slack.user_client import UserClient
from tests.acceptance.deploying import serve
from tests.acceptance.due_times import lifetime_ends_in, set_policy
from tests.acceptance.endpoints import RequestCounter, command_response
from tests.acceptance.settings_form import save_settings
from tests.acceptance.test_approval import ALWAYS, creates, propose, run_out, second_admin
from tests.acceptance.test_lifetime import deploy
from tests.acceptance.thread_assertions import (
    card_with,
    ephemeral_texts,
    last_reply_contains,
    message_text,
    newest_button,
    rendered_text,
    root,
    thread,
)
from tests.conftest import StartBot

EVERYTHING = Policy(approval=Approval.ALWAYS)


async def answered(
    env: Environment, person: UserClient, message: Message, label: str = "Approve"
) -> str:
    """Click a button, and return what the person is answered."""
    seen = len(person.ephemerals(env.channel))
    await person.click(message, label)
    [said] = await env.slack.until(lambda: person.ephemerals(env.channel)[seen:])
    return rendered_text(env, said.text)


async def asleep(env: Environment) -> None:
    """An endpoint sleeps on a target whose every request needs approval."""
    endpoint = await serve(env)
    env.friendli.set_status(endpoint, "SLEEPING")
    await env.slack.until(lambda: "is asleep" in root(env).text)
    await set_policy(env, EVERYTHING)


async def propose_wake(env: Environment) -> Message:
    """Ask for a wake, and return the reply that waits for approval."""
    await env.member.click(root(env), "Wake ($5.00/h)")
    await env.slack.until(partial(last_reply_contains, env, "waits for approval"))
    return await card_with(env, "Approve")


async def test_a_deployment_whose_price_has_risen_is_approved_anew(
    env: Environment, start_bot: StartBot
) -> None:
    """The first message shows the new price; an approval of the old one makes nothing."""
    async with start_bot():
        await connect(env)
        await save_settings(env, approval=ALWAYS)
        await propose(env)
    stale = deepcopy(root(env))
    async with start_bot(gpu_prices="H100=7"):
        for _ in range(2):
            assert await answered(env, env.admin, stale) == snapshot(
                "The price has changed since this message was posted, so nothing was approved. Decide on the new price in the thread."
            )
        await env.slack.until(lambda: "$7.00/h" in message_text(env, root(env)))
        assert thread(env)[1] == snapshot(
            "The price of *it* has changed since the request. The first message of this thread shows the new price and still waits for approval."
        )
        assert creates(env) == 0
        await env.admin.click(root(env), "Approve")
        await env.slack.until(partial(last_reply_contains, env, "Endpoint created"))
    assert creates(env) == 1


async def test_an_operation_whose_price_has_risen_is_approved_anew(
    env: Environment, start_bot: StartBot
) -> None:
    """A new reply shows the price; the old one's button stays without effect."""
    async with start_bot():
        await connect(env)
        await asleep(env)
        stale = await propose_wake(env)
    counted = RequestCounter(env)
    async with start_bot(gpu_prices="H100=7"):
        for _ in range(2):
            await answered(env, env.admin, stale)
        await env.slack.until(partial(last_reply_contains, env, "$7.00/h"))
        assert thread(env)[-1] == snapshot(
            "# 🔵 @requester asked to wake it. Its price has changed since. *it* may then cost up to *$7.00/h*, so this waits for approval: workspace admins can approve until TIME. Nothing is sent to Friendli until then."
        )
        assert counted.of("wake_endpoint") == 0
        await env.slack.until(lambda: "$7.00/h" in message_text(env, root(env)))
        await env.admin.click(await card_with(env, "Approve"), "Approve")
        await env.friendli.until(lambda: counted.of("wake_endpoint") == 1)


async def test_a_price_that_has_fallen_is_covered(env: Environment, start_bot: StartBot) -> None:
    """Who agreed to more agreed to less."""
    async with start_bot():
        await connect(env)
        await save_settings(env, approval=ALWAYS)
        await propose(env)
    async with start_bot(gpu_prices="H100=3"):
        await env.admin.click(root(env), "Approve")
        await env.slack.until(partial(last_reply_contains, env, "Endpoint created"))


async def test_what_was_approved_is_compared_with_what_is_sent(
    env: Environment, start_bot: StartBot
) -> None:
    """A price that rises after the approval, while Friendli can't be reached, sends nothing."""
    async with start_bot():
        await connect(env)
        await save_settings(env, approval=ALWAYS)
        await propose(env)
        env.friendli.faults.add(DropRequest(), operation="list_endpoints", times=None)
        await env.admin.click(root(env), "Approve")
        await env.slack.until(partial(last_reply_contains, env, "approved it"))
    env.friendli.faults.clear()
    async with start_bot(gpu_prices="H100=7"):
        await env.slack.until(partial(last_reply_contains, env, "wasn't created"))
    assert thread(env)[-1] == snapshot(
        "# 🔴 *it* wasn't created. The price changed from $5.00/h to $7.00/h since the request, so nothing was sent."
    )
    assert creates(env) == 0


async def test_an_operation_is_compared_too(env: Environment, start_bot: StartBot) -> None:
    """It stays as it is, and the thread says why."""
    async with start_bot():
        await connect(env)
        await asleep(env)
        proposal = await propose_wake(env)
        env.friendli.faults.add(Respond(429), operation="wake_endpoint", times=None)
        await env.admin.click(proposal, "Approve")
        await env.slack.until(partial(last_reply_contains, env, "approved <@"))
        await env.friendli.until(lambda: env.friendli.requests[-1].operation == "wake_endpoint")
    env.friendli.faults.clear()
    counted = RequestCounter(env)
    async with start_bot(gpu_prices="H100=7"):
        await env.slack.until(partial(last_reply_contains, env, "Nothing was sent"))
    assert thread(env)[-1] == snapshot(
        "# Nothing was sent: the price changed from up to $5.00/h to up to $7.00/h since the request. It stays as it is. Request it again to approve the new price."
    )
    assert counted.of("wake_endpoint") == 0


@pytest.mark.usefixtures("bot")
async def test_an_update_in_between_is_not_covered_by_the_approval_of_a_wake(
    env: Environment,
) -> None:
    """What the endpoint would cost now is more than the approver was shown."""
    await asleep(env)
    stale = await propose_wake(env)
    question = await command_response(env, "update it --replicas 4")
    await env.member.click(question, "Update")
    await env.slack.until(partial(last_reply_contains, env, "$20.00/h"))
    await env.slack.until(lambda: root(env).buttons.count("Approve") == 2)
    await env.admin.click(root(env), newest_button(root(env), "Approve"))
    await env.slack.until(partial(last_reply_contains, env, "Friendli has version"))
    counted = RequestCounter(env)
    await answered(env, env.admin, stale)
    await env.slack.until(partial(last_reply_contains, env, "Its price has changed since"))
    assert "$20.00/h" in thread(env)[-1]
    assert counted.of("wake_endpoint") == 0


@pytest.mark.usefixtures("bot")
async def test_of_two_who_approve_a_wake_at_once_one_does(env: Environment) -> None:
    """It is woken once, and never by whoever asked for it."""
    await asleep(env)
    await env.admin.click(root(env), "Wake ($5.00/h)")
    await env.slack.until(partial(last_reply_contains, env, "waits for approval"))
    proposal = await card_with(env, "Approve")
    assert "You requested this yourself" in await answered(env, env.admin, proposal)
    counted = RequestCounter(env)
    second, third = second_admin(env), env.slack.act_as(env.slack.add_user("c", is_admin=True))
    env.channel.member_ids.append(third.user.id)
    await asyncio.gather(second.click(proposal, "Approve"), third.click(proposal, "Approve"))
    await env.slack.until(lambda: second.ephemerals(env.channel) + third.ephemerals(env.channel))
    await env.friendli.until(lambda: counted.of("wake_endpoint") == 1)
    await env.slack.until(lambda: " approved @" in "".join(thread(env)))
    assert sum(" approved @" in line for line in thread(env)) == 1


@pytest.mark.usefixtures("bot")
async def test_a_late_approval_of_a_wake_does_nothing(env: Environment) -> None:
    """After its time, and after it was woken by a request."""
    await asleep(env)
    proposal = await propose_wake(env)
    await run_out(env)
    await env.slack.until(partial(last_reply_contains, env, "Nobody approved"))
    counted = RequestCounter(env)
    assert await answered(env, env.admin, proposal) == snapshot(
        "The request has expired, so nothing was done."
    )
    proposal = await propose_wake(env)
    [endpoint] = env.friendli.endpoints
    env.friendli.set_status(endpoint, "RUNNING")
    await env.slack.until(lambda: "is live" in root(env).text)
    assert await answered(env, env.admin, proposal) == snapshot(
        "There is nothing left to decide here; see the thread."
    )
    assert counted.of("wake_endpoint") == 0


@pytest.mark.usefixtures("bot")
async def test_an_approved_extension_moves_the_end_to_what_was_shown(env: Environment) -> None:
    """The thread says by how much and until when, before and after."""
    await deploy(env)
    await set_policy(env, EVERYTHING)
    assert rendered_text(env, (await command_response(env, "extend it 9h")).text) == snapshot(
        "It terminates TIME, unless someone approves this in its thread."
    )
    await env.slack.until(partial(last_reply_contains, env, "waits for approval"))
    proposal = await card_with(env, "Approve")
    assert message_text(env, proposal) == snapshot("""\
🟢 *it* is live (took under 1 s) · $5.00/h while live · ends TIME
Call it with `model: "ENDPOINT-1"`
org/model@ffc8550 · 1 × H100 · 1 replica · endpoint `ENDPOINT-1` · requested by @requester at TIME
🔵 @requester wants to extend it: up to $5.00/h. Workspace admins can approve until TIME.
[Approve] [Reject] [Withdraw] [Use it] [Try a prompt] [Open in Friendli] [Update] [⋯ Sleep · Terminate · Extend by 8 h · Deploy another like this · Copy as command]\
""")
    assert rendered_text(env, (await command_response(env, "extend it 30d")).text) == snapshot(
        "@requester already requested this; it waits for approval in its thread."
    )
    await env.admin.click(proposal, "Approve")
    await env.slack.until(partial(last_reply_contains, env, "extended the lifetime by 9 h"))
    assert thread(env)[-2:] == snapshot(
        [
            "@admin approved @requester's request.",
            "@requester extended the lifetime by 9 h: it terminates TIME. It costs $5.00/h while live.",
        ]
    )


@pytest.mark.usefixtures("bot")
async def test_an_approved_keep_takes_the_end_away(env: Environment) -> None:
    """And what waits about a longer time has nothing left to decide."""
    await deploy(env)
    await set_policy(env, EVERYTHING)
    await command_response(env, "extend it 9h")
    await env.slack.until(partial(last_reply_contains, env, "waits for approval"))
    longer = await card_with(env, "Approve")
    assert rendered_text(env, (await command_response(env, "keep it")).text) == snapshot(
        "It terminates TIME, unless someone approves this in its thread."
    )
    await env.slack.until(partial(last_reply_contains, env, "asked to remove its lifetime"))
    await env.slack.until(lambda: root(env).buttons.count("Approve") == 2)
    assert message_text(env, root(env)) == snapshot("""\
🟢 *it* is live (took under 1 s) · $5.00/h while live · ends TIME
Call it with `model: "ENDPOINT-1"`
org/model@ffc8550 · 1 × H100 · 1 replica · endpoint `ENDPOINT-1` · requested by @requester at TIME
🔵 @requester wants to extend it: up to $5.00/h. Workspace admins can approve until TIME.
🔵 @requester wants to remove its lifetime: up to $5.00/h. Workspace admins can approve until TIME.
[Approve] [Reject] [Withdraw] [Approve] [Reject] [Withdraw] [Use it] [Try a prompt] [Open in Friendli] [Update] [⋯ Sleep · Terminate · Extend by 8 h · Deploy another like this · Copy as command]\
""")
    await env.admin.click(root(env), newest_button(root(env), "Approve"))
    await env.slack.until(partial(last_reply_contains, env, "removed the lifetime"))
    assert await answered(env, env.admin, longer) == snapshot(
        "There is nothing left to decide here; see the thread."
    )


async def test_an_end_comes_although_an_extension_waits(
    env: Environment, start_bot: StartBot
) -> None:
    """Nobody approved it in time; a late approval learns that."""
    async with start_bot(lifetime_notice_min=0.05):
        await connect(env)
        endpoint = await deploy(env)
        await set_policy(env, EVERYTHING)
        await command_response(env, "extend it 9h")
        await env.slack.until(partial(last_reply_contains, env, "waits for approval"))
        proposal = await card_with(env, "Approve")
        await lifetime_ends_in(env, 0)
        await env.slack.until(partial(last_reply_contains, env, "Lifetime over"))
        env.friendli.set_status(endpoint, "TERMINATED")
        await env.slack.until(partial(last_reply_contains, env, "Terminated."))
        assert await answered(env, env.admin, proposal) == snapshot(
            "There is nothing left to decide here; see the thread."
        )


@pytest.mark.usefixtures("bot")
async def test_giving_an_end_needs_no_approval(env: Environment) -> None:
    """It costs less than before."""
    await deploy(env, lease="")
    await set_policy(env, EVERYTHING)
    question = await command_response(env, "extend it 8h")
    await env.member.click(question, "Set lifetime")
    await env.slack.until(partial(last_reply_contains, env, "set a lifetime"))


@pytest.mark.usefixtures("bot")
async def test_nothing_is_spent_on_a_target_that_is_disconnected(env: Environment) -> None:
    """While another target still watches its project: nobody decides about money there any more."""
    endpoint = await serve(env)
    env.friendli.set_status(endpoint, "SLEEPING")
    await env.slack.until(lambda: "is asleep" in root(env).text)
    await connect(env, name="other")
    database = Database(env.database)
    async with database.write() as session:
        # Its target is gone, as after `disconnect` where another one brings the same key.
        await session.execute(update(Deployment).values(target_name="gone"))
    await database.close()
    counted = RequestCounter(env)
    await env.member.click(root(env), "Wake ($5.00/h)")
    await env.slack.until(lambda: ephemeral_texts(env))
    assert ephemeral_texts(env)[-1] == snapshot(
        "`gone` is disconnected from this channel, so nothing was done. An admin can connect it again; until then, use Friendli Suite."
    )
    assert counted.of("wake_endpoint") == 0
