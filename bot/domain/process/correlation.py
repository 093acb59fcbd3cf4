"""The reference of a request: in each log line about it, and on the rows that it writes.

A request from Slack gets a reference when it arrives. It is the one that a person is shown if the
request fails. Workers that go on with a row bind the row's, so that the log line of the click and
that of the last message share it.
"""

import structlog

from bot.domain.errors import new_reference


def begin(**fields: str) -> None:
    """Begin a request: what this task logs and writes from now on has a new reference.

    Args:
        fields: What else each log line gets; empty ones are left out.
    """
    structlog.contextvars.clear_contextvars()
    bind(new_reference(), **fields)


def bind(reference: str | None, **fields: str) -> None:
    """Go on with a request whose reference was read from a row; None for none."""
    known = {name: value for name, value in fields.items() if value}
    if reference is None:
        structlog.contextvars.unbind_contextvars("reference")
    else:
        known["reference"] = reference
    structlog.contextvars.bind_contextvars(**known)


def reference() -> str | None:
    """Of the request that is being handled; None outside of one."""
    found = structlog.contextvars.get_contextvars().get("reference")
    return found if isinstance(found, str) else None


def reference_to_show() -> str:
    """The same, made up where there is none: for what a person or a log line needs one."""
    return reference() or new_reference()
