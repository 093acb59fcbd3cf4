"""Wrong calls of the Web API, and what Slack calls them."""

from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from inline_snapshot import snapshot
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack.sandbox import SCOPES
from tests.sandbox.slack.bolt_app import APP_TOKEN, BOT_TOKEN, FORM, modal, section
from tests.sandbox.slack.scene import Scene, stage

TS = "1700000000.000001"


@dataclass(frozen=True)
class Wrong:
    """A call and its error; in arguments, ML, ANN and ROOT stand for what there is."""

    method: str
    error: str
    arguments: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """Name the test."""
        return f"{self.method} {self.error} {self.arguments}"


WRONG = [
    Wrong("chat.postMesage", "unknown_method", {"channel": "ML", "text": "x"}),
    Wrong("chat.postMessage", "invalid_arguments", {"text": "x"}),
    Wrong("chat.postMessage", "invalid_arguments", {"chanel": "ML", "text": "x"}),
    Wrong("chat.postMessage", "invalid_arguments", {"channel": "ML", "text": "x", "tread_ts": TS}),
    Wrong("chat.postMessage", "invalid_arguments", {"channel": "ML", "text": 5}),
    Wrong("chat.postMessage", "invalid_arguments", {"channel": "ML", "text": "x", "username": "y"}),
    Wrong("chat.postMessage", "channel_not_found", {"channel": "C404", "text": "x"}),
    Wrong("chat.postMessage", "channel_not_found", {"channel": "#ml", "text": "x"}),
    Wrong("chat.postMessage", "no_text", {"channel": "ML"}),
    Wrong("chat.postMessage", "no_text", {"channel": "ML", "text": " "}),
    Wrong("chat.postMessage", "msg_too_long", {"channel": "ML", "text": "x" * 4001}),
    Wrong("chat.postMessage", "thread_not_found", {"channel": "ML", "text": "x", "thread_ts": TS}),
    Wrong(
        "chat.postMessage",
        "cannot_reply_to_message",
        {"channel": "ML", "text": "x", "thread_ts": "REPLY"},
    ),
    Wrong(
        "chat.postMessage",
        "invalid_arguments",
        {"channel": "ML", "text": "x", "reply_broadcast": True},
    ),
    Wrong(
        "chat.postMessage",
        "invalid_blocks",
        {"channel": "ML", "text": "x", "blocks": [section("x" * 3001)]},
    ),
    Wrong(
        "chat.postMessage",
        "invalid_blocks_format",
        {"channel": "ML", "text": "x", "blocks": "[{]"},
    ),
    Wrong(
        "chat.postMessage",
        "invalid_blocks_format",
        {"channel": "ML", "text": "x", "blocks": {"blocks": []}},
    ),
    Wrong(
        "chat.postMessage",
        "invalid_metadata_format",
        {"channel": "ML", "text": "x", "metadata": "deployment"},
    ),
    Wrong(
        "chat.postMessage",
        "invalid_metadata_schema",
        {"channel": "ML", "text": "x", "metadata": {"event_type": "deployment"}},
    ),
    Wrong(
        "chat.postMessage",
        "invalid_arguments",
        {"channel": "ML", "text": "x", "attachments": [{"text": "y"}]},
    ),
    Wrong("chat.update", "message_not_found", {"channel": "ML", "ts": TS, "text": "x"}),
    Wrong("chat.update", "no_text", {"channel": "ML", "ts": "ROOT"}),
    Wrong("chat.update", "msg_too_long", {"channel": "ML", "ts": "ROOT", "text": "x" * 4001}),
    Wrong("chat.update", "channel_not_found", {"channel": "ANN", "ts": "ROOT", "text": "x"}),
    Wrong("chat.update", "invalid_arguments", {"channel": "ML", "text": "x"}),
    Wrong(
        "chat.update",
        "invalid_arguments",
        {"channel": "ML", "ts": "ROOT", "text": "x", "thread_ts": "ROOT"},
    ),
    Wrong("chat.delete", "message_not_found", {"channel": "ML", "ts": TS}),
    Wrong("chat.postEphemeral", "invalid_arguments", {"channel": "ML", "text": "x"}),
    Wrong(
        "chat.postEphemeral", "user_not_in_channel", {"channel": "ML", "user": "U404", "text": "x"}
    ),
    Wrong("chat.getPermalink", "message_not_found", {"channel": "ML", "message_ts": TS}),
    Wrong("chat.getPermalink", "invalid_arguments", {"channel": "ML", "ts": "ROOT"}),
    Wrong("views.open", "invalid_trigger_id", {"trigger_id": "1.2.abc", "view": FORM}),
    Wrong("views.open", "invalid_arguments", {"view": FORM}),
    Wrong("views.open", "invalid_arguments", {"trigger_id": "1.2.abc", "view": "{"}),
    Wrong("views.open", "invalid_arguments", {"trigger_id": "1.2.abc", "view": {"type": "modal"}}),
    Wrong(
        "views.open",
        "invalid_arguments",
        {"trigger_id": "1.2.abc", "view": {"type": "home", "blocks": [section("x")]}},
    ),
    Wrong("views.push", "invalid_trigger_id", {"trigger_id": "1.2.abc", "view": FORM}),
    Wrong("views.push", "not_found", {"trigger_id": "TRIGGER", "view": FORM}),
    Wrong("views.update", "not_found", {"view_id": "V404", "view": FORM}),
    Wrong("views.update", "not_found", {"external_id": "ours", "view": FORM}),
    Wrong("views.update", "invalid_arguments", {"view": FORM}),
    Wrong(
        "views.publish",
        "user_not_found",
        {"user_id": "U404", "view": {"type": "home", "blocks": [section("x")]}},
    ),
    Wrong("views.publish", "invalid_arguments", {"user_id": "ANN", "view": modal(section("x"))}),
    Wrong("conversations.info", "channel_not_found", {"channel": "C404"}),
    Wrong("conversations.history", "channel_not_found", {"channel": "C404"}),
    Wrong("conversations.history", "invalid_ts_oldest", {"channel": "ML", "oldest": "yesterday"}),
    Wrong("conversations.history", "invalid_ts_latest", {"channel": "ML", "latest": "now"}),
    Wrong("conversations.history", "invalid_cursor", {"channel": "ML", "cursor": "?"}),
    Wrong("conversations.history", "invalid_arguments", {"channel": "ML", "limit": 1000}),
    Wrong("conversations.replies", "thread_not_found", {"channel": "ML", "ts": TS}),
    Wrong("conversations.replies", "invalid_arguments", {"channel": "ML"}),
    Wrong("conversations.open", "users_list_not_supplied", {}),
    Wrong("conversations.open", "user_not_found", {"users": "U404"}),
    Wrong("conversations.open", "user_disabled", {"users": "GONE"}),
    Wrong("conversations.open", "missing_scope", {"users": "ANN,GONE"}),
    Wrong("conversations.open", "method_not_supported_for_channel_type", {"channel": "ML"}),
    Wrong("conversations.members", "channel_not_found", {"channel": "C404"}),
    Wrong("users.info", "user_not_found", {"user": "U404"}),
    Wrong("users.list", "invalid_cursor", {"cursor": "bmV4dDp4"}),
    Wrong("usergroups.users.list", "no_such_subteam", {"usergroup": "S404"}),
    Wrong("apps.connections.open", "not_allowed_token_type", {}),
    Wrong("api.test", "made_up", {"error": "made_up"}),
]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
async def test_a_wrong_call_is_refused_by_its_name(scene: Scene, wrong: Wrong) -> None:
    """The same call is refused alike as JSON and as a form."""
    root = await scene.post()
    await scene.ann.command("ml", "")
    there = {
        "ML": scene.channel.id,
        "ANN": scene.ann.user.id,
        "ROOT": root,
        "REPLY": await scene.post(thread_ts=root),
        "GONE": scene.slack.add_user("gone", deleted=True).id,
        "ANN,GONE": "U1,U2",
        "TRIGGER": scene.seen[-1]["trigger_id"],
    }
    arguments = {
        name: there.get(value, value) if isinstance(value, str) else value
        for name, value in wrong.arguments.items()
    }
    assert await scene.refusal(wrong.method, **arguments) == wrong.error


async def test_unknown_and_missing_arguments_are_named(scene: Scene) -> None:
    """The answer tells which argument was misspelt, and which one lacks."""
    with pytest.raises(SlackApiError) as refused:
        await scene.client.api_call("chat.delete", params={"channel": "C1", "timestamp": TS})
    assert refused.value.response["response_metadata"]["messages"] == snapshot(
        ["[ERROR] missing required field: ts", "[ERROR] unknown argument: timestamp"]
    )


async def test_a_method_that_does_not_exist_is_named(scene: Scene) -> None:
    """unknown_method comes with the method."""
    with pytest.raises(SlackApiError) as refused:
        await scene.client.api_call("chat.posstMessage")
    assert refused.value.response.data == snapshot(
        {"ok": False, "error": "unknown_method", "req_method": "chat.posstMessage"}
    )


@pytest.mark.parametrize(
    ("method", "arguments", "without", "needed"),
    [
        ("chat.postMessage", {"channel": "ML", "text": "x"}, "chat:write", "chat:write"),
        ("conversations.history", {"channel": "ML"}, "channels:history", "channels:history"),
        ("conversations.history", {"channel": "SECRET"}, "groups:history", "groups:history"),
        ("conversations.info", {"channel": "SECRET"}, "groups:read", "groups:read"),
        ("conversations.open", {"users": "U1"}, "im:write", "im:write"),
        ("users.info", {"user": "U1"}, "users:read", "users:read"),
        ("usergroups.list", {}, "usergroups:read", "usergroups:read"),
    ],
)
async def test_a_scope_that_lacks_is_named(
    method: str, arguments: dict[str, str], without: str, needed: str
) -> None:
    """missing_scope comes with what is needed and what is there."""
    async with stage(scopes=SCOPES - {without}) as scene:
        secret = scene.slack.add_channel("secret", members=[scene.ann.user], is_private=True)
        there = {"ML": scene.channel.id, "SECRET": secret.id}
        with pytest.raises(SlackApiError) as refused:
            await scene.client.api_call(
                method, params={name: there.get(value, value) for name, value in arguments.items()}
            )
        answer = refused.value.response
        assert (answer["error"], answer["needed"]) == ("missing_scope", needed)
        assert without not in answer["provided"].split(",")


@pytest.mark.parametrize(
    ("token", "method", "error"),
    [
        ("", "auth.test", "not_authed"),
        ("somebody-elses-token", "auth.test", "invalid_auth"),
        (APP_TOKEN, "auth.test", "not_allowed_token_type"),
        (BOT_TOKEN, "apps.connections.open", "not_allowed_token_type"),
    ],
)
async def test_a_token_must_be_the_right_one(
    scene: Scene, token: str, method: str, error: str
) -> None:
    """Each kind of token opens its own doors."""
    client = AsyncWebClient(token, base_url=f"{scene.slack.url}/api/", retry_handlers=[])
    with pytest.raises(SlackApiError) as refused:
        await client.api_call(method)
    assert refused.value.response["error"] == error


async def test_bodies_come_as_slack_takes_them(scene: Scene) -> None:
    """Forms and queries may carry the token, JSON may not; other bodies are refused."""
    url = f"{scene.slack.url}/api/auth.test"
    async with aiohttp.ClientSession() as http:

        async def error(**request: Any) -> str:  # noqa: ANN401 - as aiohttp has it
            async with http.post(url, **request) as response:
                return str((await response.json()).get("error", ""))

        assert await error(data={"token": BOT_TOKEN}) == ""
        assert await error(params={"token": BOT_TOKEN}) == ""
        assert await error(json={"token": BOT_TOKEN}) == "not_authed"
        json_type = {"Content-Type": "application/json"}
        assert await error(data="{", headers=json_type) == "invalid_json"
        text_type = {"Content-Type": "text/csv"}
        assert await error(data="a,b", headers=text_type) == "invalid_post_type"
        async with http.get(url, params={"token": BOT_TOKEN}) as response:
            assert (await response.json())["ok"] is True


async def test_a_client_may_name_the_team_in_every_call(scene: Scene) -> None:
    """Clients of an organisation-wide installation add team_id to whatever they call."""
    client = AsyncWebClient(
        BOT_TOKEN, base_url=f"{scene.slack.url}/api/", team_id="T000000001", retry_handlers=[]
    )
    await client.users_list()
    await client.chat_postMessage(channel=scene.channel.id, text="x")


async def test_forms_carry_objects_as_json_text(scene: Scene) -> None:
    """Blocks and views may be JSON text, as in a form."""
    await scene.client.api_call(
        "chat.postMessage",
        data={
            "channel": scene.channel.id,
            "text": "x",
            "blocks": '[{"type": "divider"}]',
            "unfurl_links": "false",
            "reply_broadcast": "0",
        },
    )
    (message,) = scene.slack.messages("ml")
    assert [block["type"] for block in message.blocks] == ["divider"]
    assert message.unfurls == (False, None)


async def test_scopes_can_change(scene: Scene) -> None:
    """A reinstalled app may have more or fewer scopes."""
    scene.slack.set_scopes({"commands"})
    assert await scene.refusal("chat.postMessage", channel=scene.channel.id, text="x") == (
        "missing_scope"
    )
    scene.slack.set_scopes(SCOPES)
    await scene.post()
