"""The ways in which a connection that took a whole request can fail to give an answer."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from bot.friendli.responses import MAX_BODY_BYTES

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close before any byte of the answer."""
    writer.close()


async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Break the connection, so that the client gets "connection reset by peer"."""
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def stay_silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Keep the connection open and say nothing until the client is gone."""
    await reader.read()


async def speak_no_http(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer in another protocol."""
    writer.write(b"-ERR unknown command\r\n\r\n")


async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send a body so slowly that it never ends, but never so slowly that it is silent."""
    writer.write(_head(200, 1_000_000))
    while not writer.is_closing():
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.01)


async def drip_head(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send a status line and then a header that never ends, never so slowly that it is silent."""
    writer.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not writer.is_closing():
        writer.write(b"-")
        await writer.drain()
        await asyncio.sleep(0.01)


def truncated(status: int) -> Behaviour:
    """Close in the middle of the body."""

    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(_head(status, 1_000) + b'{"status": ')
        await writer.drain()

    return behave


def reset_in_body(status: int) -> Behaviour:
    """Break the connection in the middle of the body."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(_head(status, 1_000) + b'{"status": ')
        await writer.drain()
        await reset(reader, writer)

    return behave


def body(content: bytes, *headers: bytes) -> Behaviour:
    """Answer 200 with this body."""

    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(_head(200, len(content), *headers) + content)
        await writer.drain()

    return behave


def _head(status: int, length: int, *headers: bytes) -> bytes:
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode(),
        b"Content-Type: application/json",
        f"Content-Length: {length}".encode(),
        *headers,
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n"


# No answer at all: what the API did is unknown.
LOST: dict[str, Behaviour] = {
    "closed before the answer": close,
    "reset before the answer": reset,
    "no answer in time": stay_silent,
    "not HTTP": speak_no_http,
}
# 200, and then nothing that can be used.
UNREADABLE: dict[str, Behaviour] = {
    "closed in the body": truncated(200),
    "reset in the body": reset_in_body(200),
    "a body without end": drip,
    "an empty body": body(b""),
    "not JSON": body(b"<html>"),
    "half of some JSON": body(b'{"status": "READY"'),
    "JSON of another shape": body(b"[]"),
    "a body too large": body(b'{"a": "' + b"x" * MAX_BODY_BYTES + b'"}'),
    "corrupt compression": body(b"not gzip", b"Content-Encoding: gzip"),
}
