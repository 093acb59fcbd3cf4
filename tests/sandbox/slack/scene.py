"""A workspace with an app, a channel and a person."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.clock import SandboxClock
from bot.sandbox.slack.conversations import Channel
from bot.sandbox.slack.rate_limits import Limits
from bot.sandbox.slack.sandbox import SCOPES, SlackSandbox
from bot.sandbox.slack.user_client import UserClient
from tests.sandbox.slack.bolt_app import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, TinyApp, serve

UNLIMITED = Limits(enabled=False)


@dataclass
class Scene:
    """What there is.

    Attributes:
        slack: The workspace.
        app: The app, listening over HTTP.
        client: Calls the Web API with the bot's token.
        channel: #ml, with the bot and Ann.
        ann: An admin.
    """

    slack: SlackSandbox
    app: TinyApp
    client: AsyncWebClient
    channel: Channel
    ann: UserClient

    @property
    def seen(self) -> list[dict[str, Any]]:
        """The bodies the app's listeners were called with, oldest first."""
        return self.app.seen

    async def refusal(self, method: str, /, **arguments: object) -> str:
        """Call a method that is expected to be refused, and return the error's name."""
        try:
            await self.client.api_call(method, json=arguments)
        except SlackApiError as error:
            return str(error.response["error"])
        raise AssertionError(f"{method} was accepted")

    async def post(self, text: str = "Hello", **more: Any) -> str:  # noqa: ANN401 - as the SDK has it
        """Post a message to the channel and return its ts."""
        answer = await self.client.chat_postMessage(channel=self.channel.id, text=text, **more)
        return str(answer["ts"])


@asynccontextmanager
async def stage(
    *,
    limits: Limits = UNLIMITED,
    clock: SandboxClock | None = None,
    enterprise_id: str | None = None,
    org_wide: bool = False,
    team_missing: bool = False,
    scopes: frozenset[str] = SCOPES,
) -> AsyncIterator[Scene]:
    """Set the scene in a workspace of these traits."""
    async with SlackSandbox(
        bot_token=BOT_TOKEN,
        signing_secret=SIGNING_SECRET,
        app_token=APP_TOKEN,
        limits=limits,
        clock=clock,
        enterprise_id=enterprise_id,
        org_wide=org_wide,
        team_missing=team_missing,
        scopes=scopes,
        event_retry_delays=(0, 0, 0),
    ) as slack:
        ann = slack.add_user("ann", real_name="Ann Lee", is_admin=True)
        channel = slack.add_channel("ml", members=[ann])
        app = TinyApp(f"{slack.url}/api/")
        client = AsyncWebClient(BOT_TOKEN, base_url=f"{slack.url}/api/", retry_handlers=[])
        async with serve(app.bolt) as slack.events_url:
            yield Scene(slack, app, client, channel, slack.act_as(ann))
            app.released.set()
