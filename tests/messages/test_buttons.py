# ruff: noqa: E501 - a row of buttons stands on one line, as people read it.
"""Every button of every state has a handler, every handler a button; so have menus and forms."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import chain

from inline_snapshot import snapshot

from bot.commands.features import registry
from bot.domain.deployment_state import DeploymentState
from bot.messages.buttons import ActionId
from bot.messages.home import REFRESH_ACTION, channel_in
from bot.messages.status_message import root
from tests.messages import shown

_SEARCHED = {"external_select", "multi_external_select"}


def elements(part: object) -> Iterator[Mapping[str, object]]:
    """Everything in it that has an action id."""
    if isinstance(part, Mapping):
        if "action_id" in part:
            yield part
        if part.get("action_id") == ActionId.MORE:
            # Each option is a click on a button that isn't shown.
            yield from (
                {"type": "button", "action_id": one["value"].split()[0]} for one in part["options"]
            )
        for inner in part.values():
            yield from elements(inner)
    elif isinstance(part, Sequence) and not isinstance(part, str):
        for inner in part:
            yield from elements(inner)


def told(part: object) -> Iterator[Mapping[str, object]]:
    """Of these, those whose use Slack tells us: the others are read when a form is submitted."""
    if isinstance(part, Mapping) and part.get("type") == "input":
        if part.get("dispatch_action"):
            yield from elements(part)
    elif isinstance(part, Mapping) and "blocks" in part:
        yield from told(part["blocks"])
    elif isinstance(part, Sequence) and not isinstance(part, str):
        for inner in part:
            yield from told(inner)
    else:
        yield from elements(part)


@cache
def everything() -> Sequence[object]:
    """The blocks of all messages, and all views."""
    messages = chain(shown.of_deployments(), shown.of_lists(), shown.of_questions())
    return [*(message.blocks for message in messages), *shown.of_views()]


def named(found: Iterator[Mapping[str, object]]) -> set[str]:
    """Their action ids."""
    return {str(element["action_id"]) for element in found}


def handled(action_id: str, names: Mapping[str, object]) -> str:
    """The name that leads to a handler: several elements of a row end in a number each."""
    return action_id if action_id in names else action_id.rpartition(".")[0]


def test_every_button_of_every_state_has_a_handler() -> None:
    """Whatever a deployment goes through, and whatever is shown around it, nothing is dead."""
    found = named(told(everything()))
    assert {action_id for action_id in found if registry().click(action_id) is None} == set()


def test_every_handler_has_a_button() -> None:
    """Nothing is registered that no message, form or Home tab shows."""
    clicks = registry().clicks
    assert {handled(one, clicks) for one in named(told(everything()))} == set(clicks)


def test_every_menu_that_is_searched_has_a_handler_and_every_handler_a_menu() -> None:
    """Slack asks for the options of those whose options we don't bring."""
    found = named(one for one in elements(everything()) if one["type"] in _SEARCHED)
    known = registry().suggestions
    assert {handled(one, known) for one in found} == set(known)


def test_every_form_has_a_handler_and_every_handler_a_form() -> None:
    """What can be submitted is read by somebody."""
    forms = {view["callback_id"] for view in shown.of_views() if "submit" in view}
    assert forms == set(registry().submissions)


def test_every_button_at_home_says_which_channel_it_acts_in() -> None:
    """A click in the Home tab comes from no channel."""
    blocks = [block for view in shown.home_tabs() for block in view["blocks"]]
    acting = [block for block in blocks if named(elements(block)) - {REFRESH_ACTION}]
    assert {channel_in(block["block_id"]) for block in acting} == {"C1"}


def test_nothing_but_the_decision_is_offered_while_a_deployment_waits() -> None:
    """Neither Cancel nor a link to an endpoint that isn't there."""
    waiting = [facts for facts in shown.every_facts() if facts.state is DeploymentState.PROPOSED]
    for facts in waiting:
        found = [str(one["action_id"]) for one in elements(root(facts).blocks)]
        assert found == [ActionId.APPROVE, ActionId.REJECT, ActionId.WITHDRAW]
    assert waiting


def failures(*, rollout: bool) -> dict[str, str]:
    """The buttons of the root by error code, of what was asked for here."""
    found = {}
    for facts in shown.every_failure():
        if not facts.is_imported and (len(facts.history) > 1) == rollout:
            [row] = [block for block in root(facts).blocks if block["type"] == "actions"]
            labels = [one["text"]["text"] for one in row["elements"] if one["type"] == "button"]
            [menu] = [one["options"] for one in row["elements"] if one["type"] == "overflow"]
            labels.append(f"⋯ {', '.join(option['text']['text'] for option in menu)}")
            found[str(facts.history[-1].state.error_code)] = " · ".join(labels)
    return found


def test_every_action_that_a_failure_names_is_a_button() -> None:
    """For each error code, the most useful first; the larger instance with its price."""
    assert failures(rollout=False) == snapshot(
        {
            "WORKLOAD_INIT_UNKNOWN_ERROR": "Restart ($5.00/h) · Try again · Open in Friendli · ⋯ Delete, Copy as command",
            "WORKLOAD_INIT_SETTINGS_ERROR": "Edit settings · Try again · Open in Friendli · ⋯ Delete, Copy as command",
            "WORKLOAD_INIT_GRPC_ERROR": "Restart ($5.00/h) · Try again · Open in Friendli · ⋯ Delete, Copy as command",
            "WORKLOAD_INIT_MANIFEST_NOT_FOUND_ERROR": "Choose revision · Edit settings · Model page · Try again · Open in Friendli · ⋯ Delete, Copy as command",
            "WORKLOAD_INIT_MANIFEST_TYPE_ERROR": "Edit settings · Model page · Try again · Open in Friendli · ⋯ Delete, Copy as command",
            "WORKLOAD_INIT_DOWNLOAD_ERROR": "Try again · Try again in 5 min · Open in Friendli · ⋯ Restart ($5.00/h), Delete, Copy as command",
            "WORKLOAD_INIT_INVALID_TOKEN_ERROR": "Integrations · Try again · Open in Friendli · ⋯ Delete, Copy as command",
            "WORKLOAD_INIT_CANNOT_ACCESS_REPO_ERROR": "Model page · Integrations · Try again · Open in Friendli · ⋯ Delete, Copy as command",
            "WORKLOAD_INIT_HF_WANDB_API_ERROR": "Try again · Try again in 5 min · Open in Friendli · ⋯ Restart ($5.00/h), Delete, Copy as command",
            "WORKLOAD_INIT_INSUFFICIENT_DISK_ERROR": "Retry on 2 × H100, $10.00/h · Edit settings · Try again · Open in Friendli · ⋯ Delete, Copy as command",
            "INFERENCE_ENGINE_UNKNOWN_ERROR": "Restart ($5.00/h) · Try again · Open in Friendli · ⋯ Delete, Copy as command",
            "INFERENCE_ENGINE_INVALID_ARGUMENT_ERROR": "Edit settings · Try again · Open in Friendli · ⋯ Delete, Copy as command",
            "INFERENCE_ENGINE_MEMORY_ERROR": "Retry on 2 × H100, $10.00/h · Edit settings · Try again · Open in Friendli · ⋯ Delete, Copy as command",
            "INFERENCE_ENGINE_METERING_CLIENT_CONFIG_ERROR": "Restart ($5.00/h) · Try again · Open in Friendli · ⋯ Delete, Copy as command",
        }
    )


def test_a_rollout_that_failed_is_mended_by_another_update() -> None:
    """Its endpoint has served before, and its versions are a click away."""
    assert failures(rollout=True) == snapshot(
        {
            "WORKLOAD_INIT_UNKNOWN_ERROR": "Restart ($5.00/h) · Versions · Try again · Open in Friendli · ⋯ Delete, Copy as command",
            "WORKLOAD_INIT_SETTINGS_ERROR": "Edit settings · Versions · Try again · Open in Friendli · ⋯ Delete, Copy as command",
            "WORKLOAD_INIT_GRPC_ERROR": "Restart ($5.00/h) · Versions · Try again · Open in Friendli · ⋯ Delete, Copy as command",
            "WORKLOAD_INIT_MANIFEST_NOT_FOUND_ERROR": "Edit settings · Model page · Versions · Try again · Open in Friendli · ⋯ Delete, Copy as command",
            "WORKLOAD_INIT_MANIFEST_TYPE_ERROR": "Edit settings · Model page · Versions · Try again · Open in Friendli · ⋯ Delete, Copy as command",
            "WORKLOAD_INIT_DOWNLOAD_ERROR": "Try again · Try again in 5 min · Versions · Open in Friendli · ⋯ Restart ($5.00/h), Delete, Copy as command",
            "WORKLOAD_INIT_INVALID_TOKEN_ERROR": "Integrations · Try again · Versions · Open in Friendli · ⋯ Delete, Copy as command",
            "WORKLOAD_INIT_CANNOT_ACCESS_REPO_ERROR": "Model page · Integrations · Try again · Versions · Open in Friendli · ⋯ Delete, Copy as command",
            "WORKLOAD_INIT_HF_WANDB_API_ERROR": "Try again · Try again in 5 min · Versions · Open in Friendli · ⋯ Restart ($5.00/h), Delete, Copy as command",
            "WORKLOAD_INIT_INSUFFICIENT_DISK_ERROR": "Update to 2 × H100, $10.00/h · Edit settings · Versions · Try again · Open in Friendli · ⋯ Delete, Copy as command",
            "INFERENCE_ENGINE_UNKNOWN_ERROR": "Restart ($5.00/h) · Versions · Try again · Open in Friendli · ⋯ Delete, Copy as command",
            "INFERENCE_ENGINE_INVALID_ARGUMENT_ERROR": "Edit settings · Versions · Try again · Open in Friendli · ⋯ Delete, Copy as command",
            "INFERENCE_ENGINE_MEMORY_ERROR": "Update to 2 × H100, $10.00/h · Edit settings · Versions · Try again · Open in Friendli · ⋯ Delete, Copy as command",
            "INFERENCE_ENGINE_METERING_CLIENT_CONFIG_ERROR": "Restart ($5.00/h) · Versions · Try again · Open in Friendli · ⋯ Delete, Copy as command",
        }
    )
