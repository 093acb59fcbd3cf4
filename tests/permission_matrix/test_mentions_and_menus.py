"""What mentions and the Home tab need, and that everybody may look, held against the audit."""

import pytest
from sqlalchemy import select

from bot.db.operation_tables import Operation
from bot.db.session import Database
from bot.domain.subjects import SubjectKind
from bot.sandbox.environment import Environment
from bot.sandbox.slack.workspace import Content
from tests.acceptance.at_home import home, redrawn
from tests.acceptance.test_polling import serve
from tests.acceptance.thread_assertions import root
from tests.permission_matrix.denials import Denials, grant_all, guest
from tests.permission_matrix.tables import CLICKS, MENTIONS, SHORTCUTS


async def test_every_mention_asks_for_its_permission(here: Environment, denied: Denials) -> None:
    """In a thread too, and of people from elsewhere too; what only looks is answered to both."""
    for person in (here.member, guest(here)):
        for word, permission in MENTIONS.items():
            before = await denied.take()
            seen = len(person.ephemerals(here.channel))
            await person.mention(here.channel, word, thread=root(here))
            await here.slack.until(
                lambda person=person, seen=seen: len(person.ephemerals(here.channel)) > seen  # type: ignore[misc] # bound in the loop
            )
            expected = [] if permission is None else [(person.user.id, permission)]
            assert await denied.take() == [*before, *expected], word
    assert await operations(denied.database) == 0


async def test_everybody_may_look(here: Environment, denied: Denials) -> None:
    """By the shortcut, in the Home tab, and in the menus that are searched while one types."""
    seen = len(here.admin.ephemerals(here.channel))
    await here.admin.command(here.channel, "status")
    [which] = await here.slack.until(lambda: here.admin.ephemerals(here.channel)[seen:])
    for person in (here.member, guest(here)):
        for callback_id in SHORTCUTS:
            await person.shortcut(callback_id, root(here))
        [status] = await here.slack.until(
            lambda person=person: person.ephemerals(here.channel)  # type: ignore[misc] # bound in the loop
        )
        assert "is serving" in status.text
        assert "`prod`" in str((await home(here, person)).body)
        shown = here.slack.workspace.post(
            here.channel,
            here.slack.workspace.bot,
            Content(text=which.text, blocks=which.blocks),
            ephemeral_to=person.user.id,
        )
        [option] = await person.suggest("endpoint.pick.status", "", shown)
        assert option.startswith("it ·")
    assert await denied.take() == []


@pytest.mark.usefixtures("bot")
async def test_every_button_at_home_asks_for_its_permission(
    here: Environment, database: Database
) -> None:
    """A tab that was drawn before somebody lost a permission lets nobody act."""
    await serve(here)
    drawn = await home(here)
    await grant_all(database, (SubjectKind.ADMINS, ""))
    permissions = {
        label: CLICKS[here.member.button(drawn, label).action_id]
        for label in ("Sleep", "Update", "Terminate", "Deploy")
    }
    pressed = {label: here.member.button(drawn, label) for label in permissions}
    for label, permission in permissions.items():
        assert here.member.home is not None
        before = here.member.home.updates
        asked = await Denials(database).take()
        await here.member.click(here.member.home, pressed[label])
        assert "is for workspace admins" in str((await redrawn(here, before)).body)
        expected = (here.member.user.id, permission)
        assert await Denials(database).take() == [*asked, expected], label
    assert await operations(database) == 0


async def operations(database: Database) -> int:
    """How many were asked for."""
    async with database.read() as session:
        return len((await session.scalars(select(Operation.id))).all())
