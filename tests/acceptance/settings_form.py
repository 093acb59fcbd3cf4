"""Changes a target's settings through the form."""

from collections.abc import Mapping, Sequence
from functools import partial

from bot.domain.permissions import Permission
from bot.sandbox.environment import Environment
from bot.sandbox.slack.user_client import UserClient
from bot.sandbox.slack.view import View


async def open_settings(
    env: Environment, person: UserClient | None = None, text: str = "settings"
) -> View:
    """Open the modal."""
    who = person or env.admin
    await who.command(env.channel, text)
    return await env.slack.until(lambda: who.modal)


async def save_settings(env: Environment, **fields: str | int | Sequence[str] | None) -> None:
    """Save settings; fields by block id."""
    await open_settings(env)
    for name, value in fields.items():
        # Some fields show up once another one is filled in.
        await env.slack.until(partial(_has_field, env, name))
        await env.admin.fill(name, value)
    seen = len(env.admin.ephemerals(env.channel))
    await env.admin.submit()
    await env.slack.until(lambda: len(env.admin.ephemerals(env.channel)) > seen)


def _has_field(env: Environment, name: str) -> bool:
    modal = env.admin.modal
    return modal is not None and any(one.known_as(name) for one in modal.fields())


async def open_permission(
    env: Environment, permission: Permission, person: UserClient | None = None
) -> View:
    """Open a permission's form, on top of the settings."""
    who = person or env.admin
    settings = await open_settings(env, who)
    await who.click(settings, permission.value)
    return await env.slack.until(lambda: who.modal if who.modal is not settings else None)


async def grant(
    env: Environment, permission: Permission, **fields: str | Sequence[str] | Mapping[str, str]
) -> None:
    """Grant a permission to `who`, and `people` or `groups` by their ids."""
    await open_permission(env, permission)
    settings = env.admin.modals[-2]
    before = settings.hash
    for name, value in fields.items():
        assert isinstance(value, str | Sequence)
        searched = name in ("groups", "people")
        block = f"settings.{name}" if searched else name
        await env.admin.fill(block, value, query="" if searched else None)
    await env.admin.submit()
    assert env.admin.field_errors == {}
    await env.slack.until(lambda: settings.hash != before)
    await env.admin.close_modal()
