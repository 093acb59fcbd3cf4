"""A failed endpoint in words: when it failed, why, and what a person can do."""

from dataclasses import dataclass

from bot.friendli.failures import Failure, failure
from bot.friendli.schemas import InferenceDeploymentStatus as Status
from bot.friendli.statuses import phase_words
from bot.messages.facts import Facts
from bot.messages.markup import escape


@dataclass(frozen=True, slots=True)
class Explanation:
    """The words for a failure, as mrkdwn.

    Attributes:
        headline: Completes "<name> …", such as "failed while downloading the model".
        paragraph: Cause, advice and the API's code.
        failure: With the actions that help.
    """

    headline: str
    paragraph: str
    failure: Failure


def explain(facts: Facts) -> Explanation:
    """Explain the newest failure of a deployment that has failed."""
    state = facts.state
    error_code = state.error_code if state is not None else None
    known = failure(
        escape(error_code) if error_code else None,
        model_repo=escape(facts.setup.model or "the model"),
        endpoint_id=escape(facts.endpoint_id or ""),
    )
    phase = _last_phase(facts)
    headline = f"failed while {escape(phase_words(phase).during)}" if phase else "failed"
    paragraph = f"{known.cause} {known.advice}"
    if error_code and f"`{escape(error_code)}`" not in paragraph:
        paragraph += f" (`{escape(error_code)}`)"
    return Explanation(headline, paragraph, known)


def _last_phase(facts: Facts) -> str | None:
    for told in reversed(facts.history):
        if told.state.status != Status.FAILED:
            return told.state.phase
    return None
