"""The modal that shows before and after of an update, and what it says instead of sending one."""

from collections.abc import Sequence
from typing import Any

from bot.commands import deploy_form as form
from bot.commands.update_carried import Carried, CarriedView
from bot.deployments.place import Place
from bot.deployments.updating.runs import Runs
from bot.deployments.updating.version import Version
from bot.messages.before_after import CHANGE_ACTION, changes
from bot.messages.blocks import Block, actions, button, plain, section
from bot.messages.markup import bold, clip, code

CALLBACK_ID = "update.review"
# It travels in the form.
_LONGEST_TOLD = 400


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


def updated_meanwhile(runs: Runs, before: Version | None) -> str:
    """The endpoint was updated while its form was open, as mrkdwn.

    Args:
        runs: What runs now.
        before: What the form was filled in from; None if nobody knows that any more.
    """
    told = changes(before, runs.version) if before is not None else ""
    now = f" Version {code(runs.number)} runs now{':' if told else '.'}" if runs.number else ""
    words = f"{bold(runs.name)} was updated while the form was open, so nothing was sent.{now}"
    kept = "What you had changed is kept below."
    return clip("\n".join(filter(None, (words, told, kept))), _LONGEST_TOLD)


def change_button(carried: Carried) -> Block:
    """A row with the button that leads back to the form."""
    return actions(button("Change", CHANGE_ACTION, value=carried.to_json()))


def message(words: str) -> dict[str, Any]:
    """A modal that only says something, as mrkdwn."""
    return {
        "type": "modal",
        "title": plain(form.UPDATE_TITLE),
        "close": plain("Close"),
        "blocks": [section(words)],
    }
