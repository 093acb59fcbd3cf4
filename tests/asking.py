"""Ask a bot over HTTP what an orchestrator would ask."""

import asyncio

import aiohttp

Answered = tuple[int, object]


async def get(http: aiohttp.ClientSession, url: str) -> Answered:
    """The status and the JSON of an answer."""
    async with http.get(url) as response:
        return response.status, await response.json()


async def becomes(http: aiohttp.ClientSession, url: str, wanted: Answered) -> None:
    """Ask until the answer is this one."""
    async with asyncio.timeout(10):
        while await get(http, url) != wanted:
            pass
