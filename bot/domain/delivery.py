"""The kinds of Slack messages and their delivery states."""

from enum import StrEnum


class Delivery(StrEnum):
    """How far a message has come on its way to Slack."""

    PENDING = "pending"
    SENDING = "sending"
    """A post may have left: before it is repeated, it is looked for."""
    SENT = "sent"
    DROPPED = "dropped"


UNDELIVERED = (Delivery.PENDING, Delivery.SENDING)


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
