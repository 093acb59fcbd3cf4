"""Server-sent events, parsed as they come, with bounds on their size.

Every byte is looked at a constant number of times, however the stream is cut into chunks. Fields
other than `data`, comments and events without data are dropped.
https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

from collections.abc import Iterator

# An event has one token, or the few that came together.
MOST_EVENT_BYTES = 256 * 1024
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_DATA = b"data"


class EventTooLargeError(Exception):
    """A line or an event is larger than any valid one."""


class EventStreamParser:
    """Parses one stream."""

    def __init__(self, most_bytes: int = MOST_EVENT_BYTES) -> None:
        self._most_bytes = most_bytes
        self._line = bytearray()
        self._data: list[bytes] = []
        self._data_bytes = 0
        self._after_cr = False
        self._is_first = True

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield the data of the events that a chunk completes.

        Raises:
            EventTooLargeError: See there.
        """
        if self._after_cr and chunk:
            # CRLF, cut in the middle.
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        self._after_cr = self._after_cr or chunk.endswith(b"\r")
        chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            self._extend(line)
            event = self._end_of_line()
            if event is not None:
                yield event
        self._extend(rest)

    def end(self) -> Iterator[bytes]:
        """Yield the last event of a stream that ends without an empty line."""
        for event in (self._end_of_line(), self._end_of_event()):
            if event is not None:
                yield event

    def _extend(self, part: bytes) -> None:
        self._line += part
        if len(self._line) + self._data_bytes > self._most_bytes:
            raise EventTooLargeError

    def _end_of_line(self) -> bytes | None:
        line = bytes(self._line)
        self._line.clear()
        if self._is_first:
            self._is_first = False
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if not line:
            return self._end_of_event()
        name, _, value = line.partition(b":")
        if name == _DATA:
            value = value.removeprefix(b" ")
            self._data.append(value)
            self._data_bytes += len(value) + 1
        return None

    def _end_of_event(self) -> bytes | None:
        if not self._data:
            return None
        event = b"\n".join(self._data)
        self._data.clear()
        self._data_bytes = 0
        return event
