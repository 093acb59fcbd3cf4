from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.friendli.event_stream import EventStreamParser, EventTooLargeError


def read(*chunks: bytes, most_bytes: int = 1_000) -> list[bytes]:
    """The events of a stream that comes in these chunks."""
    parser = EventStreamParser(most_bytes)
    return [*(event for chunk in chunks for event in parser.feed(chunk)), *parser.end()]


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: a\n\ndata: b\n\n", [b"a", b"b"]),
        (b"data:a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
        (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
        (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
        (b": ping\n\nevent: x\nid: 1\nretry: 5\ndata: a\n\n", [b"a"]),
        (b"data: a\ndata: b\n\n", [b"a\nb"]),
        (b"data: a\r\ndata: b\r\n\r\n", [b"a\nb"]),
        (b"data\n\n", [b""]),
        (b"data:  two spaces\n\n", [b" two spaces"]),
        (b"data: without an end", [b"without an end"]),
        (b"", []),
        (b"\n\n\n", []),
    ],
)
def test_events_are_read_as_the_standard_says(stream: bytes, events: list[bytes]) -> None:
    """Line ends of any kind, comments, other fields, several lines; the last event needs no end."""
    assert read(stream) == events


@given(
    st.lists(
        st.sampled_from([b"data: x", b"data:", b"\n", b"\r", b"\r\n", b": c", b"\xff", b"a: b"])
    ),
    st.lists(st.integers(0, 60)),
)
def test_a_stream_may_be_cut_anywhere(parts: list[bytes], cuts: list[int]) -> None:
    """In the middle of a CRLF too: the events are those of the whole stream."""
    stream = b"".join(parts)
    places = [0, *sorted(cuts), len(stream)]
    chunks = [stream[start:end] for start, end in pairwise(places)]
    assert read(*chunks) == read(stream)


@pytest.mark.parametrize(
    "chunks",
    [[b"data: " + b"x" * 2_000], [b"x"] * 2_000, [b"data: xxxxxxxxxx\n"] * 200],
    ids=["a long line", "byte by byte", "many lines"],
)
def test_an_event_without_end_is_refused(chunks: list[bytes]) -> None:
    """Nothing is kept beyond the limit."""
    with pytest.raises(EventTooLargeError):
        read(*chunks)
