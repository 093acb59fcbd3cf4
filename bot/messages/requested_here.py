"""Whether what an endpoint does was asked for here, or came about elsewhere."""

from bot.domain.deployment_view import DeploymentView
from bot.domain.operations import MAY_HAVE_EFFECT


def was_asked(deployment: DeploymentView) -> bool:
    """Whether the newest transition follows from an operation of this bot.

    That is one that may have been carried out since the endpoint last did something that doesn't
    follow from it.
    """
    if deployment.endpoint_state is None:
        return False
    for act in reversed(deployment.acts):
        shown_as = act.kind.facts.effect
        if act.state not in MAY_HAVE_EFFECT or deployment.endpoint_state.status not in shown_as:
            continue
        others = [told for told in deployment.history if told.state.status not in shown_as]
        # While it is being sent, its effect may show before its answer is here.
        if act.at is None or not others or act.at >= others[-1].observed_at:
            return True
    return False
