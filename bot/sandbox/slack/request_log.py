"""The log of requests between the app and Slack in both directions, secrets masked."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

MASK = "•••"
# Slack tokens, Friendli keys and Hugging Face tokens, anywhere in a text.
_SECRETS = re.compile(
    r"(?<![A-Za-z0-9])(?:(xox[a-z]-|xapp-)[A-Za-z0-9-]{10,}|(flp_|hf_)[A-Za-z0-9]{16,})"
)


class Direction(StrEnum):
    TO_SLACK = "app → Slack"
    TO_APP = "Slack → app"


@dataclass(eq=False, slots=True)
class LoggedRequest:
    """One request and its response, secrets masked.

    Attributes:
        operation: The Web API method, "response_url", or the kind of delivery.
        via: "POST", "GET" or "socket".
        started: Sandbox time.
        status: The HTTP status; None before the response, or without one.
        seconds: Real seconds to the response.
        note: An injected fault, a time-out or a protocol error.
    """

    number: int
    direction: Direction
    operation: str
    via: str
    body: str
    started: datetime
    status: int | None = None
    answer: str = ""
    seconds: float | None = None
    note: str = ""

    @property
    def error(self) -> str:
        """Slack's error name in the response; empty if there is none."""
        match = re.search(r'"ok":\s?false.*?"error":\s?"(\w+)"', self.answer)
        return match.group(1) if match else ""


class RequestLog:
    """Keeps every request and notifies of changes.

    Args:
        secrets: Strings to mask, with their replacements.
    """

    def __init__(
        self,
        now: Callable[[], datetime],
        changed: Callable[[LoggedRequest], None],
        secrets: Mapping[str, str],
    ) -> None:
        self.entries: list[LoggedRequest] = []
        self._now = now
        self._changed = changed
        self._secrets = {secret: name for name, secret in secrets.items() if secret}

    def begin(self, direction: Direction, operation: str, via: str, body: str) -> LoggedRequest:
        entry = LoggedRequest(
            number=len(self.entries) + 1,
            direction=direction,
            operation=operation,
            via=via,
            body=self.masked(body),
            started=self._now(),
        )
        self.entries.append(entry)
        self._changed(entry)
        return entry

    def end(
        self,
        entry: LoggedRequest,
        *,
        status: int | None,
        answer: str = "",
        seconds: float,
        note: str = "",
    ) -> None:
        entry.status = status
        entry.answer = self.masked(answer)
        entry.seconds = seconds
        entry.note = note
        self._changed(entry)

    def hide(self, secret: str, name: str) -> None:
        self._secrets[secret] = name

    def calls(self, operation: str) -> list[LoggedRequest]:
        return [entry for entry in self.entries if entry.operation == operation]

    def masked(self, text: str) -> str:
        for secret, name in self._secrets.items():
            text = text.replace(secret, f"{MASK}{name}")
        return _SECRETS.sub(lambda match: f"{match.group(1) or match.group(2)}{MASK}", text)
