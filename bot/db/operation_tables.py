"""The tables of what people do with endpoints: operations, schedules, who may, and the audit."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from bot.db.base import Base, Claimable
from bot.db.enum_column import Enumerated
from bot.domain.audit_effect import Effect
from bot.domain.operations import Cause, OperationKind, OperationState
from bot.domain.process import correlation
from bot.domain.schedule_days import ScheduleDays
from bot.domain.subjects import SubjectKind

"""Carried out in the database alone, at the moment of their approval."""


_IS_UNFINISHED = text("state IN ('proposed', 'requested', 'sending')")


class Operation(Base):
    """Something that is to be done with an endpoint, once."""

    __tablename__ = "operations"
    __table_args__ = (
        UniqueConstraint("request_id"),
        UniqueConstraint("public_id"),
        # The same thing isn't done twice at once.
        Index(
            "uq_operations_unfinished",
            "deployment_id",
            "kind",
            unique=True,
            sqlite_where=_IS_UNFINISHED,
            postgresql_where=_IS_UNFINISHED,
        ),
        Index("ix_operations_deployment_id", "deployment_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    # One-use: the same click, delivered again, does nothing.
    request_id: Mapped[str]
    # Names it in buttons.
    public_id: Mapped[str]
    deployment_id: Mapped[int] = mapped_column(ForeignKey("deployments.id"))
    kind: Mapped[OperationKind] = mapped_column(Enumerated(OperationKind))
    state: Mapped[OperationState] = mapped_column(Enumerated(OperationState))
    cause: Mapped[Cause] = mapped_column(Enumerated(Cause))
    # '' if no person caused it.
    requested_by: Mapped[str]
    requested_at: Mapped[datetime]
    # Of an update: a `bot.deployments.update.Update`.
    request: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    # As of a deployment: form field → what Friendli said of it when it refused an update.
    refused_fields: Mapped[dict[str, str] | None] = mapped_column(JSON(none_as_null=True))
    # Of an update: the number of the newest version before it was sent, and of the one it made.
    version_before: Mapped[str | None]
    version: Mapped[str | None]
    # Of what costs money: a `bot.services.terms.Terms`, as people were shown it.
    terms: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    decided_by: Mapped[str | None]
    # Until when somebody may approve it.
    expires_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    # Since when Friendli answers 429 to it; NULL if it doesn't.
    limited_since: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    # Of the request, for the log; NULL if nobody asked for it.
    reference: Mapped[str | None] = mapped_column(default=correlation.reference)


class Schedule(Claimable, Base):
    """An endpoint falls asleep or wakes at a time of day."""

    __tablename__ = "schedules"
    __table_args__ = (
        UniqueConstraint("public_id"),
        Index("ix_schedules_deployment_id", "deployment_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str]
    deployment_id: Mapped[int] = mapped_column(ForeignKey("deployments.id"))
    # SLEEP or WAKE.
    kind: Mapped[OperationKind] = mapped_column(Enumerated(OperationKind))
    days: Mapped[ScheduleDays] = mapped_column(Enumerated(ScheduleDays))
    # "HH:MM" on the clock of an IANA time zone.
    time_of_day: Mapped[str]
    zone: Mapped[str]
    next_at: Mapped[datetime | None]
    requested_by: Mapped[str]
    requested_at: Mapped[datetime]


class Grant(Base):
    """Someone may do something on a target. Without any grant a permission's default holds."""

    __tablename__ = "grants"
    __table_args__ = (UniqueConstraint("target_id", "permission", "kind", "subject_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    target_id: Mapped[int] = mapped_column(ForeignKey("targets.id", ondelete="CASCADE"))
    # A `bot.services.authorization.Permission`.
    permission: Mapped[str]
    kind: Mapped[SubjectKind] = mapped_column(Enumerated(SubjectKind))
    # A user's or a user group's id; '' for the others.
    subject_id: Mapped[str]


class AuditEntry(Base):
    """Who did what; written once, never changed. The database refuses to change or delete it."""

    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_place", "enterprise_id", "workspace_id", "channel_id", "id"),
        Index("uq_audit_request_id", "request_id", unique=True),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    enterprise_id: Mapped[str]
    workspace_id: Mapped[str]
    channel_id: Mapped[str]
    # '' if no person did it.
    person_id: Mapped[str]
    # A `bot.services.authorization.Permission`, or what else was done, as scope and action.
    action: Mapped[str]
    target_name: Mapped[str]
    # The endpoint's name; '' if it isn't about one.
    endpoint: Mapped[str]
    effect: Mapped[Effect] = mapped_column(Enumerated(Effect))
    # More words, such as what was changed.
    detail: Mapped[str]
    # The `ts` of the message whose button was used; '' for a command or a form.
    message_ts: Mapped[str]
    # One-use, of a command that nothing else keeps from being done twice: the same one, delivered
    # again, does nothing.
    request_id: Mapped[str | None]
