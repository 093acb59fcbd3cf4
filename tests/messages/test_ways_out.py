"""The way out of each failure: the primary button does the likely repair."""

from typing import assert_never

import pytest
from inline_snapshot import snapshot

from bot.domain.schemas import InferenceDeploymentErrorCode as Code
from bot.messages import support
from bot.messages.status_message import root
from tests.messages import shown


def primary_of(code: Code) -> str:
    """The button that repairs it most likely; the type checker knows whether a code is missing."""
    match code:
        case Code.INFERENCE_ENGINE_MEMORY_ERROR | Code.WORKLOAD_INIT_INSUFFICIENT_DISK_ERROR:
            return "Retry on 2 × H100, $10.00/h"
        case Code.WORKLOAD_INIT_CANNOT_ACCESS_REPO_ERROR:
            return "Model page"
        case Code.WORKLOAD_INIT_INVALID_TOKEN_ERROR:
            return "Integrations"
        case Code.WORKLOAD_INIT_MANIFEST_NOT_FOUND_ERROR:
            return "Choose revision"
        case Code.WORKLOAD_INIT_MANIFEST_TYPE_ERROR:
            return "Edit settings"
        case Code.WORKLOAD_INIT_SETTINGS_ERROR | Code.INFERENCE_ENGINE_INVALID_ARGUMENT_ERROR:
            return "Edit settings"
        case Code.WORKLOAD_INIT_DOWNLOAD_ERROR | Code.WORKLOAD_INIT_HF_WANDB_API_ERROR:
            return "Try again"
        case (
            Code.WORKLOAD_INIT_GRPC_ERROR
            | Code.WORKLOAD_INIT_UNKNOWN_ERROR
            | Code.INFERENCE_ENGINE_UNKNOWN_ERROR
            | Code.INFERENCE_ENGINE_METERING_CLIENT_CONFIG_ERROR
        ):
            return "Restart ($5.00/h)"
        case _ as unknown:
            assert_never(unknown)


def buttons_of(code: Code) -> list[tuple[str, str | None]]:
    """Label and style of the buttons of a deployment that failed with a code."""
    [failed] = [
        one
        for one in shown.every_failure()
        if one.history[-1].state.error_code == code
        and not one.is_imported
        and len(one.history) == 1
    ]
    [row] = [block for block in root(failed).blocks if block["type"] == "actions"]
    return [(one["text"]["text"], one.get("style")) for one in row["elements"] if "text" in one]


@pytest.mark.parametrize("code", list(Code))
def test_the_first_button_does_the_likely_repair(code: Code) -> None:
    """It is the only primary one, and comes first."""
    first, *others = buttons_of(code)
    assert first == (primary_of(code), "primary")
    assert "primary" not in [style for _, style in others]


def test_after_a_restart_support_is_the_way_out() -> None:
    """With a message that names the endpoint, the code and the times."""
    failed = shown.failed_after_restart()
    [row] = [block for block in root(failed).blocks if block["type"] == "actions"]
    assert row["elements"][0]["text"]["text"] == "Write to support"
    assert support.message(failed) == snapshot("""\
Our dedicated endpoint dep fails.

Endpoint: dep
Model: org/model on 1 × H100
Error code: WORKLOAD_INIT_UNKNOWN_ERROR
Status changes (UTC):
2026-10-01 12:00:00  FAILED, WORKLOAD_INIT_UNKNOWN_ERROR

It was restarted, and failed again.\
""")
