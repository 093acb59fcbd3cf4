"""Who may do what on a target, as its team has set it up; and the record of who was denied."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select

from bot.db.acts import Effect, Grant, SubjectKind
from bot.db.models import Target
from bot.db.session import Database
from bot.deployments import audit
from bot.deployments.lookup import find_deployment
from bot.deployments.place import Person, Place
from bot.deployments.policy import Policy


@dataclass(frozen=True, slots=True)
class Subject:
    """To whom something is granted.

    Attributes:
        id: A user's or a user group's id; '' for the other kinds.
    """

    kind: SubjectKind
    id: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a target's team has set up.

    Attributes:
        granted: By permission; one that is missing has its default.
    """

    policy: Policy = field(default_factory=Policy)
    granted: Mapping[str, Sequence[Subject]] = field(default_factory=dict)


class Grants:
    """Reads the rules of targets."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def rules(self, place: Place) -> Mapping[str, Rules]:
        """The rules of each target of a channel, by its name."""
        async with self._database.read() as session:
            rows = await session.execute(
                select(Target.name, Target.policy, Grant.permission, Grant.kind, Grant.subject_id)
                .outerjoin(Grant, Grant.target_id == Target.id)
                .where(
                    Target.enterprise_id == place.enterprise_id,
                    Target.workspace_id == place.workspace_id,
                    Target.channel_id == place.channel_id,
                )
                .order_by(Grant.id)
            )
            policies: dict[str, Policy] = {}
            granted: dict[str, dict[str, list[Subject]]] = {}
            for name, policy, permission, kind, subject_id in rows:
                policies.setdefault(name, Policy.model_validate(policy or {}))
                of_target = granted.setdefault(name, {})
                if permission is not None:
                    subject = Subject(SubjectKind(kind), subject_id)
                    of_target.setdefault(permission, []).append(subject)
        return {name: Rules(policy, granted[name]) for name, policy in policies.items()}

    async def denied(
        self,
        place: Place,
        person: Person,
        action: str,
        target: str,
        *,
        about: str = "",
        message_ts: str = "",
    ) -> None:
        """Write down that somebody wasn't allowed something.

        Args:
            place: Where.
            person: Who.
            action: What.
            target: On which target; '' while that is open.
            about: The public id of the deployment that it is about, if it is about one.
            message_ts: Of the message whose button was used.
        """
        async with self._database.write() as session:
            deployment = await find_deployment(session, place, about) if about else None
            audit.write(
                session,
                place,
                person.id,
                action,
                Effect.DENIED,
                target=target,
                endpoint=deployment.name if deployment is not None else "",
                message_ts=message_ts,
            )
