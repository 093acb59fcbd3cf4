"""Tables of deployments: watched projects, targets, deployments, transitions.

Every row of a place in Slack is keyed by enterprise and workspace too: Slack ids are unique only
within their workspace. Absent ids are '' and never NULL, since NULLs are not unique.

Claimable rows have `due_at` (NULL: nothing to do) and a fencing token: `bot.db.claims`.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from bot.db.base import Base, Claimable, storage
from bot.db.enum_column import Enumerated
from bot.domain.deployment_state import DeploymentState
from bot.domain.fit_history import FitOutcome
from bot.domain.process import correlation


class WatchedProject(Claimable, Base):
    """A Friendli project with one API key: what the poller polls.

    Targets with the same team, project and key share one row, and so one poll. A change to the row,
    its deployments or what the last poll showed of them makes it due in the same transaction; see
    `bot.workers.snapshots`.
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
    # NULL once the last target with this key is disconnected.
    key_ciphertext: Mapped[str | None]
    list_pages: Mapped[int] = mapped_column(default=1)
    failures: Mapped[int] = mapped_column(default=0)
    failing_since: Mapped[datetime | None]
    # The `PollFailure` that threads were notified of, or NULL.
    reported_failure: Mapped[str | None]
    # Not listed since the database was restored: until then nothing is sent for it.
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
    # A `bot.domain.policy.Policy`; NULL for the defaults.
    policy: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


# Not of late-found or imported deployments: the name may have been reused meanwhile, and elsewhere
# names needn't be unique.
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
        # What a channel deployed lately.
        Index("ix_deployments_place", "enterprise_id", "workspace_id", "channel_id", "id"),
        storage(fillfactor=80, vacuum_at=0.02),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    # One-use, from the form or the command: a second one is a no-op.
    request_id: Mapped[str]
    # For message metadata, where a row number could belong to another bot.
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
    # The running version's `DeployRequest`; of an imported endpoint, only what was set from here
    # and the API doesn't report: {} at first.
    request: Mapped[dict[str, Any]] = mapped_column(JSON)
    # Of an imported endpoint: its `DedicatedEndpointSpec`.
    spec: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    # The original `DeployRequest`, once `request` is that of a later version.
    # Form field → Friendli's message, of a refused request.
    refused_fields: Mapped[dict[str, str] | None] = mapped_column(JSON(none_as_null=True))
    first_request: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    # The version number of `request` or `spec`; NULL until it was read.
    newest_version: Mapped[str | None]
    # The newest version created elsewhere: settings that the API doesn't report may differ from
    # `request`. NULL if there is none, or everything was set from here again.
    version_elsewhere: Mapped[str | None]
    # Dollars an hour per replica at the request, as a decimal string; '' on GPUs without a known
    # price.
    price_per_hour: Mapped[str]
    requested_at: Mapped[datetime]

    state: Mapped[DeploymentState] = mapped_column(Enumerated(DeploymentState))
    thread_ts: Mapped[str | None]
    # Endpoint ids that aren't ours, listed before the create request or ruled out since; and the
    # API's clock at that list.
    ids_before: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    listed_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    # HTTP status and message of the create response; NULL without one.
    answer_status: Mapped[int | None]
    answer_message: Mapped[str | None]
    # `createdAt` of a successful response, and the endpoint's id, which is undocumented.
    answered_created_at: Mapped[datetime | None]
    answered_endpoint_id: Mapped[str | None]
    # Since when Friendli answers 429 to the create request; NULL if it doesn't.
    limited_since: Mapped[datetime | None]
    # Complete lists without an endpoint of ours, the time they span while the API worked, and the
    # last of them; NULL after one that failed.
    empty_passes: Mapped[int] = mapped_column(default=0)
    empty_seconds: Mapped[float] = mapped_column(default=0.0)
    empty_at: Mapped[datetime | None]
    # Found after the thread reported that it wasn't created.
    late: Mapped[bool] = mapped_column(default=False)
    # Endpoints that may be ours, while a person has to choose; of those with another name, their
    # descriptions: id → a `CandidateNote`. And the state to return to when none of them is it.
    candidates: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    candidate_notes: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    state_before: Mapped[DeploymentState | None] = mapped_column(Enumerated(DeploymentState))
    # Since when the search fails, and the `PollFailure` that the thread was notified of.
    search_failing_since: Mapped[datetime | None]
    search_reported: Mapped[str | None]
    # Consecutive failed attempts of the current step.
    attempts: Mapped[int] = mapped_column(default=0)

    endpoint_id: Mapped[str | None]
    status: Mapped[str | None]
    phase: Mapped[str | None]
    error_code: Mapped[str | None]
    # A list that started before this says nothing about the endpoint.
    last_operation_at: Mapped[datetime | None]
    missing_since: Mapped[datetime | None]
    # When the thread was notified that Friendli no longer lists it; NULL while listed.
    unlisted_at: Mapped[datetime | None]
    unknown_since: Mapped[datetime | None]
    # Who cancelled it before its endpoint was known, and whether that became an operation.
    cancel_requested_by: Mapped[str | None]
    cancel_done: Mapped[bool] = mapped_column(default=False)

    # Until when it may be approved, if needed; then who decided, and when.
    expires_at: Mapped[datetime | None]
    approved_by: Mapped[str | None]
    rejected_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    # Why there is no endpoint: a `bot.domain.deployment_view.ClosingNote`; NULL where the state
    # says it all.
    closing_note: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    # Its lifetime in seconds, from its creation or the last extension; NULL for no end. At the end
    # an `ExpiryAction` is carried out.
    lifetime_seconds: Mapped[int | None]
    expiry_action: Mapped[str | None]
    lifetime_ends_at: Mapped[datetime | None]
    lifetime_warned_at: Mapped[datetime | None]
    # When its phase will have lasted suspiciously long; NULL if it won't, or was reported.
    stuck_at: Mapped[datetime | None]
    # When it was first seen to have ended for good: retention counts from here.
    ended_at: Mapped[datetime | None]
    # The public id of the failed deployment that it was requested to repair.
    repairs: Mapped[str | None]
    # What the Hub said of its model: a `bot.domain.model_facts.ModelFacts`; NULL if not checked.
    model_facts: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    # The reference of its first request, for the log; NULL if that wasn't from Slack.
    reference: Mapped[str | None] = mapped_column(default=correlation.reference)


class CommandLine(Base):
    """When a person last deployed with a command line in a channel; see `bot.services.repeats`."""

    __tablename__ = "command_lines"

    enterprise_id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(primary_key=True)
    channel_id: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[str] = mapped_column(primary_key=True)
    line_hash: Mapped[str] = mapped_column(primary_key=True)
    sent_at: Mapped[datetime] = mapped_column(index=True)


class Transition(Base):
    """An observed change of status, phase or error code."""

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


class FitRecord(Base):
    """One start of a model that served or ran out of memory: see `bot.domain.fit_history`.

    Outlives its deployment, so there is no foreign key; each deployment has one row for the same
    settings and outcome, which restarts and wakes only renew.
    """

    __tablename__ = "fit_records"
    __table_args__ = (
        Index("ix_fit_records_model", "enterprise_id", "workspace_id", "model"),
        Index("ix_fit_records_deployment", "deployment_public_id"),
        Index("ix_fit_records_at", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    enterprise_id: Mapped[str]
    workspace_id: Mapped[str]
    model: Mapped[str]
    # As requested; '' for the repo's main branch.
    revision: Mapped[str]
    gpu: Mapped[str]
    gpu_count: Mapped[int]
    # A `bot.domain.fit_history.EngineSettings`.
    settings: Mapped[dict[str, Any]] = mapped_column(JSON)
    outcome: Mapped[FitOutcome] = mapped_column(Enumerated(FitOutcome))
    deployment_public_id: Mapped[str]
    at: Mapped[datetime]
