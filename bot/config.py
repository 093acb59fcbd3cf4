"""Every setting, once: its environment variable, its default, its meaning and how to get it.

`title` is the meaning; bot/REFERENCE.md lists them all (`python -m bot.ops.reference`).
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

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
    DollarsPerHour,
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

RENAMED: Mapping[str, str] = MappingProxyType(
    {
        "POLL_SECONDS_MOVING": "POLL_SECONDS_TRANSITIONAL",
        "POLL_SECONDS_STEADY": "POLL_SECONDS_STABLE",
        "OUTAGE_TOLD_AFTER": "OUTAGE_NOTIFY_AFTER",
        "UNKNOWN_TOLD_AFTER": "UNKNOWN_NOTIFY_AFTER",
        "LOOK_LATE_FOR": "LATE_SEARCH_WINDOW",
        "LIST_PATIENCE": "LIST_TIMEOUT",
        "MENU_PATIENCE": "MENU_TIMEOUT",
        "LEASE_NOTICE_LEAST": "LIFETIME_NOTICE_MIN",
        "LEASE_NOTICE_MOST": "LIFETIME_NOTICE_MAX",
        "LEASE_END_RETRY": "LIFETIME_END_RETRY",
        "LEASE_END_TRIED_FOR": "LIFETIME_END_GIVE_UP_AFTER",
        "FORGET_EVERY": "RETENTION_INTERVAL",
    }
)
"""Former name of a setting → its name now. `serve` and `doctor` point out a former one."""


def _role(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value.lower() == "front":
        raise ValueError("front is now called web")
    return value.lower()


def advanced(default: object, meaning: str, how: str | None = None) -> Any:  # noqa: ANN401 - as Field
    """A field that few operators ever set: the reference lists it, the README doesn't."""
    given: dict[str, Any] = {} if how is None else {"description": how}
    return Field(default, title=meaning, json_schema_extra={"advanced": True}, **given)


class CommonSettings(BaseSettings):
    """What every command reads. Errors end with the field's description: how to write it."""

    model_config = SettingsConfigDict(
        env_file=".env",
        extra="ignore",
        hide_input_in_errors=True,
        env_ignore_empty=True,
        frozen=True,
    )

    # The first, because it decides which others are required.
    role: Annotated[Role, BeforeValidator(_role)] = Field(
        Role.ALL,
        title="What `serve` does: everything, only answer Slack (web), or only work (worker)",
        description="Write all, web or worker.",
    )
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(lambda word: word.upper())
    ] = Field(
        "INFO",
        title="Logs are JSON on standard error, without secrets",
        description="Write DEBUG, INFO, WARNING or ERROR.",
    )
    secrets_dir: Annotated[Path, AfterValidator(folder)] | None = Field(
        None,
        title="A folder with a file per secret, named like the setting; or name one file, such as"
        " `SLACK_BOT_TOKEN_FILE=/path`",
        description="Name a folder that holds a file for each secret.",
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
        # The environment goes before the .env file, and both go before files of secrets.
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
        title="The app's bot token",
        description="Copy it from your Slack app: OAuth & Permissions → Bot User OAuth Token"
        " (xoxb-…).",
    )
    slack_app_token: Annotated[Secret, AfterValidator(mistaken("xox"))] | None = Field(
        None,
        title="Switches to Socket Mode, which needs no public address",
        description="Copy it from your Slack app: Basic Information → App-Level Tokens, one with"
        " the scope connections:write (xapp-…).",
    )
    slack_signing_secret: Annotated[Secret, AfterValidator(mistaken("xox", "xapp-"))] | None = (
        Field(
            None,
            validate_default=True,
            title="For HTTP mode: verifies Slack's requests",
            description="Copy it from your Slack app: Basic Information → Signing Secret; or set"
            " SLACK_APP_TOKEN to use Socket Mode.",
        )
    )
    # Refused: they belong to an app that several workspaces install.
    slack_client_id: None = Field(None, description="Unset it, and set SLACK_BOT_TOKEN.")
    slack_client_secret: None = Field(None, description="Unset it, and set SLACK_BOT_TOKEN.")
    slack_api_url: BaseAddress = advanced(
        "https://slack.com/api/", "Slack's Web API", "Unset it for https://slack.com/api/."
    )
    slack_timeout: Seconds = advanced(15, "Time limit of a request to Slack")
    slash_command: str = Field(
        DEFAULT_SLASH,
        pattern=SLASH_COMMAND_PATTERN,
        title="The slash command of the Slack app",
        description="Write the slash command of your Slack app, such as /friendli-staging.",
    )

    @field_validator("slack_signing_secret")
    @classmethod
    def _one_way_in(cls, value: SecretStr | None, before: ValidationInfo) -> SecretStr | None:
        # A malformed app token is absent from `before.data` and reported as its own problem.
        accepts_requests = before.data.get("role", Role.ALL).accepts_requests
        if (
            value is None
            and accepts_requests
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
        return self.slack_app_token is not None


class FriendliSettings(CommonSettings):
    """What it takes to call Friendli's API, beside the API keys in the database."""

    friendli_api_url: WebAddress = advanced(
        "https://api.friendli.ai", "Friendli's API", "Unset it for https://api.friendli.ai."
    )
    friendli_inference_url: WebAddress | None = advanced(
        None,
        "Friendli's inference API; FRIENDLI_API_URL and /dedicated/v1 if unset",
        "Unset it for https://api.friendli.ai/dedicated/v1.",
    )
    friendli_token: Secret | None = Field(
        None,
        title="The operator's Friendli API key, for targets connected without a key of their own",
        description="Make one at https://friendli.ai/suite/~/setting/keys (flp_…).",
    )
    friendli_retry_wait: Seconds = advanced(0.5, "First pause before a read request is repeated")

    @property
    def inference_url(self) -> str:
        """The base URL of OpenAI clients, without a trailing slash."""
        return self.friendli_inference_url or f"{self.friendli_api_url}/dedicated/v1"


class DatabaseSettings(CommonSettings):
    """What it takes to open the database."""

    database_url: DatabaseAddress | None = Field(
        None,
        validate_default=True,
        title="The database; an SQLite file in DATA_DIR if unset",
        description="Write sqlite:////folder/file.sqlite3 or postgresql://user:password@host/name.",
    )
    data_dir: Annotated[Path, AfterValidator(Path.expanduser)] = Field(
        default_factory=lambda: user_data_path("friendli-deploy"),
        title="Where the SQLite file is; the platform's user data folder if unset",
        description="Name a folder that the bot may write to.",
    )

    @field_validator("database_url")
    @classmethod
    def _shared(cls, value: SecretStr | None, before: ValidationInfo) -> SecretStr | None:
        # An SQLite file belongs to one process, so no worker would see what a web process writes.
        role = before.data.get("role", Role.ALL)
        address = "sqlite:" if value is None else value.get_secret_value()
        if role is not Role.ALL and address.startswith("sqlite"):
            raise ValueError(f"must lead to PostgreSQL for ROLE {role}")
        return value

    @cached_property
    def database(self) -> str:
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.data_dir / 'friendli-deploy.sqlite3'}"

    def secrets(self) -> Iterator[str]:
        yield from super().secrets()
        address = make_url(self.database)
        for secret in (address.password, address.query.get("sslpassword")):
            if isinstance(secret, str) and secret:
                yield secret


class KeySettings(DatabaseSettings):
    """What it takes to decrypt the API keys in the database."""

    encryption_keys: EncryptionKeys = Field(
        title="Encrypt the stored API keys",
        description="Make one with `friendli-deploy keys new`; several are separated by commas,"
        " and the first encrypts.",
    )
    replica_silent_after: Seconds = advanced(
        30, "A replica counts as gone after so long without a heartbeat"
    )


class HubSettings(CommonSettings):
    """What it takes to read models from the Hugging Face Hub, and to price them."""

    hf_endpoint: WebAddress = advanced(
        "https://huggingface.co", "The Hugging Face Hub", "Unset it for https://huggingface.co."
    )
    gpu_prices: GpuPrices = Field(
        "",
        title="Prices that differ from Friendli's list of October 2026",
        description="Write dollars per GPU-hour, such as H100=4.5,B200=8.",
    )
    hf_token: Secret | None = Field(
        None,
        title="Lets the checks of models read gated and private ones",
        description="Make one at https://huggingface.co/settings/tokens (hf_…), for reading.",
    )

    @cached_property
    def prices(self) -> Prices:
        return PUBLISHED_PRICES.override(self.gpu_prices)


class Settings(HubSettings, KeySettings, FriendliSettings, SlackSettings):
    """Everything that a running bot reads."""

    friendli_suite_url: SuiteAddress = advanced(
        "https://friendli.ai/suite/{team}/{project}/dedicated-endpoints/{endpoint}",
        "An endpoint's page, for buttons",
        "Write an endpoint's address with {team}, {project} and {endpoint} in it.",
    )
    friendli_integrations_url: WebAddress = advanced(
        "https://friendli.ai/suite/~/setting/integrations",
        "The page where a Hugging Face token is added, for buttons",
        "Unset it for Friendli Suite's own page.",
    )
    host: str = Field(
        "127.0.0.1",
        title="Serves `/slack/events`, `/healthz`, `/readyz` and `/metrics`",
        description="Name one of this machine's addresses, or 0.0.0.0 for all of them.",
    )
    port: int = Field(
        3000,
        ge=0,
        le=65535,
        title="The port of HOST",
        description="Write a free port, from 1 to 65535.",
    )
    admins: UserIds = Field(
        frozenset(),
        title="Who may connect targets, beside the workspace's admins",
        description="Write Slack user ids, separated by commas"
        " (in a person's profile: ⋮ → Copy member ID).",
    )
    keep_finished_days: Days = Field(
        90, title="Days after which finished deployments are deleted, with their messages"
    )

    poll_seconds_transitional: Seconds = Field(
        5, title="How often a project is listed while an endpoint changes"
    )
    poll_seconds_stable: Seconds = Field(60, title="How often while its endpoints run or sleep")
    poll_seconds_ended: Seconds = advanced(
        600, "How often while all its endpoints have failed or were terminated"
    )
    outage_notify_after: Seconds = Field(
        300, title="An outage of Friendli is posted to the threads after so long"
    )
    unknown_notify_after: Seconds = advanced(
        300, "A status that the bot doesn't know is posted to the thread after so long"
    )
    create_timeout: Seconds = advanced(25, "Time limit of a create request")
    create_give_up_after: Seconds = advanced(
        600, "How long the endpoint of an unanswered create request is searched for"
    )
    late_search_window: Seconds = advanced(
        24 * 3600, "How long it is searched for after the thread said that there is none"
    )
    gone_confirmed_after: Seconds = advanced(
        60, "An endpoint that isn't listed any more is posted as such after so long"
    )
    slow_notice_after: Seconds = advanced(0.8, "A click that takes longer gets a notice first")
    # Slack gives a menu three seconds.
    list_timeout: Seconds = advanced(10, "Time limit of what a person waits for, such as a list")
    menu_timeout: Seconds = advanced(2, "Time limit of what a menu or a form waits for")
    smoke_test: bool = advanced(
        True,  # noqa: FBT003 - as Field
        "Whether an endpoint gets a small test request when it starts, where its target allows it",
        "Write true or false.",
    )
    prompts_per_minute: Annotated[int, Field(ge=1)] = advanced(
        6, "How many prompts a person may send to an endpoint in a minute", "Write a number."
    )
    slack_stream_interval: Seconds = advanced(
        1, "Between two pieces of a streamed answer; longer while several are streamed"
    )
    smoke_test_give_up_after: Seconds = advanced(
        120, "How long a failing test request is repeated before it is posted to the thread"
    )
    confirm_price_above: DollarsPerHour = Field(
        Decimal(100),
        title="Above so many dollars an hour, with all replicas, a click asks once more, with the"
        " price in words",
    )
    lifetime_notice_min: Seconds = advanced(
        600, "The notice before a lifetime ends: a tenth of the lifetime, but at least this"
    )
    lifetime_notice_max: Seconds = advanced(3600, "The same, and at most this")
    lifetime_end_retry: Seconds = advanced(
        600, "First pause after Friendli didn't end an endpoint whose lifetime is over"
    )
    lifetime_end_give_up_after: Seconds = advanced(24 * 3600, "How long that is tried")
    stuck_after: Seconds = advanced(
        1800, "A phase counts as stuck after so long, until five durations of it are known"
    )
    retry_after: Seconds = advanced(
        300, "A retry that a person leaves to the bot after trouble at the Hub comes so much later"
    )
    schedule_grace: Seconds = advanced(600, "A wake-up that is later than this is skipped")
    slack_message_interval: Seconds = advanced(1, "Between two posts to a channel: Slack's limit")
    slack_edit_interval: Seconds = advanced(1.3, "Between two edits in a workspace: Slack's limit")
    slack_reconcile_over: Seconds = advanced(
        60, "How long an unconfirmed post is searched for before it is repeated"
    )
    slack_stopped_retry: Seconds = advanced(
        600, "First pause before a channel that refuses messages is tried again"
    )
    lease: Seconds = advanced(60, "A dead process's claims are taken over after so long")
    reconnect_after: Seconds = advanced(
        5, "Pause before Slack or the database, unreachable at the start, is tried again"
    )
    unready_after: Seconds = advanced(
        60, "`/readyz` and the gauges show an outage of Slack or Friendli after so long"
    )
    shutdown_timeout: Seconds = advanced(8, "How long work in progress may take at a shutdown")
    retention_interval: Seconds = advanced(3600, "Pause between two runs of the retention")

    @field_validator("lease")
    @classmethod
    def _outlast_requests(cls, value: float, before: ValidationInfo) -> float:
        # Otherwise a row could be taken over while its holder's request is still under way.
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
    """Read the settings of a running bot; `role` overrides ROLE.

    Raises:
        ConfigError: with one line for each setting that is missing or malformed.
    """
    return load_only(Settings, **({} if role is None else {"role": role}))
