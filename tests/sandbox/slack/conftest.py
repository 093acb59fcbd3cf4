"""A workspace with an app, a channel and people, for each test."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack.conversations import Channel
from bot.sandbox.slack.people import Person
from bot.sandbox.slack.rate_limits import Limits
from bot.sandbox.slack.sandbox import SlackSandbox
from tests.sandbox.slack.bolt_app import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, TinyApp, serve


@dataclass
class Scene:
    """A workspace and what is in it."""

    slack: SlackSandbox
    seen: list[dict[str, Any]]
    client: AsyncWebClient
    channel: Channel
    ann: Person


@pytest.fixture
async def slack() -> AsyncIterator[SlackSandbox]:
    """A workspace without rate limits."""
    async with SlackSandbox(
        bot_token=BOT_TOKEN,
        signing_secret=SIGNING_SECRET,
        app_token=APP_TOKEN,
        limits=Limits(enabled=False),
        event_retry_delays=(0, 0, 0),
    ) as sandbox:
        yield sandbox


@pytest.fixture
async def scene(slack: SlackSandbox) -> AsyncIterator[Scene]:
    """A channel with the bot and a person, and the app listening over HTTP."""
    ann = slack.add_user("ann", real_name="Ann Lee", is_admin=True)
    channel = slack.add_channel("ml", members=[ann])
    app = TinyApp(f"{slack.url}/api/")
    runner, slack.events_url = await serve(app.bolt)
    client = AsyncWebClient(BOT_TOKEN, base_url=f"{slack.url}/api/", retry_handlers=[])
    yield Scene(slack, app.seen, client, channel, slack.act_as(ann))
    await runner.cleanup()
