"""The buttons of a failure that do its likely repair, the most useful first."""

from bot.domain.deployment_view import DeploymentView
from bot.domain.error_codes import Action
from bot.domain.request.sent_fields import FORM_FIELDS
from bot.messages.action_ids import ActionId
from bot.messages.blocks import Block, button
from bot.messages.failure import explain
from bot.messages.markup import duration, money


def ways_out(deployment: DeploymentView, *, restart: Block, again: Block | None) -> list[Block]:
    """The repairs of the newest failure; the first is the primary one.

    Args:
        restart: Starts the same endpoint again.
        again: Opens the form of the request; None for an endpoint made elsewhere.
    """
    explained = explain(deployment)
    # Without a request there is nothing to send again, and one that has served is worth keeping.
    updates = deployment.is_imported or explained.is_rollout
    setting = FORM_FIELDS[explained.failure.setting]
    edit = button(
        "Edit settings",
        ActionId.UPDATE_EDIT if updates else ActionId.EDIT,
        value=f"{deployment.public_id} {setting}",
    )
    offered: dict[Action, Block | None] = {
        Action.RETRY: again or restart,
        Action.EDIT: edit,
        Action.LARGER_INSTANCE: _larger(deployment, updates=updates),
        Action.OPEN_MODEL_PAGE: _link("Model page", ActionId.MODEL_PAGE, deployment.model_link),
        Action.OPEN_INTEGRATIONS: _link(
            "Integrations", ActionId.INTEGRATIONS, deployment.integrations_link
        ),
        Action.RESTART_THEN_SUPPORT: _support(deployment) if deployment.was_restarted else restart,
        Action.RETRY_LATER: _retry_later(deployment),
        # The form of an update has its own revision field.
        Action.CHOOSE_REVISION: None if updates else _revisions(deployment),
    }
    found = [offered[action] for action in explained.failure.actions]
    if explained.is_rollout:
        found.append(button("Versions", ActionId.VERSIONS, value=deployment.public_id))
    return _first_is_primary([one for one in found if one is not None])


def restart_helps(deployment: DeploymentView) -> bool:
    """Whether the same settings may come up at another try, without anything else done first."""
    first, *_ = explain(deployment).failure.actions
    return first in (Action.RETRY, Action.RESTART_THEN_SUPPORT)


def _first_is_primary(repairs: list[Block]) -> list[Block]:
    first, *others = repairs
    return [{**first, "style": "primary"}, *map(secondary, others)]


def secondary(one: Block) -> Block:
    return {key: value for key, value in one.items() if key != "style"}


def _retry_later(deployment: DeploymentView) -> Block:
    return button(
        f"Try again in {duration(deployment.retry_after)}",
        ActionId.RETRY_LATER,
        value=deployment.public_id,
    )


def _revisions(deployment: DeploymentView) -> Block:
    return button("Choose revision", ActionId.CHOOSE_REVISION, value=deployment.public_id)


def _support(deployment: DeploymentView) -> Block:
    return button("Write to support", ActionId.SUPPORT, value=deployment.public_id)


def _larger(deployment: DeploymentView, *, updates: bool) -> Block | None:
    larger = deployment.setup.larger
    if larger is None:
        return None
    verb = "Update to" if updates else "Retry on"
    return button(
        f"{verb} {larger.label}, {money(larger.price)}",
        ActionId.UPDATE_LARGER if updates else ActionId.LARGER,
        value=f"{deployment.public_id} {larger.key}",
    )


def _link(text: str, action_id: str, url: str | None) -> Block | None:
    return None if url is None else button(text, action_id, url=url)
