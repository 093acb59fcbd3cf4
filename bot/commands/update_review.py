"""The modal that shows before and after of an update, and what it says instead of sending one."""

from collections.abc import Sequence
from typing import Any

from bot.commands import deploy_form as form
from bot.commands.update_carried import Carried, CarriedView
from bot.deployments.place import Place
from bot.deployments.runs import Runs
from bot.messages.before_after import CHANGE_ACTION
from bot.messages.markup import Block, actions, bold, button, code, plain, section

CALLBACK_ID = "update.review"


def build(
    place: Place, carried: Carried, blocks: Sequence[Block], *, submit: str | None = None
) -> dict[str, Any]:
    """Draw the modal.

    Args:
        place: The channel that the form was opened in.
        carried: The update that is asked about.
        blocks: What it shows.
        submit: The button that agrees; None if there is nothing to agree to.
    """
    view = message("") | {
        "callback_id": CALLBACK_ID,
        "private_metadata": CarriedView(place=place, carried=carried).to_json(),
        "close": plain("Cancel" if submit else "Close"),
        "blocks": list(blocks),
    }
    return view | ({"submit": plain(submit)} if submit else {})


def start_over(place: Place, runs: Runs) -> dict[str, Any]:
    """The endpoint was updated while its form was open."""
    now = f"Version {code(runs.number)} runs now." if runs.number else "It is another now."
    words = f"{bold(runs.name)} was updated while the form was open. {now} Nothing was sent."
    carried = Carried.of(runs, runs.version)
    return build(place, carried, [section(words), change_button(carried, "Start over")])


def change_button(carried: Carried, label: str = "Change") -> Block:
    """A row with the button that leads back to the form."""
    return actions(button(label, CHANGE_ACTION, value=carried.to_json()))


def message(words: str) -> dict[str, Any]:
    """A modal that only says something, as mrkdwn."""
    return {
        "type": "modal",
        "title": plain(form.UPDATE_TITLE),
        "close": plain("Close"),
        "blocks": [section(words)],
    }
