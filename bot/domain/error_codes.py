"""The meaning of a failed endpoint's error code, and what to do about it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from bot.domain.schemas import InferenceDeploymentErrorCode as Code


class Action(StrEnum):
    """A remedy that a message can offer as a button."""

    RETRY = "retry"
    RETRY_LATER = "retry_later"
    """By itself, once."""
    CHOOSE_REVISION = "choose_revision"
    EDIT = "edit"
    LARGER_INSTANCE = "larger_instance"
    OPEN_MODEL_PAGE = "open_model_page"
    OPEN_INTEGRATIONS = "open_integrations"
    RESTART_THEN_SUPPORT = "restart_then_support"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an endpoint failed, in words for people.

    Attributes:
        advice: What to do, one to three sentences.
        actions: The most useful first; never empty.
        setting: The setting of `Action.EDIT`, by its name in the request model.
    """

    cause: str
    advice: str
    actions: tuple[Action, ...]
    setting: str = "max_batch_size"


_SUPPORT = (
    "Restart it once. If it fails again, write to support@friendli.ai and mention endpoint"
    " `{endpoint_id}`."
)
_EDIT = "Change the settings under Advanced and deploy again."

# The remedies are Friendli's troubleshooting advice; the codes are those of
# InferenceDeploymentErrorCode in its OpenAPI document.
FAILURES: Mapping[str, Failure] = MappingProxyType(
    {
        Code.WORKLOAD_INIT_CANNOT_ACCESS_REPO_ERROR: Failure(
            "Friendli can't read `{model_repo}`: the repo is gated or private.",
            "Accept the licence on the model page, and check that the Hugging Face token under"
            " Friendli Suite → Personal settings → Integrations can read the repo.",
            (Action.OPEN_MODEL_PAGE, Action.OPEN_INTEGRATIONS, Action.RETRY),
        ),
        Code.WORKLOAD_INIT_INVALID_TOKEN_ERROR: Failure(
            "Hugging Face rejected your token in Friendli.",
            "It was revoked, or it can't read repos. Add a new one under Friendli Suite → Personal"
            " settings → Integrations, then try again.",
            (Action.OPEN_INTEGRATIONS, Action.RETRY),
        ),
        Code.WORKLOAD_INIT_MANIFEST_NOT_FOUND_ERROR: Failure(
            "Friendli found no model in `{model_repo}`.",
            "`config.json` and the safetensors weights must be at the top of the repo, not in a"
            " folder. If you set a revision, check that it exists.",
            (Action.CHOOSE_REVISION, Action.EDIT, Action.OPEN_MODEL_PAGE),
            setting="hf_model_repo_revision",
        ),
        Code.WORKLOAD_INIT_MANIFEST_TYPE_ERROR: Failure(
            "Friendli doesn't support `{model_repo}`.",
            "Its architecture or file format isn't supported. Use another repo, with safetensors"
            " weights.",
            (Action.EDIT, Action.OPEN_MODEL_PAGE),
            setting="hf_model_repo",
        ),
        Code.WORKLOAD_INIT_DOWNLOAD_ERROR: Failure(
            "Downloading `{model_repo}` failed.",
            "The model hub had a problem, which usually passes. Try again.",
            (Action.RETRY, Action.RETRY_LATER),
        ),
        Code.WORKLOAD_INIT_HF_WANDB_API_ERROR: Failure(
            "The model hub returned an error for `{model_repo}`.",
            "This usually passes. Try again in a few minutes.",
            (Action.RETRY, Action.RETRY_LATER),
        ),
        Code.WORKLOAD_INIT_INSUFFICIENT_DISK_ERROR: Failure(
            "The weights of `{model_repo}` don't fit on the machine's disk.",
            "Use a larger instance, or a quantized repo of the same model.",
            (Action.LARGER_INSTANCE, Action.EDIT),
            setting="hf_model_repo",
        ),
        Code.WORKLOAD_INIT_SETTINGS_ERROR: Failure(
            "Friendli refused one of the settings.",
            _EDIT,
            (Action.EDIT,),
        ),
        Code.INFERENCE_ENGINE_INVALID_ARGUMENT_ERROR: Failure(
            "The engine refused one of the settings.",
            _EDIT,
            (Action.EDIT,),
        ),
        Code.INFERENCE_ENGINE_MEMORY_ERROR: Failure(
            "`{model_repo}` doesn't fit in the memory of these GPUs.",
            "Use a larger instance, or lower the max batch size or the max input length.",
            (Action.LARGER_INSTANCE, Action.EDIT),
        ),
        Code.WORKLOAD_INIT_GRPC_ERROR: Failure(
            "Friendli lost contact with the machine while setting it up.",
            _SUPPORT,
            (Action.RESTART_THEN_SUPPORT,),
        ),
        Code.WORKLOAD_INIT_UNKNOWN_ERROR: Failure(
            "The start failed on Friendli's side, without a reason.",
            _SUPPORT,
            (Action.RESTART_THEN_SUPPORT,),
        ),
        Code.INFERENCE_ENGINE_UNKNOWN_ERROR: Failure(
            "The engine failed on Friendli's side, without a reason.",
            _SUPPORT,
            (Action.RESTART_THEN_SUPPORT,),
        ),
        Code.INFERENCE_ENGINE_METERING_CLIENT_CONFIG_ERROR: Failure(
            "The engine failed: Friendli's metering is misconfigured.",
            _SUPPORT,
            (Action.RESTART_THEN_SUPPORT,),
        ),
    }
)

_UNKNOWN_CODE = Failure(
    "Friendli returned an error code that this bot doesn't know: `{code}`.",
    _SUPPORT,
    (Action.RESTART_THEN_SUPPORT,),
)
_NO_CODE = Failure(
    "Friendli gave no reason.",
    _SUPPORT,
    (Action.RESTART_THEN_SUPPORT,),
)


def failure(code: Code | str | None, *, model_repo: str, endpoint_id: str) -> Failure:
    """The words for an error code (None: without one), with the model and the endpoint filled in.

    The words are mrkdwn and contain the three values unchanged: escape each of them first, the
    code too, as an unknown one is outside text.
    """
    known = FAILURES.get(code, _UNKNOWN_CODE) if code else _NO_CODE
    values = {"code": code or "", "model_repo": model_repo, "endpoint_id": endpoint_id}
    return replace(
        known, cause=known.cause.format_map(values), advice=known.advice.format_map(values)
    )
