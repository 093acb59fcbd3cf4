"""The smoke test: one small request to an endpoint that has just started to be live."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.inference import ChatMessage, InferenceKind, Prompt, Role, Speed
from bot.domain.operations import OperationKind, OperationState
from bot.domain.schemas import InferenceDeploymentStatus as Status
from bot.domain.statuses import ENDED, SERVING
from bot.domain.transitions import ObservedTransition

# Enough for reasoning models to begin, and far below a cent of any GPU's time.
MAX_TOKENS = 64
PROMPT = Prompt([ChatMessage(Role.USER, "Say hello in one short sentence.")], max_tokens=MAX_TOKENS)
# A base model continues a text.
COMPLETION_PROMPT = Prompt([ChatMessage(Role.USER, "The capital of France is")], MAX_TOKENS)
EMBEDDED_TEXT = "Hello"
# As much of the answer as is stored and shown.
LONGEST_EXCERPT = 120


class SmokeTestState(StrEnum):
    """Where a smoke test is."""

    PENDING = "pending"
    """To be sent, or sent before and failed."""
    SENDING = "sending"
    """Perhaps sent; never again if nobody records the answer."""
    PASSED = "passed"
    FAILED = "failed"
    LOST = "lost"
    """Sent, and the process died before it recorded the answer."""
    SKIPPED = "skipped"
    """Not sent: the endpoint wasn't live any more, or nobody may send to it."""


@dataclass(frozen=True, slots=True)
class SmokeTestView:
    """A smoke test for messages. Texts are as the model and the API wrote them, unescaped.

    Attributes:
        excerpt: How the answer begins; '' for an embedding, and if it only reasoned.
        speed: Of a passed one that was streamed; None for an embedding that passed.
        seconds: How long an embedding took.
        error: The API's words.
        status: The HTTP status of the failure; None without a response.
    """

    state: SmokeTestState
    kind: InferenceKind | None = None
    excerpt: str = ""
    speed: Speed | None = None
    seconds: float | None = None
    error: str = ""
    status: int | None = None


_STARTS = ENDED | {Status.INITIALIZING.value, Status.UPDATING.value}


def is_new_start(
    history: Sequence[ObservedTransition],
    updates: Sequence[tuple[OperationKind, OperationState, datetime | None]],
    *,
    is_imported: bool,
) -> bool:
    """Whether the newest transition is the first serving of a version, or after a restart.

    A wake is none, unless the version was changed in the sleep. Neither is the first look at an
    endpoint that was made elsewhere.

    Args:
        history: Every transition, oldest first.
        updates: The operations: kind, state, and when each ended.
    """
    if not history or history[-1].state.status not in SERVING:
        return False
    before: list[ObservedTransition] = []
    for one in reversed(history[:-1]):
        if one.state.status in SERVING:
            break
        before.append(one)
    else:
        # It serves for the first time.
        return not is_imported or bool(before)
    if any(one.state.status in _STARTS for one in before):
        return True
    served_until = before[-1].observed_at if before else history[-1].observed_at
    return any(
        kind is OperationKind.UPDATE
        and state is OperationState.DONE
        and at is not None
        and at >= served_until
        for kind, state, at in updates
    )


def kinds_to_try(pipeline: str | None, *, has_chat_template: bool | None) -> list[InferenceKind]:
    """What a model may answer, the most likely first."""
    if pipeline in ("feature-extraction", "sentence-similarity"):
        first = InferenceKind.EMBEDDING
    elif has_chat_template is False:
        first = InferenceKind.COMPLETION
    else:
        first = InferenceKind.CHAT
    return [first, *(kind for kind in InferenceKind if kind is not first)]
