"""Structured logs on standard error, with every secret taken out before a line is written."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

# Slack tokens, Friendli keys, bearer headers, Slack's legacy verification fields and callback URLs.
_SECRET = re.compile(
    r"xox[a-z]-[\w-]+|xapp-[\w-]+|flp_\w+|hf_\w{8,}|(?<=Bearer )\S+|/commands/T\w+/\S+|/actions/T\w+/\S+"
)
_SECRET_FIELDS = {"authorization", "api_key", "token", "key", "signing_secret", "response_url"}
_MASK = "•••"


class Redactor:
    """A log processor that masks what looks like a secret, and the secrets it was told of."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def learn(self, secret: str) -> None:
        """Mask this exact text from now on, wherever it stands."""
        if len(secret) >= 6:
            self._known.add(secret)

    def __call__(
        self, _logger: object, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        return {
            name: _MASK if name.lower() in _SECRET_FIELDS else self._masked(value)
            for name, value in event.items()
        }

    def mask(self, text: str) -> str:
        """The text without secrets."""
        for secret in self._known:
            text = text.replace(secret, _MASK)
        return _SECRET.sub(_MASK, text)

    def _masked(self, value: object) -> object:
        if isinstance(value, str):
            return self.mask(value)
        if isinstance(value, Mapping):
            return {
                name: _MASK if str(name).lower() in _SECRET_FIELDS else self._masked(inner)
                for name, inner in value.items()
            }
        if isinstance(value, list | tuple | set | frozenset):
            return [self._masked(inner) for inner in value]
        if isinstance(value, bool | int | float | None):
            return value
        return self.mask(str(value))


redactor = Redactor()


def configure(level: str = "INFO") -> None:
    """Send our logs and those of the libraries through one redacting chain."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        # Tracebacks become text first, so that they are redacted like everything else.
        structlog.processors.format_exc_info,
        redactor,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.ExtraAdder(),
                *shared,
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.dev.ConsoleRenderer(colors=False)
                if sys.stderr.isatty()
                else structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    # They log whole requests at INFO, headers and bodies at DEBUG.
    for chatty in ("httpx", "httpcore", "slack_sdk", "slack_bolt", "aiohttp.access", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def get(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of a module."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
