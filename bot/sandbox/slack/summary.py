"""The visible state of the workspace as plain text, for failed tests."""

from collections.abc import Iterator

from bot.sandbox.slack.conversations import Message
from bot.sandbox.slack.modals import Modals
from bot.sandbox.slack.request_log import RequestLog
from bot.sandbox.slack.view import View
from bot.sandbox.slack.workspace import Workspace


def summary(workspace: Workspace, modals: Modals, log: RequestLog) -> str:
    return "\n".join([*_channels(workspace), *_modals(workspace, modals), *_requests(log)])


def _channels(workspace: Workspace) -> Iterator[str]:
    for channel in workspace.channels.values():
        name = f"#{channel.name}" if channel.name else "direct message"
        yield f"{name} ({channel.id}){' archived' if channel.is_archived else ''}"
        for message in channel.messages.values():
            if not message.is_reply and not message.deleted:
                yield from _message(workspace, message, "  ")
            if not message.is_reply:
                for reply in channel.replies(message.ts):
                    yield from _message(workspace, reply, "    ↳ ")
        for message in channel.ephemerals:
            reader = workspace.users[message.ephemeral_to or ""].name
            yield from _message(workspace, message, f"  only @{reader}: ")


def _message(workspace: Workspace, message: Message, lead: str) -> Iterator[str]:
    author = workspace.users[message.user_id].name
    first, *others = message.words.splitlines() or [""]
    yield f"{lead}@{author}: {first}"
    indent = " " * (len(lead) - len(lead.lstrip()) + 2)
    yield from (indent + line for line in others)


def _modals(workspace: Workspace, modals: Modals) -> Iterator[str]:
    for user in workspace.users.values():
        for view in modals.stack(user.id):
            yield f"@{user.name} has {view.title!r} open ({view.callback_id})"
            yield from _fields(view)


def _fields(view: View) -> Iterator[str]:
    for item in view.fields():
        error = view.errors.get(item.block_id)
        state = {key: part for key, part in (view.value(item) or {}).items() if key != "type"}
        values = list(state.values())
        yield f"  {item.label or item.text or item.action_id}: {values[0] if values else item.type}"
        if error:
            yield f"    ! {error}"


def _requests(log: RequestLog) -> Iterator[str]:
    yield "last requests"
    for entry in log.entries[-12:]:
        outcome = entry.note or entry.error or entry.status or "no answer yet"
        yield f"  {entry.number} {entry.direction} {entry.operation}: {outcome}"
