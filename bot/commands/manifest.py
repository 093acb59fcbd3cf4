"""The Slack app manifest: what an app needs to be allowed, each with its reason."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from bot.commands.features import registry
from bot.commands.registry import SLASH

EVENTS_PATH = "/slack/events"
APP_NAME = "Friendli Deploy"

SCOPES: Mapping[str, str] = {
    "commands": "the slash command",
    "chat:write": "the thread's root, its replies and edits, and answers only one person sees",
    "users:read": "who is a workspace admin, and so may connect a project; time zones of schedules",
    "usergroups:read": "who is in a user group that something is granted to",
    "channels:read": "whether the bot, or a person, is in a public channel, and if it is archived",
    "groups:read": "the same for private channels",
    "channels:history": "finding a message whose arrival Slack didn't confirm",
    "groups:history": "the same in private channels",
    "app_mentions:read": "a mention of the bot in an endpoint's thread",
    "im:write": "a direct message to the person who asked, when their channel can't be written to",
}

# Web API method → the scopes that it needs; which of several depends on the kind of channel.
# https://docs.slack.dev/reference/methods
METHODS: Mapping[str, frozenset[str]] = {
    "auth.test": frozenset(),
    "apps.connections.open": frozenset(),
    "views.open": frozenset(),
    "views.push": frozenset(),
    "views.update": frozenset(),
    "views.publish": frozenset(),
    "chat.postMessage": frozenset({"chat:write"}),
    "chat.postEphemeral": frozenset({"chat:write"}),
    "chat.update": frozenset({"chat:write"}),
    "chat.delete": frozenset({"chat:write"}),
    "chat.getPermalink": frozenset(),
    "chat.startStream": frozenset({"chat:write"}),
    "chat.appendStream": frozenset({"chat:write"}),
    "chat.stopStream": frozenset({"chat:write"}),
    "conversations.info": frozenset({"channels:read", "groups:read"}),
    "conversations.history": frozenset({"channels:history", "groups:history"}),
    "conversations.replies": frozenset({"channels:history", "groups:history"}),
    "conversations.open": frozenset({"im:write"}),
    "users.info": frozenset({"users:read"}),
    "users.list": frozenset({"users:read"}),
    "usergroups.list": frozenset({"usergroups:read"}),
    "users.conversations": frozenset({"channels:read", "groups:read"}),
    "usergroups.users.list": frozenset({"usergroups:read"}),
}

# Event → the scopes that it needs. https://docs.slack.dev/reference/events
EVENTS: Mapping[str, frozenset[str]] = {
    "app_home_opened": frozenset(),
    "app_mention": frozenset({"app_mentions:read"}),
}


def manifest(
    url: str | None, *, name: str = APP_NAME, slash_command: str = SLASH
) -> dict[str, Any]:
    """The manifest to create the Slack app from.

    Args:
        url: The bot's public address, for HTTP mode; None for Socket Mode.
        name: The app's.
        slash_command: With the slash. A workspace knows each only once.
    """
    features = registry()
    words = " | ".join(features.commands)
    command: dict[str, Any] = {
        "command": slash_command,
        "description": "Deploy a model to a Friendli Dedicated Endpoint",
        "usage_hint": f"[org/model --gpu 2xH100 | {words}]",
        "should_escape": False,
    }
    interactivity: dict[str, Any] = {"is_enabled": True}
    subscriptions: dict[str, Any] = {"bot_events": list(EVENTS)}
    shortcuts = [
        {
            "name": shortcut.name,
            "type": "message",
            "callback_id": shortcut.callback_id,
            "description": shortcut.summary,
        }
        for shortcut in features.shortcuts.values()
    ]
    if url is not None:
        events = url.rstrip("/").removesuffix(EVENTS_PATH) + EVENTS_PATH
        command["url"] = events
        interactivity["request_url"] = events
        interactivity["message_menu_options_url"] = events
        subscriptions["request_url"] = events
    return {
        "display_information": {
            "name": name,
            "description": "Deploys Hugging Face models to Friendli and posts their progress",
            "background_color": "#1f2937",
        },
        "features": {
            # Slack refuses direct messages of an app whose messages tab is off.
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": True,
            },
            # Slack takes small letters, digits, dashes, underscores and dots here.
            "bot_user": {"display_name": slash_command.removeprefix("/"), "always_online": True},
            "shortcuts": shortcuts,
            "slash_commands": [command],
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
            "event_subscriptions": subscriptions,
            "interactivity": interactivity,
            "org_deploy_enabled": False,
            "socket_mode_enabled": url is None,
            "token_rotation_enabled": False,
        },
    }


def creation_link(made: Mapping[str, Any]) -> str:
    compact = json.dumps(made, separators=(",", ":"))
    return f"https://api.slack.com/apps?new_app=1&manifest_json={quote(compact)}"
