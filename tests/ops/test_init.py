"""`init`, as a person runs it."""

import asyncio
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.config import load
from bot.domain.errors import ConfigError
from bot.ops.init import write_env_file

GIVEN = {"SLACK_BOT_TOKEN": "made-up-bot-token", "SLACK_APP_TOKEN": "made-up-app-token"}


def nobody_asked(_question: str) -> str:
    raise AssertionError("it asks although it has all that it needs")


def answering(*answers: str) -> Callable[[str], str]:
    left = list(answers)
    return lambda _question: left.pop(0)


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A working folder with no .env, and an environment with no setting."""
    for name in list(os.environ):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_bot_starts_with_what_is_written(bare: Path) -> None:
    """The file has a real key, and only its owner can read it."""
    said: list[str] = []
    write_env_file(bare / ".env", GIVEN, ask=nobody_asked, say=said.append)
    settings = load()
    assert settings.socket_mode
    assert settings.slack_bot_token.get_secret_value() == GIVEN["SLACK_BOT_TOKEN"]
    assert len(settings.encryption_keys) == 1
    assert stat.S_IMODE((bare / ".env").stat().st_mode) == 0o600
    assert not any(secret in "\n".join(said) for secret in settings.secrets())


def test_each_file_gets_a_key_of_its_own(bare: Path) -> None:
    """One that everybody has would be none."""
    for name in ("one", "two"):
        write_env_file(bare / name, GIVEN, ask=None, say=str)
    assert (bare / "one").read_text() != (bare / "two").read_text()


def test_what_exists_is_not_overwritten(bare: Path) -> None:
    """Neither a file nor a link to nowhere; and nobody is asked for tokens in vain."""
    (bare / ".env").write_text("ENCRYPTION_KEYS=the-only-copy\n")
    (bare / "link").symlink_to(bare / "target")
    for name in (".env", "link"):
        with pytest.raises(ConfigError, match="exists and stays as it is"):
            write_env_file(bare / name, GIVEN, ask=None, say=str)
    assert (bare / ".env").read_text() == "ENCRYPTION_KEYS=the-only-copy\n"
    assert not (bare / "target").exists()


def test_tokens_are_asked_for(bare: Path) -> None:
    """A token of another kind is refused and asked for again; no app token means HTTP mode."""
    said: list[str] = []
    answers = answering("xapp-made-up", "made-up-bot-token", "", "made-up-secret")
    write_env_file(bare / ".env", {}, ask=answers, say=said.append)
    settings = load()
    assert not settings.socket_mode
    assert settings.slack_signing_secret is not None
    assert settings.slack_signing_secret.get_secret_value() == "made-up-secret"
    assert said[0].startswith("SLACK_BOT_TOKEN is another kind of token. Copy it from")


def test_what_is_missing_is_listed_and_left_open(bare: Path) -> None:
    """A job that can't ask gets a file with a key in it, to be filled in."""
    said: list[str] = []
    write_env_file(bare / ".env", {}, ask=None, say=said.append)
    assert [line.split(" is still")[0] for line in said[1:-1]] == [
        "SLACK_BOT_TOKEN",
        "SLACK_APP_TOKEN",
    ]
    assert "# SLACK_BOT_TOKEN=\n" in (bare / ".env").read_text()


def test_keys_that_are_set_already_are_kept(bare: Path) -> None:
    """Others would make stored API keys unreadable."""
    write_env_file(bare / "first", GIVEN, ask=None, say=str)
    key = (bare / "first").read_text().partition("ENCRYPTION_KEYS=")[2].strip()
    write_env_file(bare / ".env", GIVEN | {"ENCRYPTION_KEYS": key}, ask=None, say=str)
    assert f"ENCRYPTION_KEYS={key}\n" in (bare / ".env").read_text()
    with pytest.raises(ConfigError, match="isn't 32 bytes"):
        write_env_file(bare / "third", {"ENCRYPTION_KEYS": "$(keys new)"}, ask=None, say=str)
    assert not (bare / "third").exists()


async def test_nobody_at_the_terminal_is_no_obstacle(bare: Path) -> None:
    """As in a script; the exit code says that the file is there."""

    async def init() -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "init"),
            env={**GIVEN, "PYTHONPATH": str(Path(__file__).parents[2])},
            cwd=bare,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await process.communicate()
        return process.returncode, said.decode()

    assert await init() == (0, "")
    code, said = await init()
    assert (code, said.split(":")[0]) == (2, ".env exists and stays as it is")
