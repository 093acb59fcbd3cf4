from typing import Any

from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.sandbox.clock import SandboxClock
from bot.sandbox.slack.conversations import Message
from tests.sandbox.slack.bolt_app import actions, button, section
from tests.sandbox.slack.scene import Scene, stage


async def send(url: str, **body: Any) -> tuple[int, str]:  # noqa: ANN401 - free-form JSON
    """Post to a response_url and return status and body."""
    answer = await AsyncWebhookClient(url, retry_handlers=[]).send_dict(body)
    return answer.status_code, answer.body


async def command_url(scene: Scene) -> str:
    """Return the response_url of a command."""
    await scene.ann.command("ml", "")
    return str(scene.seen[-1]["response_url"])


async def asked(scene: Scene) -> Message:
    """Show Ann a question that only she sees."""
    await scene.ann.command("ml", "blocks")
    return scene.ann.ephemerals("ml")[-1]


async def test_a_command_is_answered_five_times(scene: Scene) -> None:
    """Each use adds a message; the sixth is refused."""
    url = await command_url(scene)
    for number in range(5):
        assert await send(url, text=str(number)) == (200, "ok")
    assert await send(url, text="5") == (404, '{"ok":false,"error":"used_url"}')
    assert [each.text for each in scene.ann.ephemerals("ml")] == ["0", "1", "2", "3", "4"]


async def test_a_refused_answer_is_no_use(scene: Scene) -> None:
    """What is wrong with it is said, and the five uses stay."""
    url = await command_url(scene)
    for body, error in (
        ({"response_type": "in_channel"}, "no_text"),
        ({"text": "x", "blocks": [{"type": "section"}]}, "invalid_blocks"),
        ({"text": "x", "replace": True}, "invalid_payload"),
        ({"text": "x", "replace_original": True}, "message_not_found"),
        ({"text": "x", "thread_ts": "1700000000.000001"}, "thread_not_found"),
    ):
        assert await send(url, **body) == (400, f'{{"ok":false,"error":"{error}"}}')
    for number in range(5):
        assert (await send(url, text=str(number)))[0] == 200


async def test_a_response_url_lives_half_an_hour() -> None:
    """Afterwards it answers 404."""
    clock = SandboxClock(speed=0)
    async with stage(clock=clock) as scene:
        url = await command_url(scene)
        clock.advance(1800)
        assert (await send(url, text="In time"))[0] == 200
        clock.advance(1)
        assert await send(url, text="Late") == (404, '{"ok":false,"error":"expired_url"}')


async def test_an_unknown_address_is_not_found(scene: Scene) -> None:
    """Nobody can guess one."""
    answer = await send(f"{scene.slack.url}/response/T000000001/guess", text="x")
    assert answer == (404, '{"ok":false,"error":"invalid_url"}')


async def test_an_ephemeral_message_is_replaced_by_its_button(scene: Scene) -> None:
    """Only a response_url can do so: chat.update doesn't find the message."""
    question = await asked(scene)
    where = {"channel": scene.channel.id, "ts": question.ts}
    assert await scene.refusal("chat.update", **where, text="x") == "message_not_found"
    assert await scene.refusal("chat.delete", **where) == "message_not_found"
    await scene.ann.click(question, "Yes")
    await scene.slack.until(lambda: question.revisions)
    assert [(each.text, each.blocks) for each in scene.ann.ephemerals("ml")] == [("Done", [])]


async def test_a_click_on_an_ephemeral_message_carries_no_message(scene: Scene) -> None:
    """The payload tells only where it was, and how to answer."""
    question = await asked(scene)
    await scene.ann.click(question, "Yes")
    body = scene.seen[-1]
    assert "message" not in body
    assert body["container"] == {
        "type": "message",
        "message_ts": question.ts,
        "channel_id": scene.channel.id,
        "is_ephemeral": True,
    }


async def test_the_message_that_was_clicked_can_be_deleted(scene: Scene) -> None:
    """delete_original takes it away, and afterwards it isn't found."""
    question = await asked(scene)
    await scene.ann.click(question, "Yes")
    url = scene.seen[-1]["response_url"]
    assert await send(url, delete_original=True) == (200, "ok")
    assert scene.ann.ephemerals("ml") == []
    assert await send(url, delete_original=True) == (
        400,
        '{"ok":false,"error":"message_not_found"}',
    )


async def test_it_works_where_the_bot_may_not_post(scene: Scene) -> None:
    """Neither ephemeral nor ordinary messages need membership here."""
    scene.slack.remove_bot("ml")
    url = await command_url(scene)
    assert (await send(url, text="Only you"))[0] == 200
    assert (await send(url, text="All", response_type="in_channel"))[0] == 200
    assert [each.text for each in scene.slack.messages("ml")] == ["All"]
    scene.slack.archive("ml")
    assert await send(url, text="x") == (400, '{"ok":false,"error":"is_archived"}')


async def test_an_ordinary_message_can_be_replaced_too(scene: Scene) -> None:
    """replace_original edits the message whose button was clicked."""
    await scene.post("Sure?", blocks=[section("Sure?"), actions(button("Yes", "yes"))])
    (message,) = scene.slack.messages("ml")
    await scene.ann.click(message, "Yes")
    await scene.slack.until(lambda: message.revisions)
    assert message.text == "Done"


async def test_an_ephemeral_message_reaches_members_only(scene: Scene) -> None:
    """chat.postEphemeral shows a message to one member, outside of history."""
    ben = scene.slack.add_user("ben")
    answer = await scene.client.chat_postEphemeral(
        channel=scene.channel.id, user=scene.ann.user.id, text="Psst"
    )
    assert [each.ts for each in scene.ann.ephemerals("ml")] == [answer["message_ts"]]
    assert scene.slack.messages("ml") == []
    error = await scene.refusal(
        "chat.postEphemeral", channel=scene.channel.id, user=ben.id, text="x"
    )
    assert error == "user_not_in_channel"
