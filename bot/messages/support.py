"""Where Friendli's support is written to."""

from urllib.parse import quote

from bot.messages.markup import escape

ADDRESS = "support@friendli.ai"


def link(endpoint_id: str) -> str:
    """An e-mail that names the endpoint; mrkdwn."""
    subject = f"?subject={quote(f'Endpoint {endpoint_id}', safe='')}" if endpoint_id else ""
    return f"<mailto:{ADDRESS}{escape(subject)}|{ADDRESS}>"
