"""Stories of one request's reference: from the click, over the rows, to the last message."""

import asyncio
import contextlib
import re
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from sqlalchemy import select

from bot.app import running
from bot.db.deployment_tables import Deployment
from bot.db.message_tables import Message
from bot.db.migrate import newest_revision
from bot.db.operation_tables import Operation
from bot.db.session import Database
from bot.domain.errors import new_reference
from bot.sandbox.environment import BOT_TOKEN, Environment, connect, open_environment
from tests.acceptance.thread_assertions import ephemeral_texts, last_reply_contains, root, thread
from tests.conftest import NO_LIMITS, SHORT_WAITS, StartBot

LINE = "org/model --gpu H100 --replicas 1 --name it --yes"
Lines = list[dict[str, Any]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """What is logged, a dictionary a line."""
    merge = structlog.contextvars.merge_contextvars
    with structlog.testing.capture_logs(processors=[merge]) as captured:
        yield captured  # type: ignore[misc] # they are dictionaries


def of(lines: Lines, reference: str) -> list[str]:
    """The INFO lines of a reference, without repeats that follow one another."""
    events = [
        line["event"]
        for line in lines
        if line.get("reference") == reference and line["log_level"] == "info"
    ]
    return [event for event, before in zip(events, ["", *events], strict=False) if event != before]


async def test_one_reference_leads_from_the_command_to_the_last_message(
    database_url: str, lines: Lines
) -> None:
    """Each line names the deployment and the channel; a click on a button has its own."""
    async with (
        open_environment(database_url, speed=0, limits=NO_LIMITS) as env,
        running(env.settings(**SHORT_WAITS)) as bot,
    ):
        env.slack.events_url = bot.events_url
        await connect(env)
        lines.clear()
        await env.member.command(env.channel, LINE)
        await env.friendli.until(lambda: env.friendli.endpoints)
        env.clock.advance(600)
        await env.slack.until(lambda: last_reply_contains(env, "went live"))
        await env.slack.until(lambda: "Sleep" in root(env).buttons)
        await env.member.click(root(env), "Sleep")
        env.clock.advance(60)
        await env.slack.until(lambda: "Asleep" in thread(env)[-1])
        await env.slack.until(lambda: "is asleep" in root(env).text)
    database = Database(database_url)
    async with database.read() as session:
        deployment = (await session.scalars(select(Deployment))).one()
        operation = (await session.scalars(select(Operation))).one()
        of_deployment = select(Message).where(Message.deployment_id == deployment.id)
        messages = (await session.scalars(of_deployment.order_by(Message.id))).all()
    await database.close()
    assert deployment.reference is not None
    assert operation.reference is not None
    assert deployment.reference != operation.reference
    deploying = of(lines, deployment.reference)
    assert deploying[:2] == ["request", "accepted"]
    assert {"created", "found", "transition", "delivered"} < set(deploying)
    sleeping = of(lines, operation.reference)
    assert sleeping[:2] == ["request", "accepted"]
    assert {"operation done", "transition", "delivered"} < set(sleeping)
    for line in lines:
        if line.get("reference") in (deployment.reference, operation.reference):
            assert line["channel"] == env.channel.id
            assert line["event"] == "request" or line["deployment"] == deployment.public_id
    # The root was drawn last for what was asked last.
    assert messages[0].reference == operation.reference
    assert {message.reference for message in messages} == {
        deployment.reference,
        operation.reference,
    }


async def test_the_reference_that_a_person_is_shown_finds_the_request(
    env: Environment, start_bot: StartBot, lines: Lines
) -> None:
    """Also where nothing came of it."""
    async with start_bot():
        await connect(env)
        path = env.database.removeprefix("sqlite:///")
        with contextlib.closing(
            sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        ) as other:
            await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
            await env.member.command(env.channel, LINE)
            await env.slack.until(lambda: ephemeral_texts(env))
            other.execute("ROLLBACK")
    shown = re.search(rf"Reference `(\w{{{len(new_reference())}}})`", ephemeral_texts(env)[-1])
    assert shown is not None
    found = [line for line in lines if line.get("reference") == shown[1]]
    assert [line["event"] for line in found] == ["request", "database unavailable"]
    assert found[0]["person"] == env.member.user.id


async def test_the_start_says_what_runs_and_with_which_settings(
    env: Environment, start_bot: StartBot, lines: Lines
) -> None:
    """Its version, the schema's revision, and what isn't left at its default; no secret."""
    async with start_bot(lease=7):
        pass
    [started] = [line for line in lines if line["event"] == "running"]
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", started["version"])
    assert started["schema"] == newest_revision()
    assert started["settings"]["LEASE"] == "7"
    assert "KEEP_FINISHED_DAYS" not in started["settings"]
    assert started["settings"]["SLACK_BOT_TOKEN"] == "(hidden)"
    assert BOT_TOKEN not in str(started)
    assert env.encryption_key.get_secret_value() not in str(started)
