"""What `doctor` finds, told line by line."""

import json
import os
import re
import socket
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from bot.commands.manifest import SCOPES
from bot.db.encryption import new_encryption_key
from bot.ops.doctor import examine
from bot.sandbox.environment import (
    API_KEY,
    APP_TOKEN,
    BOT_TOKEN,
    SIGNING_SECRET,
    Environment,
    connect,
)
from bot.sandbox.faults import Respond
from tests.client import wait_for_replicas
from tests.conftest import StartBot
from tests.friendli.loopback import refused_url
from tests.test_cli import run


async def found(env: Environment, **settings: object) -> list[str]:
    """What it prints; what differs from run to run gets a name."""
    process = f"{socket.gethostname()}/{os.getpid()}"
    chosen = env.settings(**{"friendli_retry_wait": 0.01, **settings})
    lines = [
        re.sub(r" \d[\d.]*\)", " VERSION)", str(finding).replace(process, "HOST/PID"))
        async for finding in examine(chosen)
    ]
    told = "\n".join(lines)
    secrets = [API_KEY, BOT_TOKEN, APP_TOKEN, SIGNING_SECRET, *chosen.secrets()]
    assert not [secret for secret in secrets if secret in told]
    return lines


async def test_before_the_first_start(env: Environment, tmp_path: Path) -> None:
    """There is no database yet, and none is made."""
    nowhere = f"sqlite:///{tmp_path / 'none.sqlite3'}"
    assert await found(env, database_url=nowhere) == snapshot(
        [
            "ok       settings   Read; role all.",
            "advice   database   There is none yet. `friendli-deploy serve` makes it.",
            "ok       slack      Takes the token, which has every scope.",
        ]
    )
    assert await found(env, database_url=nowhere) == await found(env, database_url=nowhere)


async def test_all_is_well(env: Environment, start_bot: StartBot) -> None:
    """While the bot runs, in Socket Mode here."""
    socket_mode = {"slack_app_token": APP_TOKEN, "slack_signing_secret": None}
    async with start_bot(**socket_mode):
        await connect(env)
        await wait_for_replicas(env.database, 1)
        assert await found(env, **socket_mode) == snapshot(
            [
                "ok       settings   Read; role all.",
                "ok       database   SQLite, its tables are up to date.",
                "ok       replicas   HOST/PID (all VERSION).",
                "ok       keys       1 stored, all under the first of ENCRYPTION_KEYS.",
                "ok       friendli   Answers for project sandbox-project of -/T000000001/C000000001/prod.",
                "ok       slack      Takes the token, which has every scope.",
                "ok       slack      Opens Socket Mode connections.",
            ]
        )


async def test_what_slack_refuses(env: Environment) -> None:
    """Tokens, and scopes that the app was made without."""
    assert await found(env, slack_bot_token="another-token", slack_app_token="another") == (
        snapshot(
            [
                "ok       settings   Read; role all.",
                "ok       database   SQLite, its tables are up to date.",
                "advice   replicas   None runs. Start `friendli-deploy serve`.",
                "ok       keys       0 stored, all under the first of ENCRYPTION_KEYS.",
                "problem  slack      SLACK_BOT_TOKEN is refused by Slack (invalid_auth). Copy it from your Slack app: OAuth & Permissions → Bot User OAuth Token (xoxb-…).",
                "problem  slack      SLACK_APP_TOKEN is refused by Slack (invalid_auth). Copy it from your Slack app: Basic Information → App-Level Tokens, one with the scope connections:write (xapp-…).",
            ]
        )
    )
    env.slack.set_scopes(SCOPES.keys() - {"im:write"})
    assert (await found(env))[-1] == snapshot(
        "problem  slack      The token lacks im:write. Add them in your Slack app under OAuth & Permissions → Bot Token Scopes, and install the app again."
    )


async def test_what_friendli_refuses(env: Environment, start_bot: StartBot) -> None:
    """Each stored key is tried, and named by its targets."""
    async with start_bot():
        await connect(env)
    env.friendli.revoke_key(API_KEY)
    refused = await found(env)
    down = env.friendli.faults.add(Respond(403), times=None)
    forbidden = await found(env)
    env.friendli.faults.remove(down)
    unreachable = await found(env, friendli_api_url=refused_url())
    assert [lines[4] for lines in (refused, forbidden, unreachable)] == snapshot(
        [
            "problem  friendli   The API key for project sandbox-project of -/T000000001/C000000001/prod is refused. An admin connects a new one with `/friendli-deploy connect` there.",
            "problem  friendli   The API key for project sandbox-project of -/T000000001/C000000001/prod is refused. An admin connects a new one with `/friendli-deploy connect` there.",
            "problem  friendli   No answer for project sandbox-project of -/T000000001/C000000001/prod (Unavailable). Try again in a minute.",
        ]
    )
    assert refused[2] == snapshot("advice   replicas   None runs. Start `friendli-deploy serve`.")


async def test_encryption_keys_that_don_t_fit(env: Environment, start_bot: StartBot) -> None:
    """An older one still decrypts; another one doesn't."""
    async with start_bot():
        await connect(env)
    new = new_encryption_key()
    behind = await found(env, encryption_keys=[new, env.encryption_key])
    lost = await found(env, encryption_keys=[new])
    assert [behind[3], *lost[3:-1]] == snapshot(
        [
            "advice   keys       1 stored under an older encryption key. Run `friendli-deploy keys rotate`.",
            "problem  keys       No configured key decrypts the API keys of -/T000000001/C000000001/prod. Bring the missing key back to ENCRYPTION_KEYS (or FRIENDLI_TOKEN, where it was the operator's), or have an admin run `/friendli-deploy connect` there.",
        ]
    )


@pytest.mark.parametrize("role", ["web", "worker"])
async def test_a_half_alone_is_told(
    env: Environment, start_bot: StartBot, postgresql_url: str, role: str
) -> None:
    """Nothing would be done, or nobody answered."""
    async with start_bot(database_url=postgresql_url, role=role):
        await wait_for_replicas(postgresql_url, 1)
        lines = await found(env, database_url=postgresql_url)
    assert (
        lines[2]
        == {
            "web": snapshot(
                "problem  replicas   HOST/PID (web VERSION): only web, so nothing is done. Start one with `--role worker`."
            ),
            "worker": snapshot(
                "problem  replicas   HOST/PID (worker VERSION): only workers, so nobody is answered. Start one with `--role web`."
            ),
        }[role]
    )


async def test_a_database_that_can_t_be_used_is_told(env: Environment) -> None:
    """What doesn't need it is tried all the same."""
    address = refused_url().replace("http://", "postgresql://bot@")
    assert (await found(env, database_url=f"{address}/name"))[1:] == snapshot(
        [
            "problem  database   The database can't be reached (ConnectionRefusedError).",
            "ok       slack      Takes the token, which has every scope.",
        ]
    )


async def test_the_exit_code_says_whether_there_is_a_problem(env: Environment) -> None:
    """Advice is none."""
    well = await run(env, "doctor")
    ill = await run(env, "doctor", SLACK_BOT_TOKEN="another-token")
    assert (well.code, well.lines, ill.code, ill.lines) == (0, [], 1, [])
    assert well.out.splitlines()[-1].startswith("ok ")


# What can't be reached


async def test_a_slack_that_can_t_be_reached_is_no_wrong_token(env: Environment) -> None:
    """Nobody makes a new token because a proxy is down."""
    nowhere = f"{refused_url()}/api/"
    told = await found(env, slack_api_url=nowhere, slack_app_token=APP_TOKEN)
    assert [line.replace(nowhere, "URL") for line in told[-2:]] == snapshot(
        [
            "problem  slack      Slack gave no usable answer (ClientConnectorError), so SLACK_BOT_TOKEN couldn't be tried. Check the network and SLACK_API_URL (URL), and try again in a minute.",
            "problem  slack      Slack gave no usable answer (ClientConnectorError), so SLACK_APP_TOKEN couldn't be tried. Check the network and SLACK_API_URL (URL), and try again in a minute.",
        ]
    )
    failing = env.slack.faults.add(Respond(503), times=None)
    assert (await found(env))[-1].partition(", so")[0] == snapshot(
        "problem  slack      Slack gave no usable answer (http_503)"
    )
    env.slack.faults.remove(failing)


@pytest.mark.parametrize("in_the_way", ["a file", "nothing writable"])
async def test_a_database_that_can_t_be_created_is_a_problem(
    env: Environment, tmp_path: Path, in_the_way: str
) -> None:
    """Found before `serve` fails over it; nothing is created."""
    if in_the_way == "a file":
        folder = tmp_path / "folder"
        folder.write_text("")
    else:
        # Nobody can create anything there, not even root.
        folder = Path("/proc")
    told = await found(env, database_url=f"sqlite:///{folder}/below/bot.sqlite3")
    assert told[1].startswith(
        "problem  database   DATABASE_URL leads to a database that can't be used: its file can't be"
        f" created in {folder} ("
    )


# Settings


async def test_one_bad_setting_doesn_t_stop_the_other_checks(env: Environment) -> None:
    """What needs it is skipped, and the rest is tried."""
    ended = await run(env, "doctor", SLACK_BOT_TOKEN=None, LEASE="10", LOG_LEVEL="loud")
    assert ended.code == 1
    assert [line.partition(". ")[0] for line in ended.out.partition("\n\n")[2].splitlines()] == (
        snapshot(
            [
                "problem  settings   LOG_LEVEL isn't valid",
                "problem  settings   SLACK_BOT_TOKEN is missing",
                "problem  settings   LEASE must be longer than CREATE_TIMEOUT",
                "ok       database   SQLite, its tables are up to date.",
                "advice   replicas   None runs",
                "ok       keys       0 stored, all under the first of ENCRYPTION_KEYS.",
                "skipped  slack      Not checked, because of SLACK_BOT_TOKEN.",
            ]
        )
    )
    no_keys = await run(env, "doctor", ENCRYPTION_KEYS="$(friendli-deploy keys new)")
    assert [line.partition(". ")[0] for line in no_keys.out.partition("\n\n")[2].splitlines()] == (
        snapshot(
            [
                "problem  settings   ENCRYPTION_KEYS number 1 isn't 32 bytes in URL-safe base64",
                "ok       database   SQLite, its tables are up to date.",
                "skipped  keys       Not checked, because of ENCRYPTION_KEYS.",
                "ok       slack      Takes the token, which has every scope.",
            ]
        )
    )


async def test_the_settings_are_shown_without_secrets(env: Environment, tmp_path: Path) -> None:
    """As the bot would run with them: from the environment, from .env, or by default."""
    (tmp_path / ".env").write_text("PORT=3001\n")
    secrets = {"FRIENDLI_TOKEN": "made-up-key", "SLACK_APP_TOKEN": APP_TOKEN}
    address = "postgresql://bot:made-up-password@127.0.0.1:1/name?password=made-up-too"
    ended = await run(env, "doctor", cwd=tmp_path, PORT=None, DATABASE_URL=address, **secrets)
    shown = ended.out.partition("\n\n")[0].splitlines()
    assert [line for line in shown if not line.endswith("(default)")] == [
        "SLACK_BOT_TOKEN=(hidden)",
        "SLACK_APP_TOKEN=(hidden)",
        "SLACK_SIGNING_SECRET=(hidden)",
        f"SLACK_API_URL={env.slack.url}/api/",
        f"FRIENDLI_API_URL={env.friendli.url}",
        "FRIENDLI_TOKEN=(hidden)",
        "DATABASE_URL=postgresql://bot:•••@127.0.0.1:1/name?password=•••",
        "ENCRYPTION_KEYS=(hidden)",
        f"HF_ENDPOINT={env.hub.url}",
        "PORT=3001",
    ]
    assert "POLL_SECONDS_TRANSITIONAL=5 (default)" in shown
    for secret in [BOT_TOKEN, SIGNING_SECRET, "made-up", env.encryption_key.get_secret_value()]:
        assert secret not in ended.out


async def test_a_slip_in_a_settings_name_is_found(env: Environment, tmp_path: Path) -> None:
    """In the environment and in .env; what has nothing to do with the bot isn't named."""
    (tmp_path / ".env").write_text("POL_SECONDS_STABLE=9\nUNRELATED=1\n")
    typos = {"SLACK_BOT_TOKN": "made-up", "FRIENDLI_TEAM": "made-up", "HOSTNAME": "here"}
    ended = await run(env, "doctor", cwd=tmp_path, **typos)
    assert ended.code == 0
    assert [line for line in ended.out.splitlines() if line.startswith("advice   settings")] == (
        snapshot(
            [
                "advice   settings   FRIENDLI_TEAM (environment) is no setting of this bot and has no effect. Did you mean FRIENDLI_TOKEN?",
                "advice   settings   SLACK_BOT_TOKN (environment) is no setting of this bot and has no effect. Did you mean SLACK_BOT_TOKEN?",
                "advice   settings   POL_SECONDS_STABLE (.env) is no setting of this bot and has no effect. Did you mean POLL_SECONDS_STABLE?",
            ]
        )
    )
    assert "made-up" not in ended.out


async def test_a_renamed_setting_is_pointed_at(env: Environment, tmp_path: Path) -> None:
    """In the environment and in .env, by its former name and its name now."""
    (tmp_path / ".env").write_text("MENU_PATIENCE=1\n")
    ended = await run(env, "doctor", cwd=tmp_path, POLL_SECONDS_STEADY="30")
    assert ended.code == 0
    assert [line for line in ended.out.splitlines() if line.startswith("advice   settings")] == (
        snapshot(
            [
                "advice   settings   POLL_SECONDS_STEADY (environment) is now called POLL_SECONDS_STABLE and has no effect.",
                "advice   settings   MENU_PATIENCE (.env) is now called MENU_TIMEOUT and has no effect.",
            ]
        )
    )


async def test_machines_get_one_document(env: Environment) -> None:
    """With the same verdicts as people get."""
    ended = await run(env, "doctor", "--json", LOG_LEVEL="loud")
    document = json.loads(ended.out)
    assert (ended.code, document["ok"]) == (1, False)
    assert [(one["verdict"], one["part"]) for one in document["findings"]] == [
        ("problem", "settings"),
        ("ok", "database"),
        ("advice", "replicas"),
        ("ok", "keys"),
        ("ok", "slack"),
    ]
    shown = {one["name"]: (one["value"], one["default"]) for one in document["settings"]}
    assert shown["SLACK_BOT_TOKEN"] == ("(hidden)", False)
    assert shown["LEASE"] == ("60", True)
    assert shown["LOG_LEVEL"] == ("(can't be used)", False)
