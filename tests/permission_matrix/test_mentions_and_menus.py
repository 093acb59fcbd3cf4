"""Mentions and the Home tab check permissions; everybody may look."""

import pytest
from sqlalchemy import select

from bot.db.operation_tables import Operation
from bot.db.session import Database
from bot.domain.subjects import SubjectKind
from bot.messages.action_ids import ActionId
from bot.sandbox.environment import Environment
from bot.sandbox.slack.fields import options
from bot.sandbox.slack.workspace import Content
from tests.acceptance.deploying import serve
from tests.acceptance.home_tab import home_tab, updated_home_tab
from tests.acceptance.thread_assertions import root
from tests.permission_matrix.denials import Denials, grant_all, guest
from tests.permission_matrix.tables import CLICKS, MENTIONS, SHORTCUTS


async def test_every_mention_asks_for_its_permission(env: Environment, denied: Denials) -> None:
    """In a thread and by guests too; what only looks is answered."""
    for person in (env.member, guest(env)):
        for word, permission in MENTIONS.items():
            before = await denied.take()
            seen = len(person.ephemerals(env.channel))
            await person.mention(env.channel, word, thread=root(env))
            await env.slack.until(
                lambda person=person, seen=seen: len(person.ephemerals(env.channel)) > seen  # type: ignore[misc] # bound in the loop
            )
            expected = [] if permission is None else [(person.user.id, permission)]
            assert await denied.take() == [*before, *expected], word
    assert await operations(denied.database) == 0


async def test_everybody_may_look(env: Environment, denied: Denials) -> None:
    """By shortcut, Home tab and searched menus."""
    seen = len(env.admin.ephemerals(env.channel))
    await env.admin.command(env.channel, "status")
    [which] = await env.slack.until(lambda: env.admin.ephemerals(env.channel)[seen:])
    for person in (env.member, guest(env)):
        for callback_id in SHORTCUTS:
            await person.shortcut(callback_id, root(env))
        [status] = await env.slack.until(
            lambda person=person: person.ephemerals(env.channel)  # type: ignore[misc] # bound in the loop
        )
        assert "is live" in status.text
        assert "`prod`" in str((await home_tab(env, person)).body)
        shown = env.slack.workspace.post(
            env.channel,
            env.slack.workspace.bot,
            Content(text=which.text, blocks=which.blocks),
            ephemeral_to=person.user.id,
        )
        [option] = await person.suggest("endpoint.pick.status", "", shown)
        assert option.startswith("it ·")
    assert await denied.take() == []


@pytest.mark.usefixtures("bot")
async def test_every_button_at_home_asks_for_its_permission(
    env: Environment, database: Database
) -> None:
    """Also in a tab drawn before a permission was lost."""
    await serve(env)
    drawn = await home_tab(env)
    await grant_all(database, (SubjectKind.ADMINS, ""))
    menu = env.member.button(drawn, ActionId.MORE)
    buttons = {label: env.member.button(drawn, label) for label in ("Update", "Deploy")}
    actions = {one["text"]["text"]: one["value"].split()[0] for one in options(menu.element)}
    actions |= {label: button.action_id for label, button in buttons.items()}
    permissions = {
        label: CLICKS[actions[label]]
        for label in ("Sleep", "Update", "Terminate", "Deploy", "Deploy another like this")
    }
    for label, permission in permissions.items():
        assert env.member.home is not None
        before = env.member.home.updates
        asked = await Denials(database).take()
        if label in buttons:
            await env.member.click(env.member.home, buttons[label])
        else:
            await env.member.choose(env.member.home, menu, label)
        assert "Only workspace admins can" in str((await updated_home_tab(env, before)).body)
        expected = (env.member.user.id, permission)
        assert await Denials(database).take() == [*asked, expected], label
    assert await operations(database) == 0


async def operations(database: Database) -> int:
    async with database.read() as session:
        return len((await session.scalars(select(Operation.id))).all())
