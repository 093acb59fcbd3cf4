"""Validation of settings by type; no message quotes a value that could be a secret."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from cryptography.fernet import Fernet
from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    BeforeValidator,
    Field,
    SecretStr,
    TypeAdapter,
    ValidationError,
)
from pydantic_settings import NoDecode
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from bot.domain.instances import PUBLISHED_PRICES, PriceOverrideError

_YEAR = 366 * 24 * 3600.0
_WEB_ADDRESS = TypeAdapter(AnyHttpUrl)
# postgres:// is what many hosting platforms still use.
_BACKENDS = {"sqlite", "postgresql", "postgres"}
_ADDRESS_PARTS = {"team": "t", "project": "p", "endpoint": "e"}


def _word(secret: SecretStr) -> SecretStr:
    # It was copied by hand, and goes into a header.
    value = secret.get_secret_value().strip()
    if not value:
        raise ValueError("is empty")
    if any(not "!" <= char <= "~" or char in "\"'" for char in value):
        raise ValueError("has a space, a quotation mark or another character that can't be in it")
    return SecretStr(value)


def mistaken(*prefixes: str) -> Callable[[SecretStr], SecretStr]:
    """Refuse tokens of other kinds, by their prefixes."""

    def check(secret: SecretStr) -> SecretStr:
        if secret.get_secret_value().startswith(prefixes):
            raise ValueError("is another kind of token")
        return secret

    return check


def folder(value: Path) -> Path:
    path = value.expanduser()
    if not path.is_dir():
        raise ValueError("isn't a folder")
    return path


def _web_address(value: str) -> str:
    try:
        _WEB_ADDRESS.validate_python(value)
    except ValidationError:
        raise ValueError("isn't a web address") from None
    return value.rstrip("/")


def _base_address(value: str) -> str:
    return f"{value}/"


def _suite_address(value: str) -> str:
    try:
        filled = value.format_map(_ADDRESS_PARTS)
    except (LookupError, AttributeError, ValueError):
        raise ValueError("has something else in braces") from None
    _web_address(filled)
    return value


def _database(value: SecretStr) -> SecretStr:
    try:
        url = make_url(value.get_secret_value())
    except (ArgumentError, ValueError):
        raise ValueError("isn't a database's address") from None
    if url.get_backend_name() not in _BACKENDS:
        raise ValueError("leads to neither SQLite nor PostgreSQL")
    if url.get_backend_name() == "sqlite" and url.database in {None, "", ":memory:"}:
        raise ValueError("names no file, and a database in memory would forget everything")
    return value


def _encryption_keys(value: list[SecretStr]) -> list[SecretStr]:
    if not value:
        raise ValueError("is empty")
    for number, key in enumerate(value, 1):
        try:
            Fernet(key.get_secret_value())
        except ValueError:
            raise ValueError(f"number {number} isn't 32 bytes in URL-safe base64") from None
    return value


def _user_ids(value: frozenset[str]) -> frozenset[str]:
    for user in sorted(value):
        if not (user.startswith(("U", "W")) and user.isalnum() and user.isupper()):
            raise ValueError(f"names {user!r}, which isn't a Slack user id")
    return value


def _prices(value: str) -> str:
    try:
        PUBLISHED_PRICES.override(value)
    except PriceOverrideError as error:
        raise ValueError(f"can't be read: {error}") from None
    return value


def _split(value: object) -> object:
    if not isinstance(value, str):
        return value
    return [part.strip() for part in value.split(",") if part.strip()]


Secret = Annotated[SecretStr, AfterValidator(_word)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
# The base of slack_sdk's method URLs. A function of ours, not "{}/".format: pydantic can't read
# that one's signature since Python 3.13.
BaseAddress = Annotated[WebAddress, AfterValidator(_base_address)]
SuiteAddress = Annotated[str, AfterValidator(_suite_address)]
DatabaseAddress = Annotated[SecretStr, AfterValidator(_database)]
EncryptionKeys = Annotated[
    list[SecretStr], NoDecode, BeforeValidator(_split), AfterValidator(_encryption_keys)
]
UserIds = Annotated[frozenset[str], NoDecode, BeforeValidator(_split), AfterValidator(_user_ids)]
GpuPrices = Annotated[str, AfterValidator(_prices)]
Seconds = Annotated[
    float,
    Field(
        gt=0,
        le=_YEAR,
        allow_inf_nan=False,
        description="Write a number of seconds, more than 0 and a year at most.",
    ),
]
DollarsPerHour = Annotated[
    Decimal,
    Field(
        ge=0,
        le=1_000_000_000,
        allow_inf_nan=False,
        description="Write dollars per hour, such as 100.",
    ),
]
Days = Annotated[
    float,
    Field(
        gt=0,
        le=36_500,
        allow_inf_nan=False,
        description="Write a number of days, more than 0 and a century at most.",
    ),
]
