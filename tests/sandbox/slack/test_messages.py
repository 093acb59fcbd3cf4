from typing import Any

import pytest
from inline_snapshot import snapshot
from slack_sdk.errors import SlackApiError

from bot.sandbox.clock import SandboxClock
from bot.sandbox.slack.rate_limits import Limits
from tests.sandbox.slack.bolt_app import actions, button, section
from tests.sandbox.slack.scene import Scene, stage

METADATA = {"event_type": "deployment", "event_payload": {"deployment": "d1", "sequence": 1}}
PLAN = {
    "type": "plan",
    "title": "Deploying",
    "tasks": [{"type": "task_card", "task_id": "gpu", "title": "Get a GPU", "status": "pending"}],
}


async def history(scene: Scene, **more: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - as the SDK has it
    """Return the channel's messages as the Web API lists them."""
    answer = await scene.client.conversations_history(channel=scene.channel.id, **more)
    messages: list[dict[str, Any]] = answer["messages"]
    return messages


async def replies(scene: Scene, ts: str, **more: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - as the SDK has it
    """Return a thread as the Web API lists it."""
    answer = await scene.client.conversations_replies(channel=scene.channel.id, ts=ts, **more)
    messages: list[dict[str, Any]] = answer["messages"]
    return messages


async def test_a_post_is_answered_with_the_message(scene: Scene) -> None:
    """The answer names the bot and gives each block an id."""
    answer = await scene.client.chat_postMessage(
        channel=scene.channel.id,
        text="Deploying",
        blocks=[section("Deploying")],
        unfurl_links=False,
        unfurl_media=False,
    )
    message = answer["message"]
    assert message.pop("ts") == answer["ts"]
    assert message == snapshot(
        {
            "type": "message",
            "user": "U000000001",
            "text": "Deploying",
            "team": "T000000001",
            "bot_id": "B000000001",
            "app_id": "A000000001",
            "bot_profile": {
                "id": "B000000001",
                "app_id": "A000000001",
                "user_id": "U000000001",
                "name": "friendli-deploy",
                "icons": {},
                "deleted": False,
                "updated": 0,
                "team_id": "T000000001",
            },
            "blocks": [
                {
                    "type": "section",
                    "text": {"type": "mrkdwn", "text": "Deploying"},
                    "block_id": "00001",
                }
            ],
        }
    )
    (shown,) = scene.slack.messages("ml")
    assert shown.unfurls == (False, False)


async def test_a_button_edits_its_message(scene: Scene) -> None:
    """An edit with text alone takes the blocks away."""
    await scene.ann.command("ml", "post")
    (message,) = await scene.slack.until(lambda: scene.slack.messages("ml"))
    assert message.buttons == ["Cancel"]
    await scene.ann.click(message, "Cancel")
    await scene.slack.until(lambda: message.revisions)
    assert (message.text, message.blocks) == ("Cancelled", [])
    (listed,) = await history(scene)
    assert listed["edited"]["user"] == message.user_id


async def test_an_edit_with_blocks_shows_no_mark(scene: Scene) -> None:
    """Slack marks a message as edited only where text alone is shown."""
    ts = await scene.post(blocks=[section("One")])
    await scene.client.chat_update(
        channel=scene.channel.id, ts=ts, text="Two", blocks=[section("Two")]
    )
    (listed,) = await history(scene)
    assert (listed["text"], "edited" in listed) == ("Two", False)
    await scene.client.api_call(
        "chat.update", json={"channel": scene.channel.id, "ts": ts, "blocks": [section("Three")]}
    )
    (message,) = scene.slack.messages("ml")
    assert (message.text, message.words) == ("Two", "Three")
    await scene.client.chat_update(channel=scene.channel.id, ts=ts, text="Four", blocks=[])
    assert (message.text, message.blocks) == ("Four", [])


async def test_metadata_makes_the_round_trip(scene: Scene) -> None:
    """History shows it on request; an edit keeps it, replaces it, or takes it away."""
    answer = await scene.client.chat_postMessage(
        channel=scene.channel.id, text="x", metadata=METADATA
    )
    assert answer["message"]["metadata"] == METADATA
    ts = answer["ts"]
    assert "metadata" not in (await history(scene))[0]
    assert (await history(scene, include_all_metadata=True))[0]["metadata"] == METADATA
    channel = scene.channel.id
    await scene.client.chat_update(channel=channel, ts=ts, text="Kept")
    assert (await replies(scene, ts, include_all_metadata=True))[0]["metadata"] == METADATA
    await scene.client.chat_update(channel=channel, ts=ts, text="Gone", metadata={})
    assert "metadata" not in (await history(scene, include_all_metadata=True))[0]


async def test_a_thread_holds_its_replies(scene: Scene) -> None:
    """Replies are listed under their root, and the channel doesn't show them."""
    root = await scene.post("Root")
    first = await scene.post("First", thread_ts=root)
    answer = await scene.client.chat_postMessage(
        channel=scene.channel.id, text="Second", thread_ts=root, reply_broadcast=True
    )
    assert answer["message"]["thread_ts"] == root
    assert answer["message"]["subtype"] == "thread_broadcast"
    listed = await replies(scene, root)
    assert [message["text"] for message in listed] == ["Root", "First", "Second"]
    assert (listed[0]["reply_count"], listed[0]["latest_reply"]) == (2, answer["ts"])
    assert listed[1]["parent_user_id"] == scene.slack.workspace.bot.id
    assert [message["text"] for message in await history(scene)] == ["Second", "Root"]
    assert [each.text for each in scene.slack.thread("ml", first)] == ["First"]
    assert [each.text for each in scene.slack.thread("ml", root)] == ["Root", "First", "Second"]


async def test_an_old_reply_can_be_broadcast(scene: Scene) -> None:
    """chat.update with reply_broadcast shows a reply in the channel."""
    root = await scene.post("Root")
    reply = await scene.post("Reply", thread_ts=root)
    await scene.client.chat_update(
        channel=scene.channel.id, ts=reply, text="Ready", reply_broadcast=True
    )
    assert [each.text for each in scene.slack.messages("ml")] == ["Root", "Ready"]
    error = await scene.refusal(
        "chat.update", channel=scene.channel.id, ts=root, text="Root", reply_broadcast=True
    )
    assert error == "cant_broadcast_message"


async def test_a_reply_to_a_deleted_root_is_posted_to_the_channel(scene: Scene) -> None:
    """Its answer comes without thread_ts; the root can't be edited any more."""
    root = await scene.post("Root")
    scene.slack.delete_message("ml", root)
    answer = await scene.client.chat_postMessage(
        channel=scene.channel.id, text="Reply", thread_ts=root
    )
    assert "thread_ts" not in answer["message"]
    assert [each.text for each in scene.slack.messages("ml")] == ["Reply"]
    channel = scene.channel.id
    assert await scene.refusal("chat.update", channel=channel, ts=root, text="x") == (
        "message_not_found"
    )
    assert await scene.refusal("conversations.replies", channel=channel, ts=root) == (
        "thread_not_found"
    )


async def test_a_deleted_root_leaves_a_tombstone_over_its_replies(scene: Scene) -> None:
    """History keeps a mark where a thread was."""
    root = await scene.post("Root")
    await scene.post("Reply", thread_ts=root)
    await scene.client.chat_delete(channel=scene.channel.id, ts=root)
    first, second = await replies(scene, root)
    assert (first["subtype"], first["user"], second["text"]) == ("tombstone", "USLACKBOT", "Reply")
    assert [message["subtype"] for message in await history(scene)] == ["tombstone"]
    assert scene.slack.messages("ml") == []


async def test_only_the_bots_own_messages_can_be_changed(scene: Scene) -> None:
    """What people write is theirs."""
    message = await scene.ann.say("ml", "Mine")
    where = {"channel": scene.channel.id, "ts": message.ts}
    assert await scene.refusal("chat.update", **where, text="x") == "cant_update_message"
    assert await scene.refusal("chat.delete", **where) == "cant_delete_message"


async def test_the_edit_window_can_close() -> None:
    """A workspace may forbid editing after a while."""
    clock = SandboxClock(speed=0)
    async with stage(limits=Limits(enabled=False, edit_window=60), clock=clock) as scene:
        ts = await scene.post()
        clock.advance(60)
        await scene.client.chat_update(channel=scene.channel.id, ts=ts, text="In time")
        clock.advance(1)
        where = {"channel": scene.channel.id, "ts": ts}
        assert await scene.refusal("chat.update", **where, text="x") == "edit_window_closed"


async def test_an_archived_channel_takes_nothing(scene: Scene) -> None:
    """Posts and edits are refused, each by its own name, until it is back."""
    ts = await scene.post()
    scene.slack.archive("ml")
    channel = scene.channel.id
    assert await scene.refusal("chat.postMessage", channel=channel, text="x") == "is_archived"
    assert await scene.refusal("chat.update", channel=channel, ts=ts, text="x") == "is_inactive"
    assert (await scene.client.conversations_info(channel=channel))["channel"]["is_archived"]
    scene.slack.unarchive("ml")
    await scene.post()


async def test_posting_needs_membership(scene: Scene) -> None:
    """A public channel without the bot is seen but not written to; a private one isn't there."""
    secret = scene.slack.add_channel(
        "secret", members=[scene.ann.user], is_private=True, bot_member=False
    )
    where = {"channel": scene.channel.id, "ts": await scene.post()}
    scene.slack.remove_bot("ml")
    assert await scene.refusal("chat.update", **where, text="x") == "not_in_channel"
    assert await scene.refusal("chat.delete", **where) == "not_in_channel"
    info = await scene.client.conversations_info(channel=scene.channel.id)
    assert info["channel"]["is_member"] is False
    assert await scene.refusal("chat.postMessage", channel=scene.channel.id, text="x") == (
        "not_in_channel"
    )
    assert await scene.refusal("conversations.history", channel=scene.channel.id) == (
        "not_in_channel"
    )
    assert await scene.refusal("conversations.info", channel=secret.id) == "channel_not_found"
    assert await scene.refusal("chat.postMessage", channel=secret.id, text="x") == (
        "channel_not_found"
    )
    scene.slack.invite_bot(secret)
    await scene.client.chat_postMessage(channel=secret.id, text="x")


async def test_a_direct_message_is_opened_once(scene: Scene) -> None:
    """conversations.open gives the same channel again, and a user's id leads there too."""
    user = scene.ann.user.id
    opened = await scene.client.conversations_open(users=user)
    again = await scene.client.conversations_open(users=[user])
    assert opened["channel"]["id"] == again["channel"]["id"]
    resumed = await scene.client.conversations_open(channel=opened["channel"]["id"])
    assert resumed["channel"] == opened["channel"]
    whole = await scene.client.conversations_open(users=user, return_im=True)
    assert (whole["channel"]["is_im"], whole["channel"]["user"]) == (True, user)
    await scene.client.chat_postMessage(channel=opened["channel"]["id"], text="One")
    await scene.client.chat_postMessage(channel=user, text="Two")
    direct = scene.slack.direct_message(scene.ann.user)
    assert [each.text for each in scene.slack.messages(direct)] == ["One", "Two"]
    with pytest.raises(SlackApiError, match="missing_scope"):
        await scene.client.conversations_history(channel=direct.id)


async def test_a_permalink_leads_to_a_message(scene: Scene) -> None:
    """A reply's link names its thread."""
    root = await scene.post()
    reply = await scene.post(thread_ts=root)
    answer = await scene.client.chat_getPermalink(channel=scene.channel.id, message_ts=reply)
    compact = reply.replace(".", "")
    assert answer["permalink"] == (
        f"https://sandbox.slack.com/archives/{scene.channel.id}/p{compact}"
        f"?thread_ts={root}&cid={scene.channel.id}"
    )


async def test_an_old_workspace_refuses_plans() -> None:
    """With refuse_plan, a plan is an invalid block, and the answer points at it."""
    async with stage(limits=Limits(enabled=False, refuse_plan=True)) as scene:
        with pytest.raises(SlackApiError) as refused:
            await scene.post(blocks=[section("x"), PLAN])
        assert refused.value.response.data == snapshot(
            {
                "ok": False,
                "error": "invalid_blocks",
                "errors": ["unsupported type: plan [json-pointer:/blocks/1/type]"],
                "response_metadata": {
                    "messages": ["[ERROR] unsupported type: plan [json-pointer:/blocks/1/type]"]
                },
            }
        )
    async with stage() as scene:
        await scene.post(blocks=[section("x"), PLAN])


async def test_new_messages_are_listed_late() -> None:
    """With a lag, history and replies don't know yet what people see already."""
    clock = SandboxClock(speed=0)
    async with stage(limits=Limits(enabled=False, history_lag=20), clock=clock) as scene:
        root = await scene.post("Root")
        assert await history(scene) == []
        clock.advance(15)
        await scene.post("Reply", thread_ts=root)
        clock.advance(5)
        assert [message["text"] for message in await history(scene)] == ["Root"]
        assert [message["text"] for message in await replies(scene, root)] == ["Root"]
        clock.advance(15)
        assert [message["text"] for message in await replies(scene, root)] == ["Root", "Reply"]


async def test_history_comes_in_pages(scene: Scene) -> None:
    """A cursor leads from page to page, and the last page has none."""
    for number in range(5):
        await scene.post(str(number))
    texts: list[str] = []
    pages = 0
    async for page in await scene.client.conversations_history(channel=scene.channel.id, limit=2):
        texts += [message["text"] for message in page["messages"]]
        pages += 1
    assert (texts, pages) == (["4", "3", "2", "1", "0"], 3)


async def test_threads_come_in_pages_with_their_root(scene: Scene) -> None:
    """Each page of a thread begins with the root."""
    root = await scene.post("Root")
    for number in range(3):
        await scene.post(str(number), thread_ts=root)
    thread = await scene.client.conversations_replies(channel=scene.channel.id, ts=root, limit=3)
    pages = [[message["text"] for message in page["messages"]] async for page in thread]
    assert pages == [["Root", "0", "1"], ["Root", "2"]]


async def test_history_covers_a_span_of_time(scene: Scene) -> None:
    """`oldest` and `latest` are left out unless `inclusive` is set."""
    stamps = [await scene.post(str(number)) for number in range(4)]
    span: dict[str, Any] = {"oldest": stamps[0], "latest": stamps[3]}
    between = await history(scene, **span)
    assert [message["text"] for message in between] == ["2", "1"]
    around = await history(scene, **span, inclusive=True)
    assert [message["text"] for message in around] == ["3", "2", "1", "0"]


async def test_outside_the_marketplace_pages_are_short() -> None:
    """`page_size` caps what `limit` asks for."""
    async with stage(limits=Limits(enabled=False, page_size=1)) as scene:
        await scene.post("1")
        await scene.post("2")
        assert [message["text"] for message in await history(scene, limit=100)] == ["2"]


async def test_an_uninstalled_or_revoked_app_is_cut_off(scene: Scene) -> None:
    """Each has its own error; reinstalled, the bot has to be invited again."""
    scene.slack.revoke_token()
    assert await scene.refusal("auth.test") == "token_revoked"
    scene.slack.uninstall()
    assert await scene.refusal("auth.test") == "account_inactive"
    scene.slack.reinstall()
    await scene.client.auth_test()
    assert await scene.refusal("chat.postMessage", channel=scene.channel.id, text="x") == (
        "not_in_channel"
    )


async def test_what_a_message_says_can_be_read(scene: Scene) -> None:
    """`words` holds all text of the blocks, rich text in one piece."""
    rich = {
        "type": "rich_text",
        "elements": [
            {
                "type": "rich_text_section",
                "elements": [
                    {"type": "text", "text": "It is "},
                    {"type": "text", "text": "gated", "style": {"bold": True}},
                ],
            },
            {
                "type": "rich_text_list",
                "style": "bullet",
                "elements": [
                    {
                        "type": "rich_text_section",
                        "elements": [{"type": "text", "text": text}],
                    }
                    for text in ("Accept", "Retry")
                ],
            },
        ],
    }
    await scene.post(blocks=[section("Failed"), rich, PLAN, actions(button("Again", "again"))])
    (message,) = scene.slack.messages("ml")
    assert message.words == "Failed\nIt is gated\nAccept\nRetry\nDeploying\nGet a GPU\nAgain"
