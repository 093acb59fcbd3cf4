"""Channels and people that take no messages any more: who is told, and how it goes on after."""

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
from tests.slack.outgoing import EDIT, ON_SQLITE, POST, Outgoing

LINE = "meta-llama/Llama-3.1-8B-Instruct --gpu 2xH100 --replicas 1 --name my-llama --yes"

Blow = Callable[[SlackSandbox, Channel], None]


def unseen(slack: SlackSandbox, channel: Channel) -> None:
    """Hide a channel from the bot, as a private one without it is."""
    channel.kind = type(channel.kind).PRIVATE
    slack.remove_bot(channel)


BLOWS = [
    pytest.param(SlackSandbox.archive, SlackSandbox.unarchive, id="archived"),
    pytest.param(SlackSandbox.remove_bot, SlackSandbox.invite_bot, id="bot removed"),
    pytest.param(unseen, SlackSandbox.invite_bot, id="unseen"),
]


@ON_SQLITE
@pytest.mark.parametrize(("blow", "remedy"), BLOWS)
async def test_what_was_missed_comes_in_order_once_the_channel_is_back(
    outgoing: Outgoing, blow: Blow, remedy: Blow
) -> None:
    """Replies and the root's newest body wait, however long it takes."""
    sender = await outgoing.patient_sender()
    first, second = await outgoing.thread("first"), await outgoing.thread("second")
    await outgoing.settle(sender)
    blow(outgoing.slack, outgoing.channel)
    for thread in (first, second):
        await outgoing.reply(thread, "one", "two")
        await outgoing.redraw(thread, "older")
    await outgoing.work_on(sender, rounds=3)
    await outgoing.redraw(first, "first, changed")
    await outgoing.redraw(second, "second, changed")
    await outgoing.work_on(sender)
    assert outgoing.shown() == ["first", "second"]
    remedy(outgoing.slack, outgoing.channel)
    await outgoing.work_on(sender)
    assert outgoing.shown() == [
        "first, changed",
        "  one",
        "  two",
        "second, changed",
        "  one",
        "  two",
    ]
    assert (await outgoing.channel_row(first)).stopped_reason is None


@pytest.mark.parametrize("operation", ["reply", "edit"])
async def test_the_requester_is_told_once_directly(outgoing: Outgoing, operation: str) -> None:
    """One message lists what is billed on, whatever finds the channel closed, however often."""
    sender = await outgoing.patient_sender()
    thread = await outgoing.thread()
    await outgoing.thread(name="qwen")
    await outgoing.settle(sender)
    outgoing.slack.archive(outgoing.channel)
    if operation == "reply":
        await outgoing.reply(thread, "one")
    else:
        await outgoing.redraw(thread, "changed")
    await outgoing.work_on(sender, rounds=3)
    [told] = outgoing.told(outgoing.env.member.user)
    assert told == (
        f"I can no longer write in <#{outgoing.channel.id}>: it is archived. What you deployed"
        " there runs on, and is billed while it serves: *llama* ($10.00/h), *qwen* ($10.00/h)."
        " I keep watching. Unarchive it, and I go on there."
    )


@ON_SQLITE
async def test_each_requester_hears_of_their_own(outgoing: Outgoing) -> None:
    """Two people with deployments in one channel get a message each; who has none, gets none."""
    sender = await outgoing.patient_sender()
    ann, bob = outgoing.slack.add_user("ann"), outgoing.slack.add_user("bob")
    thread = await outgoing.thread(requester=ann, name="llama")
    await outgoing.thread(requester=bob, name="qwen")
    await outgoing.settle(sender)
    outgoing.slack.archive(outgoing.channel)
    await outgoing.reply(thread, "one")
    await outgoing.work_on(sender)
    for person, name, other in ((ann, "*llama*", "*qwen*"), (bob, "*qwen*", "*llama*")):
        [told] = outgoing.told(person)
        assert name in told
        assert other not in told
    assert outgoing.told(outgoing.env.member.user) == []


async def test_who_was_told_is_told_again_only_after_it_had_come_back(outgoing: Outgoing) -> None:
    """An edit that goes through is enough to have come back."""
    sender = await outgoing.patient_sender()
    thread = await outgoing.thread()
    await outgoing.settle(sender)
    for number in range(2):
        outgoing.slack.archive(outgoing.channel)
        await outgoing.redraw(thread, f"change {number}")
        await outgoing.work_on(sender, rounds=2)
        assert len(outgoing.told(outgoing.env.member.user)) == number + 1
        outgoing.slack.unarchive(outgoing.channel)
        await outgoing.work_on(sender)
        assert outgoing.shown() == [f"change {number}"]


@ON_SQLITE
async def test_while_it_is_stopped_a_channel_is_left_alone(outgoing: Outgoing) -> None:
    """Neither posts nor edits are tried before the pause is over, whatever is written."""
    sender = await outgoing.patient_sender()
    thread = await outgoing.thread()
    await outgoing.settle(sender)
    outgoing.slack.archive(outgoing.channel)
    await outgoing.reply(thread, "one")
    await outgoing.settle(sender)
    tried = len(outgoing.calls(POST))
    await outgoing.reply(thread, "two")
    await outgoing.redraw(thread, "changed")
    await outgoing.settle(sender)
    assert (len(outgoing.calls(POST)), len(outgoing.calls(EDIT))) == (tried, 0)


async def test_asking_again_ends_the_pause(outgoing: Outgoing) -> None:
    """Who invites the bot back and asks there doesn't wait for the next look."""
    sender = await outgoing.patient_sender()
    thread = await outgoing.thread()
    await outgoing.settle(sender)
    outgoing.slack.remove_bot(outgoing.channel)
    await outgoing.reply(thread, "one")
    await outgoing.settle(sender)
    outgoing.slack.invite_bot(outgoing.channel)
    await outgoing.thread("new", state=DeploymentState.REQUESTED, name="new")
    await outgoing.settle(sender)
    assert outgoing.shown() == ["root", "  one", "new"]


@ON_SQLITE
async def test_an_admin_is_told_if_the_requester_cannot_be(outgoing: Outgoing) -> None:
    """The first admin who can be reached gets it, and hears whom it was for."""
    sender = await outgoing.patient_sender()
    gone = outgoing.slack.add_user("gone")
    reachable = outgoing.slack.add_user("reachable-admin", is_admin=True)
    thread = await outgoing.thread(requester=gone)
    await outgoing.settle(sender)
    gone.deleted = True
    outgoing.slack.archive(outgoing.channel)
    await outgoing.reply(thread, "one")
    # The other admin is listed still, but doesn't take direct messages.
    outgoing.slack.faults.add(
        Respond(200, {"ok": False, "error": "user_disabled"}),
        operation="conversations.open",
        when=lambda call: call.body["users"] == outgoing.env.admin.user.id,
    )
    await outgoing.settle(sender)
    [told] = outgoing.told(reachable)
    assert told.startswith(f"This was for <@{gone.id}>, whom I can't reach: I can no longer")


@ON_SQLITE
async def test_when_nobody_can_be_told_it_is_logged(outgoing: Outgoing) -> None:
    """The operator is the last to turn to."""
    sender = await outgoing.patient_sender()
    outgoing.slack.faults.add(
        Respond(200, {"ok": False, "error": "cannot_dm_bot"}),
        operation="conversations.open",
        times=None,
    )
    thread = await outgoing.thread()
    await outgoing.settle(sender)
    outgoing.slack.archive(outgoing.channel)
    await outgoing.reply(thread, "one")
    with capture_logs() as logged:
        await outgoing.settle(sender)
    assert [entry["event"] for entry in logged if entry["log_level"] == "error"] == [
        "nobody could be told"
    ]


async def test_what_is_not_made_yet_is_given_up_and_its_requester_told(
    outgoing: Outgoing,
) -> None:
    """Nothing is created that no thread could tell about, and a lost claim on it stays lost."""
    sender = await outgoing.patient_sender()
    outgoing.slack.remove_bot(outgoing.channel)
    thread = await outgoing.thread(state=DeploymentState.REQUESTED)
    await outgoing.settle(sender)
    async with outgoing.database.read() as session:
        deployment = await session.get_one(Deployment, thread.id)
    assert (deployment.state, deployment.due_at, deployment.fencing_token) == (
        DeploymentState.REFUSED,
        None,
        1,
    )
    assert (await outgoing.row(thread, 0)).delivery == Delivery.DROPPED
    [told] = outgoing.told(outgoing.env.member.user)
    assert told == (
        f"I can't write in <#{outgoing.channel.id}>: I'm not in it any more. *llama* wasn't made."
        " Type `/invite` and my name there, then ask again."
    )
    outgoing.slack.invite_bot(outgoing.channel)
    await outgoing.work_on(sender)
    assert outgoing.shown() == []


@pytest.mark.parametrize("blow", [SlackSandbox.uninstall, SlackSandbox.revoke_token])
async def test_a_dead_token_loses_nothing(
    outgoing: Outgoing, blow: Callable[[SlackSandbox], None]
) -> None:
    """Nobody can be told while it lasts; once the app is back, everything comes."""
    sender = await outgoing.patient_sender()
    thread = await outgoing.thread()
    await outgoing.settle(sender)
    blow(outgoing.slack)
    await outgoing.reply(thread, "one")
    await outgoing.thread("unmade", state=DeploymentState.REQUESTED, name="unmade")
    await outgoing.direct(outgoing.env.admin.user, "for the admin")
    await outgoing.work_on(sender, rounds=2)
    outgoing.slack.reinstall()
    outgoing.slack.invite_bot(outgoing.channel)
    await outgoing.work_on(sender)
    assert outgoing.shown() == ["root", "  one"]
    assert outgoing.told(outgoing.env.admin.user) == ["for the admin"]
    [told] = outgoing.told(outgoing.env.member.user)
    assert "*unmade* wasn't made" in told


@ON_SQLITE
async def test_an_app_that_is_back_but_not_invited_says_so(outgoing: Outgoing) -> None:
    """The requester hears it as soon as anybody can be told anything."""
    sender = await outgoing.patient_sender()
    thread = await outgoing.thread()
    await outgoing.settle(sender)
    outgoing.slack.uninstall()
    await outgoing.reply(thread, "one")
    await outgoing.work_on(sender)
    outgoing.slack.reinstall()
    await outgoing.work_on(sender, rounds=2)
    [told] = outgoing.told(outgoing.env.member.user)
    assert "Type `/invite` and my name there" in told


@ON_SQLITE
async def test_a_missing_scope_loses_nothing(outgoing: Outgoing) -> None:
    """An app that may not post at the moment isn't one whose messages are bad."""
    sender = await outgoing.patient_sender()
    thread = await outgoing.thread()
    await outgoing.reply(thread, "one")
    outgoing.slack.set_scopes(SCOPES - {"chat:write"})
    await outgoing.work_on(sender, rounds=2)
    outgoing.slack.set_scopes(SCOPES)
    await outgoing.work_on(sender)
    assert outgoing.shown() == ["root", "  one"]
    assert list(outgoing.channel.messages.values())[1].blocks


@ON_SQLITE
async def test_without_the_scope_for_direct_messages_channels_go_on(outgoing: Outgoing) -> None:
    """Only the person waits, and hears it once the scope is granted."""
    sender = await outgoing.patient_sender()
    thread = await outgoing.thread()
    outgoing.slack.set_scopes(SCOPES - {"im:write"})
    await outgoing.direct(outgoing.env.member.user, "hello")
    await outgoing.reply(thread, "one")
    await outgoing.work_on(sender)
    await outgoing.reply(thread, "two")
    await outgoing.work_on(sender)
    assert outgoing.shown() == ["root", "  one", "  two"]
    assert outgoing.told(outgoing.env.member.user) == []
    outgoing.slack.set_scopes(SCOPES)
    await outgoing.work_on(sender, rounds=2)
    assert outgoing.told(outgoing.env.member.user) == ["hello"]


@ON_SQLITE
async def test_a_doubtful_direct_message_is_repeated_and_says_so(outgoing: Outgoing) -> None:
    """The bot may not read direct messages, so it can't look for it there."""
    outgoing.slack.faults.add(LoseReply(), operation=POST)
    await outgoing.direct(outgoing.env.member.user, "hello")
    await outgoing.work_on(await outgoing.patient_sender(), rounds=2)
    assert outgoing.told(outgoing.env.member.user) == snapshot(
        ["hello", "hello (Possibly a repeat: Slack didn't confirm the first one.)"]
    )


async def test_nothing_is_created_in_a_channel_the_bot_cannot_write_to(
    running_bot: Environment,
) -> None:
    """The whole bot: the person hears it directly, and Friendli is never asked."""
    running_bot.slack.faults.add(
        Respond(200, {"ok": False, "error": "is_archived"}), operation=POST
    )
    await running_bot.member.command(running_bot.channel, LINE)
    direct = running_bot.slack.direct_message(running_bot.member.user)
    [told] = await running_bot.slack.until(lambda: list(direct.messages.values()))
    assert told.text == (
        f"I can't write in <#{running_bot.channel.id}>: it is archived. *my-llama* wasn't made."
        " Unarchive it, then ask again."
    )
    assert not running_bot.friendli.endpoints


async def test_an_endpoint_is_watched_while_its_channel_is_archived(
    running_bot: Environment,
) -> None:
    """The whole bot: what happened meanwhile is told in order once the channel is back."""
    env = running_bot
    await env.member.command(env.channel, LINE)
    await env.slack.until(lambda: len(env.channel.messages) > 1)
    root = next(iter(env.channel.messages))
    before = len(env.channel.replies(root))
    env.slack.archive(env.channel)
    direct = env.slack.direct_message(env.member.user)
    env.clock.advance(3600)
    await env.slack.until(lambda: direct.messages)
    assert len(env.channel.replies(root)) == before
    env.slack.unarchive(env.channel)
    await env.slack.until(lambda: "is serving" in env.channel.messages[root].text)
    await env.slack.until(lambda: "serving" in env.channel.replies(root)[-1].text)
    assert len(direct.messages) == 1


@ON_SQLITE
async def test_whoever_waits_for_approval_learns_that_nobody_can_give_it(
    outgoing: Outgoing,
) -> None:
    """Once something shows that the channel is closed, and before the time is over."""
    sender = await outgoing.patient_sender()
    thread = await outgoing.thread(state=DeploymentState.PROPOSED, status=None)
    await outgoing.settle(sender)
    outgoing.slack.archive(outgoing.channel)
    await outgoing.redraw(thread, "changed")
    await outgoing.work_on(sender, rounds=3)
    [told] = outgoing.told(outgoing.env.member.user)
    assert told == (
        f"I can't write in <#{outgoing.channel.id}>: it is archived. *llama* waits there for"
        " approval, and nothing is made before. Unarchive it, so that it can be approved."
    )


@ON_SQLITE
async def test_a_request_for_approval_that_was_never_posted_is_given_up(
    outgoing: Outgoing,
) -> None:
    """Nobody could have approved it."""
    sender = await outgoing.patient_sender()
    outgoing.slack.archive(outgoing.channel)
    thread = await outgoing.thread(state=DeploymentState.PROPOSED, status=None)
    await outgoing.work_on(sender)
    [told] = outgoing.told(outgoing.env.member.user)
    assert "*llama* wasn't made" in told
    async with outgoing.database.read() as session:
        assert (await session.get_one(Deployment, thread.id)).state is DeploymentState.REFUSED
