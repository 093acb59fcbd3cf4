import math

import pytest
from slack_sdk.errors import SlackApiError

from bot.sandbox.clock import SandboxClock
from bot.sandbox.slack.rate_limits import Limits
from tests.sandbox.slack.scene import Scene, stage


async def retry_after(scene: Scene, method: str, **arguments: object) -> int | None:
    """Call a method; return its Retry-After if it was limited, None if it was carried out."""
    try:
        await scene.client.api_call(method, json=arguments)
    except SlackApiError as error:
        if error.response.status_code != 429 or error.response["error"] != "ratelimited":
            raise
        return int(error.response.headers["Retry-After"])
    return None


async def test_a_channel_takes_one_message_a_second() -> None:
    """The second message waits; other channels don't."""
    clock = SandboxClock(speed=0)
    async with stage(limits=Limits(), clock=clock) as scene:
        other = scene.slack.add_channel("other", members=[scene.ann.user])
        ml = {"channel": scene.channel.id, "text": "x"}
        assert await retry_after(scene, "chat.postMessage", **ml) is None
        assert await retry_after(scene, "chat.postMessage", **ml) == 1
        assert await retry_after(scene, "chat.postMessage", channel=other.id, text="x") is None
        clock.advance(0.9)
        assert await retry_after(scene, "chat.postMessage", **ml) == 1
        clock.advance(0.07)
        assert await retry_after(scene, "chat.postMessage", **ml) is None
        assert len(scene.slack.messages("ml")) == 2


async def test_a_method_has_its_tier() -> None:
    """chat.update takes 50 calls in any minute, whatever the channel."""
    clock = SandboxClock(speed=0)
    async with stage(limits=Limits(), clock=clock) as scene:
        where = {"channel": scene.channel.id, "ts": await scene.post()}
        for _ in range(50):
            assert await retry_after(scene, "chat.update", **where, text="x") is None
            clock.advance(0.5)
        assert await retry_after(scene, "chat.update", **where, text="x") == 35
        link = {"channel": scene.channel.id, "message_ts": where["ts"]}
        assert await retry_after(scene, "chat.getPermalink", **link) is None
        clock.advance(35)
        assert await retry_after(scene, "chat.update", **where, text="x") is None


async def test_a_workspace_takes_so_many_messages_a_minute() -> None:
    """Messages to all channels count together."""
    clock = SandboxClock(speed=0)
    async with stage(limits=Limits(messages_per_minute=2), clock=clock) as scene:
        channels = [scene.slack.add_channel(str(n), members=[scene.ann.user]) for n in range(3)]
        waits = [
            await retry_after(scene, "chat.postMessage", channel=channel.id, text="x")
            for channel in channels
        ]
        assert waits == [None, None, 60]


async def test_a_single_method_can_be_limited_further() -> None:
    """Apps outside the Marketplace may read history once a minute."""
    clock = SandboxClock(speed=0)
    limits = Limits(per_minute={"conversations.history": 1})
    async with stage(limits=limits, clock=clock) as scene:
        channel = scene.channel.id
        assert await retry_after(scene, "conversations.history", channel=channel) is None
        assert await retry_after(scene, "conversations.history", channel=channel) == 60


async def test_quotas_can_come_back_faster() -> None:
    """`speed` shortens every wait by one factor."""
    clock = SandboxClock(speed=0)
    limits = Limits(speed=10, per_minute={"auth.test": 1})
    async with stage(limits=limits, clock=clock) as scene:
        assert await retry_after(scene, "auth.test") is None
        assert await retry_after(scene, "auth.test") == 6
        clock.advance(6)
        assert await retry_after(scene, "auth.test") is None


async def test_limits_can_change_at_any_time() -> None:
    """A test may tighten them once the scene is set."""
    async with stage() as scene:
        await scene.post()
        await scene.post()
        scene.slack.limits = Limits(per_minute={"auth.test": 0})
        with pytest.raises(SlackApiError, match="ratelimited"):
            await scene.client.auth_test()


async def test_a_refused_post_costs_nothing() -> None:
    """Only what is posted counts against the channel."""
    clock = SandboxClock(speed=0)
    async with stage(limits=Limits(), clock=clock) as scene:
        await scene.refusal("chat.postMessage", channel=scene.channel.id)
        assert (
            await retry_after(scene, "chat.postMessage", channel=scene.channel.id, text="x") is None
        )
        assert math.isclose(clock.monotonic(), 0)
