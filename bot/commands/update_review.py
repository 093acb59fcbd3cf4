"""The modal that shows before and after of an update, or why none is sent."""

from collections.abc import Sequence
from typing import Any

from bot.commands import deploy_form as form
from bot.commands.update_state import UpdateReviewState, UpdateState
from bot.domain.actors import ChannelRef
from bot.domain.text import clip
from bot.domain.version import Version
from bot.domain.version_history import RunningVersion
from bot.messages.blocks import Block, actions, button, plain, section
from bot.messages.markup import bold, code
from bot.messages.update_diff import CHANGE_ACTION, changes

CALLBACK_ID = "update.review"
# It travels in the form.
_MAX_LENGTH = 400


def build(
    place: ChannelRef, state: UpdateState, blocks: Sequence[Block], *, submit: str | None = None
) -> dict[str, Any]:
    """Build the modal; without `submit`, there is nothing to agree to."""
    view = message("") | {
        "callback_id": CALLBACK_ID,
        "private_metadata": UpdateReviewState(place=place, state=state).to_json(),
        "close": plain("Cancel" if submit else "Close"),
        "blocks": list(blocks),
    }
    return view | ({"submit": plain(submit)} if submit else {})


def updated_meanwhile(runs: RunningVersion, before: Version | None) -> str:
    """As mrkdwn. `before` is what the form was filled in from; None if unknown."""
    difference = changes(before, runs.version) if before is not None else ""
    now = (
        f" Version {code(runs.number)} runs now{':' if difference else '.'}" if runs.number else ""
    )
    words = f"{bold(runs.name)} was updated while the form was open, so nothing was sent.{now}"
    kept = "Your changes are kept below."
    return clip("\n".join(filter(None, (words, difference, kept))), _MAX_LENGTH)


def change_button(state: UpdateState) -> Block:
    return actions(button("Change", CHANGE_ACTION, value=state.to_json()))


def message(words: str) -> dict[str, Any]:
    return {
        "type": "modal",
        "title": plain(form.UPDATE_TITLE),
        "close": plain("Close"),
        "blocks": [section(words)],
    }
