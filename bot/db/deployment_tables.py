"""The tables of what is deployed: watched projects, targets, deployments and their transitions.

Every row that belongs to a place in Slack is keyed by enterprise and workspace too. Slack ids are
only unique within their workspace, and an organisation on Enterprise Grid may leave the workspace
out: absent ids are '' and never NULL, since NULLs are not equal in a unique key.

Rows that workers claim carry `due_at` (NULL: nothing to do) and a fencing token: `bot.db.claims`.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from bot.db.base import Base, Claimable, storage
from bot.db.enum_column import Enumerated
from bot.domain.deployment_state import DeploymentState
from bot.domain.process import correlation


class WatchedProject(Claimable, Base):
    """A Friendli project reached with one API key: what the tracker polls.

    Targets with the same team, project and key share one row, and so one poll. Whoever changes the
    row, which deployments belong to it, or what the last poll showed of them wakes it in the same
    transaction; see `bot.workers.snapshots`.
    """

    __tablename__ = "watched_projects"
    __table_args__ = (
        UniqueConstraint("api_base", "team_id", "project_id", "key_fingerprint"),
        storage(fillfactor=70, vacuum_at=0.01),
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
    # What the threads were told is wrong with watching: an `PollFailure`, or NULL.
    reported_failure: Mapped[str | None]
    # Not listed since the database was restored from a backup: until then nothing is sent for it.
    unreconciled: Mapped[bool] = mapped_column(default=False, server_default=false())


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


# One that was found late doesn't count: its name may have been used again meanwhile. Nor does one
# that was made elsewhere, where nobody kept names apart.
_NAME_IS_TAKEN = text(
    "state IN"
    " ('proposed', 'requested', 'sending', 'created', 'outcome_unknown', 'ambiguous', 'live')"
    " AND NOT late AND spec IS NULL"
)


class Deployment(Claimable, Base):
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
        Index("ix_deployments_watched", "watched_project_id", "state"),
        storage(fillfactor=80, vacuum_at=0.02),
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
    # Form field → what Friendli said of it when it refused the request.
    refused_fields: Mapped[dict[str, str] | None] = mapped_column(JSON(none_as_null=True))
    first_request: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    # The number of the version that `request` or `spec` is about; NULL until somebody looked.
    newest_version: Mapped[str | None]
    # A version that was made elsewhere since: what the API doesn't tell of it may differ from
    # `request`. NULL if there is none, or everything was set from here again.
    version_elsewhere: Mapped[str | None]
    # The price when it was asked for, in dollars an hour per replica, as a decimal string; '' on
    # GPUs whose price isn't known.
    price_per_hour: Mapped[str]
    requested_at: Mapped[datetime]

    state: Mapped[DeploymentState] = mapped_column(Enumerated(DeploymentState))
    thread_ts: Mapped[str | None]
    # Endpoint ids that aren't ours, which the project listed before the create request or which
    # were ruled out since; and the API's clock at that list.
    ids_before: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    listed_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    # HTTP status and words of the answer to the create request; NULL if there was none.
    answer_status: Mapped[int | None]
    answer_message: Mapped[str | None]
    # `createdAt` of a successful answer, and the endpoint's id, which no document promises.
    answered_created_at: Mapped[datetime | None]
    answered_endpoint_id: Mapped[str | None]
    # Since when Friendli answers 429 instead of taking the create request; NULL if it doesn't.
    limited_since: Mapped[datetime | None]
    # Complete lists in which nothing of ours was found, the time they span while the API worked,
    # and the last of them; NULL after one that failed.
    empty_passes: Mapped[int] = mapped_column(default=0)
    empty_seconds: Mapped[float] = mapped_column(default=0.0)
    empty_at: Mapped[datetime | None]
    # Found after the person had been told that it wasn't made.
    late: Mapped[bool] = mapped_column(default=False)
    # Endpoints that may be ours, while a person has to choose; of those whose name isn't exactly
    # ours, what Friendli shows: id → a `CandidateNote`. And the step that it goes back to when none
    # of them is it.
    candidates: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    candidate_notes: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    state_before: Mapped[DeploymentState | None] = mapped_column(Enumerated(DeploymentState))
    # Since when the search can't be done, and what the thread was told of that: an `PollFailure`.
    search_failing_since: Mapped[datetime | None]
    search_reported: Mapped[str | None]
    # Failed attempts in a row of whatever the submitter is at.
    attempts: Mapped[int] = mapped_column(default=0)

    endpoint_id: Mapped[str | None]
    status: Mapped[str | None]
    phase: Mapped[str | None]
    error_code: Mapped[str | None]
    # A list that was started before this moment says nothing about the endpoint.
    last_operation_at: Mapped[datetime | None]
    missing_since: Mapped[datetime | None]
    # When its thread was told that Friendli doesn't list it any more; NULL while it is listed.
    unlisted_at: Mapped[datetime | None]
    unknown_since: Mapped[datetime | None]
    # Who cancelled it before its endpoint was known, and whether that has become an operation.
    cancel_requested_by: Mapped[str | None]
    cancel_done: Mapped[bool] = mapped_column(default=False)

    # Until when somebody may approve it, if it needs that; then who did or didn't, and when.
    expires_at: Mapped[datetime | None]
    approved_by: Mapped[str | None]
    rejected_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    # How long it may run, in seconds, from when it was made or from the last extension; NULL for
    # as long as nobody ends it. At the end a `ExpiryAction` is done.
    lifetime_seconds: Mapped[int | None]
    expiry_action: Mapped[str | None]
    lifetime_ends_at: Mapped[datetime | None]
    lifetime_warned_at: Mapped[datetime | None]
    # When its present phase will have lasted suspiciously long; NULL if it won't, or was told.
    stuck_at: Mapped[datetime | None]
    # When it was first seen to be over for good: what is kept of it is counted from here.
    ended_at: Mapped[datetime | None]
    # Of the request that it began with, for the log; NULL if that was none of Slack's.
    reference: Mapped[str | None] = mapped_column(default=correlation.reference)


class CommandLine(Base):
    """When a person last deployed with a command line in a channel; see `deployments.repeats`."""

    __tablename__ = "command_lines"

    enterprise_id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(primary_key=True)
    channel_id: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[str] = mapped_column(primary_key=True)
    line_hash: Mapped[str] = mapped_column(primary_key=True)
    sent_at: Mapped[datetime] = mapped_column(index=True)


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
