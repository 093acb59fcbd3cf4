"""What `/metrics` tells whoever runs the bot."""

import re

import pytest
from inline_snapshot import snapshot

from bot.app import running
from bot.ops.metrics_endpoint import WORKED_ON
from bot.sandbox.environment import Environment, connect, open_environment
from bot.sandbox.faults import Respond
from tests.acceptance.thread_assertions import root, thread
from tests.client import Sample, scrape
from tests.conftest import NO_LIMITS, SHORT_WAITS, StartBot
from tests.friendli.loopback import refused_url


async def test_a_deployment_is_counted(database_url: str) -> None:
    """Requests, the create, polls, messages; and what is watched now."""
    async with (
        open_environment(database_url, speed=0, limits=NO_LIMITS) as env,
        running(env.settings(**SHORT_WAITS)) as bot,
    ):
        env.slack.events_url = bot.events_url
        before = await scrape(bot.url)
        await connect(env)
        await env.member.command(env.channel, "org/model --gpu H100 --replicas 1 --yes")
        await env.slack.until(lambda: env.friendli.endpoints)
        env.clock.advance(600)
        await env.slack.until(lambda: "is live" in root(env).text)
        polls = len(env.friendli.requests)
        await env.friendli.until(lambda: len(env.friendli.requests) > polls + 2)
        after = await scrape(bot.url)
    grown = {sample for sample, value in after.items() if value > before.get(sample, 0)}
    assert grown >= {
        ("slack_calls_total", ("ok",)),
        ("friendli_requests_total", ("create_endpoint", "2xx")),
        ("friendli_requests_total", ("list_all_endpoints", "2xx")),
        ("creates_total", ("created",)),
        ("polls_total", ("ok",)),
        ("messages_total", ("posted",)),
        ("messages_total", ("edited",)),
    }
    assert after["endpoints", ("running",)] == 1
    assert after["database_up", ()] == 1
    assert after["replicas", ("all",)] == 1
    assert {labels for name, labels in after if name == "rows_due"} == {
        (worker,) for worker in WORKED_ON
    }


async def test_what_goes_wrong_is_counted_by_its_kind(
    env: Environment, start_bot: StartBot
) -> None:
    """An API that is down, a create request in doubt, a channel that takes nothing."""
    async with start_bot() as bot:
        before = await scrape(bot.url)
        await connect(env)
        env.friendli.faults.add(Respond(502), operation="create_endpoint")
        env.slack.faults.add(
            Respond(200, {"ok": False, "error": "is_archived"}), operation="chat.postMessage"
        )
        await env.member.command(env.channel, "org/model --gpu H100 --replicas 1 --yes")
        await env.slack.until(lambda: env.slack.requests.calls("conversations.open"))
        await env.member.command(env.channel, "org/other --gpu H100 --replicas 1 --yes")
        await env.friendli.until(
            lambda: any(one.operation == "create_endpoint" for one in env.friendli.requests)
        )
        await env.slack.until(lambda: thread(env))
        after = await scrape(bot.url)
    grown = {sample for sample, value in after.items() if value > before.get(sample, 0)}
    assert grown >= {
        ("slack_calls_total", ("stopped",)),
        ("messages_total", ("stopped",)),
        ("friendli_requests_total", ("create_endpoint", "5xx")),
        ("creates_total", ("outcome_unknown",)),
    }


async def test_without_a_database_the_rest_is_told(env: Environment, start_bot: StartBot) -> None:
    """What is counted in memory, and that the database is away."""
    address = refused_url().replace("http://", "postgresql://bot@")
    async with start_bot(database_url=f"{address}/name") as bot:
        told = await scrape(bot.url)
    assert told["database_up", ()] == 0
    assert not [name for name, _ in told if name == "rows_due"]
    assert env.slack.protocol_errors == []


async def test_labels_are_words_of_ours(env: Environment, start_bot: StartBot) -> None:
    """Nothing that people or APIs make up becomes a label, so their number is bounded."""
    async with start_bot() as bot:
        await connect(env)
        await env.member.command(env.channel, "org/model --gpu H100 --replicas 1 --name it --yes")
        [endpoint] = await env.friendli.until(lambda: list(env.friendli.endpoints))
        env.friendli.set_status(endpoint, "MADE_UP_STATUS")
        await env.slack.until(lambda: "MADE_UP_STATUS" in root(env).text)
        told = await scrape(bot.url)
    assert told["endpoints", ("other",)] == 1
    words = {word for _, labels in told for word in labels}
    assert [word for word in words if not re.fullmatch(r"[a-z_]+|[2-5]xx", word)] == []
    # Other tests of this process may have met a defect, or an outage.
    assert {name for name, _ in told} - {"defects_total", "database_errors_total"} == snapshot(
        {
            "creates_total",
            "database_up",
            "endpoints",
            "friendli_requests_total",
            "friendli_up",
            "messages_total",
            "oldest_overdue_seconds",
            "polls_total",
            "replicas",
            "rows_due",
            "slack_calls_total",
            "slack_up",
            "watched_projects",
        }
    )


@pytest.mark.parametrize("role", ["web", "worker"])
async def test_each_half_of_the_bot_has_metrics(postgresql_url: str, role: str) -> None:
    """And both tell how many of which there are."""
    async with (
        open_environment(postgresql_url, speed=0, limits=NO_LIMITS) as env,
        running(env.settings(**SHORT_WAITS, role=role)) as bot,
    ):
        told: dict[Sample, float] = {}
        while told.get(("replicas", (role,))) != 1:
            told = await scrape(bot.url)
