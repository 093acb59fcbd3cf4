"""When an endpoint failed, why, and what a person can do."""

from dataclasses import dataclass

from bot.domain.deployment_view import DeploymentView
from bot.domain.error_codes import Failure, failure
from bot.domain.process.slash_command import SLASH
from bot.domain.schemas import InferenceDeploymentErrorCode as Code
from bot.domain.schemas import InferenceDeploymentStatus as Status
from bot.domain.statuses import phase_words
from bot.domain.transitions import State
from bot.messages import support
from bot.messages.markup import code, escape
from bot.messages.model_words import bytes_text

_SOME_MODEL = "its model"


@dataclass(frozen=True, slots=True)
class Explanation:
    """A failure, as mrkdwn.

    Attributes:
        headline: Completes "<name> …", such as "failed while downloading the model".
        paragraph: Cause, advice and the API's code.
        failure: With the actions that help.
        is_rollout: A new version of an endpoint that served before failed.
    """

    headline: str
    paragraph: str
    failure: Failure
    is_rollout: bool = False

    @property
    def cause(self) -> str:
        """One sentence."""
        return self.failure.cause.replace(f"`{_SOME_MODEL}`", _SOME_MODEL)


def explain(deployment: DeploymentView) -> Explanation:
    """Explain a deployment's newest failure."""
    state = deployment.endpoint_state
    error_code = state.error_code if state is not None else None
    paragraph, known = explain_code(
        error_code, model=deployment.setup.model, endpoint_id=deployment.endpoint_id or ""
    )
    setup = deployment.setup
    if error_code == Code.INFERENCE_ENGINE_MEMORY_ERROR and setup.weights and setup.memory_gb:
        sizes = f"weights {bytes_text(setup.weights)}, memory {setup.memory_gb} GB"
        paragraph = paragraph.replace(known.cause, f"{known.cause.rstrip('.')}: {sizes}.", 1)
    last = _last_state(deployment)
    if last is not None and last.status == Status.UPDATING:
        back = code(f"{SLASH} versions {deployment.name}")
        paragraph += f" {back} lists the versions it can roll back to."
        headline = "failed while rolling out a new version"
        return Explanation(headline, paragraph, known, is_rollout=True)
    phase = last.phase if last is not None else None
    headline = f"failed while {escape(phase_words(phase).during)}" if phase else "failed"
    return Explanation(headline, paragraph, known)


def explain_code(
    error_code: str | None, *, model: str | None, endpoint_id: str
) -> tuple[str, Failure]:
    """Cause, advice and code as mrkdwn, and the actions that help.

    Args:
        error_code: None if the API gave none.
        model: None for an endpoint made elsewhere: the API doesn't name models.
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
    """The state before the failure."""
    for transition in reversed(deployment.history):
        if transition.state.status != Status.FAILED:
            return transition.state
    return None
