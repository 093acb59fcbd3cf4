"""A failed endpoint in words: when it failed, why, and what a person can do."""

from dataclasses import dataclass

from bot.domain.deployment_view import DeploymentView
from bot.domain.error_codes import Failure, failure
from bot.domain.process.slash_command import SLASH
from bot.domain.schemas import InferenceDeploymentStatus as Status
from bot.domain.statuses import phase_words
from bot.domain.transitions import State
from bot.messages import support
from bot.messages.markup import code, escape

_SOME_MODEL = "its model"


@dataclass(frozen=True, slots=True)
class Explanation:
    """The words for a failure, as mrkdwn.

    Attributes:
        headline: Completes "<name> …", such as "failed while downloading the model".
        paragraph: Cause, advice and the API's code.
        failure: With the actions that help.
        is_rollout: Whether a new version of an endpoint that served before failed.
    """

    headline: str
    paragraph: str
    failure: Failure
    is_rollout: bool = False


def explain(deployment: DeploymentView) -> Explanation:
    """Explain the newest failure of a deployment that has failed."""
    state = deployment.endpoint_state
    error_code = state.error_code if state is not None else None
    paragraph, known = explain_code(
        error_code, model=deployment.setup.model, endpoint_id=deployment.endpoint_id or ""
    )
    last = _last_state(deployment)
    if last is not None and last.status == Status.UPDATING:
        back = code(f"{SLASH} versions {deployment.name}")
        paragraph += f" {back} lists the versions that it can go back to."
        headline = "failed while rolling out a new version"
        return Explanation(headline, paragraph, known, is_rollout=True)
    phase = last.phase if last is not None else None
    headline = f"failed while {escape(phase_words(phase).during)}" if phase else "failed"
    return Explanation(headline, paragraph, known)


def explain_code(
    error_code: str | None, *, model: str | None, endpoint_id: str
) -> tuple[str, Failure]:
    """Explain an error code: cause, advice and the code as mrkdwn, and what helps.

    Args:
        error_code: The API's; None if it gave none.
        model: The model's repo; None for an endpoint made elsewhere, whose model nobody tells.
        endpoint_id: The endpoint that failed.
    """
    known = failure(
        escape(error_code) if error_code else None,
        model_repo=escape(model or _SOME_MODEL),
        endpoint_id=escape(endpoint_id),
    )
    paragraph = f"{known.cause} {known.advice}"
    if model is None:
        paragraph = paragraph.replace(f"`{_SOME_MODEL}`", _SOME_MODEL)
    paragraph = paragraph.replace(support.ADDRESS, support.link(endpoint_id))
    if error_code and f"`{escape(error_code)}`" not in paragraph:
        paragraph += f" (`{escape(error_code)}`)"
    return paragraph, known


def _last_state(deployment: DeploymentView) -> State | None:
    """What it was doing before it failed."""
    for told in reversed(deployment.history):
        if told.state.status != Status.FAILED:
            return told.state
    return None
