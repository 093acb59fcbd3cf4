"""Guests of a channel that is shared with another organisation: they look, and don't spend."""

import pytest

from bot.domain.policy import Policy
from bot.sandbox.environment import Environment
from bot.sandbox.slack.conversations import ChannelKind
from bot.sandbox.slack.user_client import UserClient
from tests.acceptance.deploying import serve
from tests.acceptance.due_times import set_policy
from tests.acceptance.endpoints import request_count
from tests.acceptance.thread_assertions import message_text, roots

pytestmark = pytest.mark.usefixtures("bot")


def invite_guest(env: Environment) -> UserClient:
    env.channel.is_ext_shared = True
    user = env.slack.add_user("guest", team_id="T000000099")
    env.slack.set_member(env.channel, user, member=True)
    return env.slack.act_as(user)


async def answered(env: Environment, guest: UserClient, text: str) -> str:
    """Type a command as the guest, and return what only they see."""
    seen = len(guest.ephemerals(env.channel))
    await guest.command(env.channel, text)
    await env.slack.until(lambda: len(guest.ephemerals(env.channel)) > seen)
    return message_text(env, guest.ephemerals(env.channel)[-1])


async def test_a_guest_s_commands_look(env: Environment) -> None:
    """As a mention does: what runs, its status, versions and schedules, and the targets."""
    await serve(env)
    guest = invite_guest(env)
    for text, said in (
        ("list", "it"),
        ("status it", "is live"),
        ("versions it", "1 × H100"),
        ("schedules", "No schedules"),
        ("targets", "sandbox-project"),
        ("help", "Opens the form"),
    ):
        assert said in await answered(env, guest, text), text


async def test_a_guest_s_commands_do_not_act(env: Environment) -> None:
    """Nothing is deployed, and nothing is done with what runs."""
    await serve(env)
    guest = invite_guest(env)
    for text in ("org/model --gpu 1xH100 --yes", "", "sleep it", "update it --gpu 2xH100"):
        assert "another organisation" in await answered(env, guest, text), text
    assert len(roots(env)) == 1
    assert request_count(env, "sleep_endpoint") == 0


async def test_a_guest_acts_where_the_target_allows_it(env: Environment) -> None:
    """The setting holds for commands as for buttons."""
    await serve(env)
    await set_policy(env, Policy(guests_may_act=True))
    guest = invite_guest(env)
    await answered(env, guest, "sleep it")
    await env.friendli.until(lambda: request_count(env, "sleep_endpoint"))


async def test_a_stranger_sees_nothing(env: Environment) -> None:
    """In a shared channel that isn't connected, nothing is known."""
    await serve(env)
    guest = invite_guest(env)
    other = env.slack.workspace.add_channel("other", ChannelKind.PUBLIC, [guest.user], shared=True)
    await guest.command(other, "list")
    [said] = await env.slack.until(lambda: guest.ephemerals(other))
    assert "isn't connected" in said.text
