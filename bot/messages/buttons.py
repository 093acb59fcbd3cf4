"""The buttons of a status message in each state. Their handlers are in `bot.commands`."""

from decimal import Decimal

from bot.domain.deployment_state import IN_CREATION, OVER, DeploymentState
from bot.domain.deployment_view import DeploymentView
from bot.domain.operations import ButtonFacts, OperationKind, operations_that
from bot.domain.schemas import InferenceDeploymentStatus as Status
from bot.domain.statuses import COMING_UP, GOING_DOWN, SERVING, facts_of
from bot.domain.text import clip
from bot.messages.action_ids import ActionId as ActionId  # noqa: PLC0414 - handlers know it from here
from bot.messages.blocks import Block, button, confirm
from bot.messages.markup import money
from bot.messages.ways_out import secondary, ways_out

# In a button's value.
NO_OPERATION = "-"
UNKNOWN_PRICE = "?"


def for_root(deployment: DeploymentView) -> list[Block]:
    """The most useful first."""
    if deployment.state is DeploymentState.PROPOSED:
        return decisions(deployment.public_id, "", deployment.setup.price_at_most)
    if deployment.state in IN_CREATION:
        return [] if deployment.cancel_requested_by else [_cancel(deployment)]
    if deployment.state is DeploymentState.AMBIGUOUS:
        return choices(deployment)
    if deployment.state is DeploymentState.UNWATCHED:
        return _open(deployment)
    if deployment.state in OVER:
        return _try_again(deployment)
    return for_live(deployment)


def for_live(deployment: DeploymentView) -> list[Block]:
    status = (
        deployment.endpoint_state.status
        if deployment.endpoint_state is not None
        else Status.INITIALIZING.value
    )
    open_suite = _open(deployment)
    is_unlisted = deployment.unlisted_until is not None
    if is_unlisted or deployment.under_way is not None or status in GOING_DOWN:
        return open_suite
    if status in COMING_UP:
        return [*open_suite, _cancel(deployment)]
    price = deployment.setup.price_once_up
    row = acting(deployment.public_id, status, price, name=deployment.name)
    if status == Status.FAILED:
        restart, *others = row
        again = next(iter(_try_again(deployment)), None)
        repairs = ways_out(deployment, restart=restart, again=again)
        offered = {one["action_id"] for one in repairs}
        usual = [
            secondary(one) for one in [again, restart] if one and one["action_id"] not in offered
        ]
        return [*repairs, *usual, *open_suite, *others]
    if status in SERVING:
        return [*calling(deployment), *open_suite, *row]
    return [*row[:1], *open_suite, *row[1:]] if len(row) > 1 else [*open_suite, *row]


def decisions(public_id: str, operation_id: str, dollars: Decimal | None) -> list[Block]:
    """Approve, Reject and Withdraw.

    Args:
        operation_id: '' if the deployment itself waits.
        dollars: Per hour at full scale, as shown: an approval covers no more.
    """
    shown = UNKNOWN_PRICE if dollars is None else f"{dollars:f}"
    value = f"{public_id} {operation_id or NO_OPERATION} {shown}"
    return [
        button("Approve", ActionId.APPROVE, value=value, style="primary"),
        button("Reject", ActionId.REJECT, value=value),
        button("Withdraw", ActionId.WITHDRAW, value=value),
    ]


def choices(deployment: DeploymentView) -> list[Block]:
    """A button for each candidate endpoint, and one for none of them."""
    if deployment.candidate_notes:
        only = [this_is_it(deployment, one, 0) for one in deployment.candidates[:1]]
        # For several, the thread shows the buttons beside their endpoints.
        return [
            *(only if len(deployment.candidates) == 1 else ()),
            none_of_these(deployment),
        ]
    # An actions block takes 25 elements.
    picks = [
        button(
            clip(endpoint, 70),
            f"{ActionId.CHOOSE}.{index}",
            value=f"{deployment.public_id} {endpoint}",
        )
        for index, endpoint in enumerate(deployment.candidates[:24])
    ]
    return [*picks, button("Neither", ActionId.CHOOSE_NONE, value=deployment.public_id)]


def this_is_it(deployment: DeploymentView, endpoint_id: str, index: int) -> Block:
    """Choose a candidate with another name; `index` makes the action id unique."""
    return button(
        "This is it",
        f"{ActionId.CHOOSE}.{index}",
        value=f"{deployment.public_id} {endpoint_id}",
        style="primary",
    )


def none_of_these(deployment: DeploymentView) -> Block:
    return button("None of these", ActionId.CHOOSE_NONE, value=deployment.public_id)


def _try_again(deployment: DeploymentView) -> list[Block]:
    # The request of an endpoint made elsewhere isn't known.
    return [] if deployment.is_imported else [try_again(deployment)]


def try_again(deployment: DeploymentView) -> Block:
    """Opens the form, filled in with the former request."""
    return button("Try again", ActionId.TRY_AGAIN, value=deployment.public_id, style="primary")


def update_again(public_id: str, operation_id: str) -> Block:
    """Opens the form of a refused update, filled in."""
    value = f"{public_id} {operation_id}"
    return button("Change", ActionId.UPDATE_AGAIN, value=value, style="primary")


def connect() -> Block:
    return button("Connect a project", ActionId.CONNECT, style="primary")


def connect_again(target_name: str) -> Block:
    """Opens the form that connects a target, filled in but for the key."""
    return button("Connect again", ActionId.CONNECT, value=target_name)


def terminate(deployment: DeploymentView) -> Block:
    return operation(OperationKind.TERMINATE, deployment.public_id, name=deployment.name)


def acting(
    public_id: str, status: str, price: Decimal | None, *, name: str = "the endpoint"
) -> list[Block]:
    """The buttons of the operations that fit a status, in the order of the table.

    Args:
        public_id: The deployment.
        price: Dollars per hour of what a click starts; None if unknown.
        name: The endpoint's.
    """
    shown = operations_that(
        lambda facts: (
            facts.button is not None
            and facts.fits(facts_of(status))
            and status not in facts.button.hidden_in
        )
    )
    return [operation(kind, public_id, price, name=name) for kind in shown]


def operation(
    kind: OperationKind, public_id: str, price: Decimal | None = None, *, name: str = "the endpoint"
) -> Block:
    """One operation's button; arguments as for `acting`."""
    facts = kind.facts.button or ButtonFacts(kind.capitalize())
    costs = f" ({money(price)})" if facts.shows_price and price is not None else ""
    dialog = None
    if facts.dialog is not None:
        dialog = confirm(
            facts.dialog.title,
            facts.dialog.text.format(name=clip(name, 100)),
            yes=facts.dialog.yes,
            no=facts.dialog.no,
            style=facts.style,
        )
    return button(
        f"{facts.label}{costs}",
        kind.action_id,
        value=public_id,
        style=facts.style,
        confirmation=dialog,
    )


def follow(target: str, endpoint_id: str) -> Block:
    return button("Follow", ActionId.FOLLOW, value=f"{target} {endpoint_id}", style="primary")


def _cancel(deployment: DeploymentView) -> Block:
    return button(
        "Cancel",
        ActionId.CANCEL,
        value=deployment.public_id,
        confirmation=confirm(
            "Cancel this deployment?",
            f"{clip(deployment.name, 100)} is terminated if it already exists.",
            yes="Cancel deployment",
            no="Cancel",
            style="danger",
        ),
    )


def calling(deployment: DeploymentView) -> list[Block]:
    """How to call an endpoint that is live, and a prompt to it."""
    return [
        button("Use it", ActionId.USE, value=deployment.public_id),
        button("Try a prompt", ActionId.ASK, value=deployment.public_id),
    ]


def _open(deployment: DeploymentView) -> list[Block]:
    if deployment.suite_link is None:
        return []
    return [button("Open in Friendli", ActionId.OPEN, url=deployment.suite_link)]
