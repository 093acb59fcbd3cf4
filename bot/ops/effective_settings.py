"""The effective settings, even if some are unusable."""

import difflib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from sqlalchemy import make_url

from bot.config import RENAMED, Settings
from bot.db.encryption import new_encryption_key
from bot.domain.process.redaction import redactor
from bot.domain.process.setting_loading import UNREADABLE_ENV_FILE, problems_of
from bot.domain.process.setting_sources import FILE_SUFFIX, holds_secret

_HIDDEN = "(hidden)"
# Placeholders only let the other settings load.
_PLACEHOLDERS: Mapping[str, object] = {
    "slack_bot_token": "unset",
    "slack_app_token": "unset",
    "slack_signing_secret": "unset",
    "database_url": "postgresql://unset/unset",
    "lease": 24 * 3600,
}
# Prefixes of names that are meant for this bot.
_PREFIXES = ("SLACK_", "FRIENDLI_", "ENCRYPTION_", "POLL_SECONDS_")
_SIMILAR = 0.8


@dataclass(frozen=True, slots=True)
class EffectiveSettings:
    """Loaded settings.

    Attributes:
        settings: With placeholders for unusable ones.
        problems: A line for each unusable setting, by its field; '' is the .env file.
    """

    settings: Settings
    problems: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ShownSetting:
    """One setting for display; `value` is never a secret."""

    name: str
    value: str
    is_default: bool


def read_settings() -> EffectiveSettings:
    """Load all settings; an unusable one doesn't hide the others."""
    problems: dict[str, str] = {}
    given: dict[str, Any] = {}
    if not _is_env_file_readable():
        problems[""] = UNREADABLE_ENV_FILE
        given["_env_file"] = None
    try:
        return EffectiveSettings(Settings(**given), problems)
    except ValidationError as error:
        problems |= problems_of(Settings, error)
    for name in filter(None, problems):
        given[name] = _substitute(name, Settings.model_fields[name])
    try:
        return EffectiveSettings(Settings(**given), problems)
    except ValidationError as error:
        # Defaults may conflict with other settings; placeholders don't.
        given |= {name: _PLACEHOLDERS[name] for name in problems_of(Settings, error)}
    return EffectiveSettings(Settings(**given), problems)


def shown_settings(effective: EffectiveSettings) -> Iterator[ShownSetting]:
    """Every setting in order, with secrets hidden."""
    settings = effective.settings
    for name, field in Settings.model_fields.items():
        is_default = name not in settings.model_fields_set
        if name in effective.problems:
            yield ShownSetting(name.upper(), "(can't be used)", is_default=False)
        else:
            value = _text(name, field, getattr(settings, name), settings)
            yield ShownSetting(name.upper(), redactor.mask(value), is_default)


def changed_settings(settings: Settings) -> dict[str, str]:
    every = shown_settings(EffectiveSettings(settings, {}))
    return {one.name: one.value for one in every if not one.is_default}


@dataclass(frozen=True, slots=True)
class UnknownName:
    """A variable that looks like a setting and isn't one.

    Attributes:
        place: "environment" or ".env".
        meant: The setting that was probably meant.
        is_renamed: Whether it is the former name of that setting.
    """

    name: str
    place: str
    meant: str | None
    is_renamed: bool

    def __str__(self) -> str:
        if self.is_renamed:
            return f"{self.name} ({self.place}) is now called {self.meant} and has no effect."
        hint = f"Did you mean {self.meant}?" if self.meant else "bot/REFERENCE.md lists them."
        return f"{self.name} ({self.place}) is no setting of this bot and has no effect. {hint}"


def unknown_names() -> Iterator[UnknownName]:
    known = {name.upper() for name in Settings.model_fields}
    secret = [
        name for name, field in Settings.model_fields.items() if holds_secret(field.annotation)
    ]
    known |= {f"{name.upper()}{FILE_SUFFIX}" for name in secret}
    places: dict[str, Mapping[str, object]] = {"environment": os.environ}
    if _is_env_file_readable():
        places[".env"] = dotenv_values(".env")
    for place, names in places.items():
        for name in sorted(names):
            if name.upper() in known:
                continue
            if (renamed := RENAMED.get(name.upper())) is not None:
                yield UnknownName(name, place, renamed, is_renamed=True)
                continue
            meant = difflib.get_close_matches(name.upper(), sorted(known), n=1, cutoff=_SIMILAR)
            if meant or name.upper().startswith(_PREFIXES):
                yield UnknownName(name, place, meant[0] if meant else None, is_renamed=False)


def _is_env_file_readable() -> bool:
    try:
        Path(".env").read_text("utf-8")
    except FileNotFoundError:
        return True
    except (OSError, UnicodeDecodeError):
        return False
    return True


def _substitute(name: str, field: FieldInfo) -> object:
    if name == "encryption_keys":
        return [new_encryption_key()]
    default = field.get_default(call_default_factory=True, validated_data={})
    return _PLACEHOLDERS.get(name) if default in (None, PydanticUndefined) else default


def _text(name: str, field: FieldInfo, value: object, settings: Settings) -> str:
    if name == "database_url":
        url = make_url(settings.database)
        # A parameter may be a password, too.
        parameters = "?" + "&".join(f"{key}=…" for key in url.query) if url.query else ""
        return url.set(query={}).render_as_string(hide_password=True) + parameters
    if value is None or value == "":
        return ""
    if holds_secret(field.annotation):
        count = len(value) if isinstance(value, list) else 1
        return _HIDDEN if count == 1 else f"({count} hidden)"
    if isinstance(value, frozenset):
        return ",".join(sorted(map(str, value)))
    if isinstance(value, SecretStr):
        return _HIDDEN
    return f"{value:g}" if isinstance(value, float) else str(value)
