"""Tables of inference requests. They hold no prompt of a person, and no answer to one."""

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from bot.db.base import Base, Claimable
from bot.db.enum_column import Enumerated
from bot.domain.inference import InferenceKind
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
