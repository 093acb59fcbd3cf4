"""What was denied, by the audit."""

from dataclasses import dataclass

from sqlalchemy import select, update

from bot.db.deployment_tables import Target
from bot.db.operation_tables import AuditEntry, Grant
from bot.db.session import Database
from bot.domain.audit_effect import Effect
from bot.domain.permissions import Permission
from bot.domain.policy import Policy
from bot.domain.subjects import SubjectKind
from bot.sandbox.environment import Environment
from bot.sandbox.slack.user_client import UserClient


@dataclass
class Denials:
    """Denied actions so far."""

    database: Database

    async def take(self) -> list[tuple[str, str]]:
        """Person and permission."""
        async with self.database.read() as session:
            rows = await session.execute(
                select(AuditEntry.person_id, AuditEntry.action)
                .where(AuditEntry.effect == Effect.DENIED)
                .order_by(AuditEntry.id)
            )
            return [(person, action) for person, action in rows]


async def grant_all(
    database: Database, *subjects: tuple[SubjectKind, str], policy: Policy | None = None
) -> None:
    """Grant every permission to these alone."""
    async with database.write() as session:
        target = (await session.scalars(select(Target.id))).one()
        session.add_all(
            Grant(target_id=target, permission=permission, kind=kind, subject_id=id_)
            for permission in Permission
            for kind, id_ in subjects
        )
        if policy is not None:
            await session.execute(update(Target).values(policy=policy.model_dump(mode="json")))


def guest(env: Environment) -> UserClient:
    """A person of another organisation in a shared channel."""
    env.channel.is_ext_shared = True
    user = env.slack.add_user("guest", team_id="T000000099")
    env.slack.set_member(env.channel, user, member=True)
    return env.slack.act_as(user)
