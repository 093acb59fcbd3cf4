"""The reply about a phase that lasts suspiciously long."""

from collections.abc import Mapping
from datetime import datetime

from bot.domain.deployment_view import DeploymentView
from bot.domain.schemas import InferenceDeploymentStatus as Status
from bot.domain.schemas import Phase
from bot.domain.statuses import COMING_UP, facts_of, phase_words
from bot.domain.transitions import State
from bot.messages import support
from bot.messages.forecast import time_range
from bot.messages.lifetime_replies import rate
from bot.messages.markup import bold, code, duration, escape
from bot.messages.reply import Reply, say

_ADVICE: Mapping[str, str] = {
    Phase.REQUESTING_VIRTUAL_MACHINE.value: (
        "These GPUs may be scarce right now. Keep waiting, or cancel and deploy on another GPU."
    ),
    Phase.DOWNLOADING_MODEL.value: (
        "Large models take a while. Keep waiting, or cancel and deploy again."
    ),
    Phase.ENGINE_INITIALIZING.value: (
        "The model may barely fit. Keep waiting, or cancel and deploy on a larger instance."
    ),
}
_WAIT_OR_CANCEL = "Keep waiting, or cancel and deploy again."


def stuck(deployment: DeploymentView, present: datetime) -> Reply:
    state = deployment.endpoint_state or State(Status.INITIALIZING.value)
    lasts = duration((present - deployment.history[-1].observed_at).total_seconds())
    known = deployment.start_times.phases.get(state.phase or "")
    usual = "" if known is None else f" (usually {time_range(known)})"
    doing = f"{bold(deployment.name)} has been {_doing(state)}"
    text = f"{doing} for {lasts}{usual}, which is unusually long."
    advice = f"{_advice(state, deployment)} {_support(deployment)}"
    return say(f"{text} {advice}")


def _doing(state: State) -> str:
    if state.status in COMING_UP and state.phase is not None:
        return escape(phase_words(state.phase).during)
    return escape(facts_of(state.status).name)


def _advice(state: State, deployment: DeploymentView) -> str:
    if state.status in COMING_UP:
        # Friendli bills a replica only from the end of its initialization.
        return (
            f"{_ADVICE.get(state.phase or '', _WAIT_OR_CANCEL)} It costs nothing until it is live."
        )
    return facts_of(state.status).stuck_advice or (
        f"It may be billed until it stops, {rate(deployment)}. Check Friendli Suite."
    )


def _support(deployment: DeploymentView) -> str:
    endpoint = code(deployment.endpoint_id or "")
    address = support.link(deployment.endpoint_id or "")
    return f"If nothing changes, write to {address} and mention endpoint {endpoint}."
