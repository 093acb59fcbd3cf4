"""How far the answer to a person's prompt got."""

from enum import StrEnum


class PromptState(StrEnum):
    """The states, in order."""

    ACCEPTED = "accepted"
    """Nothing was sent to the endpoint."""
    ASKING = "asking"
    """Sent, perhaps; Slack shows nothing of an answer, or we don't know its message."""
    STREAMING = "streaming"
    """Slack shows a part of the answer."""
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"
    """By a person."""
    CUT = "cut"
    """The process died; somebody else ended the answer."""


UNDER_WAY = (PromptState.ACCEPTED, PromptState.ASKING, PromptState.STREAMING)
