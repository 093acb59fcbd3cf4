"""The kinds of Slack messages and their delivery states."""

from enum import StrEnum


class Delivery(StrEnum):
    """The delivery state of a Slack message."""

    PENDING = "pending"
    SENDING = "sending"
    """A post may have been sent: look for it before posting again."""
    SENT = "sent"
    DROPPED = "dropped"


UNDELIVERED = (Delivery.PENDING, Delivery.SENDING)


class MessageKind(StrEnum):
    """The role of a message in its conversation."""

    ROOT = "root"
    REPLY = "reply"
    CYCLE = "cycle"
    """The one reply that is rewritten while an endpoint keeps sleeping and waking."""
    NOTICE = "notice"
    """To a channel, outside of threads; not worth keeping where it can't be posted."""
    DIRECT = "direct"
    """To a user, outside of threads."""
    DIRECT_TO_ADMIN = "direct_to_admin"
    """To an admin of the workspace, since the user couldn't be reached."""
