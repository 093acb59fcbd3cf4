"""Whether what an endpoint does was asked for here, or came about elsewhere."""

from collections.abc import Mapping

from bot.db.acts import OperationKind, OperationState
from bot.friendli.schemas import InferenceDeploymentStatus as Status
from bot.messages.facts import Facts

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


def was_asked(facts: Facts) -> bool:
    """Whether the newest transition follows from an operation of this bot.

    That is one that may have been carried out since the endpoint last did something that doesn't
    follow from it.
    """
    if facts.state is None:
        return False
    for act in reversed(facts.acts):
        shown_as = _SHOWN_AS.get(act.kind, frozenset())
        if act.state not in _MAY_SHOW or facts.state.status not in shown_as:
            continue
        others = [told for told in facts.history if told.state.status not in shown_as]
        # While it is being sent, its effect may show before its answer is here.
        if act.at is None or not others or act.at >= others[-1].observed_at:
            return True
    return False
