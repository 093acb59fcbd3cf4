"""The reference of a request: in each log line about it, and on the rows that it writes.

A request from Slack gets a reference on arrival, which the user sees if it fails. Workers bind the
reference of the row they handle, so that the log lines from click to last message share it.
"""

import structlog

from bot.domain.errors import new_reference


def begin(**fields: str) -> None:
    """Begin a request: log lines and rows of this task have a new reference from now on."""
    structlog.contextvars.clear_contextvars()
    bind(new_reference(), **fields)


def bind(reference: str | None, **fields: str) -> None:
    """Continue a request by its row's reference; None for none."""
    known = {name: value for name, value in fields.items() if value}
    if reference is None:
        structlog.contextvars.unbind_contextvars("reference")
    else:
        known["reference"] = reference
    structlog.contextvars.bind_contextvars(**known)


def reference() -> str | None:
    found = structlog.contextvars.get_contextvars().get("reference")
    return found if isinstance(found, str) else None


def reference_to_show() -> str:
    """The current request's, or a new one where one has to be shown."""
    return reference() or new_reference()
