"""Examples to try with one click: a preparation and a line to send."""

from collections.abc import Sequence
from enum import StrEnum

from pydantic import BaseModel

_LLAMA = "/friendli-deploy meta-llama/Llama-3.1-8B-Instruct --gpu 2xH100"


class Preparation(StrEnum):
    """What is prepared before the line is sent."""

    LOSE_REPLY = "lose the next reply"
    KILL_HALF_WAY = "kill the bot half-way"


class Example(BaseModel):
    id: str
    title: str
    summary: str
    line: str
    preparation: Preparation | None = None


EXAMPLES: Sequence[Example] = (
    Example(
        id="works",
        title="Deploy a model",
        summary="Shows the price, and asks before it starts.",
        line=_LLAMA,
    ),
    Example(
        id="gated",
        title="A gated model",
        summary="The thread says what to do about it.",
        line="/friendli-deploy sandbox/gated --gpu 1xH100 --yes",
    ),
    Example(
        id="memory",
        title="Out of memory",
        summary="Too large for its GPU: try a larger one.",
        line="/friendli-deploy sandbox/out-of-memory --gpu 1xA100 --yes",
    ),
    Example(
        id="lost",
        title="A lost reply",
        summary="No answer comes. Nothing is made twice.",
        line=f"{_LLAMA} --yes",
        preparation=Preparation.LOSE_REPLY,
    ),
    Example(
        id="killed",
        title="The bot dies half-way",
        summary="Killed and started again. Nothing is lost.",
        line=f"{_LLAMA} --replicas 1 --yes",
        preparation=Preparation.KILL_HALF_WAY,
    ),
)
