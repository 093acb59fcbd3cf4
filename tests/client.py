"""Requests to a bot over HTTP, as an orchestrator sends them."""

import asyncio

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from bot.db.heartbeats import live
from bot.db.session import Database

Answered = tuple[int, object]
Sample = tuple[str, tuple[str, ...]]


async def get(http: aiohttp.ClientSession, url: str) -> Answered:
    """The status and the JSON of an answer."""
    async with http.get(url) as response:
        return response.status, await response.json()


async def wait_for_response(http: aiohttp.ClientSession, url: str, wanted: Answered) -> None:
    """Repeat the request until the response is this one."""
    async with asyncio.timeout(10):
        while await get(http, url) != wanted:
            pass


async def wait_for_replicas(database_url: str, replicas: int) -> None:
    """Wait until so many replicas have sent a heartbeat."""
    database = Database(database_url)
    async with asyncio.timeout(10):
        found = -1
        while found != replicas:
            async with database.read() as session:
                found = len(await live(session, 30))
    await database.close()


async def scrape(url: str) -> dict[Sample, float]:
    """Every sample, by its name and its labels' values."""
    async with aiohttp.ClientSession() as http, http.get(f"{url}/metrics") as response:
        assert response.status == 200
        text = await response.text()
    return {
        (sample.name.removeprefix("friendli_deploy_"), tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
