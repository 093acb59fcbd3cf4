"""Tables of delivery: workspaces, channels, and the outbox."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from bot.db.base import Base, Claimable, storage
from bot.db.enum_column import Enumerated
from bot.domain.delivery import Delivery, MessageKind
from bot.domain.process import correlation


class Workspace(Base):
    """A workspace's capabilities, and its rate limits."""

    __tablename__ = "workspaces"
    __table_args__ = (UniqueConstraint("enterprise_id", "workspace_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    enterprise_id: Mapped[str]
    workspace_id: Mapped[str]
    # Its Slack answered invalid_blocks to a plan block: it gets sections instead.
    plan_refused: Mapped[bool] = mapped_column(default=False)
    # Slack limits per method and workspace, and so does the wait of a 429.
    post_after: Mapped[datetime | None]
    edit_after: Mapped[datetime | None]


class Channel(Claimable, Base):
    """A destination with ordered delivery: a channel, or a user ('@U…')."""

    __tablename__ = "channels"
    __table_args__ = (
        UniqueConstraint("workspace_row_id", "address"),
        storage(fillfactor=70, vacuum_at=0.01),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_row_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id"))
    address: Mapped[str]
    # The id to post to; a user's is opened on the first message.
    channel_id: Mapped[str | None]
    # Slack's error that stopped delivery here; NULL while it works.
    stopped_reason: Mapped[str | None]
    post_after: Mapped[datetime | None]


# Messages not yet delivered: a handful of all. Databases use a partial index only for a query that
# repeats the condition, without parameters.
_IS_OPEN = text("(delivery IN ('pending', 'sending') OR version > sent_version)")
# The same for joins: an index is declared without the table's name.
IS_OPEN = text(
    "(messages.delivery IN ('pending', 'sending') OR messages.version > messages.sent_version)"
)


class Message(Base):
    """The outbox: a decided Slack message and its delivery state.

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
        storage(fillfactor=90, vacuum_at=0.02),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    channel_row_id: Mapped[int] = mapped_column(ForeignKey("channels.id"))
    deployment_id: Mapped[int | None] = mapped_column(ForeignKey("deployments.id"))
    sequence: Mapped[int | None]
    kind: Mapped[MessageKind] = mapped_column(Enumerated(MessageKind))
    # A `bot.messages.body.Body`: text and blocks.
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
    broadcast: Mapped[bool] = mapped_column(default=False)
    # Raised with each change of the body; Slack shows `sent_version`.
    version: Mapped[int] = mapped_column(default=1)
    sent_version: Mapped[int] = mapped_column(default=0)
    delivery: Mapped[Delivery] = mapped_column(Enumerated(Delivery), default=Delivery.PENDING)
    due_at: Mapped[datetime | None]
    ts: Mapped[str | None]
    sending_since: Mapped[datetime | None]
    # Reads of the history that didn't find it.
    reads: Mapped[int] = mapped_column(default=0)
    failures: Mapped[int] = mapped_column(default=0)
    possible_repeat: Mapped[bool] = mapped_column(default=False)
    text_only: Mapped[bool] = mapped_column(default=False)
    # The reference of its newest body's request, for the log.
    reference: Mapped[str | None] = mapped_column(default=correlation.reference)
