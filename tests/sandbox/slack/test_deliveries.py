import asyncio

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError

from bot.sandbox.faults import DropRequest, GarbageBody, Hang, LoseReply, Respond, Slow
from bot.sandbox.slack.base_client import NotPossibleError
from bot.sandbox.slack.conversations import Message
from tests.sandbox.slack.bolt_app import actions, button, section
from tests.sandbox.slack.scene import Scene


async def posted(scene: Scene) -> Message:
    """Let the app post its message."""
    await scene.ann.command("ml", "post")
    (message,) = await scene.slack.until(lambda: scene.slack.messages("ml"))
    return message


async def test_a_click_carries_everything_that_slack_sends(scene: Scene) -> None:
    """Bolt's listener sees the message, the container, the channel and the action."""
    message = await posted(scene)
    await scene.ann.click(message, "Cancel")
    body = scene.seen[-1]
    (action,) = body["actions"]
    del action["action_ts"]
    assert action == {
        "type": "button",
        "block_id": "actions",
        "action_id": "cancel",
        "value": "1",
        "text": {"type": "plain_text", "text": "Cancel"},
    }
    assert body["container"] == {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": scene.channel.id,
        "is_ephemeral": False,
    }
    assert body["channel"] == {"id": scene.channel.id, "name": "ml"}
    assert (body["message"]["ts"], body["state"]) == (message.ts, {"values": {}})
    assert body["team"] == {"id": "T000000001", "domain": "sandbox"}
    assert body["response_url"].startswith(scene.slack.url)
    assert body["trigger_id"] != scene.seen[0]["trigger_id"]


async def test_a_double_click_arrives_as_two_payloads(scene: Scene) -> None:
    """They differ in trigger_id and time, and name the same message."""
    message = await posted(scene)
    acks = await scene.ann.double_click(message, "Cancel")
    assert all(ack.ok for ack in acks)
    first, second = scene.seen[-2:]
    assert first["trigger_id"] != second["trigger_id"]
    assert first["actions"][0]["action_ts"] != second["actions"][0]["action_ts"]
    assert first["message"]["ts"] == second["message"]["ts"]


async def test_a_delivery_can_be_replayed_byte_by_byte(scene: Scene) -> None:
    """Bolt takes the same request with the same signature again."""
    ack = await scene.ann.command("ml", "say hi")
    again = await scene.slack.deliver_again()
    assert again.delivery is not None
    assert ack.delivery is not None
    assert again.delivery.headers == ack.delivery.headers
    assert again.ok
    assert scene.seen[0] == scene.seen[1]


async def test_nothing_can_be_replayed_before_something_was_sent(scene: Scene) -> None:
    """A replay needs a first time."""
    with pytest.raises(LookupError, match="nothing was delivered yet"):
        await scene.slack.deliver_again()


async def test_a_button_seen_earlier_can_be_clicked_late(scene: Scene) -> None:
    """A person may click what the app has just taken away."""
    message = await posted(scene)
    seen = scene.ann.button(message, "Cancel")
    await scene.client.chat_update(channel=scene.channel.id, ts=message.ts, text="Too late")
    assert (await scene.ann.click(message, seen)).ok
    with pytest.raises(LookupError, match="nothing is called 'Cancel'"):
        await scene.ann.click(message, "Cancel")


async def test_a_menu_on_a_message_tells_the_app_at_once(scene: Scene) -> None:
    """What is chosen stands in the action and in the message's state."""
    choices = [
        {"text": {"type": "plain_text", "text": text}, "value": text.lower()}
        for text in ("Sleep", "Delete")
    ]
    select = {"type": "static_select", "action_id": "menu", "options": choices}
    more = {"type": "overflow", "action_id": "more", "options": choices}
    await scene.post(blocks=[section("x"), actions(select, more)])
    (message,) = scene.slack.messages("ml")
    chosen = await scene.ann.choose(message, "menu", "Sleep")
    assert chosen.delivery is not None
    payload = chosen.delivery.payload
    assert payload["actions"][0]["selected_option"]["value"] == "sleep"
    assert payload["state"]["values"]["actions"]["menu"]["selected_option"]["value"] == "sleep"
    overflowing = await scene.ann.choose(message, "more", "delete")
    assert overflowing.delivery is not None
    (action,) = overflowing.delivery.payload["actions"]
    assert (action["type"], action["selected_option"]["text"]["text"]) == ("overflow", "Delete")
    assert list(overflowing.delivery.payload["state"]["values"]["actions"]) == ["menu"]


async def test_buttons_that_look_alike_are_told_apart_by_value(scene: Scene) -> None:
    """Two buttons of the same text need another name."""
    twins = actions(button("Sleep", "sleep_1", "dep1"), button("Sleep", "sleep_2", "dep2"))
    await scene.post(blocks=[section("x"), twins])
    (message,) = scene.slack.messages("ml")
    with pytest.raises(LookupError, match="more than one element is called 'Sleep'"):
        await scene.ann.click(message, "Sleep")
    ack = await scene.ann.click(message, "dep2")
    assert ack.delivery is not None
    assert ack.delivery.payload["actions"][0]["action_id"] == "sleep_2"


async def test_nobody_clicks_what_they_cannot_see(scene: Scene) -> None:
    """Strangers to the channel, other people's ephemerals and deleted messages are out of reach."""
    message = await posted(scene)
    ben = scene.slack.act_as(scene.slack.add_user("ben"))
    with pytest.raises(NotPossibleError, match="ben isn't in #ml"):
        await ben.click(message, "Cancel")
    scene.slack.set_member("ml", ben.user, member=True)
    await scene.ann.command("ml", "blocks")
    with pytest.raises(NotPossibleError, match="ben can't see this message"):
        await ben.click(scene.ann.ephemerals("ml")[0], "Yes")
    scene.slack.delete_message("ml", message)
    with pytest.raises(NotPossibleError, match="ann can't see this message"):
        await scene.ann.click(message, "Cancel")


async def test_people_from_other_organisations_bring_their_team(scene: Scene) -> None:
    """In a shared channel the user's team differs from the one the app is installed in."""
    eve = scene.slack.act_as(scene.slack.add_user("eve", team_id="T000000099"))
    shared = scene.slack.add_channel("shared", members=[scene.ann.user, eve.user], shared=True)
    info = await scene.client.conversations_info(channel=shared.id)
    assert info["channel"]["is_ext_shared"] is True
    assert info["channel"]["shared_team_ids"] == ["T000000001", "T000000099"]
    await scene.ann.command(shared, "post")
    (message,) = await scene.slack.until(lambda: scene.slack.messages(shared))
    await eve.click(message, "Cancel")
    body = scene.seen[-1]
    assert (body["team"]["id"], body["user"]["team_id"]) == ("T000000001", "T000000099")
    await eve.command(shared, "form")
    view = await scene.slack.until(lambda: eve.modal)
    await eve.fill("Name", "x")
    await eve.close_modal()
    closed = scene.seen[-1]
    assert closed["team"]["id"] == "T000000099"
    assert closed["view"]["app_installed_team_id"] == "T000000001"
    assert view.closed


async def test_a_lost_reply_leaves_the_message(scene: Scene) -> None:
    """The client sees a broken connection, people see the message."""
    scene.slack.faults.add(LoseReply(), operation="chat.postMessage")
    with pytest.raises(aiohttp.ClientError):
        await scene.post("Posted all the same")
    assert [each.text for each in scene.slack.messages("ml")] == ["Posted all the same"]
    (entry,) = scene.slack.requests.calls("chat.postMessage")
    assert (entry.status, entry.note) == (None, "LoseReply")


async def test_a_lost_request_leaves_nothing(scene: Scene) -> None:
    """The client can't tell it from a lost reply."""
    scene.slack.faults.add(DropRequest(), operation="chat.postMessage")
    with pytest.raises(aiohttp.ClientError):
        await scene.post()
    assert scene.slack.messages("ml") == []


async def test_slack_may_be_down_or_talk_nonsense(scene: Scene) -> None:
    """Error statuses and garbage strike only the operation they are meant for."""
    outage = scene.slack.faults.add(Respond(503), operation="chat.postMessage", times=None)
    for _ in range(2):
        with pytest.raises(SlackApiError) as down:
            await scene.post()
        assert down.value.response.status_code == 503
    await scene.client.auth_test()
    scene.slack.faults.remove(outage)
    scene.slack.faults.add(GarbageBody(), operation="auth.test")
    with pytest.raises(UnicodeDecodeError):
        await scene.client.auth_test()
    await scene.post()


async def test_a_hanging_call_ends_with_the_fault(scene: Scene) -> None:
    """A call that hangs is carried out if the fault says so."""
    fault = scene.slack.faults.add(Hang(acts=True), operation="chat.postMessage")
    hanging = asyncio.create_task(scene.post())
    await scene.slack.until(lambda: scene.slack.messages("ml"))
    assert not hanging.done()
    scene.slack.faults.remove(fault)
    with pytest.raises(aiohttp.ClientError):
        await hanging


async def test_an_answer_that_slack_ignores_is_noticed(scene: Scene) -> None:
    """Bolt answers 200 with words when it can't authorize a request; the person sees nothing."""
    await scene.post(blocks=[section("x"), actions(button("Cancel", "cancel"))])
    (message,) = scene.slack.messages("ml")
    scene.slack.revoke_token()
    ack = await scene.ann.click(message, "Cancel")
    assert (ack.status, scene.seen) == (200, [])
    assert scene.ann.notices == [f"block_actions: the answer was ignored: {ack.body}"]


async def test_a_response_url_can_fail_too(scene: Scene) -> None:
    """Its operation is called response_url."""
    scene.slack.faults.add(Respond(500), operation="response_url")
    scene.slack.faults.add(Slow(0.0), operation="response_url")
    await scene.ann.command("ml", "blocks")
    (question,) = scene.ann.ephemerals("ml")
    await scene.ann.click(question, "Yes")
    await scene.slack.until(lambda: scene.slack.requests.calls("response_url")[-1].status == 500)
    assert question.text == "Sure?"
