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
from bot.sandbox.environment import BOT_TOKEN, Environment, connect, world
from tests.acceptance.thread_assertions import ends, root, thread, whispers
from tests.conftest import QUICK, UNHURRIED, StartBot

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
        world(database_url, speed=0, limits=UNHURRIED) as here,
        running(here.settings(**QUICK)) as bot,
    ):
        here.slack.events_url = bot.events_url
        await connect(here)
        lines.clear()
        await here.member.command(here.channel, LINE)
        await here.friendli.until(lambda: here.friendli.endpoints)
        here.clock.advance(600)
        await here.slack.until(lambda: ends(here, "is serving"))
        await here.slack.until(lambda: "Sleep" in root(here).buttons)
        await here.member.click(root(here), "Sleep")
        here.clock.advance(60)
        await here.slack.until(lambda: "Asleep" in thread(here)[-1])
        await here.slack.until(lambda: "is sleeping" in root(here).text)
    database = Database(database_url)
    async with database.read() as session:
        deployment = (await session.scalars(select(Deployment))).one()
        operation = (await session.scalars(select(Operation))).one()
        messages = (await session.scalars(select(Message).order_by(Message.id))).all()
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
            assert line["channel"] == here.channel.id
            assert line["event"] == "request" or line["deployment"] == deployment.public_id
    # The root was drawn last for what was asked last.
    assert messages[0].reference == operation.reference
    assert {message.reference for message in messages} == {
        deployment.reference,
        operation.reference,
    }


async def test_the_reference_that_a_person_is_shown_finds_the_request(
    here: Environment, start_bot: StartBot, lines: Lines
) -> None:
    """Also where nothing came of it."""
    async with start_bot():
        await connect(here)
        path = here.database.removeprefix("sqlite:///")
        with contextlib.closing(
            sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        ) as other:
            await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
            await here.member.command(here.channel, LINE)
            await here.slack.until(lambda: whispers(here))
            other.execute("ROLLBACK")
    shown = re.search(rf"Reference `(\w{{{len(new_reference())}}})`", whispers(here)[-1])
    assert shown is not None
    found = [line for line in lines if line.get("reference") == shown[1]]
    assert [line["event"] for line in found] == ["request", "database unavailable"]
    assert found[0]["person"] == here.member.user.id


async def test_the_start_says_what_runs_and_with_which_settings(
    here: Environment, start_bot: StartBot, lines: Lines
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
    assert here.encryption_key.get_secret_value() not in str(started)
