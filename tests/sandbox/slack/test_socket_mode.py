import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.clock import SandboxClock
from bot.sandbox.faults import DropRequest, Hang, LoseReply, Respond, Slow
from bot.sandbox.slack.rate_limits import Limits
from tests.sandbox.slack.bolt_app import APP_TOKEN
from tests.sandbox.slack.scene import Scene, stage


@asynccontextmanager
async def connected(scene: Scene, *, ping: float = 0.05) -> AsyncIterator[AsyncSocketModeHandler]:
    """Let Bolt's own handler take the deliveries."""
    scene.slack.events_url = None
    before = scene.slack.connections
    handler = AsyncSocketModeHandler(scene.app.bolt, APP_TOKEN, ping_interval=ping)
    await handler.connect_async()  # type: ignore[no-untyped-call]  # Bolt leaves it untyped
    await scene.slack.until(lambda: scene.slack.connections == before + 1)
    try:
        yield handler
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]  # Bolt leaves it untyped
        await handler.client.aiohttp_client_session.close()


async def test_bolt_takes_commands_modals_and_answers_over_a_socket(scene: Scene) -> None:
    """The whole way of a form works as it does over HTTP."""
    async with connected(scene):
        await scene.ann.command("ml", "say Hello")
        assert [each.text for each in scene.ann.ephemerals("ml")] == ["Hello"]
        await scene.ann.command("ml", "blocks")
        question = scene.ann.ephemerals("ml")[-1]
        await scene.ann.click(question, "Yes")
        await scene.slack.until(lambda: question.revisions)
        await scene.ann.command("ml", "form")
        view = await scene.slack.until(lambda: scene.ann.modal)
        await scene.ann.fill("Name", "taken")
        await scene.ann.fill("GPU", "h100-1")
        await scene.slack.until(lambda: view.updates)
        await scene.ann.fill("Model", "Qwen/Qwen3-8B")
        await scene.ann.submit()
        assert scene.ann.field_errors == {"Name": "This name is taken."}
        await scene.ann.mention("ml", "status")
        await scene.slack.until(lambda: scene.slack.thread("ml", scene.slack.messages("ml")[0])[1])
        assert scene.slack.protocol_errors == []
        assert {entry.via for entry in scene.slack.requests.calls("/friendli-deploy")} == {"socket"}


async def test_each_delivery_goes_to_one_of_several_connections(scene: Scene) -> None:
    """Two connections share the deliveries."""
    async with connected(scene), connected(scene):
        for number in range(4):
            await scene.ann.command("ml", f"say {number}")
        assert len(scene.seen) == 4
        delivered = [each.delivered for each in scene.slack.sockets.connections]
        assert delivered == [2, 2]


async def test_bolt_follows_a_request_to_refresh(scene: Scene) -> None:
    """The old connection is replaced, and deliveries go on."""
    async with connected(scene):
        (old,) = scene.slack.sockets.connections
        await scene.slack.refresh_connection()
        await scene.slack.until(
            lambda: [each for each in scene.slack.sockets.connections if each is not old]
        )
        await scene.ann.command("ml", "say Hello")
        assert old.delivered == 0
        assert [each.text for each in scene.ann.ephemerals("ml")] == ["Hello"]


async def test_bolt_comes_back_after_a_dropped_connection(scene: Scene) -> None:
    """A broken connection is replaced by Bolt's own monitor."""
    async with connected(scene):
        await scene.slack.drop_connections()
        await scene.slack.until(lambda: scene.slack.connections == 1)
        assert (await scene.ann.command("ml", "say Hello")).ok


async def test_without_a_connection_nothing_is_delivered(scene: Scene) -> None:
    """The person is told that the app didn't answer."""
    scene.slack.events_url = None
    ack = await scene.ann.command("ml", "say Hello")
    assert ack.error == "dispatch_failed"
    assert ack.body == "no Socket Mode connection is open"


async def test_sockets_have_faults_of_their_own(scene: Scene) -> None:
    """A delivery can be lost before it is sent, after it, or come late."""
    async with connected(scene):
        (old,) = scene.slack.sockets.connections
        scene.slack.faults.add(DropRequest(), operation="socket")
        assert (await scene.ann.command("ml", "say 1")).error == "dispatch_failed"
        await scene.slack.until(lambda: scene.slack.sockets.connections[0] is not old)
        scene.slack.faults.add(LoseReply(), operation="socket")
        assert (await scene.ann.command("ml", "post")).error == "dispatch_failed"
        await scene.slack.until(lambda: scene.slack.messages("ml"))
        await scene.slack.until(lambda: scene.slack.connections == 1)
        scene.slack.faults.add(Slow(0.01), operation="socket")
        assert (await scene.ann.command("ml", "say 3")).ok
        assert [body["text"] for body in scene.seen] == ["post", "say 3"]
        scene.slack.faults.add(Respond(500), operation="socket")
        with pytest.raises(TypeError, match="Respond doesn't apply to sockets"):
            await scene.ann.command("ml", "say 4")


async def test_a_slow_socket_delivers_late() -> None:
    """The delay is sandbox time."""
    clock = SandboxClock(speed=0)
    async with stage(clock=clock) as scene, connected(scene):
        scene.slack.faults.add(Slow(60), operation="socket")
        command = asyncio.create_task(scene.ann.command("ml", "say 1"))
        await scene.slack.until(lambda: scene.slack.requests.calls("/friendli-deploy"))
        await scene.ann.command("ml", "say 2")
        clock.advance(60)
        assert (await command).ok
        assert [each.text for each in scene.ann.ephemerals("ml")] == ["2", "1"]


async def test_a_hanging_socket_is_an_operation_timeout() -> None:
    """What isn't acknowledged in time is given up on."""
    async with stage(limits=Limits(enabled=False, ack=0.1)) as scene, connected(scene):
        scene.slack.faults.add(Hang(), operation="socket")
        assert (await scene.ann.command("ml", "say 1")).error == "operation_timeout"
        assert (await scene.ann.command("ml", "slow")).error == "operation_timeout"


async def test_a_hanging_delivery_breaks_off_with_the_fault(scene: Scene) -> None:
    """Removing the fault ends the wait."""
    async with connected(scene):
        hang = scene.slack.faults.add(Hang(), operation="socket")
        command = asyncio.create_task(scene.ann.command("ml", "say 1"))
        await scene.slack.until(lambda: scene.slack.requests.calls("/friendli-deploy"))
        scene.slack.faults.remove(hang)
        assert (await command).error == "dispatch_failed"


async def test_a_connection_that_breaks_takes_its_delivery_along(scene: Scene) -> None:
    """What was sent and not yet acknowledged has failed."""
    async with connected(scene):
        command = asyncio.create_task(scene.ann.command("ml", "slow"))
        await scene.slack.until(lambda: scene.slack.sockets.connections[0].delivered)
        await scene.slack.drop_connections()
        ack = await command
        assert (ack.error, ack.body) == ("dispatch_failed", "the connection closed")
        assert ack.seconds < 1


async def test_a_connection_that_shall_go_gets_nothing_more(scene: Scene) -> None:
    """Deliveries go to those that stay, and to the leaving one only if it is the last."""
    scene.slack.events_url = None
    client = AsyncWebClient(base_url=f"{scene.slack.url}/api/", retry_handlers=[])
    async with aiohttp.ClientSession() as http:
        urls = [str((await client.apps_connections_open(app_token=APP_TOKEN))["url"]) for _ in "12"]
        async with http.ws_connect(urls[0]) as first, http.ws_connect(urls[1]) as second:
            await first.receive_json()
            await second.receive_json()
            await scene.slack.refresh_connection()
            leaving, staying = sorted(
                zip(scene.slack.sockets.connections, (first, second), strict=True),
                key=lambda pair: not pair[0].leaving,
            )
            assert (await leaving[1].receive_json())["reason"] == "refresh_requested"
            for socket in (staying[1], staying[1], leaving[1]):
                command = asyncio.create_task(scene.ann.command("ml", ""))
                envelope = await socket.receive_json()
                await socket.send_json({"envelope_id": envelope["envelope_id"]})
                assert (await command).ok
                if staying[0].delivered == 2:
                    await staying[1].close()
                    await scene.slack.until(lambda: scene.slack.connections == 1)


async def test_connections_need_the_app_token_and_a_fresh_ticket(scene: Scene) -> None:
    """A bot token opens none, and an address works once."""
    with pytest.raises(SlackApiError, match="not_allowed_token_type"):
        await scene.client.api_call("apps.connections.open")
    client = AsyncWebClient(base_url=f"{scene.slack.url}/api/", retry_handlers=[])
    url = str((await client.apps_connections_open(app_token=APP_TOKEN))["url"])
    async with aiohttp.ClientSession() as http:
        async with http.ws_connect(url) as socket:
            hello = await socket.receive_json()
            assert hello["type"] == "hello"
            assert hello["connection_info"] == {"app_id": "A000000001"}
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await http.ws_connect(url)


async def test_an_eleventh_connection_is_sent_away(scene: Scene) -> None:
    """Ten are allowed at once."""
    client = AsyncWebClient(base_url=f"{scene.slack.url}/api/", retry_handlers=[])
    async with aiohttp.ClientSession() as http:
        sockets = []
        for _ in range(11):
            answer = await client.apps_connections_open(app_token=APP_TOKEN)
            sockets.append(await http.ws_connect(str(answer["url"])))
        greetings = [await socket.receive_json() for socket in sockets]
        assert [greeting["type"] for greeting in greetings] == ["hello"] * 10 + ["disconnect"]
        assert greetings[-1]["reason"] == "too_many_websockets"
        for socket in sockets:
            await socket.close()


async def test_slips_of_the_protocol_are_noted(scene: Scene) -> None:
    """An answer to an event must not carry a payload, nor answer nothing."""
    scene.slack.events_url = None
    client = AsyncWebClient(base_url=f"{scene.slack.url}/api/", retry_handlers=[])
    answer = await client.apps_connections_open(app_token=APP_TOKEN)
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(str(answer["url"])) as socket,
    ):
        await socket.receive_json()
        mention = asyncio.create_task(scene.ann.mention("ml", "status"))
        envelope = await socket.receive_json()
        assert (envelope["type"], envelope["accepts_response_payload"]) == ("events_api", False)
        acknowledgement = {"envelope_id": envelope["envelope_id"], "payload": {"text": "x"}}
        await socket.send_json(acknowledgement)
        await mention
        await socket.send_json(acknowledgement)
        await socket.close()
    await scene.slack.until(lambda: scene.slack.connections == 0)
    assert scene.slack.protocol_errors == [
        "an acknowledgement of events_api carried a payload",
        "an acknowledgement of nothing that is waited for: " + json.dumps(acknowledgement),
    ]
