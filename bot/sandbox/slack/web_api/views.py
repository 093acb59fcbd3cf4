"""views.*: open, push and update modals, publish Home tabs."""

from bot.sandbox.slack.blocks import check_view
from bot.sandbox.slack.modals import StackFullError
from bot.sandbox.slack.rate_limits import Tier
from bot.sandbox.slack.triggers import Trigger, TriggerError
from bot.sandbox.slack.view import View
from bot.sandbox.slack.web_api.call import (
    Arguments,
    Backend,
    JsonObjectArgument,
    SlackError,
    method,
    refuse,
)
from bot.sandbox.slack.wire import JsonObject


class Open(Arguments):
    trigger_id: str
    view: JsonObjectArgument


class Update(Arguments):
    view: JsonObjectArgument
    view_id: str | None = None
    external_id: str | None = None
    hash: str | None = None


class Publish(Arguments):
    user_id: str
    view: JsonObjectArgument
    hash: str | None = None


def open_view(slack: Backend, arguments: Open) -> JsonObject:
    """Open a modal for a user who acted within the last three seconds.

    Slack accepts a trigger that comes from within a modal, and some clients then show nothing
    (bolt-js issue 1072), so it is refused here: such a modal is pushed or updated.

    Raises:
        SlackError: expired_trigger_id, exchanged_trigger_id, invalid_trigger_id, or what is
            wrong with the view; a refused view leaves the trigger unused.
    """
    _check(slack, arguments.view, "modal")
    trigger = _exchange(slack, arguments.trigger_id)
    source = slack.modals.views.get(trigger.view_id or "")
    if source is not None and source.body["type"] == "modal":
        words = "[ERROR] the trigger comes from within a modal [json-pointer:/trigger_id]"
        raise SlackError("invalid_arguments", [words])
    return {"view": slack.modals.document(slack.modals.open(trigger.user_id, arguments.view))}


def push_view(slack: Backend, arguments: Open) -> JsonObject:
    """Push a modal on the one of the interaction.

    Raises:
        SlackError: As for views.open; not_found without an open modal; push_limit_reached.
    """
    _check(slack, arguments.view, "modal")
    trigger = _exchange(slack, arguments.trigger_id)
    below = slack.modals.views.get(trigger.view_id or "")
    if below is None or below.closed:
        raise SlackError("not_found")
    try:
        view = slack.modals.push(trigger.user_id, arguments.view)
    except StackFullError:
        raise SlackError("push_limit_reached") from None
    return {"view": slack.modals.document(view)}


def update_view(slack: Backend, arguments: Update) -> JsonObject:
    """Change an open view.

    Raises:
        SlackError: not_found if it is closed, hash_conflict, or what is wrong with the view.
    """
    view: View | None
    if arguments.view_id is not None:
        view = slack.modals.views.get(arguments.view_id)
    elif arguments.external_id is not None:
        view = slack.modals.with_external_id(arguments.external_id)
    else:
        raise SlackError(
            "invalid_arguments", ["[ERROR] missing required field: view_id or external_id"]
        )
    if view is None or view.closed:
        raise SlackError("not_found")
    _check(slack, arguments.view, view.body["type"], known=view)
    if arguments.hash is not None and arguments.hash != view.hash:
        raise SlackError("hash_conflict")
    slack.modals.update(view, arguments.view)
    return {"view": slack.modals.document(view)}


def publish_view(slack: Backend, arguments: Publish) -> JsonObject:
    if arguments.user_id not in slack.workspace.users:
        raise SlackError("user_not_found")
    home = slack.modals.home_tabs.get(arguments.user_id)
    _check(slack, arguments.view, "home", known=home)
    if arguments.hash is not None and home is not None and arguments.hash != home.hash:
        raise SlackError("hash_conflict")
    view = slack.modals.publish_home(arguments.user_id, arguments.view)
    return {"view": slack.modals.document(view)}


def _check(slack: Backend, body: JsonObject, kind: str, known: View | None = None) -> None:
    refuse(check_view(body))
    if body["type"] != kind:
        words = f"[ERROR] view type must be {kind} [json-pointer:/view/type]"
        raise SlackError("invalid_arguments", [words])
    external_id = body.get("external_id")
    if external_id and slack.modals.with_external_id(external_id) not in (None, known):
        raise SlackError("duplicate_external_id")


def _exchange(slack: Backend, trigger_id: str) -> Trigger:
    try:
        return slack.triggers.exchange(trigger_id, slack.limits.trigger)
    except TriggerError as error:
        raise SlackError(str(error)) from None


METHODS = (
    method("views.open", Open, open_view, tier=Tier.FOUR),
    method("views.push", Open, push_view, tier=Tier.FOUR),
    method("views.update", Update, update_view, tier=Tier.FOUR),
    method("views.publish", Publish, publish_view, tier=Tier.FOUR),
)
