"""The status message is the only place that offers something, and offers what applies now."""

from functools import partial

import pytest
from inline_snapshot import snapshot

from bot.domain.policy import Approval, Policy
from bot.sandbox.environment import Environment
from bot.sandbox.slack.conversations import Message
from tests.acceptance.deploying import REPLICA, send_deploy, serve
from tests.acceptance.due_times import lifetime_ends_in, set_policy
from tests.acceptance.endpoints import request_count
from tests.acceptance.thread_assertions import (
    card_with,
    ephemeral_texts,
    last_reply_contains,
    message_text,
    root,
    roots,
    terminate,
    thread,
)

pytestmark = pytest.mark.usefixtures("bot")


def offering(env: Environment) -> list[Message]:
    """The messages of the channel with something to press."""
    return [one for one in env.channel.messages.values() if one.buttons]


async def test_nothing_in_the_channel_offers_what_no_longer_applies(env: Environment) -> None:
    """Approval, warning, extension, failure and end: only the status message has buttons."""
    await set_policy(env, Policy(approval=Approval.ALWAYS))
    await send_deploy(env, options=f"{REPLICA} --for 8h")
    await env.admin.click(await card_with(env, "Approve"), "Approve")
    await set_policy(env, Policy())
    await env.slack.until(lambda: env.friendli.endpoints)
    await env.slack.until(lambda: root(env).buttons == ["Open in Friendli", "Cancel"])
    [endpoint] = env.friendli.endpoints
    env.friendli.set_status(endpoint, "RUNNING")
    await env.slack.until(lambda: "Update" in root(env).buttons)
    await lifetime_ends_in(env, 300)
    await env.member.click(await card_with(env, "Remove lifetime"), "Extend by 8 h")
    await env.slack.until(lambda: "Remove lifetime" not in root(env).buttons)
    assert offering(env) == [root(env)]
    env.friendli.set_status(endpoint, "FAILED")
    await card_with(env, "Try again")
    assert offering(env) == [root(env)]
    env.friendli.delete(endpoint)
    await env.slack.until(lambda: "Delete" not in root(env).buttons)
    assert offering(env) in ([root(env)], [])
    loud = [one for one in env.channel.messages.values() if one.broadcast]
    assert len(loud) >= 3
    assert all("\n" not in one.text for one in loud)


async def test_the_card_says_who_approved_it(env: Environment) -> None:
    """Beside who requested it, on the grey line."""
    await set_policy(env, Policy(approval=Approval.ALWAYS))
    await send_deploy(env)
    await env.admin.click(await card_with(env, "Approve"), "Approve")
    await env.slack.until(lambda: "approved by @admin" in message_text(env, root(env)))


async def test_the_next_step_comes_first_and_the_rest_is_in_a_menu(env: Environment) -> None:
    """The same order in each status; a target is named only where there are several."""
    endpoint = await serve(env)
    assert message_text(env, root(env)) == snapshot("""\
🟢 *it* is live (took under 1 s) · $5.00/h while live
Call it with `model: "ENDPOINT-1"`
org/model@ffc8550 · 1 × H100 · 1 replica · endpoint `ENDPOINT-1` · requested by @requester at TIME
[Use it] [Try a prompt] [Open in Friendli] [Update] [⋯ Sleep · Terminate · Deploy another like this · Copy as command]\
""")
    env.friendli.set_status(endpoint, "SLEEPING")
    await env.slack.until(lambda: "is asleep" in root(env).text)
    assert message_text(env, root(env)).splitlines()[-1] == snapshot(
        "[Wake ($5.00/h)] [Open in Friendli] [Update] [⋯ Terminate · Deploy another like this · Copy as command]"
    )


async def test_what_ends_an_endpoint_is_asked_before_it_is_done(env: Environment) -> None:
    """A menu has no dialog of its own, so Terminate asks in a message that only they see."""
    await serve(env)
    await env.member.click(root(env), "Terminate")
    await env.slack.until(lambda: ephemeral_texts(env))
    assert request_count(env, "terminate_endpoint") == 0
    assert message_text(env, env.member.ephemerals(env.channel)[0]) == snapshot("""\
Terminate *it*? Requests to it will fail. You can restart it later.
[Terminate] [Cancel]\
""")
    await terminate(env)
    await env.friendli.until(lambda: request_count(env, "terminate_endpoint") == 1)


async def test_the_command_that_deploys_the_same_can_be_copied(env: Environment) -> None:
    """It deploys what the endpoint was requested with, under a new name."""
    await serve(env, options="--gpu 1xH100 --replicas 2 --for 8h")
    await env.member.click(root(env), "Copy as command")
    [said] = await env.slack.until(lambda: ephemeral_texts(env))
    assert said == snapshot(
        "```/friendli-deploy org/model --gpu 1xH100 --replicas 2 --for 8h --to prod --revision ffc8550882676238ef87cbb806f1056626819a55```"
    )


async def test_a_refusal_and_a_rejection_are_explained_on_the_card(env: Environment) -> None:
    """Nobody has to open the thread to know why there is no endpoint."""
    await set_policy(env, Policy(approval=Approval.ALWAYS))
    await send_deploy(env)
    await env.admin.click(await card_with(env, "Approve"), "Reject")
    await env.slack.until(lambda: env.admin.modal)
    await env.admin.fill("Reason", "too dear")
    await env.admin.submit()
    await env.slack.until(lambda: "wasn't approved" in root(env).text)
    assert message_text(env, root(env)) == snapshot("""\
⚪ *it* wasn't approved
@admin rejected it: “too dear”.
org/model@ffc8550 · 1 × H100 · 1 replica · requested by @requester at TIME
[Try again]\
""")
    await env.slack.until(partial(last_reply_contains, env, "too dear"))
    assert len(roots(env)) == 1
    assert thread(env)[-1] == snapshot("# @admin rejected it: “too dear”. Nothing was created.")
