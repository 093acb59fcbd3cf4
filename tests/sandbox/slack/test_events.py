import asyncio
from typing import Any

import pytest
from inline_snapshot import snapshot

from bot.sandbox.slack.base_client import NotPossibleError
from bot.sandbox.slack.changes import Change, RequestLogged
from bot.sandbox.slack.rate_limits import Limits
from bot.sandbox.slack.request_log import LoggedRequest
from bot.sandbox.slack.sandbox import SlackSandbox
from tests.sandbox.slack.bolt_app import BOT_TOKEN, SIGNING_SECRET, TinyApp, serve
from tests.sandbox.slack.scene import Scene, stage


async def test_a_mention_reaches_the_app_as_an_event(scene: Scene) -> None:
    """The listener answers in the thread."""
    ack = await scene.ann.mention("ml", "status")
    assert ack is not None
    assert ack.ok
    root, reply = await scene.slack.until(lambda: _thread_of_two(scene))
    assert (root.text, reply.text) == ("<@U000000001> status", "Here")
    (body,) = scene.seen
    assert body["event"].pop("ts") == body["event"].pop("event_ts") == root.ts
    assert isinstance(body.pop("event_time"), int)
    assert body == snapshot(
        {
            "token": "legacy-verification-token",
            "team_id": "T000000001",
            "context_team_id": "T000000001",
            "context_enterprise_id": None,
            "api_app_id": "A000000001",
            "event": {
                "type": "app_mention",
                "user": "U000000002",
                "text": "<@U000000001> status",
                "team": "T000000001",
                "channel": "C000000001",
            },
            "type": "event_callback",
            "event_id": "Ev000000001",
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": "T000000001",
                    "user_id": "U000000001",
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": False,
            "event_context": "4-sandbox",
        }
    )


def _thread_of_two(scene: Scene) -> list[Any]:
    thread = scene.slack.thread("ml", scene.slack.messages("ml")[0])
    return thread if len(thread) == 2 else []


async def test_an_event_is_sent_three_times_more(scene: Scene) -> None:
    """Each retry is numbered, says why it comes, and is logged."""
    scene.slack.signing_secret = "somebody-else"
    ack = await scene.ann.mention("ml", "status")
    assert ack is not None
    assert ack.status == 401
    calls = await scene.slack.until(lambda: _answered(scene, 4))
    assert [entry.status for entry in calls] == [401] * 4
    assert [entry.note for entry in calls] == [
        "dispatch_failed",
        "retry 1, http_error: dispatch_failed",
        "retry 2, http_error: dispatch_failed",
        "retry 3, http_error: dispatch_failed",
    ]


def _answered(scene: Scene, count: int) -> list[LoggedRequest]:
    calls = scene.slack.requests.calls("app_mention")
    return calls if len(calls) == count and calls[-1].status else []


async def test_a_retry_that_is_acknowledged_is_the_last(scene: Scene) -> None:
    """Bolt sees the retry's number in its headers."""
    numbers: list[str] = []

    @scene.app.bolt.middleware
    async def note(request: Any, next_: Any) -> None:  # noqa: ANN401 - Bolt passes by name
        numbers.extend(request.headers.get("x-slack-retry-num", []))
        await next_()

    url, scene.slack.events_url = scene.slack.events_url, "http://127.0.0.1:9/slack/events"

    def recover(change: Change) -> None:
        if isinstance(change, RequestLogged) and change.request.note:
            scene.slack.events_url = url

    scene.slack.subscribe(recover)
    await scene.ann.mention("ml", "status")
    await scene.slack.until(lambda: len(scene.slack.thread("ml", _root(scene))) == 2)
    assert numbers == ["1"]
    assert len(scene.slack.requests.calls("app_mention")) == 2


def _root(scene: Scene) -> str:
    return scene.slack.messages("ml")[0].ts


async def test_a_late_answer_is_no_answer_to_an_event() -> None:
    """The retry says http_timeout; what is under way when the workspace closes is given up."""
    async with stage(limits=Limits(enabled=False, ack=0.05)) as scene:

        @scene.app.bolt.middleware
        async def sleep(next_: Any) -> None:  # noqa: ANN401 - Bolt passes by name
            await scene.app.released.wait()
            await next_()

        ack = await scene.ann.mention("ml", "status")
        assert ack is not None
        assert ack.error == "operation_timeout"
        note = await scene.slack.until(lambda: scene.slack.requests.calls("app_mention")[1].note)
        assert note == "retry 1, http_timeout: operation_timeout"


async def test_closing_gives_up_the_retries() -> None:
    """Nobody waits for the minutes between them."""
    async with SlackSandbox(bot_token=BOT_TOKEN, signing_secret=SIGNING_SECRET) as slack:
        slack.events_url = "http://127.0.0.1:9/slack/events"
        ann = slack.act_as(slack.add_user("ann"))
        slack.add_channel("ml", members=[ann.user])
        await ann.mention("ml", "status")
        await slack.until(lambda: len(slack.requests.calls("app_mention")) == 2)
        async with asyncio.timeout(1):
            await slack.close()


async def test_a_bot_outside_the_channel_hears_nothing(scene: Scene) -> None:
    """Mentions reach only bots that are members."""
    scene.slack.remove_bot("ml")
    assert await scene.ann.mention("ml", "status") is None
    assert scene.slack.requests.calls("app_mention") == []


async def test_a_message_shortcut_carries_the_message(scene: Scene) -> None:
    """The payload has all it takes to answer."""
    await scene.post("Hello")
    (message,) = scene.slack.messages("ml")
    assert (await scene.ann.shortcut("explain", message)).ok
    body = scene.seen[-1]
    assert (body["type"], body["callback_id"]) == ("message_action", "explain")
    assert (body["message"]["text"], body["message_ts"]) == ("Hello", message.ts)
    assert body["response_url"].startswith(scene.slack.url)
    stranger = scene.slack.act_as(scene.slack.add_user("eve"))
    with pytest.raises(NotPossibleError):
        await stranger.shortcut("explain", message)


async def test_a_global_shortcut_carries_a_trigger(scene: Scene) -> None:
    """The payload has no message and no response_url."""
    assert (await scene.ann.shortcut("explain")).ok
    body = scene.seen[-1]
    assert (body["type"], body["callback_id"]) == ("shortcut", "explain")
    assert body["trigger_id"]
    assert not {"message", "channel", "response_url"} & body.keys()


async def test_subscribed_events_tell_of_the_workspace() -> None:
    """Archiving, membership and uninstalling are announced to an app that subscribed."""
    kinds = (
        "app_home_opened",
        "app_uninstalled",
        "channel_archive",
        "channel_unarchive",
        "member_left_channel",
        "message",
        "tokens_revoked",
    )
    async with SlackSandbox(
        bot_token=BOT_TOKEN, signing_secret=SIGNING_SECRET, events=kinds
    ) as slack:
        app = TinyApp(f"{slack.url}/api/")
        heard: list[dict[str, Any]] = []

        async def hear(event: dict[str, Any]) -> None:
            heard.append(event)

        for kind in kinds:
            app.bolt.event(kind)(hear)
        ann = slack.act_as(slack.add_user("ann"))
        slack.add_channel("ml", members=[ann.user])
        async with serve(app.bolt) as slack.events_url:
            said = await ann.say("ml", "Hello")
            await ann.open_home()
            slack.archive("ml")
            slack.unarchive("ml")
            slack.remove_bot("ml")
            slack.revoke_token()
            slack.uninstall()
            deliveries = await slack.until(lambda: _all_answered(slack, len(kinds)))
            assert sorted(entry.operation for entry in deliveries) == sorted(kinds)
            (message,) = (event for event in heard if event["type"] == "message")
            assert (message["channel_type"], message["ts"]) == ("channel", said.ts)


def _all_answered(slack: SlackSandbox, count: int) -> list[LoggedRequest]:
    sent = [entry for entry in slack.requests.entries if entry.direction == "Slack → app"]
    return sent if len(sent) == count and all(entry.seconds is not None for entry in sent) else []
