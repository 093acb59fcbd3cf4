"""Slack's rate limits: calls a minute per method, seconds between messages.

Figures from "Rate limits" and "Rate limit changes for non-Marketplace apps" in Slack's docs.
"""

import math
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from bot.sandbox.clock import SandboxClock


class Tier(IntEnum):
    """Calls a minute per method and workspace."""

    ONE = 1
    TWO = 20
    THREE = 50
    FOUR = 100
    SPECIAL = 600


@dataclass(frozen=True, slots=True)
class Limits:
    """The workspace's limits; the defaults are Slack's lowest guarantees.

    Slack tolerates short bursts above these figures without saying how many. The sandbox
    tolerates none, except `jitter` for the network between two well-spaced messages.

    Attributes:
        speed: How many times faster than Slack quotas come back; 10 makes a minute 6 s.
        message_spacing: Seconds between messages in one channel.
        jitter: Seconds by which a message may come too early.
        per_minute: Calls a minute of single methods, instead of their tier's; 0 allows none.
            Commercial apps outside the Marketplace get 1 for conversations.history and
            conversations.replies.
        page_size: The most messages per page of history; 15 for those same apps.
        history_lag: Seconds until history lists a new message.
        ack: Real seconds within which the app must acknowledge a delivery.
        trigger: Seconds a trigger_id is valid.
        response_url_uses: Posts to one response_url.
        response_url: Seconds a response_url is valid.
        edit_window: Seconds in which a message may be edited; None for always.
        refuse_streams: Whether streamed messages are refused, as in a workspace without them.
        refuse_plan: Whether `plan` blocks are refused, as in a workspace without them.
    """

    enabled: bool = True
    speed: float = 1.0
    message_spacing: float = 1.0
    jitter: float = 0.05
    messages_per_minute: int = 300
    per_minute: Mapping[str, int] = field(default_factory=dict)
    page_size: int = 999
    history_lag: float = 0.0
    ack: float = 3.0
    trigger: float = 3.0
    response_url_uses: int = 5
    response_url: float = 1800.0
    edit_window: float | None = None
    refuse_plan: bool = False
    refuse_streams: bool = False


class RateLimiter:
    """Counts calls and messages of one workspace and one app; refused ones don't count."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self._calls: defaultdict[str, deque[float]] = defaultdict(deque)
        self._last_message: dict[str, float] = {}
        self._messages: deque[float] = deque()

    def call(self, method: str, tier: Tier, limits: Limits) -> int | None:
        """Count a call; returns None, or Retry-After in whole seconds if it is refused."""
        if not limits.enabled:
            return None
        allowed = limits.per_minute.get(method, int(tier))
        return self._count(self._calls[method], allowed, limits)

    def message(self, channel_id: str, limits: Limits) -> int | None:
        """Count a message; returns None, or Retry-After in whole seconds if it is refused."""
        if not limits.enabled:
            return None
        now = self._clock.monotonic()
        last = self._last_message.get(channel_id)
        spacing = limits.message_spacing / limits.speed
        if last is not None and (wait := last + spacing - now) > limits.jitter:
            return _whole(wait)
        if (retry_after := self._count(self._messages, limits.messages_per_minute, limits)) is None:
            self._last_message[channel_id] = now
        return retry_after

    def _count(self, times: deque[float], allowed: int, limits: Limits) -> int | None:
        now = self._clock.monotonic()
        window = 60 / limits.speed
        while times and times[0] <= now - window:
            times.popleft()
        if len(times) >= allowed:
            return _whole(times[0] + window - now if times else window)
        times.append(now)
        return None


def _whole(seconds: float) -> int:
    return max(1, math.ceil(seconds))
