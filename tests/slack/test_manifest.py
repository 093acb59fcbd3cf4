import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import aiohttp
import pytest
from inline_snapshot import snapshot
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from slack_sdk.web.async_client import AsyncWebClient

import bot
from bot.commands.features import registry
from bot.commands.manifest import EVENTS, METHODS, SCOPES, manifest
from bot.commands.registry import SLASH
from bot.sandbox.environment import Environment, connect
from bot.sandbox.slack.request_log import Direction
from bot.sandbox.slack.sandbox import SCOPES as SANDBOX_SCOPES
from bot.sandbox.slack.web_api import METHODS as SANDBOX_METHODS
from tests.acceptance.thread_assertions import roots
from tests.conftest import StartBot

PACKAGE = Path(bot.__file__).parent
URL = "https://bot.test"


# What Slack takes: the lengths of https://docs.slack.dev/reference/app-manifest


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


Https = Annotated[str, StringConstraints(pattern=r"^https://[^/]+/\S+$")]


class _Display(_Part):
    name: Annotated[str, StringConstraints(max_length=35)]
    description: Annotated[str, StringConstraints(max_length=140)]
    background_color: Annotated[str, StringConstraints(pattern="^#[0-9a-f]{6}$")]


class _BotUser(_Part):
    display_name: Annotated[str, StringConstraints(max_length=80, pattern="^[a-z0-9._-]+$")]
    always_online: bool


class _Home(_Part):
    home_tab_enabled: bool
    messages_tab_enabled: bool
    messages_tab_read_only_enabled: bool


class _Command(_Part):
    command: Annotated[str, StringConstraints(max_length=32, pattern="^/[a-z-]+$")]
    description: Annotated[str, StringConstraints(max_length=2000)]
    usage_hint: Annotated[str, StringConstraints(max_length=1000)]
    should_escape: bool
    url: Https | None = None


class _Shortcut(_Part):
    name: Annotated[str, StringConstraints(max_length=24)]
    type: Literal["message", "global"]
    callback_id: Annotated[str, StringConstraints(max_length=255)]
    description: Annotated[str, StringConstraints(max_length=150)]


class _Features(_Part):
    app_home: _Home
    shortcuts: Annotated[list[_Shortcut], Field(max_length=10)]
    bot_user: _BotUser
    slash_commands: Annotated[list[_Command], Field(max_length=50)]


class _Scopes(_Part):
    bot: Annotated[list[str], Field(max_length=255)]


class _Oauth(_Part):
    scopes: _Scopes


class _Interactivity(_Part):
    is_enabled: bool
    request_url: Https | None = None
    message_menu_options_url: Https | None = None


class _Subscriptions(_Part):
    bot_events: Annotated[list[str], Field(max_length=100)]
    request_url: Https | None = None


class _Settings(_Part):
    event_subscriptions: _Subscriptions
    interactivity: _Interactivity
    org_deploy_enabled: bool
    socket_mode_enabled: bool
    token_rotation_enabled: Literal[False]


class _Manifest(_Part):
    display_information: _Display
    features: _Features
    oauth_config: _Oauth
    settings: _Settings


@pytest.mark.parametrize("url", [None, URL])
def test_the_manifest_is_valid(url: str | None) -> None:
    """No field is unknown, too long or malformed."""
    _Manifest.model_validate(manifest(url))


def test_what_an_app_is_made_from() -> None:
    """In Socket Mode."""
    made = manifest(None)
    hint = made["features"]["slash_commands"][0].pop("usage_hint")
    assert hint == f"[org/model --gpu 2xH100 | {' | '.join(registry().commands)}]"
    assert made == snapshot(
        {
            "display_information": {
                "name": "Friendli Deploy",
                "description": "Deploys Hugging Face models to Friendli and posts their progress",
                "background_color": "#1f2937",
            },
            "features": {
                "app_home": {
                    "home_tab_enabled": True,
                    "messages_tab_enabled": True,
                    "messages_tab_read_only_enabled": True,
                },
                "bot_user": {"display_name": "friendli-deploy", "always_online": True},
                "shortcuts": [
                    {
                        "name": "Endpoint status",
                        "type": "message",
                        "callback_id": "endpoint.status",
                        "description": "Shows the endpoint of this thread",
                    }
                ],
                "slash_commands": [
                    {
                        "command": "/friendli-deploy",
                        "description": "Deploy a model to a Friendli Dedicated Endpoint",
                        "should_escape": False,
                    }
                ],
            },
            "oauth_config": {
                "scopes": {
                    "bot": [
                        "commands",
                        "chat:write",
                        "users:read",
                        "usergroups:read",
                        "channels:read",
                        "groups:read",
                        "channels:history",
                        "groups:history",
                        "app_mentions:read",
                        "im:write",
                    ]
                }
            },
            "settings": {
                "event_subscriptions": {"bot_events": ["app_home_opened", "app_mention"]},
                "interactivity": {"is_enabled": True},
                "org_deploy_enabled": False,
                "socket_mode_enabled": True,
                "token_rotation_enabled": False,
            },
        }
    )


@pytest.mark.parametrize("url", [URL, f"{URL}/", f"{URL}/slack/events", f"{URL}/slack/events/"])
def test_http_mode_adds_where_the_bot_is_reached(url: str) -> None:
    """However the URL is written."""
    http, socket_mode = _Manifest.model_validate(manifest(url)), manifest(None)
    [command] = http.features.slash_commands
    interactivity = http.settings.interactivity
    assert command.url == interactivity.request_url == f"{URL}/slack/events"
    assert interactivity.message_menu_options_url == f"{URL}/slack/events"
    assert http.settings.event_subscriptions.request_url == f"{URL}/slack/events"
    assert http.settings.socket_mode_enabled is False
    assert socket_mode["settings"]["socket_mode_enabled"] is True
    assert socket_mode["settings"]["interactivity"] == {"is_enabled": True}
    assert "url" not in socket_mode["features"]["slash_commands"][0]
    assert "request_url" not in socket_mode["settings"]["event_subscriptions"]


async def test_the_address_is_where_the_bot_listens(start_bot: StartBot) -> None:
    """An unsigned request is refused there."""
    path = manifest(URL)["settings"]["interactivity"]["request_url"].removeprefix(URL)
    async with (
        start_bot() as started,
        aiohttp.ClientSession() as http,
        http.post(started.url + path) as answer,
    ):
        assert answer.status == 401


def test_the_usage_hint_lists_every_word() -> None:
    """The usage hint lists every registered word."""
    [command] = _Manifest.model_validate(manifest(None)).features.slash_commands
    for word in registry().commands:
        assert re.search(rf"\b{word}\b", command.usage_hint)


# What is listened to


def listened_to() -> set[str]:
    build = ast.parse((PACKAGE / "commands" / "bolt_app.py").read_text())
    return {
        node.func.attr
        for node in ast.walk(build)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "app"
    } - {"error"}


def test_what_is_listened_to_is_what_slack_sends() -> None:
    """Commands, actions, options, views, events and shortcuts."""
    assert listened_to() == {"command", "action", "options", "view", "event", "message_shortcut"}
    made = manifest(URL)
    assert [command["command"] for command in made["features"]["slash_commands"]] == [SLASH]
    assert made["settings"]["interactivity"]["is_enabled"]
    assert made["settings"]["interactivity"]["message_menu_options_url"]
    assert made["features"]["app_home"]["home_tab_enabled"] is True
    assert made["settings"]["event_subscriptions"]["bot_events"] == list(registry().events)
    assert {(one["type"], one["callback_id"]) for one in made["features"]["shortcuts"]} == {
        ("message", callback_id) for callback_id in registry().shortcuts
    }


# What is called


def web_api_methods() -> dict[str, str]:
    """The SDK's name of each Web API method → Slack's."""
    return {
        name: found[1]
        for name, function in inspect.getmembers(AsyncWebClient, inspect.iscoroutinefunction)
        if not name.startswith("_")
        and (found := re.search(r'api_call\(\s*"([\w.]+)"', inspect.getsource(function)))
    }


def called(folder: Path) -> Iterator[tuple[str, str]]:
    """Web API methods named in a folder: module and method."""
    names = web_api_methods()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in names:
                yield path.relative_to(PACKAGE).as_posix(), names[node.attr]


def test_the_methods_in_use_are_listed() -> None:
    """No more and no less."""
    assert web_api_methods()["chat_postMessage"] == "chat.postMessage"
    assert {method for _, method in called(PACKAGE / "slack")} == set(METHODS)


def test_nothing_else_calls_slack() -> None:
    """All calls are in one package."""
    elsewhere = {module for module, _ in called(PACKAGE)}
    assert {
        module for module in elsewhere if not module.startswith(("slack/", "sandbox/"))
    } == set()


def test_no_method_is_called_by_name() -> None:
    """`api_call` would escape the list."""
    for path in (PACKAGE / "slack").rglob("*.py"):
        assert "api_call" not in path.read_text(), path


def test_scopes_are_what_the_methods_need_and_nothing_beyond() -> None:
    """Beside those of commands and events."""
    needed = {scope for scopes in (*METHODS.values(), *EVENTS.values()) for scope in scopes}
    assert set(SCOPES) == needed | {"commands"}
    assert set(manifest(None)["oauth_config"]["scopes"]["bot"]) == set(SCOPES)
    assert all(len(reason.split()) > 2 for reason in SCOPES.values())


def test_scopes_agree_with_the_sandboxs() -> None:
    """The sandbox checks scopes as Slack does."""
    for method, scopes in METHODS.items():
        assert set(SANDBOX_METHODS[method].scopes) <= scopes
    assert EVENTS["app_mention"] <= SANDBOX_SCOPES


async def test_a_deployment_needs_no_more_than_its_scopes(
    env: Environment, start_bot: StartBot
) -> None:
    """With exactly these, nothing is refused or unlisted."""
    env.slack.set_scopes(SCOPES)
    async with start_bot():
        await connect(env)
        await env.member.command(env.channel, "org/model --gpu H100 --replicas 1 --yes")
        [root] = await env.slack.until(lambda: roots(env))
        await env.slack.until(lambda: env.friendli.endpoints)
        env.clock.advance(600)
        await env.slack.until(lambda: "is live" in root.text)
        env.slack.remove_bot(env.channel)
        await env.member.command(env.channel, "org/other --gpu H100 --yes")
        direct = env.slack.direct_message(env.member.user)
        await env.slack.until(lambda: direct.messages)
    requests = [
        entry for entry in env.slack.requests.entries if entry.direction is Direction.TO_SLACK
    ]
    assert [entry.operation for entry in requests if entry.error == "missing_scope"] == []
    assert {entry.operation for entry in requests} <= {*METHODS, "response_url"}
    assert len({entry.operation for entry in requests}) > 5
