"""Whether an endpoint's status follows from an operation of this bot."""

from bot.domain.deployment_view import DeploymentView
from bot.domain.operations import MAY_HAVE_EFFECT


def was_requested_here(deployment: DeploymentView) -> bool:
    """One counts that may have been carried out since the last status that isn't its effect."""
    if deployment.endpoint_state is None:
        return False
    for operation in reversed(deployment.operations):
        shown_as = operation.kind.facts.effect
        if (
            operation.state not in MAY_HAVE_EFFECT
            or deployment.endpoint_state.status not in shown_as
        ):
            continue
        others = [one for one in deployment.history if one.state.status not in shown_as]
        # The effect may show before the answer to the request arrives.
        if operation.at is None or not others or operation.at >= others[-1].observed_at:
            return True
    return False
