# ruff: noqa: E501 - each sentence stands on one line, as people read it.
import string

import pytest
from inline_snapshot import snapshot

from bot.domain.error_codes import FAILURES, Action, Failure, failure
from bot.domain.schemas import InferenceDeploymentErrorCode


def told(code: str | None) -> tuple[str, str, list[str]]:
    """Return the words for a code, filled in with one model and one endpoint."""
    said = failure(code, model_repo="meta-llama/Llama-3.1-8B", endpoint_id="dep4x")
    return said.cause, said.advice, [action.value for action in said.actions]


def test_every_error_code_is_explained() -> None:
    """No documented code falls back to the words for an unknown one."""
    assert set(FAILURES) == set(InferenceDeploymentErrorCode)


def test_every_action_helps_against_something() -> None:
    """No action is left without a failure that offers it."""
    assert {action for said in FAILURES.values() for action in said.actions} == set(Action)


@pytest.mark.parametrize("code", InferenceDeploymentErrorCode)
def test_every_failure_leaves_a_next_step(code: InferenceDeploymentErrorCode) -> None:
    """Each failure has a sentence of cause, advice and an action, and no placeholder is left."""
    cause, advice, actions = told(code)
    assert cause.endswith(".")
    assert advice.endswith(".")
    assert actions
    assert not set("{}") & set(cause + advice)


@pytest.mark.parametrize("said", FAILURES.values(), ids=FAILURES)
def test_the_words_need_no_escaping_of_their_own(said: Failure) -> None:
    """Slack's three special characters stand in no sentence of ours."""
    assert not set("<>&") & set(said.cause + said.advice)
    fields = {name for _, name, _, _ in string.Formatter().parse(said.cause + said.advice) if name}
    assert fields <= {"model_repo", "endpoint_id"}


def test_the_words_for_each_code() -> None:
    """Each code has exactly these words and ways out."""
    assert {code.value: told(code) for code in InferenceDeploymentErrorCode} == snapshot(
        {
            "WORKLOAD_INIT_UNKNOWN_ERROR": (
                "The start failed on Friendli's side, without a reason.",
                "Restart it once. If it fails again, write to support@friendli.ai and mention endpoint `dep4x`.",
                ["restart_then_support"],
            ),
            "WORKLOAD_INIT_SETTINGS_ERROR": (
                "Friendli refused one of the settings.",
                "Change the settings under Advanced and deploy again.",
                ["edit"],
            ),
            "WORKLOAD_INIT_GRPC_ERROR": (
                "Friendli lost contact with the machine while setting it up.",
                "Restart it once. If it fails again, write to support@friendli.ai and mention endpoint `dep4x`.",
                ["restart_then_support"],
            ),
            "WORKLOAD_INIT_MANIFEST_NOT_FOUND_ERROR": (
                "Friendli found no model in `meta-llama/Llama-3.1-8B`.",
                "`config.json` and the safetensors weights must be at the top of the repo, not in a folder. If you set a revision, check that it exists.",
                ["choose_revision", "edit", "open_model_page"],
            ),
            "WORKLOAD_INIT_MANIFEST_TYPE_ERROR": (
                "Friendli doesn't support `meta-llama/Llama-3.1-8B`.",
                "Its architecture or file format isn't supported. Use another repo, with safetensors weights.",
                ["edit", "open_model_page"],
            ),
            "WORKLOAD_INIT_DOWNLOAD_ERROR": (
                "Downloading `meta-llama/Llama-3.1-8B` failed.",
                "The model hub had a problem, which usually passes. Try again.",
                ["retry", "retry_later"],
            ),
            "WORKLOAD_INIT_INVALID_TOKEN_ERROR": (
                "Hugging Face rejected your token in Friendli.",
                "It was revoked, or it can't read repos. Add a new one under Friendli Suite → Personal settings → Integrations, then try again.",
                ["open_integrations", "retry"],
            ),
            "WORKLOAD_INIT_CANNOT_ACCESS_REPO_ERROR": (
                "Friendli can't read `meta-llama/Llama-3.1-8B`: the repo is gated or private.",
                "Accept the licence on the model page, and check that the Hugging Face token under Friendli Suite → Personal settings → Integrations can read the repo.",
                ["open_model_page", "open_integrations", "retry"],
            ),
            "WORKLOAD_INIT_HF_WANDB_API_ERROR": (
                "The model hub returned an error for `meta-llama/Llama-3.1-8B`.",
                "This usually passes. Try again in a few minutes.",
                ["retry", "retry_later"],
            ),
            "WORKLOAD_INIT_INSUFFICIENT_DISK_ERROR": (
                "The weights of `meta-llama/Llama-3.1-8B` don't fit on the machine's disk.",
                "Use a larger instance, or a quantized repo of the same model.",
                ["larger_instance", "edit"],
            ),
            "INFERENCE_ENGINE_UNKNOWN_ERROR": (
                "The engine failed on Friendli's side, without a reason.",
                "Restart it once. If it fails again, write to support@friendli.ai and mention endpoint `dep4x`.",
                ["restart_then_support"],
            ),
            "INFERENCE_ENGINE_INVALID_ARGUMENT_ERROR": (
                "The engine refused one of the settings.",
                "Change the settings under Advanced and deploy again.",
                ["edit"],
            ),
            "INFERENCE_ENGINE_MEMORY_ERROR": (
                "`meta-llama/Llama-3.1-8B` doesn't fit in the memory of these GPUs.",
                "Use a larger instance, or lower the max batch size or the max input length.",
                ["larger_instance", "edit"],
            ),
            "INFERENCE_ENGINE_METERING_CLIENT_CONFIG_ERROR": (
                "The engine failed: Friendli's metering is misconfigured.",
                "Restart it once. If it fails again, write to support@friendli.ai and mention endpoint `dep4x`.",
                ["restart_then_support"],
            ),
        }
    )


def test_an_unknown_code_is_shown_as_it_came() -> None:
    """A code that the API invents tomorrow is named, with the way to support."""
    assert told("GPU_ON_FIRE") == snapshot(
        (
            "Friendli returned an error code that this bot doesn't know: `GPU_ON_FIRE`.",
            "Restart it once. If it fails again, write to support@friendli.ai and mention endpoint `dep4x`.",
            ["restart_then_support"],
        )
    )


@pytest.mark.parametrize("code", [None, ""])
def test_a_failure_without_a_code_is_told_too(code: str | None) -> None:
    """No code at all still leaves a next step."""
    assert told(code) == snapshot(
        (
            "Friendli gave no reason.",
            "Restart it once. If it fails again, write to support@friendli.ai and mention endpoint `dep4x`.",
            ["restart_then_support"],
        )
    )


def test_values_stand_as_they_were_passed() -> None:
    """Escaped values are neither escaped again nor read as placeholders."""
    said = failure(
        "INFERENCE_ENGINE_MEMORY_ERROR", model_repo="a&amp;{endpoint_id}", endpoint_id="e"
    )
    assert said.cause == "`a&amp;{endpoint_id}` doesn't fit in the memory of these GPUs."
