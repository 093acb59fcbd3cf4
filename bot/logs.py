"""Structured logs on standard error, with every secret taken out before a line is written."""

import logging
import re
import sys
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

import structlog

from bot.log_limits import LogLimiter

_MASK = "•••"
# What secrets look like where nobody said that it is one, and what to write instead.
_LOOKS = (
    # Slack's tokens, Friendli's keys, Hugging Face's tokens.
    (re.compile(r"\b(?:xox[a-z]|xapp)[.-][\w.-]+|\bflp_\w+|\bhf_\w{8,}"), _MASK),
    (re.compile(r"\b(Bearer) [\w.~+/=-]+", re.IGNORECASE), rf"\1 {_MASK}"),
    # Addresses at which anybody may answer a command or a click, also inside of a form.
    (
        re.compile(r"(/|%2F)(commands|actions|response|services)(?:/|%2F)T\w+(?:/|%2F)[\w%/-]+"),
        rf"\1\2\1{_MASK}",
    ),
    # A one-use ticket to a Socket Mode connection.
    (re.compile(r"([?&]ticket=)[\w%.-]+"), rf"\1{_MASK}"),
    # A password inside of an address.
    (re.compile(r"(://[^\s:/@]*:)[^\s/@]+@"), rf"\1{_MASK}@"),
    # Fields of forms, of JSON and of Python's own notation, by their names.
    (
        re.compile(
            r"((?:token|api_?key|secret|authorization|password)[\"']?\s?[=:]\s?[\"']?"
            r"(?:Bearer |Basic )?)(?!None\b|null\b)[^\s\"'&,;)}\]]+",
            re.IGNORECASE,
        ),
        rf"\1{_MASK}",
    ),
)
_SECRET_FIELDS = {
    "api_key",
    "authorization",
    "client_secret",
    "key",
    "password",
    "response_url",
    "secret",
    "signing_secret",
    "token",
}
# A shorter one would blot out parts of ordinary words; no secret worth its name is that short.
_SHORTEST = 6
# Characters of one value; the tracebacks of a chain of errors are shorter.
_LONGEST = 50_000


class Redactor:
    """A log processor that masks what looks like a secret, and the secrets it was told of."""

    def __init__(self) -> None:
        # The longest first: one secret may be a part of another.
        self._known: list[str] = []

    def learn(self, secrets: Iterable[str]) -> None:
        """Mask these exact texts from now on, wherever they stand."""
        new = {secret for secret in secrets if len(secret) >= _SHORTEST}.difference(self._known)
        if new:
            self._known = sorted([*self._known, *new], key=len, reverse=True)

    def __call__(
        self, _logger: object, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Mask every value of a log event."""
        return {name: self._field(name, value) for name, value in event.items()}

    def mask(self, text: str) -> str:
        """The text without secrets."""
        for secret in self._known:
            text = text.replace(secret, _MASK)
        text = _shortened(text)
        for look, instead in _LOOKS:
            text = look.sub(instead, text)
        return text

    def _field(self, name: object, value: object) -> object:
        return _MASK if str(name).lower() in _SECRET_FIELDS else self._masked(value)

    def _masked(self, value: object) -> object:
        if isinstance(value, bool | int | float | None):
            return value
        if isinstance(value, Mapping):
            return {self.mask(str(name)): self._field(name, inner) for name, inner in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._masked(inner) for inner in value]
        return self.mask(str(value))


def _shortened(text: str) -> str:
    """Leave out the middle of what is too long, up to the end of a line: no secret holds one."""
    if len(text) <= _LONGEST:
        return text
    half = _LONGEST // 2
    _, _, end = text[-half:].partition("\n")
    return f"{text[:half]} … {len(text) - half - len(end)} characters left out …\n{end}"


redactor = Redactor()


def _report_left_out(logger: str, event: str, count: int) -> None:
    get(__name__).warning("left out log lines", like=event, of=logger, count=count)


def configure(level: str = "INFO") -> None:
    """Send our logs and those of the libraries through one redacting chain to standard error.

    Each line is a JSON object, or laid out for reading if a terminal shows it.

    Args:
        level: The least important level to write.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        # Tracebacks become text first, so that they are redacted like everything else.
        structlog.processors.format_exc_info,
        redactor,
    ]
    limiter = LogLimiter(_report_left_out)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            # Before anything costs time.
            limiter,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(limiter)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.dev.ConsoleRenderer(
                    colors=False, exception_formatter=structlog.dev.plain_traceback
                )
                if sys.stderr.isatty()
                else structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    logging.captureWarnings(capture=True)
    # They log whole requests at INFO; headers, bodies and what is written to the database at DEBUG.
    for chatty in (
        "aiohttp.access",
        "aiosqlite",
        "alembic",
        "httpcore",
        "httpx",
        "slack_bolt",
        "slack_sdk",
    ):
        logging.getLogger(chatty).setLevel(max(root.level, logging.WARNING))


def get(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of a module."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
