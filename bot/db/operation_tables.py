"""Tables of operations, schedules, grants and the audit."""

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

"""Carried out in the database alone, on approval."""


_IS_UNFINISHED = text("state IN ('proposed', 'requested', 'sending')")


class Operation(Base):
    """A one-time operation on an endpoint."""

    __tablename__ = "operations"
    __table_args__ = (
        UniqueConstraint("request_id"),
        UniqueConstraint("public_id"),
        # Only one unfinished operation of a kind.
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
    # One-use: a redelivered click does nothing.
    request_id: Mapped[str]
    public_id: Mapped[str]
    deployment_id: Mapped[int] = mapped_column(ForeignKey("deployments.id"))
    kind: Mapped[OperationKind] = mapped_column(Enumerated(OperationKind))
    state: Mapped[OperationState] = mapped_column(Enumerated(OperationState))
    cause: Mapped[Cause] = mapped_column(Enumerated(Cause))
    # '' if nobody requested it.
    requested_by: Mapped[str]
    requested_at: Mapped[datetime]
    # Of an update: a `bot.domain.update.Update`.
    request: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    # As of a deployment: form field → Friendli's message, of a refused update.
    refused_fields: Mapped[dict[str, str] | None] = mapped_column(JSON(none_as_null=True))
    # Of an update: the newest version's number before it was sent, and the new one's.
    version_before: Mapped[str | None]
    version: Mapped[str | None]
    # Of a paid operation: a `bot.services.terms.Terms`, as shown at the request.
    terms: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    decided_by: Mapped[str | None]
    expires_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    # Since when Friendli answers 429 to it; NULL if it doesn't.
    limited_since: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    # The request's reference, for the log; NULL without a request.
    reference: Mapped[str | None] = mapped_column(default=correlation.reference)


class Schedule(Claimable, Base):
    """An endpoint sleeps or wakes at a time of day."""

    __tablename__ = "schedules"
    __table_args__ = (
        UniqueConstraint("public_id"),
        Index("ix_schedules_deployment_id", "deployment_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str]
    deployment_id: Mapped[int] = mapped_column(ForeignKey("deployments.id"))
    kind: Mapped[OperationKind] = mapped_column(Enumerated(OperationKind))
    days: Mapped[ScheduleDays] = mapped_column(Enumerated(ScheduleDays))
    # "HH:MM" in an IANA time zone.
    time_of_day: Mapped[str]
    zone: Mapped[str]
    next_at: Mapped[datetime | None]
    requested_by: Mapped[str]
    requested_at: Mapped[datetime]


class Grant(Base):
    """A permission granted on a target. Without any grant a permission's default applies."""

    __tablename__ = "grants"
    __table_args__ = (UniqueConstraint("target_id", "permission", "kind", "subject_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    target_id: Mapped[int] = mapped_column(ForeignKey("targets.id", ondelete="CASCADE"))
    permission: Mapped[str]
    kind: Mapped[SubjectKind] = mapped_column(Enumerated(SubjectKind))
    # A user's or a user group's id; '' for the other kinds.
    subject_id: Mapped[str]


class AuditEntry(Base):
    """An audit entry. The database refuses to change or delete it."""

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
    # '' if nobody did it.
    person_id: Mapped[str]
    # A `bot.domain.permissions.Permission`, or another action, as scope and action.
    action: Mapped[str]
    target_name: Mapped[str]
    # The endpoint's name; '' if it isn't about one.
    endpoint: Mapped[str]
    effect: Mapped[Effect] = mapped_column(Enumerated(Effect))
    detail: Mapped[str]
    # The `ts` of the message with the used button; '' for a command or a form.
    message_ts: Mapped[str]
    # One-use, of a command without other protection from being repeated: a redelivery does
    # nothing.
    request_id: Mapped[str | None]
