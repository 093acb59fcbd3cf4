"""The Events API: subscribed events, sent up to three times more until acknowledged."""

import asyncio
from collections.abc import Collection, Coroutine, Sequence
from dataclasses import replace

from bot.sandbox.clock import SandboxClock
from bot.sandbox.slack.deliveries import Ack, Deliveries, Kind
from bot.sandbox.slack.payloads import Payloads
from bot.sandbox.slack.wire import JsonObject


def _reason(ack: Ack) -> str:
    if ack.error == "operation_timeout":
        return "http_timeout"
    return "http_error" if ack.status else "connection_failed"


class Events:
    """Sends events.

    Args:
        subscribed: The event types of the app's manifest.
        retry_delays: Seconds of sandbox time before each retry; Slack's are 0, 60 and 300.
    """

    def __init__(
        self,
        deliveries: Deliveries,
        payloads: Payloads,
        clock: SandboxClock,
        subscribed: Collection[str],
        retry_delays: Sequence[float] = (0, 60, 300),
    ) -> None:
        self._deliveries = deliveries
        self._payloads = payloads
        self._clock = clock
        self._subscribed = frozenset(subscribed)
        self._retry_delays = tuple(retry_delays)
        self._tasks: set[asyncio.Task[object]] = set()

    async def send(self, event: JsonObject, *, shared: bool = False) -> Ack | None:
        """Send an event; retries run in the background.

        Args:
            shared: Whether it happened in a channel shared with another organisation.

        Returns:
            The first attempt's acknowledgement; None if the app isn't subscribed.
        """
        if event["type"] not in self._subscribed:
            return None
        payload = self._payloads.event(
            {"event_ts": self._payloads.moment(), **event}, shared=shared
        )
        ack = await self._deliveries.send(
            self._deliveries.prepare(Kind.EVENT, event["type"], payload)
        )
        if not ack.ok:
            self._in_background(self._retry(event["type"], payload, _reason(ack)))
        return ack

    def announce(self, event: JsonObject) -> None:
        if event["type"] in self._subscribed:
            self._in_background(self.send(event))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _in_background(self, work: Coroutine[object, object, object]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _retry(self, kind: str, payload: JsonObject, reason: str) -> None:
        for attempt, delay in enumerate(self._retry_delays, start=1):
            await self._clock.sleep(delay)
            delivery = self._deliveries.prepare(Kind.EVENT, kind, payload)
            again = replace(delivery, attempt=attempt, reason=reason)
            ack = await self._deliveries.send(again)
            if ack.ok:
                return
            reason = _reason(ack)
