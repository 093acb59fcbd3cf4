"""Model names that choose what happens to the endpoint.

`MODELS` is the whole table; any other name works normally. A `ModelScenario` with an `effect`
injects that fault into the create request.
"""

from dataclasses import dataclass

from pydantic import JsonValue

from bot.sandbox.faults import Call, DropRequest, Effect, Fault, LoseReply, Respond
from bot.sandbox.friendli.inference_models import INFERENCE_MODELS
from bot.sandbox.friendli.lifecycle import (
    DOWNLOADING,
    ENGINE,
    FAILING_PHASES,
    REQUESTING,
    Scenario,
    StartPhase,
)
from bot.sandbox.friendli.timeline import Segment


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refused create request: status and "detail"."""

    status: int
    detail: JsonValue


@dataclass(frozen=True, slots=True)
class ModelScenario(Scenario):
    """A scenario with what happens to the create request.

    Attributes:
        effect: If set, the fault that the request meets.
        listed_after: Seconds of sandbox time until lists show the endpoint.
        copies: How many endpoints one request creates.
    """

    refusal: Refusal | None = None
    effect: Effect | None = None
    listed_after: float = 0
    copies: int = 1


ORDINARY = ModelScenario("Starts, runs and stays up.")

_FLAPS = tuple(
    leg
    for _ in range(12)
    for leg in (
        Segment("RUNNING", hold=40),
        Segment("SLEEPING", hold=40),
        Segment("AWAKING", ENGINE, hold=20),
    )
)

_BAD_GATEWAY: dict[str, JsonValue] = {"detail": "Bad Gateway"}


def _fails(description: str, error_code: str, *, fails_once: bool = False) -> ModelScenario:
    phase = FAILING_PHASES[error_code]
    return ModelScenario(
        f"{description} Fails in {phase} with {error_code}.",
        error_code=error_code,
        fails_once=fails_once,
    )


_NO_MANIFEST = "WORKLOAD_INIT_MANIFEST_NOT_FOUND_ERROR"

MODELS: dict[str, ModelScenario] = {
    "sandbox/works": ORDINARY,
    "sandbox/slow": ModelScenario("Starts ten times as slowly.", duration_factor=10),
    "sandbox/ready": ModelScenario("Shows READY instead of RUNNING.", serving="READY"),
    # one for each documented error code
    "sandbox/gated": _fails(
        "The repository is gated or private.", "WORKLOAD_INIT_CANNOT_ACCESS_REPO_ERROR"
    ),
    "sandbox/invalid-token": _fails(
        "The Hugging Face token was revoked.", "WORKLOAD_INIT_INVALID_TOKEN_ERROR"
    ),
    "sandbox/no-manifest": _fails(
        "No config.json or weights at the root, or no such revision.",
        "WORKLOAD_INIT_MANIFEST_NOT_FOUND_ERROR",
    ),
    "sandbox/no-config": _fails("No config.json.", _NO_MANIFEST),
    "sandbox/no-safetensors": _fails("A pytorch_model.bin only.", _NO_MANIFEST),
    "sandbox/gguf-only": _fails("GGUF files only.", _NO_MANIFEST),
    "sandbox/lora-adapter": _fails("A LoRA adapter without its base model.", _NO_MANIFEST),
    "sandbox/diffusers": _fails("A diffusers pipeline.", _NO_MANIFEST),
    "sandbox/nested": _fails("Everything is in a folder.", _NO_MANIFEST),
    "sandbox/missing-shard": _fails("The index names a file that isn't there.", _NO_MANIFEST),
    "sandbox/private": _fails(
        "The repository is private.", "WORKLOAD_INIT_CANNOT_ACCESS_REPO_ERROR"
    ),
    "sandbox/missing": _fails(
        "There is no such repository.", "WORKLOAD_INIT_CANNOT_ACCESS_REPO_ERROR"
    ),
    "sandbox/no-chat-template": ModelScenario("Runs, but its repo has no chat template."),
    "sandbox/unsupported": _fails(
        "The architecture is not supported.", "WORKLOAD_INIT_MANIFEST_TYPE_ERROR"
    ),
    "sandbox/download-error": _fails(
        "The download breaks off, on every start.", "WORKLOAD_INIT_DOWNLOAD_ERROR"
    ),
    "sandbox/hub-down": _fails(
        "The hub is down during the first start; a restart works.",
        "WORKLOAD_INIT_HF_WANDB_API_ERROR",
        fails_once=True,
    ),
    "sandbox/too-large": _fails(
        "The weights don't fit on the disk.", "WORKLOAD_INIT_INSUFFICIENT_DISK_ERROR"
    ),
    "sandbox/bad-settings": _fails(
        "The settings are refused before the start.", "WORKLOAD_INIT_SETTINGS_ERROR"
    ),
    "sandbox/grpc-error": _fails(
        "Friendli's side fails on the first start; a restart works.",
        "WORKLOAD_INIT_GRPC_ERROR",
        fails_once=True,
    ),
    "sandbox/unknown-init-error": _fails(
        "The start fails for unknown reasons.", "WORKLOAD_INIT_UNKNOWN_ERROR"
    ),
    "sandbox/out-of-memory": _fails(
        "The model doesn't fit into the GPUs' memory.", "INFERENCE_ENGINE_MEMORY_ERROR"
    ),
    "sandbox/invalid-argument": _fails(
        "The engine refuses a setting.", "INFERENCE_ENGINE_INVALID_ARGUMENT_ERROR"
    ),
    "sandbox/engine-error": _fails(
        "The engine fails for unknown reasons.", "INFERENCE_ENGINE_UNKNOWN_ERROR"
    ),
    "sandbox/metering-error": _fails(
        "Friendli's metering is misconfigured.", "INFERENCE_ENGINE_METERING_CLIENT_CONFIG_ERROR"
    ),
    "sandbox/new-error": ModelScenario(
        "Fails with an error code that no reference lists.", error_code="SANDBOX_UNHEARD_OF_ERROR"
    ),
    # what may come from a beta API
    "sandbox/null-phases": ModelScenario("Never tells a phase.", phases=(StartPhase(None),)),
    "sandbox/skips-phases": ModelScenario(
        "Goes from the first phase straight to the last.",
        phases=(StartPhase(REQUESTING), StartPhase(ENGINE)),
    ),
    "sandbox/out-of-order": ModelScenario(
        "Shows the phases in the wrong order.",
        phases=(StartPhase(DOWNLOADING), StartPhase(REQUESTING), StartPhase(ENGINE)),
    ),
    "sandbox/new-status": ModelScenario(
        "Shows a status and a phase that no reference lists on its way.",
        phases=(
            StartPhase(REQUESTING),
            StartPhase("WARMING_CACHES", status="PROVISIONING", hold=30),
            StartPhase(DOWNLOADING),
            StartPhase(ENGINE),
        ),
    ),
    "sandbox/unknown": ModelScenario(
        "Shows UNKNOWN for a minute and a half after a minute of running.",
        afterwards=(Segment("RUNNING", hold=60), Segment("UNKNOWN", hold=90), Segment("RUNNING")),
    ),
    "sandbox/flaps": ModelScenario(
        "Falls asleep and wakes over and over, twelve times.",
        afterwards=(*_FLAPS, Segment("RUNNING")),
    ),
    # what may happen to the request
    "sandbox/lost-reply": ModelScenario("Is made, but the reply is lost.", effect=LoseReply()),
    "sandbox/lost-request": ModelScenario(
        "Is never made: the connection drops before the API acts.", effect=DropRequest()
    ),
    "sandbox/bad-gateway": ModelScenario(
        "Is made, but a proxy answers 502.", effect=Respond(502, _BAD_GATEWAY, acts=True)
    ),
    "sandbox/late": ModelScenario(
        "Is made, the reply is lost, and lists show it only after 90 s.",
        effect=LoseReply(),
        listed_after=90,
    ),
    "sandbox/very-late": ModelScenario(
        "Is made, the reply is lost, and lists show it only after 15 minutes.",
        effect=LoseReply(),
        listed_after=900,
    ),
    "sandbox/twins": ModelScenario(
        "Is made twice by one request, and the reply is lost.", effect=LoseReply(), copies=2
    ),
    "sandbox/refused": ModelScenario(
        "Is refused with 422.",
        refusal=Refusal(
            422,
            [
                {
                    "loc": ["body", "hfModelRepo"],
                    "msg": "The model 'sandbox/refused' can't be deployed",
                    "type": "value_error",
                }
            ],
        ),
    ),
    "sandbox/no-credit": ModelScenario(
        "Is refused with 402.",
        refusal=Refusal(402, "The team has no credit left. Add a payment method."),
    ),
    # what may happen to inference requests
    **{name: ModelScenario(model.description) for name, model in INFERENCE_MODELS.items()},
}


def scenario_of(model: str) -> ModelScenario:
    return MODELS.get(model, ORDINARY)


def model_faults() -> list[Fault]:
    def of(model: str, effect: Effect) -> Fault:
        def names_it(call: Call) -> bool:
            return call.body.get("hfModelRepo") == model

        return Fault(effect, "create_endpoint", names_it, times=None)

    return [of(name, model.effect) for name, model in MODELS.items() if model.effect is not None]
