"""The tables. Every row that belongs to a place in Slack is keyed by enterprise and workspace too.

Slack ids are only unique within their workspace, and an organisation on Enterprise Grid may leave
the workspace out: absent ids are '' and never NULL, since NULLs are not equal in a unique key.

Rows that a worker takes up carry `due_at` (NULL: nothing to do) and `fence`; see `bot.db.claims`.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, MetaData, Text, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bot.db.clock import Moment
from bot.db.enums import Enumerated
from bot.role import Role


class Base(DeclarativeBase):
    """Declares how Python types are stored and constraints are named."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's way to declare it
        datetime: Moment,
        str: Text,
        dict[str, Any]: JSON,
        list[str]: JSON,
    }


def _storage(*, fillfactor: int, vacuum_at: float) -> dict[str, Any]:
    """How PostgreSQL keeps a table whose rows are written again and again.

    Every write leaves the row's last version behind. By default those are tidied up once they are
    a fifth of the table, far too late for the few rows that are written every few seconds, and for
    a table in which nearly all rows rest for ever.

    Args:
        fillfactor: Percent of a page that new rows fill; the rest is for their next versions, which
            need no new index entries there as long as no indexed column changes.
        vacuum_at: The part of the table that is left behind when it is tidied up.
    """
    return {
        "postgresql_with": {"fillfactor": fillfactor, "autovacuum_vacuum_scale_factor": vacuum_at}
    }


class Due:
    """Columns of a row that workers claim."""

    due_at: Mapped[datetime | None] = mapped_column(index=True)
    fence: Mapped[int] = mapped_column(default=0)
    # Someone works on it now; and meanwhile there came more to do.
    held: Mapped[bool] = mapped_column(default=False)
    woken: Mapped[bool] = mapped_column(default=False)


class Workspace(Base):
    """What one workspace has taught us, and the pace of its rate-limited methods."""

    __tablename__ = "workspaces"
    __table_args__ = (UniqueConstraint("enterprise_id", "workspace_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    enterprise_id: Mapped[str]
    workspace_id: Mapped[str]
    # Its Slack answered invalid_blocks to a plan block: it gets sections instead.
    plan_refused: Mapped[bool] = mapped_column(default=False)
    # Slack's limits count per method and workspace, so does the wait that a 429 asks for.
    post_after: Mapped[datetime | None]
    edit_after: Mapped[datetime | None]


class Channel(Due, Base):
    """A place that messages are sent to, one after another: a channel, or a person ('@U…')."""

    __tablename__ = "channels"
    __table_args__ = (
        UniqueConstraint("workspace_row_id", "address"),
        _storage(fillfactor=70, vacuum_at=0.01),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_row_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id"))
    address: Mapped[str]
    # The id to post to; for a person, opened on the first message.
    channel_id: Mapped[str | None]
    # Slack's error that stopped us here; NULL while messages go through.
    stopped_reason: Mapped[str | None]
    # One message a second and channel.
    post_after: Mapped[datetime | None]


class WatchedProject(Due, Base):
    """A Friendli project reached with one API key: what the tracker polls.

    Targets with the same team, project and key share one row, and so one poll. Whoever changes the
    row, which deployments belong to it, or what the last poll showed of them wakes it in the same
    transaction; see `bot.deployments.snapshots`.
    """

    __tablename__ = "watched_projects"
    __table_args__ = (
        UniqueConstraint("api_base", "team_id", "project_id", "key_fingerprint"),
        _storage(fillfactor=70, vacuum_at=0.01),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    api_base: Mapped[str]
    team_id: Mapped[str]
    project_id: Mapped[str]
    key_fingerprint: Mapped[str]
    key_last_four: Mapped[str]
    # NULL once the last target that brought this key is disconnected.
    key_ciphertext: Mapped[str | None]
    # Requests that one complete list took the last time.
    list_pages: Mapped[int] = mapped_column(default=1)
    failures: Mapped[int] = mapped_column(default=0)
    failing_since: Mapped[datetime | None]
    # What the threads were told is wrong with watching: an `Obstacle`, or NULL.
    told: Mapped[str | None]


class Target(Base):
    """A named place that a channel deploys to."""

    __tablename__ = "targets"
    __table_args__ = (UniqueConstraint("enterprise_id", "workspace_id", "channel_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    enterprise_id: Mapped[str]
    workspace_id: Mapped[str]
    channel_id: Mapped[str]
    name: Mapped[str]
    is_default: Mapped[bool]
    watched_project_id: Mapped[int] = mapped_column(ForeignKey("watched_projects.id"))
    connected_by: Mapped[str]
    connected_at: Mapped[datetime]
    # A `bot.deployments.policy.Policy`; NULL for the defaults.
    policy: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class Step(StrEnum):
    """How far the creation of a deployment's endpoint has come."""

    PROPOSED = "proposed"
    """Waits for someone's approval; nothing is sent to Friendli before."""
    REJECTED = "rejected"
    """Somebody said no, or nobody said yes in time."""
    ASKED = "asked"
    """Written down; nothing was sent to Friendli."""
    SENDING = "sending"
    """The one create request may leave at any moment, or has left."""
    MADE = "made"
    """Friendli said it was made; which endpoint it is is not known yet."""
    DOUBTFUL = "doubtful"
    """The create request's fate is unknown; looking for what it made."""
    UNCLEAR = "unclear"
    """Several endpoints may be ours; a person chooses."""
    LIVE = "live"
    """The endpoint is known and watched."""
    NOT_MADE = "not_made"
    """Nothing was found; still looked for, in case it appears late."""
    REFUSED = "refused"
    """Friendli refused, or couldn't be asked; nothing was made."""
    CANCELLED = "cancelled"
    """Cancelled before anything was sent."""
    ENDED = "ended"
    """Over: the endpoint is gone, or nobody looks for it any more."""
    UNWATCHED = "unwatched"
    """The endpoint may run on, and be billed, but nobody watches it from here any more."""


# A name is taken while a deployment of it may still have, or get, an endpoint.
NAME_IS_TAKEN_IN = (
    Step.PROPOSED,
    Step.ASKED,
    Step.SENDING,
    Step.MADE,
    Step.DOUBTFUL,
    Step.UNCLEAR,
    Step.LIVE,
)
# One that was found late doesn't count: its name may have been used again meanwhile. Nor does one
# that was made elsewhere, where nobody kept names apart.
_NAME_IS_TAKEN = text(
    "step IN ('proposed', 'asked', 'sending', 'made', 'doubtful', 'unclear', 'live')"
    " AND NOT late AND spec IS NULL"
)


class Deployment(Due, Base):
    """One request to create an endpoint, from the click to the end of the endpoint's life."""

    __tablename__ = "deployments"
    __table_args__ = (
        UniqueConstraint("request_id"),
        UniqueConstraint("public_id"),
        # An endpoint belongs to one deployment.
        UniqueConstraint("api_base", "endpoint_id"),
        Index(
            "uq_deployments_live_name",
            "api_base",
            "friendli_project_id",
            "name",
            unique=True,
            sqlite_where=_NAME_IS_TAKEN,
            postgresql_where=_NAME_IS_TAKEN,
        ),
        Index("ix_deployments_watched", "watched_project_id", "step"),
        _storage(fillfactor=80, vacuum_at=0.02),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    # One-use, minted with the form or taken from the command: a second one is a no-op.
    request_id: Mapped[str]
    # Names this deployment in message metadata, where a row number could belong to another bot.
    public_id: Mapped[str]
    channel_row_id: Mapped[int] = mapped_column(ForeignKey("channels.id"))
    enterprise_id: Mapped[str]
    workspace_id: Mapped[str]
    channel_id: Mapped[str]
    requester_id: Mapped[str]
    target_name: Mapped[str]
    watched_project_id: Mapped[int] = mapped_column(ForeignKey("watched_projects.id"), index=True)
    api_base: Mapped[str]
    friendli_project_id: Mapped[str]
    friendli_team_id: Mapped[str]
    name: Mapped[str]
    # A `DeployRequest`, of the version that runs; for an endpoint that was made elsewhere, what the
    # API doesn't tell of it and was set from here: {} at first.
    request: Mapped[dict[str, Any]] = mapped_column(JSON)
    # Of an endpoint that was made elsewhere and is followed: its `DedicatedEndpointSpec`.
    spec: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    # The `DeployRequest` that it was made with, once `request` is that of a later version.
    first_request: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    # The number of the version that `request` or `spec` is about; NULL until somebody looked.
    newest_version: Mapped[str | None]
    # A version that was made elsewhere since: what the API doesn't tell of it may differ from
    # `request`. NULL if there is none, or everything was set from here again.
    version_elsewhere: Mapped[str | None]
    # The price when it was asked for, in dollars an hour per replica, as a decimal string; '' for
    # an endpoint that was made elsewhere on GPUs whose price isn't known.
    price_per_hour: Mapped[str]
    asked_at: Mapped[datetime]

    step: Mapped[Step] = mapped_column(Enumerated(Step))
    root_ts: Mapped[str | None]
    # The project's endpoint ids before the create request, and the API's clock at that time.
    ids_before: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    listed_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    # `createdAt` of the answer, when there was one.
    answered_created_at: Mapped[datetime | None]
    # Complete lists in which nothing of ours was found, the time they span while the API worked,
    # and the last of them; NULL after one that failed.
    empty_passes: Mapped[int] = mapped_column(default=0)
    empty_seconds: Mapped[float] = mapped_column(default=0.0)
    empty_at: Mapped[datetime | None]
    # Found after the person had been told that it wasn't made.
    late: Mapped[bool] = mapped_column(default=False)
    # Endpoints that may be ours, while a person has to choose.
    candidates: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    # Failed attempts in a row of whatever the submitter is at.
    attempts: Mapped[int] = mapped_column(default=0)

    endpoint_id: Mapped[str | None]
    status: Mapped[str | None]
    phase: Mapped[str | None]
    error_code: Mapped[str | None]
    # A list that was started before this moment says nothing about the endpoint.
    acted_at: Mapped[datetime | None]
    missing_since: Mapped[datetime | None]
    unknown_since: Mapped[datetime | None]
    # Who cancelled it before its endpoint was known, and whether that has become an operation.
    stop_asked_by: Mapped[str | None]
    stop_done: Mapped[bool] = mapped_column(default=False)

    # Until when somebody may approve it, if it needs that; then who did or didn't, and when.
    expires_at: Mapped[datetime | None]
    approved_by: Mapped[str | None]
    rejected_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    # How long it may run, in seconds, from when it was made or from the last extension; NULL for
    # as long as nobody ends it. At the end a `LeaseEnd` is done.
    lease_seconds: Mapped[int | None]
    lease_end: Mapped[str | None]
    lease_ends_at: Mapped[datetime | None]
    lease_warned_at: Mapped[datetime | None]
    # When its present phase will have lasted suspiciously long; NULL if it won't, or was told.
    stuck_at: Mapped[datetime | None]
    # When it was first seen to be over for good: what is kept of it is counted from here.
    over_at: Mapped[datetime | None]


class Transition(Base):
    """A change of status, phase or error code that was observed."""

    __tablename__ = "transitions"
    __table_args__ = (UniqueConstraint("deployment_id", "sequence"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    deployment_id: Mapped[int] = mapped_column(ForeignKey("deployments.id"))
    sequence: Mapped[int]
    status: Mapped[str]
    phase: Mapped[str | None]
    error_code: Mapped[str | None]
    # The API's `updatedAt`, on its clock, and our database's time.
    api_updated_at: Mapped[datetime | None]
    observed_at: Mapped[datetime]


class Delivery(StrEnum):
    """How far a message has come on its way to Slack."""

    PENDING = "pending"
    SENDING = "sending"
    """A post may have left: before it is repeated, it is looked for."""
    SENT = "sent"
    DROPPED = "dropped"


class MessageKind(StrEnum):
    """What a message is in its conversation."""

    ROOT = "root"
    REPLY = "reply"
    CYCLE = "cycle"
    """The one reply that is rewritten while an endpoint falls asleep and wakes, over and over."""
    DIRECT = "direct"
    """To a person, outside of any thread."""
    DIRECT_TO_ADMIN = "direct_to_admin"
    """To someone who runs the workspace, since the person couldn't be reached."""


# What isn't in Slack as it should be: a handful of all messages that were ever sent. Databases use
# an index over just these rows only for a query that repeats the condition, with no parameters.
_IS_OPEN = text("(delivery IN ('pending', 'sending') OR version > sent_version)")
# The same for queries that join: an index is declared without the table's name.
IS_OPEN = text(
    "(messages.delivery IN ('pending', 'sending') OR messages.version > messages.sent_version)"
)


class Message(Base):
    """The outbox: a Slack message that is decided, and what is known of its delivery.

    Sequence 0 of a deployment is the root of its thread, the others are replies, in order. Direct
    messages have no sequence.
    """

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("deployment_id", "sequence"),
        Index(
            "ix_messages_open",
            "channel_row_id",
            "deployment_id",
            "id",
            sqlite_where=_IS_OPEN,
            postgresql_where=_IS_OPEN,
        ),
        _storage(fillfactor=90, vacuum_at=0.02),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    channel_row_id: Mapped[int] = mapped_column(ForeignKey("channels.id"))
    deployment_id: Mapped[int | None] = mapped_column(ForeignKey("deployments.id"))
    sequence: Mapped[int | None]
    kind: Mapped[MessageKind] = mapped_column(Enumerated(MessageKind))
    # A `bot.messages.markup.Body`: its text and its blocks.
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
    broadcast: Mapped[bool] = mapped_column(default=False)
    # Raised with each change of the body; Slack shows `sent_version`.
    version: Mapped[int] = mapped_column(default=1)
    sent_version: Mapped[int] = mapped_column(default=0)
    delivery: Mapped[Delivery] = mapped_column(Enumerated(Delivery), default=Delivery.PENDING)
    due_at: Mapped[datetime | None]
    ts: Mapped[str | None]
    sending_since: Mapped[datetime | None]
    # Reads of the history in which it wasn't found.
    reads: Mapped[int] = mapped_column(default=0)
    failures: Mapped[int] = mapped_column(default=0)
    possible_repeat: Mapped[bool] = mapped_column(default=False)
    text_only: Mapped[bool] = mapped_column(default=False)


class Replica(Base):
    """A process that runs on this database, as it last said of itself."""

    __tablename__ = "replicas"

    # Made up by the process when it starts.
    id: Mapped[str] = mapped_column(primary_key=True)
    # Its machine and its process id, for whoever has to find it.
    name: Mapped[str]
    role: Mapped[Role] = mapped_column(Enumerated(Role))
    version: Mapped[str]
    # Of its encryption keys, in their order; see `bot.db.crypto`.
    key_fingerprints: Mapped[list[str]]
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
