"""The Slack app manifest: what an app needs to be allowed, each with its reason."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from bot.commands.registry import SLASH

SCOPES: Mapping[str, str] = {
    "commands": "the slash command",
    "chat:write": "the thread's root, its replies and edits, and answers only one person sees",
    "users:read": "who is a workspace admin, and so may connect a project",
    "channels:read": "whether the bot is in a public channel, and whether that is archived",
    "groups:read": "the same for private channels",
    "channels:history": "finding a message whose arrival Slack didn't confirm",
    "groups:history": "the same in private channels",
    "im:write": "a direct message to the person who asked, when their channel can't be written to",
}

# Web API method → the scope that it needs; None for those that need none.
METHODS: Mapping[str, str | None] = {
    "auth.test": None,
    "apps.connections.open": None,
    "views.open": None,
    "views.update": None,
    "chat.postMessage": "chat:write",
    "chat.postEphemeral": "chat:write",
    "chat.update": "chat:write",
    "chat.delete": "chat:write",
    "conversations.info": "channels:read",
    "conversations.history": "channels:history",
    "conversations.replies": "channels:history",
    "conversations.open": "im:write",
    "users.info": "users:read",
    "users.list": "users:read",
}


def manifest(url: str | None) -> dict[str, Any]:
    """The manifest to create the Slack app from.

    Args:
        url: Where the bot is reached from outside, for HTTP mode; None for Socket Mode.
    """
    events = f"{url.rstrip('/')}/slack/events" if url else None
    command: dict[str, Any] = {
        "command": SLASH,
        "description": "Deploy a model to a Friendli Dedicated Endpoint",
        "usage_hint": "[org/model --gpu 2xH100 | connect | targets | help]",
        "should_escape": False,
    }
    interactivity: dict[str, Any] = {"is_enabled": True}
    if events:
        command["url"] = events
        interactivity["request_url"] = events
    return {
        "display_information": {
            "name": "Friendli Deploy",
            "description": "Deploys Hugging Face models to Friendli, and tells how it is going",
            "background_color": "#1f2937",
        },
        "features": {
            "bot_user": {"display_name": "Friendli Deploy", "always_online": True},
            "slash_commands": [command],
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
            "interactivity": interactivity,
            "org_deploy_enabled": False,
            "socket_mode_enabled": url is None,
            "token_rotation_enabled": False,
        },
    }


def creation_link(made: Mapping[str, Any]) -> str:
    """The address at which Slack creates an app from a manifest."""
    compact = json.dumps(made, separators=(",", ":"))
    return f"https://api.slack.com/apps?new_app=1&manifest_json={quote(compact)}"
