"""Which buttons a deployment's root has in which state. Each has its handler in `bot.commands`."""

from enum import StrEnum

from bot.db.models import Step
from bot.deployments.states import COMING_UP
from bot.friendli.failures import Action
from bot.friendli.schemas import InferenceDeploymentStatus as Status
from bot.messages.facts import Facts
from bot.messages.failed import explain
from bot.messages.markup import Block, button, clip, confirm, money


class ActionId(StrEnum):
    """The action ids of the buttons in messages; links have one too, as Slack reports clicks."""

    OPEN = "deployment.open"
    CANCEL = "deployment.cancel"
    APPROVE = "approval.approve"
    REJECT = "approval.reject"
    WITHDRAW = "approval.withdraw"
    SLEEP = "endpoint.sleep"
    WAKE = "endpoint.wake"
    RESTART = "endpoint.restart"
    TERMINATE = "endpoint.terminate"
    DELETE = "endpoint.delete"
    TRY_AGAIN = "deployment.try_again"
    CHOOSE = "deployment.choose"
    CHOOSE_NONE = "deployment.choose_none"
    MODEL_PAGE = "deployment.model_page"
    INTEGRATIONS = "deployment.integrations"


_NOT_MADE_YET = {Step.ASKED, Step.SENDING, Step.MADE, Step.DOUBTFUL}
_OVER = {
    Step.NOT_MADE,
    Step.REFUSED,
    Step.CANCELLED,
    Step.REJECTED,
    Step.ENDED,
    Step.UNWATCHED,
}
_GOING_DOWN = {Status.STOPPING, Status.TERMINATING}


def for_root(facts: Facts) -> list[Block]:
    """The buttons that make sense now, the most useful first."""
    if facts.step is Step.PROPOSED:
        return decisions(facts.public_id)
    if facts.step in _NOT_MADE_YET:
        return [] if facts.stop_asked_by else [_cancel(facts)]
    if facts.step is Step.UNCLEAR:
        return choices(facts)
    if facts.step in _OVER:
        return _try_again(facts)
    return for_live(facts)


def for_live(facts: Facts) -> list[Block]:
    """What can be done with an endpoint in its present state."""
    status = facts.state.status if facts.state is not None else Status.INITIALIZING.value
    open_suite = _open(facts)
    if facts.under_way is not None or status in _GOING_DOWN:
        return open_suite
    if status == Status.FAILED:
        ways_out = [*_ways_out(facts), *_try_again(facts), restart(facts)]
        return [*ways_out, *open_suite, _delete(facts)]
    if status == Status.TERMINATED:
        return [restart(facts), *open_suite, _delete(facts)]
    if status == Status.RUNNING:
        return [_sleep(facts), *open_suite, terminate(facts)]
    if status == Status.SLEEPING:
        return [_wake(facts), *open_suite, terminate(facts)]
    stop = _cancel(facts) if status in COMING_UP else terminate(facts)
    return [*open_suite, stop]


def decisions(value: str) -> list[Block]:
    """What can be said about something that waits for a yes; `value` names it."""
    return [
        button("Approve", ActionId.APPROVE, value=value, style="primary"),
        button("Reject", ActionId.REJECT, value=value),
        button("Withdraw", ActionId.WITHDRAW, value=value),
    ]


def choices(facts: Facts) -> list[Block]:
    """A button for each endpoint that may be ours, and one for none of them."""
    # An actions block takes 25 elements.
    picks = [
        button(
            clip(endpoint, 70),
            f"{ActionId.CHOOSE}.{index}",
            value=f"{facts.public_id} {endpoint}",
        )
        for index, endpoint in enumerate(facts.candidates[:24])
    ]
    return [*picks, button("Neither", ActionId.CHOOSE_NONE, value=facts.public_id)]


def _try_again(facts: Facts) -> list[Block]:
    # Nobody knows what an endpoint that was made elsewhere was asked for with.
    return [try_again(facts)] if facts.setup.model else []


def try_again(facts: Facts) -> Block:
    """Opens the form with everything that was asked for filled in."""
    return button("Try again", ActionId.TRY_AGAIN, value=facts.public_id, style="primary")


def terminate(facts: Facts) -> Block:
    """Ends the endpoint, after a question."""
    return button(
        "Terminate",
        ActionId.TERMINATE,
        value=facts.public_id,
        style="danger",
        confirmation=confirm(
            "Terminate the endpoint?",
            f"Requests to {clip(facts.name, 100)} fail from then on.",
            yes="Terminate",
            no="Keep it",
            style="danger",
        ),
    )


def _sleep(facts: Facts) -> Block:
    return button("Sleep", ActionId.SLEEP, value=facts.public_id)


def _wake(facts: Facts) -> Block:
    label = f"Wake{_at_price(facts)}"
    return button(label, ActionId.WAKE, value=facts.public_id, style="primary")


def restart(facts: Facts) -> Block:
    """Starts an endpoint again that has failed or was terminated."""
    return button(f"Restart{_at_price(facts)}", ActionId.RESTART, value=facts.public_id)


def _at_price(facts: Facts) -> str:
    """What a click starts to cost, where it costs something."""
    each = facts.setup.price_of_one
    return "" if each is None else f" ({money(each * max(1, facts.setup.least))})"


def _delete(facts: Facts) -> Block:
    return button("Delete", ActionId.DELETE, value=facts.public_id, style="danger")


def _cancel(facts: Facts) -> Block:
    return button(
        "Cancel",
        ActionId.CANCEL,
        value=facts.public_id,
        confirmation=confirm(
            "Cancel this deployment?",
            f"{clip(facts.name, 100)} is terminated if it was made already.",
            yes="Cancel it",
            no="Keep going",
            style="danger",
        ),
    )


def _open(facts: Facts) -> list[Block]:
    if facts.suite_link is None:
        return []
    return [button("Open in Friendli", ActionId.OPEN, url=facts.suite_link)]


def _ways_out(facts: Facts) -> list[Block]:
    links = {
        Action.OPEN_INTEGRATIONS: button(
            "Integrations", ActionId.INTEGRATIONS, url=facts.integrations_link
        ),
    }
    if facts.model_link is not None:
        links[Action.OPEN_MODEL_PAGE] = button(
            "Model page", ActionId.MODEL_PAGE, url=facts.model_link
        )
    return [links[action] for action in explain(facts).failure.actions if action in links]
