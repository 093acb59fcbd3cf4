"""The reference that is generated from the code."""

import re
from pathlib import Path

import pytest

from bot.app import running
from bot.config import Settings
from bot.domain.process.metrics import METRICS
from bot.ops.reference import PATH, main, operator_settings, reference
from bot.sandbox.environment import Environment
from tests.client import scrape
from tests.conftest import SHORT_WAITS

REFUSED = {"SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET"}


def test_it_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m bot.ops.reference` writes it anew after a change."""
    assert main(["--check"]) == 0, capsys.readouterr().err


def test_an_outdated_one_is_found_and_mended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The check names the command to run."""
    page = tmp_path / "REFERENCE.md"
    page.write_text("outdated")
    assert main(["--check"], page) == 1
    assert "python -m bot.ops.reference" in capsys.readouterr().err
    assert main([], page) == 0
    assert page.read_text("utf-8") == reference()
    assert main(["--check"], page) == 0


def test_every_setting_is_in_it_once() -> None:
    """Those of the README first, the advanced ones apart."""
    named = re.findall(r"^\| `([A-Z_]+)` \|", PATH.read_text("utf-8"), re.MULTILINE)
    assert len(named) == len(set(named))
    assert set(named) == {name.upper() for name in Settings.model_fields} - REFUSED
    assert named[: len(operator_settings())] == list(operator_settings())
    assert len(operator_settings()) <= 25


async def test_every_metric_of_a_running_bot_is_in_it(env: Environment) -> None:
    """With the labels that it really has."""
    async with running(env.settings(**SHORT_WAITS)) as bot:
        scraped = await scrape(bot.url)
    documented = {one.name.removeprefix("friendli_deploy_"): one.labels for one in METRICS}
    assert {name for name, _ in scraped} <= documented.keys()
    for name, values in scraped:
        assert len(values) == len(documented[name]), name
