"""Change the settings of a target: only what the person changed is written."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.deployment_tables import Target
from bot.db.operation_tables import Grant
from bot.domain.actors import Actor, ChannelRef
from bot.domain.audit_effect import Effect
from bot.domain.grants import Subject
from bot.domain.permission_words import VERBS
from bot.domain.permissions import DEFAULTS, Permission
from bot.domain.policy import Policy
from bot.messages.announcements import settings_changed
from bot.messages.settings import Change, changes, whom
from bot.services import audit
from bot.services.announcements import announce
from bot.services.lookup import find_target
from bot.services.targets import Targets

_ACTION = Permission.CONFIGURE


class TargetGoneError(Exception):
    """The target was disconnected meanwhile."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What was written.

    Attributes:
        changes: From the stored values, not from those in the form.
        overtook: Whether another person saved after the form was shown.
    """

    changes: Sequence[Change]
    overtook: bool


class TargetSettings:
    """Writes settings with their audit entries, one transaction each."""

    def __init__(self, targets: Targets) -> None:
        self._targets = targets

    async def set_policy(
        self, place: ChannelRef, person: Actor, target: str, *, shown: Policy, wanted: Policy
    ) -> Saved:
        """Write what differs from the form: changes of different things by two people both count.

        Raises:
            TargetGoneError: There is no such target any more.
        """
        touched = {
            name: getattr(wanted, name)
            for name in Policy.model_fields
            if getattr(wanted, name) != getattr(shown, name)
        }
        async with self._targets.writing() as session:
            row = await _locked(session, place, target)
            current = Policy.model_validate(row.policy or {})
            after = current.model_copy(update=touched)
            saved = Saved(changes(current, after), overtook=current != shown)
            if saved.changes:
                row.policy = after.model_dump(mode="json")
                await _record(session, place, person, target, saved)
        return saved

    async def grant(
        self,
        place: ChannelRef,
        person: Actor,
        target: str,
        permission: Permission,
        *,
        shown: Sequence[Subject],
        wanted: Sequence[Subject],
    ) -> Saved:
        """Grant a permission to these and nobody else; errors as for `set_policy`."""
        async with self._targets.writing() as session:
            row = await _locked(session, place, target)
            grants = (Grant.target_id == row.id, Grant.permission == permission)
            stored = await session.execute(
                select(Grant.kind, Grant.subject_id).where(*grants).order_by(Grant.id)
            )
            default = [DEFAULTS[permission]]
            current = [Subject(kind, id_) for kind, id_ in stored] or default
            overtook = set(current) != set(shown)
            if set(current) == set(wanted):
                return Saved([], overtook=overtook)
            await session.execute(delete(Grant).where(*grants))
            if list(wanted) != default:
                session.add_all(
                    Grant(
                        target_id=row.id,
                        permission=permission,
                        kind=subject.kind,
                        subject_id=subject.id,
                    )
                    for subject in dict.fromkeys(wanted)
                )
            change = Change(VERBS[permission], whom(current), whom(wanted))
            saved = Saved([change], overtook=overtook)
            await _record(session, place, person, target, saved)
        return saved


async def _locked(session: AsyncSession, place: ChannelRef, target: str) -> Target:
    row = await find_target(session, place, target)
    if row is None:
        raise TargetGoneError
    await session.refresh(row, with_for_update=True)
    return row


async def _record(
    session: AsyncSession, place: ChannelRef, person: Actor, target: str, saved: Saved
) -> None:
    audit.write(
        session,
        place,
        person.id,
        _ACTION,
        Effect.DONE,
        target=target,
        detail="; ".join(str(change) for change in saved.changes),
    )
    await announce(session, place, settings_changed(person.id, target, saved.changes))
