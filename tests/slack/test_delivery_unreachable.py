"""Channels and people that Slack delivers nothing to."""

from collections.abc import Callable

import pytest
from inline_snapshot import snapshot
from structlog.testing import capture_logs

from bot.db.deployment_tables import Deployment
from bot.domain.delivery import Delivery
from bot.domain.deployment_state import DeploymentState
from bot.sandbox.environment import Environment
from bot.sandbox.faults import LoseReply, Respond
from bot.sandbox.slack.conversations import Channel
from bot.sandbox.slack.sandbox import SCOPES, SlackSandbox
from tests.acceptance.thread_assertions import roots
from tests.slack.harness import EDIT, ON_SQLITE, POST, Harness

LINE = "meta-llama/Llama-3.1-8B-Instruct --gpu 2xH100 --replicas 1 --name my-llama --yes"

Disruption = Callable[[SlackSandbox, Channel], None]


def hide(slack: SlackSandbox, channel: Channel) -> None:
    """Hide a channel from the bot, as a private one."""
    channel.kind = type(channel.kind).PRIVATE
    slack.remove_bot(channel)


DISRUPTIONS = [
    pytest.param(SlackSandbox.archive, SlackSandbox.unarchive, id="archived"),
    pytest.param(SlackSandbox.remove_bot, SlackSandbox.invite_bot, id="bot removed"),
    pytest.param(hide, SlackSandbox.invite_bot, id="hide"),
]


@ON_SQLITE
@pytest.mark.parametrize(("disrupt", "restore"), DISRUPTIONS)
async def test_waiting_messages_arrive_in_order_once_the_channel_is_back(
    delivery: Harness, disrupt: Disruption, restore: Disruption
) -> None:
    """Replies and the root's newest body wait."""
    sender = await delivery.slow_sender()
    first, second = await delivery.thread("first"), await delivery.thread("second")
    await delivery.run_until_idle(sender)
    disrupt(delivery.slack, delivery.channel)
    for thread in (first, second):
        await delivery.reply(thread, "one", "two")
        await delivery.redraw(thread, "older")
    await delivery.run_rounds(sender, rounds=3)
    await delivery.redraw(first, "first, changed")
    await delivery.redraw(second, "second, changed")
    await delivery.run_rounds(sender)
    assert delivery.shown() == ["first", "second"]
    restore(delivery.slack, delivery.channel)
    await delivery.run_rounds(sender)
    assert delivery.shown() == [
        "first, changed",
        "  one",
        "  two",
        "second, changed",
        "  one",
        "  two",
    ]
    assert (await delivery.channel_row(first)).stopped_reason is None


@pytest.mark.parametrize("operation", ["reply", "edit"])
async def test_the_requester_gets_one_direct_message(delivery: Harness, operation: str) -> None:
    """One direct message lists what is billed, whatever call failed."""
    sender = await delivery.slow_sender()
    thread = await delivery.thread()
    await delivery.thread(name="qwen")
    await delivery.run_until_idle(sender)
    delivery.slack.archive(delivery.channel)
    if operation == "reply":
        await delivery.reply(thread, "one")
    else:
        await delivery.redraw(thread, "changed")
    await delivery.run_rounds(sender, rounds=3)
    [notice] = delivery.direct_messages(delivery.env.member.user)
    assert notice == (
        f"I can no longer post in <#{delivery.channel.id}>: it is archived. Your endpoints there"
        " keep running and are billed while live: *llama* ($10.00/h), *qwen* ($10.00/h)."
        " I keep watching. Unarchive it, and I'll post there again."
    )


@ON_SQLITE
async def test_each_requester_gets_their_own_endpoints(delivery: Harness) -> None:
    """Each gets one message; others get none."""
    sender = await delivery.slow_sender()
    ann, bob = delivery.slack.add_user("ann"), delivery.slack.add_user("bob")
    thread = await delivery.thread(requester=ann, name="llama")
    await delivery.thread(requester=bob, name="qwen")
    await delivery.run_until_idle(sender)
    delivery.slack.archive(delivery.channel)
    await delivery.reply(thread, "one")
    await delivery.run_rounds(sender)
    for person, name, other in ((ann, "*llama*", "*qwen*"), (bob, "*qwen*", "*llama*")):
        [notice] = delivery.direct_messages(person)
        assert name in notice
        assert other not in notice
    assert delivery.direct_messages(delivery.env.member.user) == []


async def test_a_requester_is_notified_again_only_after_the_channel_was_back(
    delivery: Harness,
) -> None:
    """A successful edit counts as back."""
    sender = await delivery.slow_sender()
    thread = await delivery.thread()
    await delivery.run_until_idle(sender)
    for number in range(2):
        delivery.slack.archive(delivery.channel)
        await delivery.redraw(thread, f"change {number}")
        await delivery.run_rounds(sender, rounds=2)
        assert len(delivery.direct_messages(delivery.env.member.user)) == number + 1
        delivery.slack.unarchive(delivery.channel)
        await delivery.run_rounds(sender)
        assert delivery.shown() == [f"change {number}"]


@ON_SQLITE
async def test_a_stopped_channel_is_left_alone(delivery: Harness) -> None:
    """Neither posts nor edits are tried before the pause ends."""
    sender = await delivery.slow_sender()
    thread = await delivery.thread()
    await delivery.run_until_idle(sender)
    delivery.slack.archive(delivery.channel)
    await delivery.reply(thread, "one")
    await delivery.run_until_idle(sender)
    tried = len(delivery.calls(POST))
    await delivery.reply(thread, "two")
    await delivery.redraw(thread, "changed")
    await delivery.run_until_idle(sender)
    assert (len(delivery.calls(POST)), len(delivery.calls(EDIT))) == (tried, 0)


async def test_a_new_request_ends_the_pause(delivery: Harness) -> None:
    """A new request in the channel is posted at once."""
    sender = await delivery.slow_sender()
    thread = await delivery.thread()
    await delivery.run_until_idle(sender)
    delivery.slack.remove_bot(delivery.channel)
    await delivery.reply(thread, "one")
    await delivery.run_until_idle(sender)
    delivery.slack.invite_bot(delivery.channel)
    await delivery.thread("new", state=DeploymentState.REQUESTED, name="new")
    await delivery.run_until_idle(sender)
    assert delivery.shown() == ["root", "  one", "new"]


@ON_SQLITE
async def test_an_admin_is_notified_if_the_requester_is_unreachable(
    delivery: Harness,
) -> None:
    """The first reachable admin gets the message and its addressee."""
    sender = await delivery.slow_sender()
    gone = delivery.slack.add_user("gone")
    reachable = delivery.slack.add_user("reachable-admin", is_admin=True)
    thread = await delivery.thread(requester=gone)
    await delivery.run_until_idle(sender)
    gone.deleted = True
    delivery.slack.archive(delivery.channel)
    await delivery.reply(thread, "one")
    # The other admin is listed still, but doesn't take direct messages.
    delivery.slack.faults.add(
        Respond(200, {"ok": False, "error": "user_disabled"}),
        operation="conversations.open",
        when=lambda call: call.body["users"] == delivery.env.admin.user.id,
    )
    await delivery.run_until_idle(sender)
    [notice] = delivery.direct_messages(reachable)
    assert notice.startswith(f"For <@{gone.id}>, whom I can't reach: I can no longer")


@ON_SQLITE
async def test_without_a_recipient_it_is_logged(delivery: Harness) -> None:
    """The operator is the last resort."""
    sender = await delivery.slow_sender()
    delivery.slack.faults.add(
        Respond(200, {"ok": False, "error": "cannot_dm_bot"}),
        operation="conversations.open",
        times=None,
    )
    thread = await delivery.thread()
    await delivery.run_until_idle(sender)
    delivery.slack.archive(delivery.channel)
    await delivery.reply(thread, "one")
    with capture_logs() as logged:
        await delivery.run_until_idle(sender)
    assert [entry["event"] for entry in logged if entry["log_level"] == "error"] == [
        "no recipient reachable"
    ]


async def test_an_unannounced_deployment_is_refused_and_its_requester_notified(
    delivery: Harness,
) -> None:
    """Nothing is created without a thread; a claim on it is invalidated."""
    sender = await delivery.slow_sender()
    delivery.slack.remove_bot(delivery.channel)
    thread = await delivery.thread(state=DeploymentState.REQUESTED)
    await delivery.run_until_idle(sender)
    async with delivery.database.read() as session:
        deployment = await session.get_one(Deployment, thread.id)
    assert (deployment.state, deployment.due_at, deployment.fencing_token) == (
        DeploymentState.REFUSED,
        None,
        1,
    )
    assert (await delivery.row(thread, 0)).delivery == Delivery.DROPPED
    [notice] = delivery.direct_messages(delivery.env.member.user)
    assert notice == (
        f"I can't post in <#{delivery.channel.id}>: I'm not in it any more. *llama* wasn't"
        " created. Type `/invite` and my name there, then request it again."
    )
    delivery.slack.invite_bot(delivery.channel)
    await delivery.run_rounds(sender)
    assert delivery.shown() == []


@pytest.mark.parametrize("disrupt", [SlackSandbox.uninstall, SlackSandbox.revoke_token])
async def test_a_dead_token_loses_nothing(
    delivery: Harness, disrupt: Callable[[SlackSandbox], None]
) -> None:
    """Once the app is back, everything is delivered."""
    sender = await delivery.slow_sender()
    thread = await delivery.thread()
    await delivery.run_until_idle(sender)
    disrupt(delivery.slack)
    await delivery.reply(thread, "one")
    await delivery.thread("unmade", state=DeploymentState.REQUESTED, name="unmade")
    await delivery.direct(delivery.env.admin.user, "for the admin")
    await delivery.run_rounds(sender, rounds=2)
    delivery.slack.reinstall()
    delivery.slack.invite_bot(delivery.channel)
    await delivery.run_rounds(sender)
    assert delivery.shown() == ["root", "  one"]
    assert delivery.direct_messages(delivery.env.admin.user) == ["for the admin"]
    [notice] = delivery.direct_messages(delivery.env.member.user)
    assert "*unmade* wasn't created" in notice


@ON_SQLITE
async def test_an_app_that_is_back_but_not_invited_notifies(delivery: Harness) -> None:
    """The requester is notified once messages can be sent."""
    sender = await delivery.slow_sender()
    thread = await delivery.thread()
    await delivery.run_until_idle(sender)
    delivery.slack.uninstall()
    await delivery.reply(thread, "one")
    await delivery.run_rounds(sender)
    delivery.slack.reinstall()
    await delivery.run_rounds(sender, rounds=2)
    [notice] = delivery.direct_messages(delivery.env.member.user)
    assert "Type `/invite` and my name there" in notice


@ON_SQLITE
async def test_a_missing_scope_loses_nothing(delivery: Harness) -> None:
    """Messages aren't dropped or stripped of blocks."""
    sender = await delivery.slow_sender()
    thread = await delivery.thread()
    await delivery.reply(thread, "one")
    delivery.slack.set_scopes(SCOPES - {"chat:write"})
    await delivery.run_rounds(sender, rounds=2)
    delivery.slack.set_scopes(SCOPES)
    await delivery.run_rounds(sender)
    assert delivery.shown() == ["root", "  one"]
    assert list(delivery.channel.messages.values())[1].blocks


@ON_SQLITE
async def test_without_the_scope_for_direct_messages_channels_go_on(
    delivery: Harness,
) -> None:
    """Only direct messages wait for the scope."""
    sender = await delivery.slow_sender()
    thread = await delivery.thread()
    delivery.slack.set_scopes(SCOPES - {"im:write"})
    await delivery.direct(delivery.env.member.user, "hello")
    await delivery.reply(thread, "one")
    await delivery.run_rounds(sender)
    await delivery.reply(thread, "two")
    await delivery.run_rounds(sender)
    assert delivery.shown() == ["root", "  one", "  two"]
    assert delivery.direct_messages(delivery.env.member.user) == []
    delivery.slack.set_scopes(SCOPES)
    await delivery.run_rounds(sender, rounds=2)
    assert delivery.direct_messages(delivery.env.member.user) == ["hello"]


@ON_SQLITE
async def test_a_direct_message_with_an_unknown_outcome_gets_a_marked_repeat(
    delivery: Harness,
) -> None:
    """Direct messages can't be searched."""
    delivery.slack.faults.add(LoseReply(), operation=POST)
    await delivery.direct(delivery.env.member.user, "hello")
    await delivery.run_rounds(await delivery.slow_sender(), rounds=2)
    assert delivery.direct_messages(delivery.env.member.user) == snapshot(
        ["hello", "hello (Possibly a repeat: Slack didn't confirm the first one.)"]
    )


async def test_nothing_is_created_in_a_channel_the_bot_cannot_write_to(
    running_bot: Environment,
) -> None:
    """The requester gets a direct message; Friendli gets no request."""
    running_bot.slack.faults.add(
        Respond(200, {"ok": False, "error": "is_archived"}), operation=POST
    )
    await running_bot.member.command(running_bot.channel, LINE)
    direct = running_bot.slack.direct_message(running_bot.member.user)
    [notice] = await running_bot.slack.until(lambda: list(direct.messages.values()))
    assert notice.text == (
        f"I can't post in <#{running_bot.channel.id}>: it is archived. *my-llama* wasn't created."
        " Unarchive it, then request it again."
    )
    assert not running_bot.friendli.endpoints


async def test_an_endpoint_is_watched_while_its_channel_is_archived(
    running_bot: Environment,
) -> None:
    """Its transitions are posted in order once the channel is back."""
    env = running_bot
    await env.member.command(env.channel, LINE)
    await env.slack.until(lambda: roots(env) and env.channel.replies(roots(env)[0].ts))
    root = roots(env)[0].ts
    before = len(env.channel.replies(root))
    env.slack.archive(env.channel)
    direct = env.slack.direct_message(env.member.user)
    env.clock.advance(3600)
    await env.slack.until(lambda: direct.messages)
    assert len(env.channel.replies(root)) == before
    env.slack.unarchive(env.channel)
    await env.slack.until(lambda: "is live" in env.channel.messages[root].text)
    await env.slack.until(lambda: "live" in env.channel.replies(root)[-1].text)
    assert len(direct.messages) == 1


@ON_SQLITE
async def test_a_requester_who_waits_for_approval_is_notified(
    delivery: Harness,
) -> None:
    """As soon as a message shows that the channel is closed."""
    sender = await delivery.slow_sender()
    thread = await delivery.thread(state=DeploymentState.PROPOSED, status=None)
    await delivery.run_until_idle(sender)
    delivery.slack.archive(delivery.channel)
    await delivery.redraw(thread, "changed")
    await delivery.run_rounds(sender, rounds=3)
    [notice] = delivery.direct_messages(delivery.env.member.user)
    assert notice == (
        f"I can't post in <#{delivery.channel.id}>: it is archived. *llama* waits there for"
        " approval, and nothing is created until then. Unarchive it, so that it can be approved."
    )


@ON_SQLITE
async def test_an_unannounced_proposal_is_refused(
    delivery: Harness,
) -> None:
    """Nobody could approve it."""
    sender = await delivery.slow_sender()
    delivery.slack.archive(delivery.channel)
    thread = await delivery.thread(state=DeploymentState.PROPOSED, status=None)
    await delivery.run_rounds(sender)
    [notice] = delivery.direct_messages(delivery.env.member.user)
    assert "*llama* wasn't created" in notice
    async with delivery.database.read() as session:
        assert (await session.get_one(Deployment, thread.id)).state is DeploymentState.REFUSED
