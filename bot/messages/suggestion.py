"""The buttons of a suggested line."""

import secrets

from bot.domain.process.redaction import redactor
from bot.domain.process.slash_command import SLASH
from bot.domain.request.draft import DeployDraft
from bot.messages.blocks import Block, button

RUN_ACTION = "line.run"

_LONGEST_VALUE = 2_000


def run_this(line: str) -> list[Block]:
    """Run a line, which is plain and begins with the command."""
    return _button(
        "Run this",
        RUN_ACTION,
        f"{secrets.token_hex(8)} {line.removeprefix(SLASH).strip()}",
        is_primary=True,
    )


def open_in_form(action_id: str, value: str) -> list[Block]:
    """Open a form filled in with what was understood."""
    return _button("Open in form", action_id, value)


def draft_value(draft: DeployDraft) -> str:
    return draft.clipped().to_json()


def _button(label: str, action_id: str, value: str, *, is_primary: bool = False) -> list[Block]:
    """None with a value that Slack doesn't take, or with what may be a key that was pasted."""
    if len(value) > _LONGEST_VALUE or redactor.mask(value) != value:
        return []
    return [button(label, action_id, value=value, style="primary" if is_primary else None)]
