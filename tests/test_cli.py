import asyncio
import json
import signal
import sqlite3
import sys
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import pytest
from typer.testing import CliRunner

from bot.cli import cli
from bot.commands.manifest import manifest
from bot.domain.errors import ConfigError
from bot.sandbox.environment import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, Environment
from bot.sandbox.faults import Hang
from tests.friendli.loopback import refused_url

PROJECT = Path(__file__).parents[1]
# Less than an orchestrator waits for; it takes a tenth.
ENDS_WITHIN = 9


@dataclass
class Ended:
    """How a process ended.

    Attributes:
        lines: Of standard error.
    """

    code: int | None
    out: str
    lines: list[str]

    @property
    def events(self) -> list[str]:
        """What the log says, in which every line must be one of the log's."""
        return [json.loads(line)["event"] for line in self.lines]


class Process:
    """`python -m bot` as people run it, with the settings of a bot in the sandbox.

    Args:
        process: Started with pipes.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._lines: list[str] = []

    async def says(self, event: str) -> dict[str, str]:
        """Read its log up to a line, and return that."""
        assert self._process.stderr is not None
        while line := (await self._process.stderr.readline()).decode():
            self._lines.append(line)
            said: dict[str, str] = json.loads(line)
            if said["event"] == event:
                return said
        raise AssertionError(f"it ended without saying {event!r}: {self._lines}")

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    async def ended(self) -> Ended:
        """Wait until it has ended."""
        out, rest = await self._process.communicate()
        return Ended(
            self._process.returncode, out.decode(), self._lines + rest.decode().splitlines()
        )


@asynccontextmanager
async def running(
    env: Environment, *arguments: str, cwd: Path | str | None = None, **settings: str | None
) -> AsyncIterator[Process]:
    """Start it; it doesn't outlive the block. None leaves a setting out."""
    chosen: dict[str, str | None] = {
        "SLACK_BOT_TOKEN": BOT_TOKEN,
        "SLACK_SIGNING_SECRET": SIGNING_SECRET,
        "SLACK_API_URL": f"{env.slack.url}/api/",
        "FRIENDLI_API_URL": env.friendli.url,
        "HF_ENDPOINT": env.hub.url,
        "DATABASE_URL": env.database,
        "ENCRYPTION_KEYS": env.encryption_key.get_secret_value(),
        "PORT": "0",
        "PYTHONPATH": str(PROJECT),
        **settings,
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", *arguments),
        env={name: value for name, value in chosen.items() if value is not None},
        # A folder without a .env file.
        cwd=cwd or Path(env.database.removeprefix("sqlite:///")).parent,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Process(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def run(
    env: Environment, *arguments: str, cwd: Path | str | None = None, **settings: str | None
) -> Ended:
    async with running(env, *arguments, cwd=cwd, **settings) as process:
        return await process.ended()


async def test_serve_ends_cleanly_when_it_is_told_to(env: Environment) -> None:
    """Exit code 0, at once, and nothing was written but the log."""
    async with running(env, "serve") as bot:
        url = (await bot.says("running"))["url"]
        async with aiohttp.ClientSession() as http, http.get(f"{url}/readyz") as answer:
            assert answer.status == 200
        env.slack.events_url = f"{url}/slack/events"
        assert (await env.member.command(env.channel, "help")).ok
        bot.tell(signal.SIGTERM)
        async with asyncio.timeout(ENDS_WITHIN):
            ended = await bot.ended()
    assert (ended.code, ended.out) == (0, "")
    assert ended.events == ["running", "request", "stopping", "stopped"]


async def test_serve_in_socket_mode_ends_cleanly_too(env: Environment) -> None:
    """Here by Ctrl-C: the connection is closed, and nothing complains."""
    async with running(env, "serve", SLACK_APP_TOKEN=APP_TOKEN, SLACK_SIGNING_SECRET=None) as bot:
        assert (await bot.says("running"))["mode"] == "socket"
        assert (await env.member.command(env.channel, "help")).ok
        bot.tell(signal.SIGINT)
        async with asyncio.timeout(ENDS_WITHIN):
            ended = await bot.ended()
    assert (ended.code, ended.out) == (0, "")
    assert ended.events == ["running", "request", "stopping", "stopped"]
    assert env.slack.connections == 0


async def test_a_second_app_is_answered_by_its_own_name(env: Environment, tmp_path: Path) -> None:
    """Its texts lead to its own command, and not to the first app's; here from a .env file."""
    (tmp_path / ".env").write_text("SLASH_COMMAND=/friendli-staging\n")
    async with running(env, "serve", cwd=tmp_path) as bot:
        env.slack.events_url = f"{(await bot.says('running'))['url']}/slack/events"
        for text in ("help", "list", "nonsense"):
            ack = await env.member.command(env.channel, text, command="/friendli-staging")
            assert ack.ok
        said = await env.slack.until(lambda: env.member.ephemerals(env.channel)[2:])
        for message in env.member.ephemerals(env.channel):
            assert "/friendli-deploy" not in str(message)
        assert said
        bot.tell(signal.SIGTERM)
        await bot.ended()


async def test_serve_points_at_settings_that_were_renamed(env: Environment) -> None:
    """A line of the log says the name now; the bot runs all the same."""
    async with running(env, "serve", MENU_PATIENCE="1", LEASE_END_RETRY="5") as bot:
        assert [(await bot.says("setting renamed"))["problem"] for _ in range(2)] == [
            "LEASE_END_RETRY (environment) is now called LIFETIME_END_RETRY and has no effect.",
            "MENU_PATIENCE (environment) is now called MENU_TIMEOUT and has no effect.",
        ]
        await bot.says("running")
        bot.tell(signal.SIGTERM)
        assert (await bot.ended()).code == 0


async def test_serve_can_be_half_of_the_bot(env: Environment, postgresql_url: str) -> None:
    """Named on the command line, which goes before the environment."""
    settings = {"ROLE": "web", "DATABASE_URL": postgresql_url, "SLACK_SIGNING_SECRET": None}
    async with running(env, "serve", "--role", "worker", **settings) as bot:
        said = await bot.says("running")
        bot.tell(signal.SIGTERM)
        ended = await bot.ended()
    assert (said["role"], said["mode"], ended.code) == ("worker", "none", 0)


async def test_serve_ends_while_it_still_starts(env: Environment) -> None:
    """A Slack that hangs holds up neither the start for long nor the end at all."""
    hanging = env.slack.faults.add(Hang(), operation="auth.test", times=None)
    async with running(env, "serve") as bot:
        await env.slack.until(lambda: env.slack.requests.calls("auth.test"))
        bot.tell(signal.SIGTERM)
        async with asyncio.timeout(ENDS_WITHIN):
            ended = await bot.ended()
    env.slack.faults.remove(hanging)
    assert (ended.code, ended.events) == (0, ["stopped"])


async def test_serve_says_all_that_is_wrong_and_nothing_else(env: Environment) -> None:
    """Exit code 2, and a line for each setting; settings of another version aren't ignored."""
    ended = await run(
        env,
        "serve",
        SLACK_BOT_TOKEN=None,
        SLACK_SIGNING_SECRET=None,
        SLACK_CLIENT_ID="1.2",
        SLACK_CLIENT_SECRET="made-up",
        PORT="http",
    )
    assert (ended.code, ended.out) == (2, "")
    assert [line.split(". ")[0] for line in ended.lines] == [
        "SLACK_BOT_TOKEN is missing",
        "SLACK_SIGNING_SECRET is missing",
        "SLACK_CLIENT_ID can't be used: this bot serves one workspace",
        "SLACK_CLIENT_SECRET can't be used: this bot serves one workspace",
        "PORT isn't a whole number",
    ]


async def test_serve_says_what_slack_refuses_and_nothing_else(env: Environment) -> None:
    """What is only known once Slack was asked is a line too."""
    ended = await run(env, "serve", SLACK_BOT_TOKEN="another-token")
    assert (ended.code, ended.out) == (2, "")
    assert [line.split(". ")[0] for line in ended.lines] == [
        "SLACK_BOT_TOKEN is refused by Slack (invalid_auth)"
    ]


async def test_a_breakdown_is_logged_like_everything_else(env: Environment, tmp_path: Path) -> None:
    """Exit code 1, and no secret in the traceback."""
    database = tmp_path / "broken.sqlite3"
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE targets (id INTEGER)")
    connection.close()
    ended = await run(env, "serve", DATABASE_URL=f"sqlite:///{database}")
    assert (ended.code, ended.out, ended.events) == (1, "", ["crashed"])
    assert "Traceback" in ended.lines[0]
    assert "table targets already exists" in ended.lines[0]


async def test_migrate_brings_the_database_up_to_date(env: Environment, tmp_path: Path) -> None:
    """And says so."""
    new = tmp_path / "new.sqlite3"
    ended = await run(env, "migrate", DATABASE_URL=f"sqlite:///{new}")
    assert ended == Ended(0, "The database is up to date.\n", [])
    with sqlite3.connect(new) as connection:
        assert connection.execute("SELECT count(*) FROM deployments").fetchone() == (0,)
    connection.close()


NO_TOKENS = {"SLACK_BOT_TOKEN": None, "SLACK_SIGNING_SECRET": None}


async def test_migrate_needs_nothing_but_the_database(env: Environment) -> None:
    """A migration job holds no secret, and a broken setting of something else doesn't stop it."""
    ended = await run(env, "migrate", **NO_TOKENS, ENCRYPTION_KEYS=None, PORT="http")
    assert ended == Ended(0, "The database is up to date.\n", [])


async def test_audit_export_needs_nothing_but_the_database(env: Environment) -> None:
    """Nobody has acted yet."""
    ended = await run(env, "audit", "export", **NO_TOKENS, ENCRYPTION_KEYS=None)
    assert ended == Ended(0, "", [])


async def test_audit_export_makes_no_database(env: Environment, tmp_path: Path) -> None:
    """An empty file would look like an audit in which nobody did anything."""
    nowhere = tmp_path / "folder" / "none.sqlite3"
    ended = await run(env, "audit", "export", DATABASE_URL=f"sqlite:///{nowhere}")
    assert (ended.code, ended.out) == (2, "")
    assert ended.lines == ["There is no database yet. `friendli-deploy serve` creates it."]
    assert not nowhere.parent.exists()


async def test_migrate_says_why_it_cant(env: Environment) -> None:
    """An unreachable database isn't waited for here."""
    address = refused_url().replace("http://", "postgresql://bot@")
    ended = await run(env, "migrate", DATABASE_URL=f"{address}/name")
    assert (ended.code, ended.out) == (2, "")
    assert ended.lines == ["The database can't be reached (ConnectionRefusedError)."]


SLOW = {
    "aiohttp",
    "alembic",
    "asyncpg",
    "cryptography",
    "httpx",
    "pydantic",
    "slack_bolt",
    "slack_sdk",
    "sqlalchemy",
    "structlog",
}


async def test_help_is_quick() -> None:
    """It doesn't import what only a running bot needs."""
    program = (
        "import sys, bot.cli\n"
        "sys.argv = ['friendli-deploy', '--help']\n"
        "try: bot.cli.main()\n"
        f"finally: print({SLOW} & sys.modules.keys())"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program), cwd=PROJECT, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert "serve" in out.decode()
    assert out.decode().splitlines()[-1] == "set()"


def test_help_names_every_command() -> None:
    """As they are written in the README."""
    out = CliRunner().invoke(cli, ["--help"], env={"COLUMNS": "200", "NO_COLOR": "1"}).output
    commands = out.partition("Commands")[2].replace("│", " ").splitlines()
    names = [words[0] for words in map(str.split, commands) if len(words) > 2]
    assert names == [
        "serve",
        "demo",
        "migrate",
        "backup",
        "restored",
        "init",
        "manifest",
        "alerts",
        "doctor",
        "fit",
        "keys",
        "audit",
    ]


def test_manifest_is_printed_as_json() -> None:
    """For Socket Mode, or with the bot's address for HTTP mode."""
    socket_mode = json.loads(CliRunner().invoke(cli, ["manifest"]).output)
    http = json.loads(CliRunner().invoke(cli, ["manifest", "--url", "https://bot.test/"]).output)
    assert socket_mode["settings"]["socket_mode_enabled"] is True
    assert http["settings"]["interactivity"]["request_url"] == "https://bot.test/slack/events"


def test_manifest_can_be_a_link() -> None:
    """It opens Slack's page for a new app with the manifest filled in."""
    printed = CliRunner().invoke(cli, ["manifest", "--link", "--url", "https://bot.test"]).output
    address = urlsplit(printed.strip())
    assert address[:3] == ("https", "api.slack.com", "/apps")
    fields = dict(parse_qsl(address.query, strict_parsing=True))
    assert fields.pop("new_app") == "1"
    assert json.loads(fields.pop("manifest_json")) == manifest("https://bot.test")
    assert fields == {}


@pytest.mark.parametrize(
    ("option", "value", "problem"),
    [
        ("--url", "http://bot.test", "--url must be an https:// address with a host"),
        ("--url", "https://", "--url must be an https:// address with a host"),
        ("--url", "https://:443", "--url must be an https:// address with a host"),
        ("--url", "https://bot.test:port", "--url must be an https:// address with a host"),
        ("--name", " ", "--name must have 1 to 35 characters"),
        ("--name", "n" * 36, "--name must have 1 to 35 characters"),
        ("--command", "/Friendli Staging", "--command must be a word of small letters"),
        ("--command", "/", "--command must be a word of small letters"),
    ],
)
def test_manifest_refuses_what_slack_would_refuse(option: str, value: str, problem: str) -> None:
    """Nothing is printed then."""
    result = CliRunner().invoke(cli, ["manifest", option, value])
    assert isinstance(result.exception, ConfigError)
    assert str(result.exception).startswith(problem)
    assert result.output == ""


def test_manifest_can_be_of_a_second_app() -> None:
    """Beside the first in one workspace, with a name and a command of its own."""
    options = ["--name", "Friendli Staging", "--command", "friendli-staging"]
    made = json.loads(CliRunner().invoke(cli, ["manifest", *options]).stdout)
    first = json.loads(CliRunner().invoke(cli, ["manifest"]).output)
    assert made["display_information"]["name"] == "Friendli Staging"
    assert made["features"]["bot_user"]["display_name"] == "friendli-staging"
    assert made["features"]["slash_commands"][0]["command"] == "/friendli-staging"
    assert made["oauth_config"] == first["oauth_config"]


def test_keys_new_prints_a_key() -> None:
    """Fit for ENCRYPTION_KEYS, and another one each time."""
    first, second = (CliRunner().invoke(cli, ["keys", "new"]).output for _ in range(2))
    assert first != second
    assert len(urlsafe_b64decode(first.strip())) == 32


async def test_keys_rotate_says_what_comes_first(env: Environment, tmp_path: Path) -> None:
    """Where there is no database yet, there is nothing to encrypt anew."""
    ended = await run(env, "keys", "rotate", DATABASE_URL=f"sqlite:///{tmp_path / 'none.sqlite3'}")
    assert (ended.code, ended.out) == (2, "")
    assert ended.lines == ["There is no database yet. `friendli-deploy serve` creates it."]
    assert not (tmp_path / "none.sqlite3").exists()


async def test_keys_rotate_says_what_it_did(env: Environment) -> None:
    """And nothing of any key."""
    ended = await run(env, "keys", "rotate", **NO_TOKENS)
    assert ended == Ended(0, "Encrypted anew: 0. Under the first key before: 0.\n", [])


def test_the_version_is_printed() -> None:
    """Without any setting."""
    result = CliRunner().invoke(cli, ["--version"])
    assert (result.exit_code, result.output) == (
        0,
        f"friendli-deploy {version('friendli-deploy')}\n",
    )


async def test_shells_complete_commands() -> None:
    """As `--install-completion` sets them up to ask."""
    process = await asyncio.create_subprocess_exec(
        *(Path(sys.executable).parent / "friendli-deploy",),
        env={
            "_FRIENDLI_DEPLOY_COMPLETE": "complete_bash",
            "COMP_WORDS": "friendli-deploy ma",
            "COMP_CWORD": "1",
        },
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert out.decode().split() == ["manifest"]
