"""`init`: writes a .env file with a new encryption key and the available tokens."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError

from bot.config import KeySettings, SlackSettings
from bot.db.encryption import new_encryption_key
from bot.domain.errors import ConfigError

Ask = Callable[[str], str]

_HEAD = (
    "# Written by `friendli-deploy init`. Keep it secret: these act for the bot, and the\n"
    "# encryption key opens the API keys in its database. Keep a copy of that key elsewhere.\n"
)


def write_env_file(
    path: Path, environment: Mapping[str, str], *, ask: Ask | None, say: Callable[[str], object]
) -> None:
    """Create a .env file that only its owner can read, or raise ConfigError and write nothing.

    Args:
        ask: Prompts for a secret, which may be empty; None without a terminal.
    """
    if os.path.lexists(path):
        raise ConfigError([_exists(path)])
    tokens = _tokens(environment, ask, say)
    keys = environment.get("ENCRYPTION_KEYS", "").strip()
    if keys:
        _check("encryption_keys", keys)
    lines = [_line(name, value) for name, value in tokens.items()]
    lines.append(f"ENCRYPTION_KEYS={keys or new_encryption_key()}\n")
    _create(path, _HEAD + "".join(lines))
    say(f"Wrote {path}, which only you can read.")
    missing = [name for name, value in tokens.items() if not value]
    for name in missing:
        how = SlackSettings.model_fields[name.lower()].description
        say(f"{name} is still to be filled in. {how}")
    if missing:
        say("Then try `friendli-deploy doctor`, and start `friendli-deploy serve`.")
    else:
        say("Next: `friendli-deploy doctor`, then `friendli-deploy serve`.")


def _tokens(
    environment: Mapping[str, str], ask: Ask | None, say: Callable[[str], object]
) -> dict[str, str]:
    tokens = {"SLACK_BOT_TOKEN": _token("slack_bot_token", environment, ask, say)}
    app = _token("slack_app_token", environment, ask, say, "; leave it empty for HTTP mode")
    secret = environment.get("SLACK_SIGNING_SECRET", "")
    if app or not (secret or ask):
        # Without any answer, Socket Mode: it needs no public address.
        return tokens | {"SLACK_APP_TOKEN": app}
    return tokens | {"SLACK_SIGNING_SECRET": _token("slack_signing_secret", environment, ask, say)}


def _token(
    name: str,
    environment: Mapping[str, str],
    ask: Ask | None,
    say: Callable[[str], object],
    note: str = "",
) -> str:
    given = environment.get(name.upper(), "").strip()
    if given:
        return _check(name, given)
    while ask is not None:
        given = ask(f"{name.upper()} (not shown{note})").strip()
        if not given:
            break
        try:
            return _check(name, given)
        except ConfigError as error:
            say("\n".join(error.problems))
    return ""


def _check(name: str, value: str) -> str:
    kind = KeySettings if name in KeySettings.model_fields else SlackSettings
    field = kind.model_fields[name]
    type_: Any = (
        Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
    )
    try:
        TypeAdapter(type_).validate_python(value)
    except ValidationError as error:
        wrong = error.errors(include_input=False)[0]["msg"].removeprefix("Value error, ")
        raise ConfigError([f"{name.upper()} {wrong}. {field.description}"]) from None
    return value


def _line(name: str, value: str) -> str:
    return f"{name}={value}\n" if value else f"# {name}=\n"


def _create(path: Path, content: str) -> None:
    try:
        # EXCL: a file that appeared meanwhile, or a link to one, isn't overwritten either.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigError([_exists(path)]) from None
    except OSError as error:
        raise ConfigError([f"{path} can't be created ({error.strerror})."]) from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)


def _exists(path: Path) -> str:
    return (
        f"{path} exists and stays as it is: another encryption key would make the stored API keys"
        " unreadable. Edit it, or write another file with --file."
    )
