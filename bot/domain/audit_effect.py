"""The outcome of an audited action."""

from enum import StrEnum


class Effect(StrEnum):
    """The outcome of an audited action."""

    ACCEPTED = "accepted"
    DENIED = "denied"
    REFUSED = "refused"
    DONE = "done"
