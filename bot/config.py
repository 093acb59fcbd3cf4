"""Every setting, once: its environment variable, its default and how to get it."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Self

from cryptography.fernet import Fernet
from platformdirs import user_data_path
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from bot.errors import ConfigError
from bot.friendli.instances import PUBLISHED_PRICES, Prices

# What to say when a setting is missing or can't be read: how to get it.
_HOW_TO_GET: Mapping[str, str] = {
    "SLACK_BOT_TOKEN": "in your Slack app, OAuth & Permissions → Bot User OAuth Token (xoxb-…)",
    "SLACK_SIGNING_SECRET": "in your Slack app, Basic Information → Signing Secret; "
    "or set SLACK_APP_TOKEN for Socket Mode",
    "SLACK_APP_TOKEN": "in your Slack app, Basic Information → App-Level Tokens, "
    "with the scope connections:write (xapp-…)",
    "ENCRYPTION_KEYS": "make one with `friendli-deploy keys new`",
    "DATABASE_URL": "sqlite:///path/to/file or postgresql://user:password@host/name",
    "GPU_PRICES": "dollars per GPU-hour, such as H100=4.5,B200=8",
    "ADMINS": "Slack user ids, comma-separated (a person's profile → ⋮ → Copy member ID)",
}

Seconds = Annotated[float, Field(gt=0)]


class Settings(BaseSettings):
    """Read from the environment, then from a .env file in the working folder.

    Durations are in seconds.
    """

    model_config = SettingsConfigDict(
        env_file=".env",
        extra="ignore",
        hide_input_in_errors=True,
        env_ignore_empty=True,
        frozen=True,
    )

    slack_bot_token: SecretStr
    slack_signing_secret: SecretStr | None = None
    slack_app_token: SecretStr | None = None
    slack_api_url: str = "https://slack.com/api/"
    friendli_api_url: str = "https://api.friendli.ai"
    friendli_token: SecretStr | None = None
    friendli_suite_url: str = (
        "https://friendli.ai/suite/{team}/{project}/dedicated-endpoints/{endpoint}"
    )
    friendli_integrations_url: str = "https://friendli.ai/suite/~/setting/integrations"
    hf_endpoint: str = "https://huggingface.co"
    gpu_prices: str = ""
    database_url: str = ""
    data_dir: Path = Field(default_factory=lambda: user_data_path("friendli-deploy"))
    encryption_keys: Annotated[list[SecretStr], NoDecode] = Field(min_length=1)
    host: str = "127.0.0.1"
    port: int = Field(default=3000, ge=0, le=65535)
    admins: Annotated[frozenset[str], NoDecode] = frozenset()
    log_level: str = "INFO"

    poll_seconds_moving: Seconds = 5
    poll_seconds_steady: Seconds = 60
    poll_seconds_ended: Seconds = 600
    outage_told_after: Seconds = 300
    create_give_up_after: Seconds = 600
    create_timeout: Seconds = 25
    look_late_for: Seconds = 24 * 3600
    gone_confirmed_after: Seconds = 60
    unknown_told_after: Seconds = 300
    lease: Seconds = 60
    slack_message_interval: Seconds = 1
    slack_edit_interval: Seconds = 1.3
    slack_reconcile_over: Seconds = 60
    slack_stopped_retry: Seconds = 600
    slack_timeout: Seconds = 15
    shutdown_timeout: Seconds = 8

    @field_validator("encryption_keys", mode="before")
    @classmethod
    def _split_keys(cls, value: object) -> object:
        return [part.strip() for part in value.split(",")] if isinstance(value, str) else value

    @field_validator("encryption_keys")
    @classmethod
    def _check_keys(cls, value: list[SecretStr]) -> list[SecretStr]:
        for key in value:
            try:
                Fernet(key.get_secret_value())
            except ValueError:
                raise ValueError("has a key that isn't 32 bytes in URL-safe base64") from None
        return value

    @field_validator("admins", mode="before")
    @classmethod
    def _split_admins(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return frozenset(part.strip() for part in value.split(",") if part.strip())

    @field_validator("gpu_prices")
    @classmethod
    def _check_prices(cls, value: str) -> str:
        PUBLISHED_PRICES.override(value)
        return value

    @field_validator("slack_api_url")
    @classmethod
    def _end_with_slash(cls, value: str) -> str:
        return value.rstrip("/") + "/"

    @field_validator("friendli_api_url", "hf_endpoint")
    @classmethod
    def _end_without_slash(cls, value: str) -> str:
        return value.rstrip("/")

    @field_validator("database_url")
    @classmethod
    def _check_database(cls, value: str) -> str:
        if value:
            try:
                backend = make_url(value).get_backend_name()
            except ArgumentError:
                raise ValueError("isn't a database URL") from None
            if backend not in {"sqlite", "postgresql"}:
                raise ValueError(f"names {backend}; only SQLite and PostgreSQL work")
        return value

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if self.slack_app_token is None and self.slack_signing_secret is None:
            raise ValueError("SLACK_SIGNING_SECRET is missing")
        return self

    @property
    def socket_mode(self) -> bool:
        """Whether Slack is listened to over a websocket of ours instead of its own requests."""
        return self.slack_app_token is not None

    @cached_property
    def database(self) -> str:
        """The database's URL; an SQLite file in the data folder if none is set."""
        return self.database_url or f"sqlite:///{self.data_dir / 'friendli-deploy.sqlite3'}"

    @cached_property
    def prices(self) -> Prices:
        """GPU prices with the operator's overrides."""
        return PUBLISHED_PRICES.override(self.gpu_prices)

    def suite_link(self, *, team: str, project: str, endpoint: str) -> str | None:
        """The endpoint's page in Friendli Suite; None while a part of the address is unknown."""
        if not (team and project and endpoint):
            return None
        return self.friendli_suite_url.format(team=team, project=project, endpoint=endpoint)


def load() -> Settings:
    """Read the settings.

    Raises:
        ConfigError: with one line for each setting that is missing or malformed.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise ConfigError([_problem(dict(e)) for e in error.errors()]) from None


def _problem(error: Mapping[str, object]) -> str:
    location = error["loc"]
    message = str(error["msg"]).removeprefix("Value error, ")
    if not isinstance(location, tuple) or not location:
        name = message.split(" ", 1)[0]
        message = message.removeprefix(name).strip()
    else:
        name = str(location[0]).upper()
    if error["type"] == "missing":
        message = "is missing"
    how = _HOW_TO_GET.get(name)
    return f"{name} {message[:1].lower()}{message[1:]}" + (f": {how}" if how else "")
