"""Announcements in a channel about its targets, and a channel without one."""

import asyncio

import pytest
from inline_snapshot import snapshot

from bot.domain.permissions import Permission
from bot.sandbox.environment import API_KEY, Environment, connect
from bot.sandbox.faults import LoseReply
from bot.sandbox.slack.conversations import Message
from tests.acceptance.settings_form import grant, save_settings
from tests.acceptance.thread_assertions import message_text, notices
from tests.conftest import StartBot


@pytest.mark.usefixtures("bot")
async def test_changes_of_targets_are_announced_in_one_line(env: Environment) -> None:
    """Who did what: connected, changed, disconnected; never a key."""
    await connect(env)
    await env.slack.until(lambda: len(notices(env)) == 2)
    await save_settings(env, approval="Every request needs approval", lifetime=5)
    await grant(env, Permission.TERMINATE, who="Workspace admins")
    await env.slack.until(lambda: len(notices(env)) == 4)
    await env.admin.command(env.channel, "disconnect")
    await env.slack.until(lambda: "Disconnect" in env.admin.ephemerals(env.channel)[-1].buttons)
    await env.admin.click(env.admin.ephemerals(env.channel)[-1], "Disconnect")
    await env.slack.until(lambda: len(notices(env)) == 5)
    assert notices(env) == snapshot(
        [
            "@admin connected this channel to Friendli project `sandbox-project` as *prod*.",
            "@admin stored a new key for Friendli project `sandbox-project` as *prod*.",
            "@admin changed *prod*: approval: never → always; lifetime: none → 5 h.",
            "@admin changed *prod*: terminate: everyone in the channel → workspace admins.",
            "@admin disconnected *prod* (project `sandbox-project`).",
        ]
    )
    assert all("\n" not in one for one in notices(env))
    assert API_KEY[-8:] not in str(notices(env))


@pytest.mark.usefixtures("bot")
async def test_settings_saved_as_they_were_are_no_news(env: Environment) -> None:
    """Nothing is announced that didn't change."""
    await save_settings(env)
    await save_settings(env, approval="Every request needs approval")
    await env.slack.until(lambda: len(notices(env)) == 2)


async def test_an_announcement_is_posted_once(env: Environment, start_bot: StartBot) -> None:
    """Even if Slack's answer was lost."""
    async with start_bot():
        env.slack.faults.add(LoseReply(), operation="chat.postMessage")
        await connect(env)
        await save_settings(env, lifetime=5)
        await env.slack.until(lambda: len(notices(env)) >= 2)
        await save_settings(env, lifetime=6)
        await env.slack.until(lambda: len(notices(env)) >= 3)
        assert [one.count("as *prod*") for one in notices(env)] == [1, 0, 0]


async def test_a_channel_without_the_bot_is_connected_without_news(
    env: Environment, start_bot: StartBot
) -> None:
    """An announcement isn't worth waiting for an invitation; what comes later is posted."""
    env.slack.remove_bot(env.channel)
    async with start_bot():
        await connect(env)
        await env.slack.until(
            lambda: any(
                one.operation == "chat.postMessage" and one.status is not None
                for one in env.slack.requests.entries
            )
        )
        env.slack.invite_bot(env.channel)
        await save_settings(env, lifetime=5)
        await env.slack.until(lambda: notices(env))
        assert [one.count("changed *prod*") for one in notices(env)] == [1]


async def offer(env: Environment, person: str = "member", text: str = "list") -> Message:
    """The answer to a command in an unconnected channel."""
    who = getattr(env, person)
    before = len(who.ephemerals(env.channel))
    await who.command(env.channel, text)
    said: Message = await env.slack.until(lambda: who.ephemerals(env.channel)[before:][-1])
    return said


@pytest.mark.parametrize("text", ["", "list", "org/model --gpu H100", "targets", "sleep it"])
async def test_an_unconnected_channel_offers_the_way_on(
    env: Environment, start_bot: StartBot, text: str
) -> None:
    """To an admin the form, to everyone else the request to an admin."""
    async with start_bot():
        assert message_text(env, await offer(env, "admin", text)) == (
            "This channel isn't connected to a Friendli project yet.\n[Connect a project]"
        )
        assert message_text(env, await offer(env, "member", text)) == (
            "This channel isn't connected to a Friendli project yet.\n"
            "Workspace admins can connect one.\n[Ask an admin]"
        )


async def test_an_admin_is_asked_once(env: Environment, start_bot: StartBot) -> None:
    """In the channel, however many ask; the request loses its button when it is done."""
    async with start_bot():
        said = await offer(env)
        other = await offer(env, text="targets")
        await asyncio.gather(
            env.member.click(said, "Ask an admin"), env.member.click(other, "Ask an admin")
        )
        await env.slack.until(lambda: not said.buttons and not other.buttons)
        assert sorted(message_text(env, one) for one in (said, other)) == snapshot(
            ["@admin was asked in this channel already.", "Asked @admin in this channel."]
        )
        await env.slack.until(lambda: notices(env))
        assert notices(env) == snapshot(
            [
                "@admin, @requester wants to deploy models here. This channel isn't connected to a Friendli project yet."
            ]
        )
        [asked] = env.channel.messages.values()
        await env.admin.click(asked, "Connect a project")
        assert (await env.slack.until(lambda: env.admin.modal)).title == "Connect a project"
        await env.admin.close_modal()
        await connect(env)
        await env.slack.until(lambda: asked.buttons == [])
        assert len(notices(env)) == 2


async def test_who_asks_late_is_told_that_it_is_connected(
    env: Environment, start_bot: StartBot
) -> None:
    """The button may be old."""
    async with start_bot():
        said = await offer(env)
        await connect(env)
        await env.member.click(said, "Ask an admin")
        await env.slack.until(lambda: "connected by now" in said.text)
        assert len(notices(env)) == 1


async def test_nobody_is_asked_where_the_bot_can_t_write(
    env: Environment, start_bot: StartBot
) -> None:
    """It says how to invite it first."""
    async with start_bot():
        said = await offer(env)
        env.slack.remove_bot(env.channel)
        before = len(env.member.ephemerals(env.channel))
        await env.member.click(said, "Ask an admin")
        answer = await env.slack.until(lambda: env.member.ephemerals(env.channel)[before:][-1])
        assert "/invite" in answer.text
