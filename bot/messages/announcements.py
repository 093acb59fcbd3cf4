"""One line in the channel about a change of its targets; never a secret."""

from collections.abc import Sequence

from bot.domain.text import clip
from bot.messages.blocks import actions, section
from bot.messages.body import Body, body
from bot.messages.buttons import connect
from bot.messages.markup import bold, code, escape, mention
from bot.messages.settings import Change

_LONGEST = 500


def connected(person: str, target: str, project_id: str, *, is_new_key: bool) -> Body:
    did = "stored a new key for" if is_new_key else "connected this channel to"
    return _line(f"{mention(person)} {did} Friendli project {code(project_id)} as {bold(target)}.")


def disconnected(person: str, target: str, project_id: str) -> Body:
    return _line(f"{mention(person)} disconnected {bold(target)} (project {code(project_id)}).")


def settings_changed(person: str, target: str, changes: Sequence[Change]) -> Body:
    what = "; ".join(map(str, changes))
    if len(what) > _LONGEST:
        # Cutting mrkdwn could cut a mention in two.
        count = f"{len(changes)} settings" if len(changes) > 1 else "a setting"
        what = f"{count}, {escape(clip(', '.join(one.what for one in changes), _LONGEST))}"
    return _line(f"{mention(person)} changed {bold(target)}: {what}.")


def asks_to_connect(person: str, whom: str) -> Body:
    """A request to an admin, with the button; `whom` is mrkdwn."""
    text = (
        f"{whom}, {mention(person)} wants to deploy models here. This channel isn't connected to a"
        " Friendli project yet."
    )
    return body(text, section(text), actions(connect()))


def _line(text: str) -> Body:
    return body(text, section(text))
