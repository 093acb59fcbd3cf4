"""Tables of inference requests. They hold no prompt of a person, and no answer to one."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from bot.db.base import Base, Claimable
from bot.db.enum_column import Enumerated
from bot.domain.inference import InferenceKind
from bot.domain.prompt_state import PromptState
from bot.domain.smoke_test import SmokeTestState


class SmokeTest(Claimable, Base):
    """One small request to an endpoint after it started; see `bot.domain.smoke_test`."""

    __tablename__ = "smoke_tests"
    __table_args__ = (UniqueConstraint("deployment_id", "sequence"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    deployment_id: Mapped[int] = mapped_column(ForeignKey("deployments.id"))
    # Of the transition with which the endpoint began to serve: one test per start.
    sequence: Mapped[int]
    state: Mapped[SmokeTestState] = mapped_column(Enumerated(SmokeTestState))
    # The first one of its target explains itself in the thread.
    is_first: Mapped[bool]
    kind: Mapped[InferenceKind | None] = mapped_column(Enumerated(InferenceKind))
    attempts: Mapped[int] = mapped_column(default=0)
    first_sent_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    # In milliseconds: to the first token, or to an embedding.
    first_token_ms: Mapped[int | None]
    tokens: Mapped[int | None]
    tokens_per_second: Mapped[float | None]
    # How the answer to our own prompt begins.
    excerpt: Mapped[str] = mapped_column(default="")
    # The API's words.
    error: Mapped[str] = mapped_column(default="")
    error_status: Mapped[int | None]


class PromptRequest(Claimable, Base):
    """A prompt that a person sent to an endpoint: where its answer goes, and how far it got.

    The process that sends it holds the claim from the start. If it dies, the next process that
    claims the row ends the answer in Slack. The prompt itself is in no table, so it can't be sent
    again.
    """

    __tablename__ = "prompt_requests"
    __table_args__ = (
        UniqueConstraint("request_id"),
        UniqueConstraint("public_id"),
        Index("ix_prompt_requests_deployment_id", "deployment_id", "person_id", "requested_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    # One-use: a redelivered form or event does nothing.
    request_id: Mapped[str]
    public_id: Mapped[str]
    deployment_id: Mapped[int] = mapped_column(ForeignKey("deployments.id"))
    person_id: Mapped[str]
    requested_at: Mapped[datetime]
    state: Mapped[PromptState] = mapped_column(Enumerated(PromptState))
    channel_id: Mapped[str]
    thread_ts: Mapped[str]
    # The message with the question and the Stop button, and the one with the answer.
    question_ts: Mapped[str | None]
    answer_ts: Mapped[str | None]
    # Whether the answer is a stream of Slack's, or a message that is edited.
    is_streamed: Mapped[bool] = mapped_column(default=True)
    stopped_by: Mapped[str | None]
