"""Credentials of requests to Friendli."""

from collections.abc import Generator
from dataclasses import dataclass

import httpx
from pydantic import SecretStr

from bot.domain.friendli_errors import MalformedCredentials


@dataclass(frozen=True, slots=True)
class Credentials:
    """An API key, and the team to act as ("" for the key's own).

    Raises:
        MalformedCredentials: The key is empty, or one has a character that a header can't carry
            (a space, a line break, anything that isn't ASCII).
    """

    api_key: SecretStr
    team_id: str = ""

    def __post_init__(self) -> None:
        # Checked here, since HTTP libraries' errors quote the refused header.
        if not self.api_key or not _fits_header(self.api_key.get_secret_value() + self.team_id):
            raise MalformedCredentials(
                "access", reason="the key or the team id can't stand in a header"
            )


def _fits_header(text: str) -> bool:
    return all("!" <= char <= "~" for char in text)


class CredentialHeaders(httpx.Auth):
    """Sets the key on the request itself, so that no variable of ours holds it in plain text."""

    def __init__(self, credentials: Credentials) -> None:
        self._access = credentials

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add `Authorization` and, for a named team, `X-Friendli-Team`."""
        request.headers["Authorization"] = f"Bearer {self._access.api_key.get_secret_value()}"
        if self._access.team_id:
            request.headers["X-Friendli-Team"] = self._access.team_id
        yield request


# Prefixes of other services' keys, as their makers document them.
_OTHER_KEYS = {
    "xoxb-": "a Slack bot token",
    "xoxp-": "a Slack user token",
    "xoxe": "a Slack refresh or configuration token",
    "xapp-": "a Slack app-level token",
    "hf_": "a Hugging Face token",
    "sk-": "a key of another model provider",
    "ghp_": "a GitHub token",
    "gho_": "a GitHub token",
    "ghu_": "a GitHub token",
    "ghs_": "a GitHub token",
    "github_pat_": "a GitHub token",
    "glpat-": "a GitLab token",
    "AKIA": "an AWS access key",
    "AIza": "a Google API key",
}


def key_of_another_service(key: SecretStr) -> str | None:
    """Whose key this is, such as "a Slack bot token"; None if it may be Friendli's."""
    typed = key.get_secret_value()
    return next((kind for start, kind in _OTHER_KEYS.items() if typed.startswith(start)), None)
