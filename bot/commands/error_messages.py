"""What people read when a request fails."""

from collections.abc import Mapping
from typing import Any

import structlog
from pydantic import ValidationError

from bot.db.outages import error_name, is_outage
from bot.domain.errors import UserError
from bot.domain.process import correlation
from bot.domain.process.metrics import DATABASE_ERRORS, DEFECTS
from bot.messages.answer import answer
from bot.messages.body import Body
from bot.slack.responses import message_view

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class OutdatedReplicaError(UserError):
    """Another version has migrated the database; this process waits to be replaced."""

    def __init__(self) -> None:
        super().__init__(
            "The bot is being upgraded, so nothing was started.",
            hint="Try again in a minute.",
        )


def error_message(error: Exception) -> Body:
    """Return what the person reads; log what operators need."""
    if isinstance(error, UserError):
        return answer(error.message, hint=error.hint, buttons=error.actions)
    reference = correlation.reference_to_show()
    if is_outage(error):
        DATABASE_ERRORS.labels("web").inc()
        log.warning("database unavailable", reference=reference, error=error_name(error))
        return answer(
            "I can't reach my database right now, so nothing was started. Try again in a minute.",
            hint=f"Reference `{reference}`, for whoever runs this bot.",
        )
    DEFECTS.labels("web").inc()
    log.error("failed in front of a person", reference=reference, exc_info=error)
    if isinstance(error, ValidationError):
        return answer(
            "This is from an older version of the bot. Type the command again.",
            hint=f"Reference `{reference}`, for whoever runs this bot.",
        )
    return answer(
        "Something went wrong on our side; your endpoints weren't touched.",
        hint=f"Reference `{reference}`, for whoever runs this bot.",
    )


def form_error(view: Mapping[str, Any], error: Exception) -> dict[str, Any]:
    """The acknowledgement of a form that failed; after a transient error the form stays open."""
    message = error_message(error)
    is_transient = isinstance(error, OutdatedReplicaError) or is_outage(error)
    fields = [block["block_id"] for block in view.get("blocks", ()) if block.get("type") == "input"]
    if is_transient and fields:
        return {"response_action": "errors", "errors": {fields[0]: message.text.replace("`", "")}}
    return {"response_action": "update", "view": message_view(message)}
