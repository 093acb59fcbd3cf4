"""Whether what an endpoint does was asked for here, or came about elsewhere."""

from collections.abc import Mapping

from bot.domain.deployment_view import DeploymentView
from bot.domain.operations import OperationKind, OperationState
from bot.domain.schemas import InferenceDeploymentStatus as Status

_S = Status
_SHOWN_AS: Mapping[OperationKind, frozenset[str]] = {
    OperationKind.SLEEP: frozenset({_S.STOPPING.value, _S.SLEEPING.value}),
    OperationKind.WAKE: frozenset({_S.AWAKING.value, _S.INITIALIZING.value, _S.RUNNING.value}),
    OperationKind.RESTART: frozenset({_S.INITIALIZING.value, _S.AWAKING.value, _S.RUNNING.value}),
    OperationKind.TERMINATE: frozenset(
        {_S.STOPPING.value, _S.TERMINATING.value, _S.TERMINATED.value}
    ),
    OperationKind.UPDATE: frozenset({_S.UPDATING.value, _S.RUNNING.value}),
}
_MAY_SHOW = (OperationState.SENDING, OperationState.DONE)


def was_asked(deployment: DeploymentView) -> bool:
    """Whether the newest transition follows from an operation of this bot.

    That is one that may have been carried out since the endpoint last did something that doesn't
    follow from it.
    """
    if deployment.endpoint_state is None:
        return False
    for act in reversed(deployment.acts):
        shown_as = _SHOWN_AS.get(act.kind, frozenset())
        if act.state not in _MAY_SHOW or deployment.endpoint_state.status not in shown_as:
            continue
        others = [told for told in deployment.history if told.state.status not in shown_as]
        # While it is being sent, its effect may show before its answer is here.
        if act.at is None or not others or act.at >= others[-1].observed_at:
            return True
    return False
