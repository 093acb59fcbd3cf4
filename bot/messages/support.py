"""Where Friendli's support is written to, and a message to it."""

from datetime import UTC
from typing import Any
from urllib.parse import quote

from bot.domain.deployment_view import DeploymentView
from bot.messages.blocks import context, plain, section
from bot.messages.markup import escape

ADDRESS = "support@friendli.ai"
# Of a section, less what surrounds the message.
_MOST_CHARACTERS = 2_500
_MOST_TIMES = 20


def link(endpoint_id: str) -> str:
    """An e-mail that names the endpoint; mrkdwn."""
    subject = f"?subject={quote(f'Endpoint {endpoint_id}', safe='')}" if endpoint_id else ""
    return f"<mailto:{ADDRESS}{escape(subject)}|{ADDRESS}>"


def message(deployment: DeploymentView) -> str:
    """Plain text with the endpoint's id, its times and its error code."""
    state = deployment.endpoint_state
    error = (state.error_code if state is not None else None) or "none given"
    setup = deployment.setup
    model = f"{setup.model} on {setup.instance}" if setup.model else setup.instance
    times = [
        f"{one.observed_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}  "
        + ", ".join(filter(None, (one.state.status, one.state.phase, one.state.error_code)))
        for one in deployment.history[-_MOST_TIMES:]
    ]
    restarted = ["", "It was restarted, and failed again."] if deployment.was_restarted else []
    lines = [
        f"Our dedicated endpoint {deployment.endpoint_id} fails.",
        "",
        f"Endpoint: {deployment.endpoint_id}",
        f"Model: {model}",
        f"Error code: {error}",
        "Status changes (UTC):",
        *times,
        *restarted,
    ]
    return "\n".join(lines)[:_MOST_CHARACTERS]


def modal(deployment: DeploymentView) -> dict[str, Any]:
    """The message, to be copied."""
    return {
        "type": "modal",
        "title": plain("Write to support", 24),
        "close": plain("Close", 24),
        "blocks": [
            section(f"Copy this into a mail to {link(deployment.endpoint_id or '')}:"),
            section(f"```{escape(message(deployment).replace('`', ''))}```"),
            context("It contains no keys. Add what you changed before it failed."),
        ],
    }
