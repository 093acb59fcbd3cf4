import os
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from inline_snapshot import snapshot
from platformdirs import user_data_path

from bot.config import (
    RENAMED,
    DatabaseSettings,
    FriendliSettings,
    KeySettings,
    Settings,
    load,
    load_only,
)
from bot.domain.errors import ConfigError
from bot.domain.process.role import Role
from bot.ops.reference import operator_settings

KEY = urlsafe_b64encode(bytes(32)).decode()
NEEDED = {
    "SLACK_BOT_TOKEN": "made-up-bot-token",
    "SLACK_SIGNING_SECRET": "made-up-signing-secret",
    "ENCRYPTION_KEYS": KEY,
}
SetUp = Callable[..., None]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SetUp:
    """Makes the environment consist of the needed settings and these; None leaves one out."""

    def set_up(**changes: str | None) -> None:
        for name in list(os.environ):
            monkeypatch.delenv(name)
        monkeypatch.setenv("HOME", str(tmp_path))
        for name, value in {**NEEDED, **changes}.items():
            if value is not None:
                monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)

    return set_up


def problems() -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load()
    return list(caught.value.problems)


def outcome() -> tuple[str, ...]:
    try:
        return (repr(load()),)
    except ConfigError as error:
        return error.problems


def test_defaults_are_as_documented(environment: SetUp) -> None:
    """Three settings are needed; every other one has this default."""
    environment()
    settings = load()
    needed = {name.lower() for name in NEEDED}
    defaults = {name: value for name, value in settings if name not in needed}
    assert defaults.pop("data_dir") == user_data_path("friendli-deploy")
    assert defaults == snapshot(
        {
            "role": "all",
            "slack_app_token": None,
            "slack_client_id": None,
            "slack_client_secret": None,
            "slack_api_url": "https://slack.com/api/",
            "slash_command": "/friendli-deploy",
            "friendli_api_url": "https://api.friendli.ai",
            "friendli_inference_url": None,
            "friendli_token": None,
            "friendli_suite_url": "https://friendli.ai/suite/{team}/{project}/dedicated-endpoints/{endpoint}",
            "friendli_integrations_url": "https://friendli.ai/suite/~/setting/integrations",
            "hf_endpoint": "https://huggingface.co",
            "hf_token": None,
            "gpu_prices": "",
            "database_url": None,
            "host": "127.0.0.1",
            "port": 3000,
            "admins": frozenset(),
            "log_level": "INFO",
            "secrets_dir": None,
            "poll_seconds_transitional": 5.0,
            "poll_seconds_stable": 60.0,
            "poll_seconds_ended": 600.0,
            "outage_notify_after": 300.0,
            "create_give_up_after": 600.0,
            "create_timeout": 25.0,
            "friendli_retry_wait": 0.5,
            "list_timeout": 10.0,
            "slow_notice_after": 0.8,
            "menu_timeout": 2.0,
            "late_search_window": 86400.0,
            "gone_confirmed_after": 60.0,
            "unknown_notify_after": 300.0,
            "confirm_price_above": Decimal(100),
            "lifetime_notice_min": 600.0,
            "lifetime_notice_max": 3600.0,
            "lifetime_end_retry": 600.0,
            "lifetime_end_give_up_after": 86400.0,
            "stuck_after": 1800.0,
            "schedule_grace": 600.0,
            "slack_message_interval": 1.0,
            "slack_edit_interval": 1.3,
            "slack_reconcile_over": 60.0,
            "slack_stopped_retry": 600.0,
            "slack_timeout": 15.0,
            "lease": 60.0,
            "retry_after": 300.0,
            "reconnect_after": 5.0,
            "unready_after": 60.0,
            "shutdown_timeout": 8.0,
            "keep_finished_days": 90.0,
            "retention_interval": 3600.0,
            "smoke_test": True,
            "prompts_per_minute": 6,
            "slack_stream_interval": 1.0,
            "smoke_test_give_up_after": 120.0,
            "replica_silent_after": 30.0,
        }
    )
    assert settings.database == f"sqlite:///{settings.data_dir}/friendli-deploy.sqlite3"
    assert not settings.socket_mode


def test_the_readme_names_the_operators_settings_with_their_defaults() -> None:
    """A row may name several, and gives a default in words where it is no value."""
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    table = re.findall(r"^\| (`[A-Z_`, ]+`) \| (.*?) ?\|", readme, re.MULTILINE)
    documented: dict[str, str] = {}
    for row, default in table:
        names = re.findall(r"\w+", row)
        values = re.findall("`([^`]+)`", default) if default.startswith("`") else [""] * len(names)
        documented |= zip(names, values, strict=True)
    fields = {name.upper(): field for name, field in Settings.model_fields.items()}
    assert documented.keys() == operator_settings().keys()
    for name, value in documented.items():
        if value:
            assert str(fields[name].default) == value, name


def test_everything_that_is_missing_is_named_at_once_with_how_to_get_it(
    environment: SetUp,
) -> None:
    """A first start says all that is needed, a line each."""
    environment(**dict.fromkeys(NEEDED))
    assert problems() == [f"{name} is missing. {HOW[name]}" for name in NEEDED]


def test_an_app_token_does_without_a_signing_secret(environment: SetUp) -> None:
    """Socket Mode requests aren't signed."""
    environment(SLACK_SIGNING_SECRET=None, SLACK_APP_TOKEN="made-up-app-token")
    assert load().socket_mode


def test_a_malformed_app_token_is_one_problem_and_not_two(environment: SetUp) -> None:
    """Nobody is sent for a signing secret that Socket Mode doesn't need."""
    environment(SLACK_SIGNING_SECRET=None, SLACK_APP_TOKEN="two words")
    assert problems() == [f"SLACK_APP_TOKEN {UNFIT}. {HOW['SLACK_APP_TOKEN']}"]


def test_an_empty_setting_is_as_good_as_none(environment: SetUp) -> None:
    """Compose files hand over empty strings for what isn't set."""
    environment(PORT="", ADMINS="", DATABASE_URL="", SLACK_APP_TOKEN="", SLACK_CLIENT_ID="")
    settings = load()
    assert settings.port == 3000
    assert not settings.socket_mode


HOW = {
    "SLACK_BOT_TOKEN": "Copy it from your Slack app: OAuth & Permissions →"
    " Bot User OAuth Token (xoxb-…).",
    "SLACK_APP_TOKEN": "Copy it from your Slack app: Basic Information → App-Level Tokens,"
    " one with the scope connections:write (xapp-…).",
    "SLACK_SIGNING_SECRET": "Copy it from your Slack app: Basic Information → Signing Secret;"
    " or set SLACK_APP_TOKEN to use Socket Mode.",
    "SLACK_CLIENT_ID": "Unset it, and set SLACK_BOT_TOKEN.",
    "SLACK_CLIENT_SECRET": "Unset it, and set SLACK_BOT_TOKEN.",
    "SLACK_API_URL": "Unset it for https://slack.com/api/.",
    "FRIENDLI_API_URL": "Unset it for https://api.friendli.ai.",
    "FRIENDLI_TOKEN": "Make one at https://friendli.ai/suite/~/setting/keys (flp_…).",
    "FRIENDLI_SUITE_URL": "Write an endpoint's address with {team}, {project} and {endpoint}"
    " in it.",
    "FRIENDLI_INTEGRATIONS_URL": "Unset it for Friendli Suite's own page.",
    "HF_ENDPOINT": "Unset it for https://huggingface.co.",
    "GPU_PRICES": "Write dollars per GPU-hour, such as H100=4.5,B200=8.",
    "DATABASE_URL": "Write sqlite:////folder/file.sqlite3 or postgresql://user:password@host/name.",
    "ENCRYPTION_KEYS": "Make one with `friendli-deploy keys new`; several are separated by commas,"
    " and the first encrypts.",
    "PORT": "Write a free port, from 1 to 65535.",
    "ADMINS": "Write Slack user ids, separated by commas"
    " (in a person's profile: ⋮ → Copy member ID).",
    "LOG_LEVEL": "Write DEBUG, INFO, WARNING or ERROR.",
    "SLASH_COMMAND": "Write the slash command of your Slack app, such as /friendli-staging.",
    "SECRETS_DIR": "Name a folder that holds a file for each secret.",
    "LEASE": "Write a number of seconds, more than 0 and a year at most.",
}
FORGETFUL = "names no file, and a database in memory would forget everything"
UNFIT = "has a space, a quotation mark or another character that can't be in it"
MALFORMED = [
    ("SLACK_BOT_TOKEN", "", "is missing"),
    ("SLACK_BOT_TOKEN", " ", "is empty"),
    ("SLACK_BOT_TOKEN", '"quoted-by-mistake"', UNFIT),
    ("SLACK_BOT_TOKEN", "xapp-made-up", "is another kind of token"),
    ("SLACK_BOT_TOKEN", "xoxp-made-up", "is another kind of token"),
    ("SLACK_SIGNING_SECRET", "", "is missing"),
    ("SLACK_SIGNING_SECRET", "two words", UNFIT),
    ("SLACK_SIGNING_SECRET", "xoxb-made-up", "is another kind of token"),
    ("SLACK_APP_TOKEN", "naïve", UNFIT),
    ("SLACK_APP_TOKEN", "xoxb-made-up", "is another kind of token"),
    ("SLACK_CLIENT_ID", "1.2", "can't be used: this bot serves one workspace"),
    ("SLACK_CLIENT_SECRET", "made-up", "can't be used: this bot serves one workspace"),
    ("SLACK_API_URL", "slack.com/api", "isn't a web address"),
    ("SLASH_COMMAND", "/Friendli Deploy", "isn't written as it has to be"),
    ("FRIENDLI_API_URL", "api.friendli.ai", "isn't a web address"),
    ("FRIENDLI_TOKEN", "two words", UNFIT),
    ("FRIENDLI_SUITE_URL", "https://friendli.ai/{name}", "has something else in braces"),
    ("FRIENDLI_SUITE_URL", "https://friendli.ai/{team", "has something else in braces"),
    ("FRIENDLI_SUITE_URL", "friendli.ai/{team}", "isn't a web address"),
    ("FRIENDLI_INTEGRATIONS_URL", "ftp://friendli.ai", "isn't a web address"),
    ("HF_ENDPOINT", "https://", "isn't a web address"),
    ("GPU_PRICES", "H100", "can't be read: 'H100' is not GPU=DOLLARS, such as H100=4.5"),
    (
        "GPU_PRICES",
        "h10=3",
        "can't be read: no GPU is called 'h10'; known are A100, H100, H200, B200",
    ),
    (
        "GPU_PRICES",
        "H100=cheap",
        "can't be read: the price of H100 is 'cheap'; it must be dollars per GPU-hour, such as 4.5",
    ),
    ("DATABASE_URL", "bot.sqlite3", "isn't a database's address"),
    ("DATABASE_URL", "postgresql://host:port/name", "isn't a database's address"),
    ("DATABASE_URL", "mysql://bot@host/name", "leads to neither SQLite nor PostgreSQL"),
    ("DATABASE_URL", "sqlite://", FORGETFUL),
    ("DATABASE_URL", "sqlite:///:memory:", FORGETFUL),
    ("ENCRYPTION_KEYS", "", "is missing"),
    ("ENCRYPTION_KEYS", ",", "is empty"),
    ("ENCRYPTION_KEYS", "made-up-key", "number 1 isn't 32 bytes in URL-safe base64"),
    ("ENCRYPTION_KEYS", f"{KEY},ключ", "number 2 isn't 32 bytes in URL-safe base64"),
    ("PORT", "http", "isn't a whole number"),
    ("PORT", "65536", "is out of range"),
    ("ADMINS", "U000000001,@ada", "names '@ada', which isn't a Slack user id"),
    ("LOG_LEVEL", "loud", "isn't valid"),
    ("SECRETS_DIR", "/nowhere", "isn't a folder"),
    ("LEASE", "20", "must be longer than CREATE_TIMEOUT"),
]


@pytest.mark.parametrize(("name", "value", "wrong"), MALFORMED)
def test_a_malformed_setting_is_told_in_one_line(
    environment: SetUp, name: str, value: str, wrong: str
) -> None:
    """The line names the variable, what is wrong with it and how to get or write it."""
    environment(**{name: value})
    assert problems() == [f"{name} {wrong}. {HOW[name]}"]


DURATIONS = [
    name.upper() for name, field in Settings.model_fields.items() if field.annotation is float
]


@pytest.mark.parametrize("name", DURATIONS)
def test_every_duration_refuses_what_is_no_time(environment: SetUp, name: str) -> None:
    """A number above 0 and not endless, in seconds: anything else is told with its name."""
    for value in ("soon", "nan", "0", "-1", "inf", "1e300"):
        environment(**{name: value})
        [line] = problems()
        assert line.startswith((f"{name} isn't a number. ", f"{name} is out of range. "))
        assert re.search(
            r"Write a number of (seconds|days), more than 0 and a (year|century) at most\.$", line
        )


def test_every_setting_says_how_to_get_or_write_it() -> None:
    """A line without a way out would be half a line."""
    for name, field in Settings.model_fields.items():
        assert (field.description or "").endswith("."), name


def test_two_problems_are_told_at_once(environment: SetUp) -> None:
    """Nobody has to start the bot once per slip."""
    environment(SLACK_BOT_TOKEN=None, PORT="http")
    assert problems() == [
        f"SLACK_BOT_TOKEN is missing. {HOW['SLACK_BOT_TOKEN']}",
        f"PORT isn't a whole number. {HOW['PORT']}",
    ]


@pytest.mark.parametrize(
    "name", [name.upper() for name in Settings.model_fields if name not in {"host", "data_dir"}]
)
def test_no_problem_quotes_a_secret(environment: SetUp, name: str) -> None:
    """A secret that was pasted into a setting it wasn't meant for isn't repeated."""
    for pasted in ("xoxb-pasted-by-mistake", "xapp-pasted-by-mistake", "flp_pasted"):
        environment(**{name: pasted})
        told = "".join(outcome())
        assert "pasted" not in told, pasted


def test_secrets_are_all_known_to_those_who_mask_them(environment: SetUp) -> None:
    """The password inside the database's address is one of them."""
    environment(
        SLACK_APP_TOKEN="made-up-app-token",
        FRIENDLI_TOKEN="made-up-friendli-token",
        DATABASE_URL="postgresql://bot:made%20up%20password@host/name",
        ENCRYPTION_KEYS=f"{KEY}, {KEY}",
    )
    assert set(load().secrets()) == {
        *NEEDED.values(),
        "made-up-app-token",
        "made-up-friendli-token",
        "postgresql://bot:made%20up%20password@host/name",
        "made up password",
    }


def test_settings_printed_show_no_secret(environment: SetUp) -> None:
    """Neither as text nor as a representation."""
    environment(DATABASE_URL="postgresql://bot:made-up-password@host/name")
    settings = load()
    for secret in settings.secrets():
        assert secret not in f"{settings} {settings!r}"


def test_settings_are_read_from_a_file_too(environment: SetUp, tmp_path: Path) -> None:
    """A .env file in the working folder counts where the environment says nothing."""
    environment(SLACK_BOT_TOKEN=None)
    (tmp_path / ".env").write_text("SLACK_BOT_TOKEN=' made-up-bot-token'\nSLACK_SIGNING_SECRET=x")
    settings = load()
    assert settings.slack_bot_token.get_secret_value() == "made-up-bot-token"
    assert settings.slack_signing_secret is not None
    assert settings.slack_signing_secret.get_secret_value() == NEEDED["SLACK_SIGNING_SECRET"]


def test_a_file_that_is_no_text_is_told(environment: SetUp, tmp_path: Path) -> None:
    """A .env file in another encoding is named."""
    environment()
    (tmp_path / ".env").write_bytes("SLACK_BOT_TOKEN=ж".encode("utf-16"))
    assert problems() == [".env can't be read. Make it a UTF-8 text file, or remove it."]


def test_addresses_are_taken_with_or_without_a_slash_at_the_end(environment: SetUp) -> None:
    """What is put behind them begins where it should."""
    environment(SLACK_API_URL="http://localhost:1/api", FRIENDLI_API_URL="http://localhost:2/")
    settings = load()
    assert settings.slack_api_url == "http://localhost:1/api/"
    assert settings.friendli_api_url == "http://localhost:2"


def test_lists_are_taken_with_spaces_and_a_comma_at_the_end(environment: SetUp) -> None:
    """As people write them."""
    environment(ADMINS=" U000000001, W000000002 ,", ENCRYPTION_KEYS=f"{KEY} , {KEY},")
    settings = load()
    assert settings.admins == {"U000000001", "W000000002"}
    assert [key.get_secret_value() for key in settings.encryption_keys] == [KEY, KEY]


def test_a_data_folder_may_begin_at_home(environment: SetUp, tmp_path: Path) -> None:
    """`~` is the home folder, also where no shell replaces it."""
    environment(DATA_DIR="~/bot")
    assert load().data_dir == tmp_path / "bot"


@pytest.mark.parametrize("missing", ["team", "project", "endpoint"])
def test_a_suite_link_needs_all_its_parts(environment: SetUp, missing: str) -> None:
    """A link that leads nowhere isn't shown."""
    environment(FRIENDLI_SUITE_URL="https://suite/{team}/{project}/{endpoint}")
    parts = {"team": "t1", "project": "p1", "endpoint": "e1"}
    assert load().suite_link(**parts) == "https://suite/t1/p1/e1"
    assert load().suite_link(**{**parts, missing: ""}) is None


POSTGRESQL = "postgresql://bot@host/name"


def test_a_worker_needs_no_way_in(environment: SetUp) -> None:
    """Slack sends it nothing, so there is nothing to check."""
    environment(ROLE="Worker", SLACK_SIGNING_SECRET=None, DATABASE_URL=POSTGRESQL)
    assert load().role == "worker"


def test_a_role_that_is_none_is_told(environment: SetUp) -> None:
    """With those that there are."""
    environment(ROLE="back")
    assert problems() == ["ROLE isn't valid. Write all, web or worker."]


def test_the_former_name_of_a_role_is_pointed_at(environment: SetUp) -> None:
    """The error says what it is called now."""
    environment(ROLE="Front")
    assert problems() == ["ROLE front is now called web. Write all, web or worker."]


def test_a_former_name_of_a_setting_leads_to_a_setting() -> None:
    """None is still in use, and each leads to a name that is."""
    names = {name.upper() for name in Settings.model_fields}
    assert names.isdisjoint(RENAMED)
    assert names.issuperset(RENAMED.values())


@pytest.mark.parametrize("database", [None, "sqlite:////tmp/bot.sqlite3"])
def test_halves_can_t_share_a_file(environment: SetUp, database: str | None) -> None:
    """On another machine, nobody would ever see what a front wrote down."""
    environment(DATABASE_URL=database)
    with pytest.raises(ConfigError) as caught:
        load(Role.WEB)
    [problem] = caught.value.problems
    assert problem.startswith("DATABASE_URL must lead to PostgreSQL for ROLE web. Write ")


# Parts of the settings


@pytest.mark.parametrize("kind", [DatabaseSettings, FriendliSettings])
def test_a_command_reads_only_what_it_uses(
    environment: SetUp, kind: type[DatabaseSettings | FriendliSettings]
) -> None:
    """A migration job holds no token, and another setting's problem isn't its problem."""
    environment(**dict.fromkeys(NEEDED), PORT="http", LEASE="none")
    assert list(load_only(kind).secrets()) == []


def test_keys_are_read_without_slacks_tokens(environment: SetUp) -> None:
    """`keys rotate` needs them and the database."""
    environment(SLACK_BOT_TOKEN=None, SLACK_SIGNING_SECRET=None)
    assert list(load_only(KeySettings).secrets()) == [KEY]
    environment(ENCRYPTION_KEYS=None)
    with pytest.raises(ConfigError, match="ENCRYPTION_KEYS is missing"):
        load_only(KeySettings)


# Secrets from files


def test_a_secret_is_read_from_the_file_that_is_named(environment: SetUp, tmp_path: Path) -> None:
    """By NAME_FILE, in the environment or in .env; the line break at its end doesn't count."""
    (tmp_path / "token").write_text("made-up-token\n")
    (tmp_path / "keys").write_text(f"{KEY},\n{KEY}\n")
    environment(
        SLACK_BOT_TOKEN=None, ENCRYPTION_KEYS=None, SLACK_BOT_TOKEN_FILE=str(tmp_path / "token")
    )
    (tmp_path / ".env").write_text("ENCRYPTION_KEYS_FILE=keys\n")
    settings = load()
    assert settings.slack_bot_token.get_secret_value() == "made-up-token"
    assert [key.get_secret_value() for key in settings.encryption_keys] == [KEY, KEY]


@pytest.mark.parametrize("written", [str.lower, str.upper])
def test_secrets_are_read_from_a_folder(
    environment: SetUp, tmp_path: Path, written: Callable[[str], str]
) -> None:
    """The way Docker and Kubernetes mount them; the environment goes before it."""
    for name in NEEDED:
        (tmp_path / written(name)).write_text(KEY)
    environment(**{**dict.fromkeys(NEEDED), "SLACK_BOT_TOKEN": "t"}, SECRETS_DIR=str(tmp_path))
    settings = load()
    assert settings.slack_bot_token.get_secret_value() == "t"
    assert settings.encryption_keys[0].get_secret_value() == KEY


def test_only_secrets_are_read_from_files(environment: SetUp, tmp_path: Path) -> None:
    """A file called `port` in the folder is no setting."""
    (tmp_path / "port").write_text("1")
    environment(SECRETS_DIR=str(tmp_path))
    assert load().port == 3000


def test_a_file_that_can_t_be_read_is_a_problem_of_its_setting(
    environment: SetUp, tmp_path: Path
) -> None:
    """Other problems are found with it."""
    environment(
        SLACK_BOT_TOKEN=None, SLACK_BOT_TOKEN_FILE=str(tmp_path / "nothing"), LOG_LEVEL="loud"
    )
    first, second = problems()
    assert second == (
        "SLACK_BOT_TOKEN can't be read from its file, see SLACK_BOT_TOKEN_FILE"
        f" (No such file or directory). {HOW['SLACK_BOT_TOKEN']}"
    )
    assert first.startswith("LOG_LEVEL")


def test_an_empty_file_is_as_good_as_none(environment: SetUp, tmp_path: Path) -> None:
    """The setting is missing then."""
    (tmp_path / "token").write_text("\n")
    environment(SLACK_BOT_TOKEN=None, SLACK_BOT_TOKEN_FILE=str(tmp_path / "token"))
    assert problems() == [f"SLACK_BOT_TOKEN is missing. {HOW['SLACK_BOT_TOKEN']}"]


def test_a_secret_that_is_set_in_two_ways_is_refused(environment: SetUp, tmp_path: Path) -> None:
    """Nobody has to guess which one counts."""
    (tmp_path / "token").write_text("made-up")
    environment(SLACK_BOT_TOKEN_FILE=str(tmp_path / "token"))
    wrong = "is set, and so is SLACK_BOT_TOKEN_FILE; unset one of them"
    assert problems() == [f"SLACK_BOT_TOKEN {wrong}. {HOW['SLACK_BOT_TOKEN']}"]
