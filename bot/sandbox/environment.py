"""A sandbox Slack and a sandbox Friendli, and settings that point a bot to them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pydantic import SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from bot.commands.manifest import EVENTS
from bot.config import Settings
from bot.db.encryption import new_encryption_key
from bot.sandbox.clock import SandboxClock
from bot.sandbox.friendli import FriendliSandbox
from bot.sandbox.friendli.lifecycle import Durations
from bot.sandbox.hub import HubSandbox
from bot.sandbox.hub.published import published_repos
from bot.sandbox.slack.conversations import Channel, User
from bot.sandbox.slack.rate_limits import Limits
from bot.sandbox.slack.sandbox import SlackSandbox
from bot.sandbox.slack.user_client import UserClient

BOT_TOKEN = "sandbox-bot-token"  # noqa: S105 - it opens nothing but the sandbox
APP_TOKEN = "sandbox-app-token"  # noqa: S105 - as above
SIGNING_SECRET = "sandbox-signing-secret"  # noqa: S105 - as above
API_KEY = "sandbox-key-not-a-secret"
PROJECT = "sandbox-project"
TEAM = "sandbox-team"
HUB_TOKEN = "sandbox-hub-token"  # noqa: S105 - as above
# Gated repos that the token may read.
READABLE = tuple(
    name
    for name, repo in published_repos().items()
    if repo.gated and name.startswith("meta-llama/")
)


@dataclass(frozen=True, slots=True)
class Environment:
    """Both sandboxes: a Slack with two users in one channel, a Friendli with one project."""

    slack: SlackSandbox
    friendli: FriendliSandbox
    hub: HubSandbox
    clock: SandboxClock
    admin: UserClient
    member: UserClient
    channel: Channel
    database: str
    encryption_key: SecretStr

    def settings(self, **overrides: object) -> Settings:
        """Settings of a bot in this environment; environment variables are ignored."""
        return _Given.model_validate(
            {
                "slack_bot_token": BOT_TOKEN,
                "slack_signing_secret": SIGNING_SECRET,
                "slack_api_url": f"{self.slack.url}/api/",
                "friendli_api_url": self.friendli.url,
                "hf_endpoint": self.hub.url,
                "hf_token": HUB_TOKEN,
                "database_url": self.database,
                "encryption_keys": [self.encryption_key],
                "port": 0,
                **overrides,
            }
        )


class _Given(Settings):
    """Settings from arguments only, since the environment may hold those of a real bot."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the library names the parameters
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


@asynccontextmanager
async def open_environment(
    database: str,
    *,
    speed: float = 1.0,
    start_speed: float = 1.0,
    durations: Durations | None = None,
    limits: Limits | None = None,
    enterprise_id: str | None = None,
    team_missing: bool = False,
) -> AsyncIterator[Environment]:
    """Start both sandboxes on free ports.

    Args:
        speed: How many times faster than real time Friendli's clock runs. The bot's isn't faster,
            so costs and times agree only at 1.
        start_speed: How many times faster than in life endpoints start.
        enterprise_id: The organisation of the workspace, on Enterprise Grid.
        team_missing: Whether payloads omit the team, as org-wide installs may.
    """
    clock = SandboxClock(speed)
    async with (
        FriendliSandbox(clock=clock, durations=durations) as friendli,
        # The Hub is as fast as life, however fast endpoints start.
        HubSandbox(SandboxClock()) as hub,
        SlackSandbox(
            bot_token=BOT_TOKEN,
            app_token=APP_TOKEN,
            signing_secret=SIGNING_SECRET,
            limits=limits,
            enterprise_id=enterprise_id,
            org_wide=team_missing,
            team_missing=team_missing,
            events=EVENTS,
        ) as slack,
    ):
        friendli.start_speed = start_speed
        hub.add_token(HUB_TOKEN, reads=READABLE)
        friendli.add_project(PROJECT, TEAM)
        friendli.add_key(API_KEY, team_id=TEAM)
        admin: User = slack.add_user("admin", is_admin=True)
        member: User = slack.add_user("requester")
        channel = slack.add_channel("ml-deploys", members=[admin, member])
        yield Environment(
            slack=slack,
            friendli=friendli,
            hub=hub,
            clock=clock,
            admin=slack.act_as(admin),
            member=slack.act_as(member),
            channel=channel,
            database=database,
            encryption_key=SecretStr(new_encryption_key()),
        )


async def connect(
    env: Environment,
    name: str = "prod",
    channel: Channel | None = None,
    *,
    announced: bool = True,
) -> None:
    """Connect a channel, by default the first, to the sandbox's project through the form.

    Args:
        announced: Whether to wait for the channel's announcement, if the bot can post there.

    Raises:
        bot.sandbox.slack.changes.ConditionTimeoutError: The form wasn't opened or not accepted.
    """
    await env.admin.command(channel or env.channel, f"connect {name}")
    await env.slack.until(lambda: env.admin.modal)
    await env.admin.fill("Target name", name)
    await env.admin.fill("Friendli project id", PROJECT)
    await env.admin.fill("Personal API key (flp_…)", API_KEY)
    await env.admin.submit()
    await env.slack.until(
        lambda: env.admin.modal is not None and "is connected" in str(env.admin.modal.body)
    )
    await env.admin.close_modal()
    place = channel or env.channel
    if announced and env.slack.workspace.has_bot(place):
        await env.slack.until(
            lambda: any(f"as *{name}*" in one.text for one in place.messages.values())
        )
