"""The buttons of a status message in each state. Their handlers are in `bot.commands`."""

from collections.abc import Collection, Sequence
from decimal import Decimal

from bot.domain.deployment_state import IN_CREATION, OVER, DeploymentState
from bot.domain.deployment_view import DeploymentView
from bot.domain.operations import ButtonFacts, OperationKind, OperationState, operations_that
from bot.domain.schemas import InferenceDeploymentStatus as Status
from bot.domain.statuses import COMING_UP, GOING_DOWN, SERVING, facts_of
from bot.domain.text import clip
from bot.messages import lifetime_buttons
from bot.messages.action_ids import ActionId as ActionId  # noqa: PLC0414 - handlers know it from here
from bot.messages.blocks import Block, button, confirm, option, overflow
from bot.messages.markup import money
from bot.messages.ways_out import restart_helps, secondary, ways_out

# In a button's value.
NO_OPERATION = "-"
UNKNOWN_PRICE = "?"

DECISIONS = frozenset(
    {
        ActionId.APPROVE,
        ActionId.REJECT,
        ActionId.WITHDRAW,
        lifetime_buttons.EXTEND_ACTION,
        lifetime_buttons.KEEP_ACTION,
    }
)
# Slack's limit.
_MENU_OPTIONS = 5


def for_root(deployment: DeploymentView) -> list[Block]:
    """The next step, Open, Update, and a menu with the rest."""
    if deployment.state is DeploymentState.PROPOSED:
        return decisions(deployment.public_id, "", deployment.setup.price_at_most)
    if deployment.state in IN_CREATION:
        return [] if deployment.cancel_requested_by else [_cancel(deployment)]
    if deployment.state is DeploymentState.AMBIGUOUS:
        return choices(deployment)
    if deployment.state is DeploymentState.UNWATCHED:
        return _open(deployment)
    if deployment.state in OVER:
        return _after_the_end(deployment)
    return _for_live(deployment)


def _after_the_end(deployment: DeploymentView) -> list[Block]:
    note = deployment.closing_note
    if note is None:
        return _try_again(deployment)
    again = [] if note.is_repaired else _try_again(deployment)
    return [*again, connect_again(deployment.target_name)] if note.reconnects else again


def _for_live(deployment: DeploymentView) -> list[Block]:
    status = (
        deployment.endpoint_state.status
        if deployment.endpoint_state is not None
        else Status.INITIALIZING.value
    )
    first, open_suite = _decide(deployment), _open(deployment)
    is_unlisted = deployment.unlisted_until is not None
    if is_unlisted or deployment.under_way is not None or status in GOING_DOWN:
        return [*first, *open_suite]
    if status in COMING_UP:
        return [*first, *open_suite, _cancel(deployment)]
    hidden: set[OperationKind] = set()
    others = [*_extend_option(deployment), *_request_options(deployment)]
    if status == Status.FAILED and not first:
        first = _repairs(deployment)
        hidden = {OperationKind.RESTART}
        if restart_helps(deployment) and not _has(first, OperationKind.RESTART.action_id):
            hidden = set()
        if _has(first, ActionId.TRY_AGAIN):
            others = [one for one in others if not str(one["value"]).startswith(ActionId.TRY_AGAIN)]
    if status in SERVING:
        first = [*first, *calling(deployment)]
    return [
        *first,
        *for_endpoint(
            deployment.public_id,
            status,
            deployment.setup.price_once_up,
            open_suite=open_suite,
            hidden=hidden,
            others=others,
        ),
    ]


def for_endpoint(
    public_id: str,
    status: str,
    price: Decimal | None,
    *,
    open_suite: Sequence[Block],
    hidden: Collection[OperationKind] = (),
    others: Sequence[Block] = (),
) -> list[Block]:
    """What fits a status: the next step, Open, Update, and a menu with the rest.

    Args:
        public_id: The deployment.
        price: Dollars per hour of what a click starts; None if unknown.
        open_suite: The link to the endpoint's page, if known.
        hidden: Operations that are offered elsewhere, or wouldn't help.
        others: Further options of the menu.
    """
    kinds = [
        kind
        for kind in operations_that(lambda facts: facts.button is not None)
        if kind.fits(status) and kind not in hidden
    ]
    starts = [
        kind
        for kind in kinds
        if kind is OperationKind.WAKE
        or (kind is OperationKind.RESTART and not facts_of(status).has_error_code)
    ]
    # After a failure, the buttons that fit its cause open the form of an update.
    updates = [
        kind
        for kind in kinds
        if kind is OperationKind.UPDATE
        and kind.facts.button is not None
        and status not in kind.facts.button.hidden_in
    ]
    rest = [kind for kind in kinds if kind not in starts and kind is not OperationKind.UPDATE]
    menu = [option(_label(kind, price), f"{kind.action_id} {public_id}") for kind in rest]
    choices_ = [*menu, *others][:_MENU_OPTIONS]
    return [
        *(operation(kind, public_id, price) for kind in starts),
        *open_suite,
        *(operation(kind, public_id, price) for kind in updates),
        *([overflow(ActionId.MORE, choices_)] if choices_ else []),
    ]


def _decide(deployment: DeploymentView) -> list[Block]:
    """The buttons of what waits for a person."""
    if deployment.lifetime_warned and deployment.lifetime_ends_at is not None:
        return [*lifetime_buttons.extend(deployment), lifetime_buttons.keep(deployment)]
    newest = deployment.operations[-1] if deployment.operations else None
    if (
        newest is not None
        and newest.kind is OperationKind.UPDATE
        and newest.state is OperationState.REFUSED
    ):
        return [update_again(deployment.public_id, newest.public_id)]
    return []


def _repairs(deployment: DeploymentView) -> list[Block]:
    if deployment.closing_note is not None and deployment.closing_note.is_repaired:
        return []
    price = deployment.setup.price_once_up
    restart = operation(OperationKind.RESTART, deployment.public_id, price)
    again = next(iter(_try_again(deployment)), None)
    repairs = ways_out(deployment, restart=restart, again=again)
    if _is_updated_since(deployment) and not _has(repairs, OperationKind.RESTART.action_id):
        # The new version goes live after a restart.
        repairs = [{**restart, "style": "primary"}, *map(secondary, repairs)]
    if again is None or _has(repairs, ActionId.TRY_AGAIN):
        return repairs
    return [*repairs, secondary(again)]


def _is_updated_since(deployment: DeploymentView) -> bool:
    """Whether it got a new version after its failure."""
    newest = deployment.operations[-1] if deployment.operations else None
    failed_at = deployment.history[-1].observed_at if deployment.history else None
    return (
        newest is not None
        and (newest.kind, newest.state) == (OperationKind.UPDATE, OperationState.DONE)
        and newest.at is not None
        and failed_at is not None
        and newest.at > failed_at
    )


def _extend_option(deployment: DeploymentView) -> list[Block]:
    value = lifetime_buttons.extend_value(deployment)
    if value is None or deployment.lifetime_warned:
        return []
    label = lifetime_buttons.extend_label(deployment)
    return [option(label, f"{lifetime_buttons.EXTEND_ACTION} {value}")]


def _request_options(deployment: DeploymentView) -> list[Block]:
    # The request of an endpoint made elsewhere isn't known.
    if deployment.is_imported:
        return []
    return [
        option("Deploy another like this", f"{ActionId.TRY_AGAIN} {deployment.public_id}"),
        option("Copy as command", f"{ActionId.COPY} {deployment.public_id}"),
    ]


def _has(row: Sequence[Block], action_id: str) -> bool:
    return any(one["action_id"] == action_id for one in row)


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
        # Each candidate is a line with its own button.
        return [none_of_these(deployment)]
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


def operation(
    kind: OperationKind, public_id: str, price: Decimal | None = None, *, name: str = "the endpoint"
) -> Block:
    """One operation's button; `price` is per hour of what a click starts, None if unknown."""
    facts = kind.facts.button or ButtonFacts(kind.capitalize())
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
        _label(kind, price),
        kind.action_id,
        value=public_id,
        style=facts.style,
        confirmation=dialog,
    )


def _label(kind: OperationKind, price: Decimal | None) -> str:
    facts = kind.facts.button or ButtonFacts(kind.capitalize())
    costs = f" ({money(price)})" if facts.shows_price and price is not None else ""
    return f"{facts.label}{costs}"


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
