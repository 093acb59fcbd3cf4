"""From an endpoint's first token to Slack's first update, and what a hundred streams at once cost.

The bot's own services run here, on an SQLite file; the inference API and Slack are another process.
"""

import asyncio
import time
from pathlib import Path

import aiohttp
from sqlalchemy import select, update

from bot.db.deployment_tables import Deployment
from bot.db.encryption import KeyRing
from bot.db.session import Database
from bot.domain.actors import Actor, ChannelRef
from bot.friendli.inference import InferenceClient
from bot.services.prompts import Prompts
from bot.slack.clients import SlackClients
from bot.slack.prompt_answers import PromptAnswers, Question
from bot.slack.prompt_thread import PromptThread
from tests.benchmarks.bots import settings_of
from tests.benchmarks.commands import p50, p99
from tests.benchmarks.process import child
from tests.benchmarks.seeding import root_of, seed
from tests.benchmarks.table import Row, at_most

_PLACE = ChannelRef("", "T1", "C1")
_TOKENS_PER_SECOND = 50


async def rows(folder: Path, *, streams: int, seconds: float) -> list[Row]:
    """Stream so many answers at once, each for so long."""
    tokens = round(seconds * _TOKENS_PER_SECOND)
    async with child("prompt_apis", str(tokens), str(_TOKENS_PER_SECOND)) as apis:
        url = str(apis.ready["url"])
        settings, _ = settings_of(url, f"sqlite:///{folder}/prompts.sqlite3")
        await seed(settings, projects=1, endpoints=streams, channels=1)
        database = Database(settings.database)
        clients = SlackClients(
            settings.slack_bot_token, settings.slack_api_url, timeout=settings.slack_timeout
        )
        async with InferenceClient(settings.inference_url, connections=streams) as inference:
            key_ring = KeyRing(settings.encryption_keys, None)
            prompts = Prompts(database, key_ring, settings)
            answers = PromptAnswers(prompts, inference, clients, PromptThread(clients), settings)
            public_ids = await _go_live(database, streams)
            before, started = time.process_time(), time.monotonic()
            await asyncio.gather(
                *(_ask(prompts, answers, id_, number) for number, id_ in enumerate(public_ids))
            )
            cpu, took = time.process_time() - before, time.monotonic() - started
        await clients.close()
        await database.close()
        async with aiohttp.ClientSession() as session, session.get(f"{url}/first") as answer:
            first: list[float] = await answer.json()
    if len(first) != streams:
        raise RuntimeError(f"{len(first)} of {streams} answers began")
    what = f"{streams} answers at once, {_TOKENS_PER_SECOND} tokens/s each"
    return [
        Row(f"{what}: first token to Slack's first update, median", p50(first), "s", None),
        Row(f"{what}: the same, 99th percentile", p99(first), "s", None, at_most(1.0)),
        # At 200 µs, all of them take one core.
        Row(f"{what}: CPU a token", cpu / streams / tokens * 1e6, "µs", None, at_most(200)),
        Row(f"{what}: until all had ended", took, "s", None),
    ]


async def _go_live(database: Database, count: int) -> list[str]:
    """Let the seeded endpoints serve; their ids name their threads."""
    async with database.write() as session:
        for id_ in range(1, count + 1):
            await session.execute(
                update(Deployment)
                .where(Deployment.id == id_)
                .values(status="RUNNING", endpoint_id=root_of(id_), thread_ts=root_of(id_))
            )
    async with database.read() as session:
        found = await session.scalars(select(Deployment.public_id).order_by(Deployment.id))
        return list(found)


async def _ask(prompts: Prompts, answers: PromptAnswers, public_id: str, number: int) -> None:
    person = Actor("U1", "T1")
    accepted = await prompts.accept(_PLACE, person, public_id, f"benchmark {number}")
    if accepted is None:
        raise RuntimeError("the prompt was accepted before")
    await answers.answer(accepted, Question("Hello"))
