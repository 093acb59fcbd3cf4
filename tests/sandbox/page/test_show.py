"""The demo as a process: it starts, says where it is, and leaves nothing behind."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from playwright.async_api import expect

from bot.app import EVENTS_PATH
from bot.domain.errors import ConfigError
from bot.sandbox.environment import Environment, connect
from bot.sandbox.page.bot_process import environment
from bot.sandbox.terminal import open_demo, run_demo
from tests.sandbox.page.conftest import Visit

_ENDS = (signal.SIGINT, signal.SIGTERM)
SHOW = (
    "import asyncio; from bot.sandbox.terminal import run_demo;"
    " asyncio.run(run_demo(port=0, browser=False, speed=30))"
)


async def test_the_end_leaves_nothing_behind(tmp_path: Path) -> None:
    """Ctrl-C and SIGTERM stop the bot's process and remove its folder."""
    await asyncio.gather(*(_begins_and_ends(tmp_path, number) for number in _ENDS))
    assert _files(tmp_path) == []


async def _begins_and_ends(folder: Path, number: signal.Signals) -> None:
    process, child = await _begun(folder)
    process.send_signal(number)
    assert await process.wait() == 0
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


async def test_the_bot_follows_a_demo_that_was_killed(tmp_path: Path) -> None:
    """Even kill -9 leaves no process; only the folder stays, as nobody is left to remove it."""
    process, child = await _begun(tmp_path)
    pid = os.pidfd_open(child)
    process.kill()
    await process.wait()
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(pid, ended.set)
    await ended.wait()
    asyncio.get_running_loop().remove_reader(pid)
    os.close(pid)


async def _begun(folder: Path) -> tuple[asyncio.subprocess.Process, int]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SHOW),
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    line = await process.stdout.readline()
    assert line.startswith(b"The demo is open at http://127.0.0.1:")
    assert _files(folder)
    [child] = _children(process.pid)
    return process, child


def _files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def _children(parent: int) -> list[int]:
    listed = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii")
    return [int(child) for child in listed.split()]


async def test_a_bot_that_cannot_start_says_why() -> None:
    """Its last words are in the error, and nothing runs on."""
    with pytest.raises(ConfigError) as refused:
        async with open_demo(port=0, speed=1, overrides={"slack_bot_token": "no-such-token"}):
            raise AssertionError("it started")
    assert refused.value.problems[0] == "The bot ended right after its start. It said:"
    assert len(refused.value.problems) > 1


async def test_both_real_is_no_demo() -> None:
    """The way out is named."""
    with pytest.raises(ConfigError, match="run `serve`"):
        await run_demo(port=0, browser=False, speed=1, real_slack=True, real_friendli=True)


async def test_friendli_itself_behind_the_page(
    env: Environment, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is connected or made up there, and the page says that it costs money."""
    monkeypatch.setenv("FRIENDLI_API_URL", env.friendli.url)
    async with open_demo(port=0, speed=1, real_friendli=True) as demo:
        page = await visit(demo.address)
        await expect(page.locator("#intro")).to_contain_text("Endpoints are real here")
        await expect(page.locator("#examples li")).to_have_count(0)
        await expect(page.get_by_label("Friendli's API")).to_have_count(0)
        assert not env.friendli.requests


async def test_people_in_their_own_slack(
    env: Environment, visit: Visit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The Slack app of the environment meets the sandbox's Friendli, and the page says how."""
    monkeypatch.chdir(tmp_path)
    for name in ("slack_bot_token", "slack_signing_secret", "slack_api_url", "encryption_keys"):
        monkeypatch.setenv(name.upper(), environment(env.settings())[name.upper()])
    monkeypatch.setenv("PORT", "0")
    async with open_demo(port=0, speed=1, real_slack=True) as demo:
        env.slack.events_url = demo.bot.url + EVENTS_PATH
        await connect(env)
        page = await visit(demo.address)
        await expect(page.locator("#home")).to_contain_text("You are using your own Slack")
        await page.get_by_role("tab", name="What just happened").click()
        await expect(page.locator("#requests")).to_contain_text("list_endpoints")
        await expect(page.locator("#requests")).not_to_contain_text("views.open")
    assert not env.friendli.requests


async def test_the_environments_settings_are_not_the_childs(
    env: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a person has set for a real bot never reaches the demo's."""
    monkeypatch.setenv("SLACK_APP_TOKEN", "from-outside")
    monkeypatch.setenv("database_url", "from-outside")
    given = environment(env.settings(admins=["U1", "U2"]))
    assert "from-outside" not in given.values()
    assert given["DATABASE_URL"] == env.database
    assert set(given["ADMINS"].split(",")) == {"U1", "U2"}
