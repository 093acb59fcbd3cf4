"""Every setting, once: its environment variable, its default and how to get it."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from platformdirs import user_data_path
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from sqlalchemy import make_url

from bot.domain.instances import PUBLISHED_PRICES, Prices
from bot.domain.process.role import Role
from bot.domain.process.setting_loading import load_only
from bot.domain.process.setting_sources import SecretConflicts, SecretFiles, Unusable
from bot.domain.process.setting_types import (
    BaseAddress,
    DatabaseAddress,
    Days,
    EncryptionKeys,
    GpuPrices,
    Seconds,
    Secret,
    SuiteAddress,
    UserIds,
    WebAddress,
    folder,
    mistaken,
)
from bot.domain.process.slash_setting import DEFAULT_SLASH, SLASH_COMMAND_PATTERN


def _lowered(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


class CommonSettings(BaseSettings):
    """What every command reads: the environment, then a .env file, then files of secrets.

    Durations are in seconds. The description of a field says how to get or write the setting; it
    is part of the error message when the setting is missing or malformed.
    """

    model_config = SettingsConfigDict(
        env_file=".env",
        extra="ignore",
        hide_input_in_errors=True,
        env_ignore_empty=True,
        frozen=True,
    )

    # The first, since what else is needed depends on it.
    role: Annotated[Role, BeforeValidator(_lowered)] = Field(
        Role.ALL, description="Write all, front or worker."
    )
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(lambda word: word.upper())
    ] = Field("INFO", description="Write DEBUG, INFO, WARNING or ERROR.")
    secrets_dir: Annotated[Path, AfterValidator(folder)] | None = Field(
        None, description="Name a folder that holds a file for each secret."
    )

    @field_validator("*", mode="before")
    @classmethod
    def _usable(cls, value: object) -> object:
        if isinstance(value, Unusable):
            raise ValueError(value.reason)  # noqa: TRY004 - pydantic takes no other error
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - ours does more
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment goes before the .env file, and both go before files of secrets."""
        variables: dict[str, str | None] = {}
        for source in (dotenv_settings, env_settings):
            if isinstance(source, EnvSettingsSource):
                variables |= source.env_vars
        files = SecretFiles(settings_cls, variables)
        conflicts = SecretConflicts(settings_cls, files)
        return (init_settings, conflicts, env_settings, dotenv_settings, files)

    def secrets(self) -> Iterator[str]:
        """Every secret among the settings, for logs to mask."""
        for _, value in self:
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, SecretStr):
                    yield part.get_secret_value()


class SlackSettings(CommonSettings):
    """What it takes to call Slack, and to be called by it."""

    slack_bot_token: Annotated[Secret, AfterValidator(mistaken("xapp-", "xoxp-"))] = Field(
        description="Copy it from your Slack app: OAuth & Permissions → Bot User OAuth Token"
        " (xoxb-…)."
    )
    slack_app_token: Annotated[Secret, AfterValidator(mistaken("xox"))] | None = Field(
        None,
        description="Copy it from your Slack app: Basic Information → App-Level Tokens, one with"
        " the scope connections:write (xapp-…).",
    )
    slack_signing_secret: Annotated[Secret, AfterValidator(mistaken("xox", "xapp-"))] | None = (
        Field(
            None,
            validate_default=True,
            description="Copy it from your Slack app: Basic Information → Signing Secret; or set"
            " SLACK_APP_TOKEN to use Socket Mode.",
        )
    )
    slack_client_id: None = Field(None, description="Unset it, and set SLACK_BOT_TOKEN.")
    slack_client_secret: None = Field(None, description="Unset it, and set SLACK_BOT_TOKEN.")
    slack_api_url: BaseAddress = Field(
        "https://slack.com/api/", description="Unset it for https://slack.com/api/."
    )
    slack_timeout: Seconds = 15
    slash_command: str = Field(
        DEFAULT_SLASH,
        pattern=SLASH_COMMAND_PATTERN,
        description="Write the slash command of your Slack app, such as /friendli-staging.",
    )

    @field_validator("slack_signing_secret")
    @classmethod
    def _one_way_in(cls, value: SecretStr | None, before: ValidationInfo) -> SecretStr | None:
        # An app token that is malformed isn't there, and is a problem of its own.
        takes_requests = before.data.get("role", Role.ALL).takes_requests
        if (
            value is None
            and takes_requests
            and before.data.get("slack_app_token", "malformed") is None
        ):
            raise ValueError("is missing")
        return value

    @field_validator("slack_client_id", "slack_client_secret", mode="before")
    @classmethod
    def _one_workspace(cls, value: object) -> None:
        if value is not None:
            raise ValueError("can't be used: this bot serves one workspace")

    @property
    def socket_mode(self) -> bool:
        """Whether Slack is listened to over a websocket of ours instead of its own requests."""
        return self.slack_app_token is not None


class FriendliSettings(CommonSettings):
    """What it takes to call Friendli's API, beside the API keys in the database."""

    friendli_api_url: WebAddress = Field(
        "https://api.friendli.ai", description="Unset it for https://api.friendli.ai."
    )
    friendli_token: Secret | None = Field(
        None, description="Make one at https://friendli.ai/suite/~/setting/keys (flp_…)."
    )
    friendli_retry_wait: Seconds = 0.5


class DatabaseSettings(CommonSettings):
    """What it takes to open the database."""

    database_url: DatabaseAddress | None = Field(
        None,
        validate_default=True,
        description="Write sqlite:////folder/file.sqlite3 or postgresql://user:password@host/name.",
    )
    data_dir: Annotated[Path, AfterValidator(Path.expanduser)] = Field(
        default_factory=lambda: user_data_path("friendli-deploy"),
        description="Name a folder that the bot may write to.",
    )

    @field_validator("database_url")
    @classmethod
    def _shared(cls, value: SecretStr | None, before: ValidationInfo) -> SecretStr | None:
        # A file belongs to one process: elsewhere, nobody would see what a front wrote into it.
        role = before.data.get("role", Role.ALL)
        address = "sqlite:" if value is None else value.get_secret_value()
        if role is not Role.ALL and address.startswith("sqlite"):
            raise ValueError(f"must lead to PostgreSQL for ROLE {role}")
        return value

    @cached_property
    def database(self) -> str:
        """The database's URL; an SQLite file in the data folder if none is set."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.data_dir / 'friendli-deploy.sqlite3'}"

    def secrets(self) -> Iterator[str]:
        """The database's password too, which is a part of its address."""
        yield from super().secrets()
        address = make_url(self.database)
        for secret in (address.password, address.query.get("sslpassword")):
            if isinstance(secret, str) and secret:
                yield secret


class KeySettings(DatabaseSettings):
    """What it takes to decrypt the API keys in the database."""

    encryption_keys: EncryptionKeys = Field(
        description="Make one with `friendli-deploy keys new`; several are separated by commas,"
        " and the first encrypts."
    )
    # After so long without a word from it, a replica counts as gone.
    replica_silent_after: Seconds = 30


class HubSettings(CommonSettings):
    """What it takes to read models from the Hugging Face Hub, and to price them."""

    hf_endpoint: WebAddress = Field(
        "https://huggingface.co", description="Unset it for https://huggingface.co."
    )
    gpu_prices: GpuPrices = Field(
        "", description="Write dollars per GPU-hour, such as H100=4.5,B200=8."
    )
    hf_token: Secret | None = Field(
        None, description="Make one at https://huggingface.co/settings/tokens (hf_…), for reading."
    )

    @cached_property
    def prices(self) -> Prices:
        """GPU prices with the operator's overrides."""
        return PUBLISHED_PRICES.override(self.gpu_prices)


class Settings(KeySettings, FriendliSettings, SlackSettings, HubSettings):
    """Everything that a running bot reads."""

    friendli_suite_url: SuiteAddress = Field(
        "https://friendli.ai/suite/{team}/{project}/dedicated-endpoints/{endpoint}",
        description="Write an endpoint's address with {team}, {project} and {endpoint} in it.",
    )
    friendli_integrations_url: WebAddress = Field(
        "https://friendli.ai/suite/~/setting/integrations",
        description="Unset it for Friendli Suite's own page.",
    )
    host: str = Field(
        "127.0.0.1",
        description="Name one of this machine's addresses, or 0.0.0.0 for all of them.",
    )
    port: int = Field(3000, ge=0, le=65535, description="Write a free port, from 1 to 65535.")
    admins: UserIds = Field(
        frozenset(),
        description="Write Slack user ids, separated by commas"
        " (in a person's profile: ⋮ → Copy member ID).",
    )

    poll_seconds_transitional: Seconds = 5
    poll_seconds_stable: Seconds = 60
    poll_seconds_ended: Seconds = 600
    outage_notify_after: Seconds = 300
    create_give_up_after: Seconds = 600
    create_timeout: Seconds = 25
    # How long a person waits for a list, and a menu for its options: Slack gives it three seconds.
    list_timeout: Seconds = 10
    menu_timeout: Seconds = 2
    late_search_window: Seconds = 24 * 3600
    gone_confirmed_after: Seconds = 60
    unknown_notify_after: Seconds = 300
    # How long before the end of its time an endpoint's thread is told: a tenth of it, within these.
    lifetime_notice_min: Seconds = 600
    lifetime_notice_max: Seconds = 3600
    # An endpoint whose time is over and that Friendli doesn't end: the first pause, and for how
    # long it is tried.
    lifetime_end_retry: Seconds = 600
    lifetime_end_give_up_after: Seconds = 24 * 3600
    # A phase counts as stuck after this while too few others like it are known.
    stuck_after: Seconds = 1800
    # A scheduled wake-up that comes later than this isn't done any more.
    schedule_grace: Seconds = 600
    slack_message_interval: Seconds = 1
    slack_edit_interval: Seconds = 1.3
    slack_reconcile_over: Seconds = 60
    slack_stopped_retry: Seconds = 600
    lease: Seconds = 60
    # Until Slack or the database is tried again that couldn't be reached when the bot started.
    reconnect_after: Seconds = 5
    # For how long Slack or Friendli fails before /readyz and the gauges follow.
    unready_after: Seconds = 60
    shutdown_timeout: Seconds = 8
    keep_finished_days: Days = 90
    # How often it is looked for what has been kept for so long.
    retention_interval: Seconds = 3600

    @field_validator("lease")
    @classmethod
    def _outlast_requests(cls, value: float, before: ValidationInfo) -> float:
        # Whoever takes a row over must not meet a request of its holder that is still under way.
        for name in ("create_timeout", "slack_timeout"):
            if value <= before.data.get(name, 0):
                raise ValueError(f"must be longer than {name.upper()}")
        return value

    def suite_link(self, *, team: str, project: str, endpoint: str) -> str | None:
        """The endpoint's page in Friendli Suite; None while a part of the address is unknown."""
        if not (team and project and endpoint):
            return None
        return self.friendli_suite_url.format(team=team, project=project, endpoint=endpoint)


__all__ = [
    "CommonSettings",
    "DatabaseSettings",
    "FriendliSettings",
    "HubSettings",
    "KeySettings",
    "Settings",
    "SlackSettings",
    "load",
    "load_only",
]


def load(role: Role | None = None) -> Settings:
    """Read the settings of a running bot.

    Args:
        role: Goes before the environment's.

    Raises:
        ConfigError: with one line for each setting that is missing or malformed.
    """
    return load_only(Settings, **({} if role is None else {"role": role}))
