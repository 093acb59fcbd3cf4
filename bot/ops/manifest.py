"""`manifest`: prints what a Slack app is created from, once its parts are what Slack takes."""

import json
import re
from collections.abc import Callable
from urllib.parse import urlsplit

from bot.commands.registry import SLASH
from bot.errors import ConfigError
from bot.slack.manifest import APP_NAME, creation_link, manifest

# https://docs.slack.dev/reference/app-manifest
_LONGEST_NAME = 35
_SLASH_COMMAND = re.compile(r"/[a-z0-9][a-z0-9_-]{0,30}")


def print_manifest(
    url: str | None,
    *,
    name: str | None,
    slash_command: str | None,
    link: bool,
    say: Callable[[str], object],
) -> None:
    """Print a manifest as JSON, or the address that creates an app from it.

    Args:
        url: Where Slack reaches the bot, for HTTP mode; None for Socket Mode.
        name: The app's name.
        slash_command: With or without the slash.
        link: Whether to print the address.
        say: Takes what is printed.

    Raises:
        ConfigError: Slack wouldn't take one of them.
    """
    problems = []
    if url is not None and not _is_public_address(url):
        problems.append("--url must be an https:// address with a host: Slack takes no other.")
    if name is not None and not 0 < len(name.strip()) <= _LONGEST_NAME:
        problems.append(f"--name must have 1 to {_LONGEST_NAME} characters.")
    slash = SLASH if slash_command is None else f"/{slash_command.removeprefix('/')}"
    if not _SLASH_COMMAND.fullmatch(slash):
        problems.append(
            "--command must be a word of small letters, digits, - and _, with 31 characters at"
            " most, such as /friendli-staging."
        )
    if problems:
        raise ConfigError(problems)
    made = manifest(url, name=name or APP_NAME, slash_command=slash)
    say(creation_link(made) if link else json.dumps(made, indent=2, ensure_ascii=False))


def _is_public_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        # Reading the port checks it.
        return parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
