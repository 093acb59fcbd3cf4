"""The example alerts, compared with the metrics that there are."""

import re
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from bot.app import Running
from bot.cli import cli
from bot.domain.process.metrics import REGISTRY
from bot.sandbox.environment import Environment
from tests.conftest import StartBot

PREFIX = "friendli_deploy_"
# name{label="value"} or name{label=~"one|two"}
SELECTOR = re.compile(PREFIX + r'(\w+)(?:\{(\w+)=~?"([^"]+)"\})?')


@pytest.fixture(scope="module")
def rules() -> list[dict[str, Any]]:
    """As `friendli-deploy alerts` prints them."""
    printed = CliRunner().invoke(cli, ["alerts"]).output
    [group] = yaml.safe_load(printed)["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


async def exposed(bot: Running) -> Mapping[str, set[tuple[str, str]]]:
    """Every metric of a running bot with the values of its labels; counters may have none yet."""
    found: dict[str, set[tuple[str, str]]] = {
        f"{family.name}_total" if family.type == "counter" else family.name: set()
        for family in REGISTRY.collect()
    }
    async with aiohttp.ClientSession() as http, http.get(f"{bot.url}/metrics") as response:
        for family in text_string_to_metric_families(await response.text()):
            for sample in family.samples:
                found.setdefault(sample.name, set()).update(sample.labels.items())
    return found


async def test_every_alert_is_about_metrics_that_exist(
    env: Environment, start_bot: StartBot, rules: list[dict[str, Any]]
) -> None:
    """A gauge's label has the values that are asked for; what a counter counts is in the code."""
    async with start_bot() as bot:
        there = await exposed(bot)
    assert env.slack.protocol_errors == []
    for rule in rules:
        selectors = SELECTOR.findall(rule["expr"])
        assert selectors, rule["alert"]
        assert len(selectors) == rule["expr"].count(PREFIX)
        for name, label, values in selectors:
            assert PREFIX + name in there, rule["alert"]
            if label and not name.endswith("_total"):
                for value in values.split("|"):
                    assert (label, value) in there[PREFIX + name], rule["alert"]


def test_every_alert_says_what_to_do(rules: list[dict[str, Any]]) -> None:
    """Its fields are those that Prometheus takes, and its name is its own."""
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["annotations"].keys() == {"summary", "action"}
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert re.fullmatch(r"\d+[smh]", rule.get("for", "0s"))


def test_slack_and_friendli_have_alerts_of_their_own(rules: list[dict[str, Any]]) -> None:
    """And the database, and a lack of workers."""
    told = " ".join(rule["expr"] for rule in rules)
    for name in ("slack_up", "friendli_up", "database_up", "replicas"):
        assert f"{PREFIX}{name}" in told
