"""Socket Mode: WebSocket connections that carry deliveries instead of HTTP."""

import asyncio
import secrets
import uuid
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from bot.sandbox.clock import SandboxClock
from bot.sandbox.faults import Call, DropRequest, FaultPlan, Hang, LoseReply, Slow
from bot.sandbox.slack.changes import Changes, ConnectionsChanged
from bot.sandbox.slack.wire import JsonObject, decode_object, encode

MAX_CONNECTIONS = 10


class NotConnectedError(Exception):
    """No connection is open, or the chosen one broke."""


@dataclass(eq=False, slots=True)
class Connection:
    """One open WebSocket.

    Attributes:
        leaving: Whether the app was asked to replace it.
    """

    number: int
    socket: web.WebSocketResponse
    leaving: bool = False
    delivered: int = 0
    pending: dict[str, asyncio.Future[JsonObject]] = field(default_factory=dict)


class SocketMode:
    """Accepts connections and sends each envelope to one of them.

    Args:
        app_id: For greetings.
        faults: For the operation "socket": DropRequest breaks the connection instead of
            sending, LoseReply breaks it after sending, Hang sends nothing, Slow sends late.
    """

    def __init__(
        self, app_id: str, changes: Changes, faults: FaultPlan, clock: SandboxClock
    ) -> None:
        self._app_id = app_id
        self._changes = changes
        self._faults = faults
        self._clock = clock
        self._tickets: set[str] = set()
        self._opened = 0
        self._next = 0
        self.connections: list[Connection] = []
        self.field_errors: list[str] = []

    def ticket(self) -> str:
        ticket = secrets.token_urlsafe(24)
        self._tickets.add(ticket)
        return ticket

    async def accept(self, request: web.Request) -> web.StreamResponse:
        """Greet an app that connects, and read its acknowledgements until it disconnects."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=403)
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if len(self.connections) >= MAX_CONNECTIONS:
            await socket.send_str(encode({"type": "disconnect", "reason": "too_many_websockets"}))
            await socket.close()
            return socket
        self._opened += 1
        connection = Connection(self._opened, socket)
        self.connections.append(connection)
        try:
            await socket.send_str(encode(self._greeting()))
            self._changes.publish(ConnectionsChanged(len(self.connections)))
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._acknowledge(connection, message.data)
        finally:
            self.connections.remove(connection)
            for future in connection.pending.values():
                if not future.done():
                    future.set_exception(NotConnectedError("the connection closed"))
            self._changes.publish(ConnectionsChanged(len(self.connections)))
        return socket

    async def deliver(self, kind: str, payload: JsonObject, more: JsonObject) -> JsonObject:
        """Send an envelope to one connection and return its acknowledgement.

        Args:
            kind: slash_commands, interactive or events_api.
            more: Further fields of the envelope.

        Raises:
            NotConnectedError: If there is no connection, or it broke before the response.
        """
        connection = self._choose()
        envelope_id = str(uuid.uuid4())
        envelope = {"envelope_id": envelope_id, "type": kind, "payload": payload, **more}
        fault = self._faults.take(Call("socket", kind, "/link", body=payload))
        effect = fault.effect if fault else None
        if isinstance(effect, DropRequest):
            await connection.socket.close()
            raise NotConnectedError("the connection closed")
        if fault is not None and isinstance(effect, Hang):
            await fault.removed.wait()
            raise NotConnectedError("the connection closed")
        if isinstance(effect, Slow):
            await self._clock.sleep(effect.delay)
        elif effect is not None and not isinstance(effect, LoseReply):
            raise TypeError(f"{type(effect).__name__} doesn't apply to sockets")
        answer: asyncio.Future[JsonObject] = asyncio.get_running_loop().create_future()
        connection.pending[envelope_id] = answer
        try:
            await connection.socket.send_str(encode(envelope))
            connection.delivered += 1
            if isinstance(effect, LoseReply):
                await connection.socket.close()
                raise NotConnectedError("the connection closed")
            acknowledged = await answer
        finally:
            del connection.pending[envelope_id]
        if "payload" in acknowledged and not envelope.get("accepts_response_payload"):
            self.field_errors.append(f"an acknowledgement of {kind} carried a payload")
        payload_back = acknowledged.get("payload")
        return payload_back if isinstance(payload_back, dict) else {}

    async def refresh(self) -> None:
        """Ask the oldest connection to be replaced, as Slack does now and then.

        Raises:
            NotConnectedError: If no connection is open.
        """
        connection = self._choose()
        connection.leaving = True
        reason = {"type": "disconnect", "reason": "refresh_requested", "debug_info": {}}
        await connection.socket.send_str(encode(reason))

    async def close(self) -> None:
        for connection in list(self.connections):
            await connection.socket.close()

    def _choose(self) -> Connection:
        staying = [each for each in self.connections if not each.leaving] or self.connections
        if not staying:
            raise NotConnectedError("no Socket Mode connection is open")
        self._next += 1
        return staying[self._next % len(staying)]

    def _greeting(self) -> JsonObject:
        return {
            "type": "hello",
            "num_connections": len(self.connections),
            "debug_info": {
                "host": "sandbox",
                "build_number": 1,
                "approximate_connection_time": 18060,
            },
            "connection_info": {"app_id": self._app_id},
        }

    def _acknowledge(self, connection: Connection, text: str) -> None:
        document = decode_object(text) or {}
        future = connection.pending.get(str(document.get("envelope_id")))
        if future is None or future.done():
            self.field_errors.append(
                f"an acknowledgement of nothing that is waited for: {text[:200]}"
            )
        else:
            future.set_result(document)
