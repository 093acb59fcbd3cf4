"""Structured logs on standard error, with every secret masked."""

import logging
import sys

import structlog

from bot.domain.process.redaction import redactor
from bot.ops.log_limits import LogLimiter


def _report_left_out(logger: str, event: str, count: int) -> None:
    get(__name__).warning("left out log lines", like=event, of=logger, count=count)


def configure(level: str = "INFO") -> None:
    """Send our logs and those of libraries through one redacting chain to standard error.

    Each line is a JSON object, or formatted for reading on a terminal.
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
            # Before any expensive processor.
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
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
