"""Requests between Slack, the bot and Friendli, in order of arrival."""

import json
import time
from collections import deque
from collections.abc import Callable
from typing import TypeAlias

from pydantic import BaseModel

from bot.sandbox.friendli.operations import OPERATIONS
from bot.sandbox.friendli.request_log import RequestRecord
from bot.sandbox.hub import HubRequest
from bot.sandbox.slack.request_log import Direction, LoggedRequest

_KEPT = 500

# A request's purpose, for readers who don't know the protocols.
PURPOSES = {
    # Slack → bot
    "slash_commands": "a person typed the command",
    "/friendli-deploy": "a person typed the command",
    "block_actions": "a person used a button or a menu",
    "block_suggestion": "a person typed into a menu",
    "view_submission": "a person submitted a modal",
    "view_closed": "a person closed a modal",
    "app_mention": "a person mentioned the bot",
    "app_home_opened": "a person looked at the bot's Home",
    # bot → Slack
    "auth.test": "who am I",
    "apps.connections.open": "opens a connection",
    "views.open": "opens a modal",
    "views.push": "puts a modal on top",
    "views.update": "changes a modal",
    "views.publish": "shows the Home",
    "chat.postMessage": "posts a message",
    "chat.postEphemeral": "tells one person",
    "chat.update": "edits a message",
    "chat.delete": "deletes a message",
    "chat.startStream": "begins an answer",
    "chat.appendStream": "adds to an answer",
    "chat.stopStream": "ends an answer",
    "response_url": "answers the person",
    "conversations.info": "asks about the channel",
    "conversations.history": "looks for its message",
    "conversations.replies": "looks for its reply",
    "conversations.open": "opens a direct message",
    "users.info": "asks about a person",
    "users.list": "asks who is there",
    # bot → Friendli
    "create_endpoint": "asks for an endpoint",
    "list_endpoints": "asks how all endpoints are",
    "get_endpoint": "asks what an endpoint is",
    "get_endpoint_status": "asks how one endpoint is",
    "get_endpoint_version_history": "asks for its versions",
    "update_endpoint": "changes an endpoint",
    "get_cost": "asks what was charged",
    "chat_completions": "asks the model something",
    "completions": "lets the model continue a text",
    "embeddings": "asks the model for an embedding",
    # bot → Hub
    "list_models": "searches for models",
    "model_info": "asks what a repo is",
    "list_tree": "asks for a repo's files",
    "list_refs": "asks for a repo's branches",
    "resolve": "asks where a file is",
    "resolve_cache": "reads a file",
    **{name: operation.told for name, operation in OPERATIONS.items()},
}


# The effect of an injected fault; one that responds in the service's place shows by its status.
_FAULTS = {
    "Respond": "",
    "DropRequest": "never arrived",
    "LoseReply": "answer lost",
    "Hang": "no answer",
    "TruncateBody": "answer cut short",
    "GarbageBody": "unreadable answer",
}


class RequestDocument(BaseModel):
    """A row of the list.

    Attributes:
        at: Real seconds since 1970.
        source: "Slack" or "bot".
        status: The HTTP status; None without a response.
        seconds: Real seconds to the response, if known.
        count: Repetitions in a row with the same response.
    """

    id: int
    at: float
    source: str
    target: str
    operation: str
    purpose: str
    status: int | None
    problem: str
    done: bool
    seconds: float | None
    count: int


class Bodies(BaseModel):
    """The bodies of a request and its response, as indented text; secrets are masked."""

    request: str
    answer: str


Entry: TypeAlias = LoggedRequest | RequestRecord | HubRequest


class _Row:
    """A request with its position in the list."""

    def __init__(self, number: int, entry: Entry) -> None:
        self.number = number
        self.at = time.time()
        self.entry = entry
        self.count = 1

    @property
    def document(self) -> RequestDocument:
        if isinstance(self.entry, LoggedRequest):
            return self._of_slack(self.entry)
        target = "Hub" if isinstance(self.entry, HubRequest) else "Friendli"
        return self._of_service(self.entry, target)

    @property
    def bodies(self) -> Bodies:
        entry = self.entry
        if isinstance(entry, LoggedRequest):
            return Bodies(request=_indented(entry.body), answer=_indented(entry.answer))
        if isinstance(entry, HubRequest):
            path = f"GET {entry.path}{'?' if entry.query else ''}{entry.query}"
            token = "\nAuthorization: Bearer …" if entry.authorized else ""
            return Bodies(request=path + token, answer=_indented(entry.answer))
        line = f"{entry.method} {entry.path}"
        if entry.query:
            line += "?" + "&".join(f"{name}={value}" for name, value in entry.query.items())
        lines = [line, f"Authorization: {entry.authorization}" if entry.authorization else ""]
        body = _dumped(entry.body) if entry.body is not None else ""
        head = "\n".join(filter(None, lines))
        answer = "" if entry.answer is None else _dumped(entry.answer)
        return Bodies(request=f"{head}\n\n{body}".strip(), answer=answer)

    def _of_slack(self, entry: LoggedRequest) -> RequestDocument:
        outbound = entry.direction is Direction.TO_SLACK
        done = entry.seconds is not None
        return self._document(
            source="bot" if outbound else "Slack",
            target="Slack" if outbound else "bot",
            operation=entry.operation,
            status=entry.status,
            problem=_FAULTS.get(entry.note, entry.note) or entry.error,
            done=done,
            seconds=entry.seconds,
        )

    def _of_service(self, entry: RequestRecord | HubRequest, target: str) -> RequestDocument:
        fault = entry.fault or ""
        return self._document(
            source="bot",
            target=target,
            operation=entry.operation,
            status=entry.status,
            problem=_FAULTS.get(fault, fault),
            done=entry.done,
            seconds=None,
        )

    def _document(
        self,
        *,
        source: str,
        target: str,
        operation: str,
        status: int | None,
        problem: str,
        done: bool,
        seconds: float | None,
    ) -> RequestDocument:
        return RequestDocument(
            id=self.number,
            at=self.at,
            source=source,
            target=target,
            operation=operation,
            purpose=PURPOSES.get(operation, ""),
            status=status,
            problem=problem,
            done=done,
            seconds=seconds,
            count=self.count,
        )


class RequestList:
    """The latest requests; `changed` is called with each new or changed row."""

    def __init__(self, changed: Callable[[RequestDocument], None]) -> None:
        self._changed = changed
        self._rows: deque[_Row] = deque(maxlen=_KEPT)
        self._count = 0
        self._last_reading: _Row | None = None

    @property
    def documents(self) -> list[RequestDocument]:
        return [row.document for row in self._rows]

    def bodies(self, number: int) -> Bodies:
        for row in self._rows:
            if row.number == number:
                return row.bodies
        raise LookupError(f"request {number} isn't kept any more")

    def add_slack_request(self, entry: LoggedRequest) -> None:
        self._note(entry)

    def add_friendli_request(self, entry: RequestRecord) -> None:
        """Add or update a request to Friendli; a repeated one with the same response is counted."""
        if entry.method != "GET":
            self._last_reading = None
            self._note(entry)
        elif entry.done:
            last = self._last_reading
            if last is not None and _is_same_json(last.entry, entry):
                last.count += 1
                self._changed(last.document)
            else:
                self._last_reading = self._note(entry)

    def add_hub_request(self, entry: HubRequest) -> None:
        self._note(entry)

    def _note(self, entry: Entry) -> _Row:
        # A finished request was added recently, so the search starts at the end.
        row = next((row for row in reversed(self._rows) if row.entry is entry), None)
        if row is None:
            self._count += 1
            row = _Row(self._count, entry)
            self._rows.append(row)
        self._changed(row.document)
        return row


def _is_same_json(one: Entry, other: RequestRecord) -> bool:
    return isinstance(one, RequestRecord) and (
        (one.path, one.query, one.status, one.answer, one.fault)
        == (other.path, other.query, other.status, other.answer, other.fault)
    )


def _indented(text: str) -> str:
    try:
        return _dumped(json.loads(text, object_hook=_unfolded))
    except ValueError:
        return text


def _unfolded(fields: dict[str, object]) -> dict[str, object]:
    return {name: _parsed(value) for name, value in fields.items()}


def _parsed(value: object) -> object:
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            parsed: object = json.loads(value)
        except ValueError:
            return value
        return parsed
    return value


def _dumped(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False)
