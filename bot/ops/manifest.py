"""`manifest`: prints a Slack app manifest from validated parts."""

import json
import re
from collections.abc import Callable
from urllib.parse import urlsplit

from bot.commands.manifest import APP_NAME, creation_link, manifest
from bot.domain.errors import ConfigError
from bot.domain.process.slash_setting import DEFAULT_SLASH, SLASH_COMMAND_PATTERN, VARIABLE

# https://docs.slack.dev/reference/app-manifest
_LONGEST_NAME = 35


def print_manifest(
    url: str | None,
    *,
    name: str | None,
    slash_command: str | None,
    link: bool,
    say: Callable[[str], object],
    advise: Callable[[str], object],
) -> None:
    """Print a manifest as JSON, or the URL that creates an app from it, or raise ConfigError.

    Args:
        url: Where Slack reaches the bot, for HTTP mode; None for Socket Mode.
    """
    problems = []
    if url is not None and not _is_public_address(url):
        problems.append("--url must be an https:// address with a host: Slack takes no other.")
    if name is not None and not 0 < len(name.strip()) <= _LONGEST_NAME:
        problems.append(f"--name must have 1 to {_LONGEST_NAME} characters.")
    slash = DEFAULT_SLASH if slash_command is None else f"/{slash_command.removeprefix('/')}"
    if not re.match(SLASH_COMMAND_PATTERN, slash):
        problems.append(
            "--command must be a word of small letters, digits, - and _, with 31 characters at"
            " most, such as /friendli-staging."
        )
    if problems:
        raise ConfigError(problems)
    document = manifest(url, name=name or APP_NAME, slash_command=slash)
    say(creation_link(document) if link else json.dumps(document, indent=2, ensure_ascii=False))
    if slash != DEFAULT_SLASH:
        advise(f"The bot of this app needs the setting {VARIABLE}={slash}")


def _is_public_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        # Reading the port validates it.
        return parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
