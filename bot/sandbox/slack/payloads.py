"""The payloads of interactions, commands and events.

Formats from "Interaction payloads", "Slash commands" and "Events API" in Slack's docs.
"""

from dataclasses import dataclass
from typing import TypeAlias

from bot.sandbox.slack.conversations import Channel, ChannelKind, Message, User
from bot.sandbox.slack.documents import message_document
from bot.sandbox.slack.fields import Field
from bot.sandbox.slack.modals import Modals
from bot.sandbox.slack.response_urls import ResponseUrls
from bot.sandbox.slack.triggers import Triggers
from bot.sandbox.slack.view import View
from bot.sandbox.slack.wire import JsonObject
from bot.sandbox.slack.workspace import Workspace

# The verification token predates signatures; Slack tells apps to ignore it.
LEGACY_TOKEN = "legacy-verification-token"  # noqa: S105 - says itself that it is none

ChannelRef: TypeAlias = Message | View


@dataclass(slots=True)
class Payloads:
    """Builds payloads.

    Attributes:
        base: The workspace server's URL.
        team_missing: Whether `team` is null, as it can be in organisation-wide installations.
    """

    workspace: Workspace
    modals: Modals
    triggers: Triggers
    response_urls: ResponseUrls
    base: str = ""
    team_missing: bool = False

    def moment(self) -> str:
        return self.workspace.ids.timestamp(self.workspace.clock.now())

    def command(self, user: User, channel: Channel, command: str, text: str) -> JsonObject:
        """A slash command; all fields of the form are text."""
        identity = self.workspace.identity
        enterprise = identity.enterprise
        return {
            "token": LEGACY_TOKEN,
            "team_id": user.team_id,
            "team_domain": identity.team_domain,
            "channel_id": channel.id,
            "channel_name": _legacy_name(channel),
            "user_id": user.id,
            "user_name": user.name,
            "command": command,
            "text": text,
            "api_app_id": identity.app_id,
            "is_enterprise_install": "true" if identity.org_wide else "false",
            **(
                {"enterprise_id": enterprise["id"], "enterprise_name": enterprise["name"]}
                if enterprise
                else {}
            ),
            "response_url": self.response_urls.mint(self.base, channel, user, None),
            "trigger_id": self.triggers.mint(user.id),
        }

    def action(
        self,
        user: User,
        place: ChannelRef,
        item: Field,
        chosen: JsonObject,
        state: dict[str, dict[str, JsonObject]],
    ) -> JsonObject:
        """`block_actions` of an element.

        Args:
            place: The message or view of the element.
            chosen: `value`, `selected_option` and the like.
            state: The state of a message's fields; a view has its own.
        """
        view_id = place.id if isinstance(place, View) else None
        action: JsonObject = {
            "type": item.type,
            "block_id": item.block_id,
            "action_id": item.action_id,
            "action_ts": self.moment(),
            **{key: value for key, value in chosen.items() if key != "type"},
        }
        for key in ("text", "style", "placeholder"):
            if key in item.element:
                action[key] = item.element[key]
        payload = self._interaction("block_actions", user, place)
        payload["trigger_id"] = self.triggers.mint(user.id, view_id)
        payload["actions"] = [action]
        if isinstance(place, Message):
            channel = self.workspace.channels[place.channel_id]
            payload["response_url"] = self.response_urls.mint(self.base, channel, user, place)
            payload["state"] = {"values": state}
        return payload

    def suggestion(self, user: User, place: ChannelRef, item: Field, query: str) -> JsonObject:
        """`block_suggestion` for a query in a select with external options."""
        return {
            **self._interaction("block_suggestion", user, place),
            "action_id": item.action_id,
            "block_id": item.block_id,
            "value": query,
        }

    def submission(self, user: User, view: View) -> JsonObject:
        return {
            **self._view_interaction("view_submission", user, view),
            "trigger_id": self.triggers.mint(user.id, view.id),
            "response_urls": self._response_urls(user, view),
        }

    def closing(self, user: User, view: View, *, cleared: bool) -> JsonObject:
        """`view_closed`; `cleared` if the whole stack was closed."""
        return {**self._view_interaction("view_closed", user, view), "is_cleared": cleared}

    def message_shortcut(self, user: User, message: Message, callback_id: str) -> JsonObject:
        channel = self.workspace.channels[message.channel_id]
        return {
            **self._common("message_action", user),
            "callback_id": callback_id,
            "action_ts": self.moment(),
            "message_ts": message.ts,
            "message": message_document(self.workspace, message),
            "channel": {"id": channel.id, "name": _legacy_name(channel)},
            "response_url": self.response_urls.mint(self.base, channel, user, None),
            "trigger_id": self.triggers.mint(user.id),
        }

    def global_shortcut(self, user: User, callback_id: str) -> JsonObject:
        return {
            **self._common("shortcut", user),
            "callback_id": callback_id,
            "action_ts": self.moment(),
            "trigger_id": self.triggers.mint(user.id),
        }

    def event(self, event: JsonObject, *, shared: bool = False) -> JsonObject:
        identity = self.workspace.identity
        team_id = None if self.team_missing else identity.team_id
        return {
            "token": LEGACY_TOKEN,
            "team_id": identity.team_id,
            "context_team_id": identity.team_id,
            "context_enterprise_id": identity.enterprise_id,
            "api_app_id": identity.app_id,
            "event": event,
            "type": "event_callback",
            "event_id": self.workspace.ids.mint("Ev"),
            "event_time": int(self.workspace.clock.now().timestamp()),
            "authorizations": [
                {
                    "enterprise_id": identity.enterprise_id,
                    "team_id": team_id,
                    "user_id": self.workspace.bot.id,
                    "is_bot": True,
                    "is_enterprise_install": identity.org_wide,
                }
            ],
            "is_ext_shared_channel": shared,
            "event_context": "4-sandbox",
        }

    def _common(self, kind: str, user: User, team_id: str | None = None) -> JsonObject:
        identity = self.workspace.identity
        team: JsonObject = {"id": team_id or identity.team_id, "domain": identity.team_domain}
        if identity.enterprise:
            team["enterprise_id"] = identity.enterprise["id"]
            team["enterprise_name"] = identity.enterprise["name"]
        return {
            "type": kind,
            "user": {
                "id": user.id,
                "username": user.name,
                "name": user.name,
                "team_id": user.team_id,
            },
            "api_app_id": identity.app_id,
            "token": LEGACY_TOKEN,
            "team": None if self.team_missing else team,
            "enterprise": identity.enterprise,
            "is_enterprise_install": identity.org_wide,
        }

    def _view_interaction(self, kind: str, user: User, view: View) -> JsonObject:
        # In modals `team` is the user's; the view names the one where the app is installed.
        return {**self._common(kind, user, user.team_id), "view": self.modals.document(view)}

    def _interaction(self, kind: str, user: User, place: ChannelRef) -> JsonObject:
        if isinstance(place, View):
            container = {"type": "view", "view_id": place.id}
            return {**self._view_interaction(kind, user, place), "container": container}
        channel = self.workspace.channels[place.channel_id]
        payload: JsonObject = {
            **self._common(kind, user),
            "container": {
                "type": "message",
                "message_ts": place.ts,
                "channel_id": channel.id,
                "is_ephemeral": place.ephemeral_to is not None,
                **({"thread_ts": place.thread_ts} if place.thread_ts else {}),
            },
            "channel": {"id": channel.id, "name": _legacy_name(channel)},
        }
        if place.ephemeral_to is None:
            payload["message"] = message_document(self.workspace, place)
        return payload

    def _response_urls(self, user: User, view: View) -> list[JsonObject]:
        urls: list[JsonObject] = []
        for item in view.fields():
            chosen = (view.value(item) or {}).get("selected_conversation")
            if item.element.get("response_url_enabled") and chosen:
                channel = self.workspace.channels[chosen]
                urls.append(
                    {
                        "block_id": item.block_id,
                        "action_id": item.action_id,
                        "channel_id": channel.id,
                        "response_url": self.response_urls.mint(self.base, channel, user, None),
                    }
                )
        return urls


def _legacy_name(channel: Channel) -> str:
    match channel.kind:
        case ChannelKind.DIRECT:
            return "directmessage"
        case ChannelKind.PRIVATE:
            return "privategroup"
        case ChannelKind.PUBLIC:
            return channel.name
