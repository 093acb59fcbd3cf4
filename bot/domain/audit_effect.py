"""The outcome of an audited action."""

from enum import StrEnum


class Effect(StrEnum):
    """What became of what somebody tried."""

    ACCEPTED = "accepted"
    DENIED = "denied"
    REFUSED = "refused"
    DONE = "done"
