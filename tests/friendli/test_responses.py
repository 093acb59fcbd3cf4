import json
from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue, SecretStr

from bot.friendli.responses import Response
from tests.friendli.loopback import KEY

DATE = "Mon, 02 Nov 2026 10:00:00 GMT"


def message(body: bytes | None) -> str:
    """Return what people would read of a body."""
    return Response(422, httpx.Headers(), body).message(SecretStr(KEY))


def wait(retry_after: str, date: str = DATE) -> float | None:
    """Return the wait that an answer with these headers asks for."""
    headers = httpx.Headers({"Retry-After": retry_after, "Date": date})
    return Response(429, headers).retry_after


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"detail": "Project not found."}, "Project not found."),
        ({"message": "No quota left"}, "No quota left"),
        ({"error": "bad_request"}, "bad_request"),
        ({"error": {"message": "No quota left", "code": "quota"}}, "No quota left"),
        ({"detail": {"error": {"message": "Deep"}}}, "Deep"),
        ({"error": "invalid_request", "message": "For people"}, "For people"),
        ({"detail": "", "message": "Second choice"}, "Second choice"),
        ({"errors": ["One", {"message": "Two"}]}, "One; Two"),
        (
            {
                "detail": [
                    {"loc": ["body", "simplescale", "replicas"], "msg": "too small", "type": "x"},
                    {"loc": ["query", "limit"], "msg": "too large", "type": "x"},
                    {"loc": ["body"], "msg": "not JSON", "type": "x"},
                ]
            },
            "simplescale.replicas: too small; query.limit: too large; not JSON",
        ),
        ("Just text", "Just text"),
        ({"code": 17}, '{"code": 17}'),
        ({}, ""),
        ([], ""),
        (None, ""),
    ],
)
def test_words_are_found_in_the_usual_shapes(body: JsonValue, expected: str) -> None:
    """The API's own words are taken out of the JSON around them."""
    assert message(json.dumps(body).encode()) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"upstream connect error\n  reset", "upstream connect error reset"),
        (b"", ""),
        (None, ""),
        (
            b"<html><head><title>502\nBad Gateway</title></head><body>x</body></html>",
            "502 Bad Gateway",
        ),
        (b"<html><body>no title</body></html>", ""),
        (b"\xff\xfe broken", "\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER} broken"),
        (b'{"detail": "cut o', '{"detail": "cut o'),
        (b'{"detail": "nul \\u0000 and \\ud800"}', None),
        (b"[" * 100_000, None),
    ],
)
def test_words_are_found_in_what_is_not_json(body: bytes | None, expected: str | None) -> None:
    """Plain text is taken as it is, of a page only the title, and no body breaks the reading."""
    said = message(body)
    assert said.isprintable()
    if expected is not None:
        assert said == expected


def test_words_are_trimmed() -> None:
    """A long answer is cut at 500 characters, and shows that it was."""
    said = message(json.dumps({"detail": "word " * 200}).encode())
    assert len(said) == 500
    assert said.endswith("word…")


@pytest.mark.parametrize(
    "text",
    [
        f"key {KEY} is not valid",
        f"Authorization: Bearer {KEY}",
        f"{'x' * 490} {KEY}",
        "key flp_AbC123 is not valid",
        "header 'Bearer some.other-token' is not valid",
    ],
)
def test_words_hold_no_key(text: str) -> None:
    """A key that the API quotes, ours or another, is replaced before anything is cut off."""
    for body in (text, json.dumps({"detail": text})):
        said = message(body.encode())
        assert "sandbox" not in said
        assert "flp_" not in said
        assert "some.other-token" not in said


@given(st.binary(max_size=200) | st.text().map(lambda text: json.dumps(text).encode()))
def test_any_body_has_printable_words(body: bytes) -> None:
    """No body makes reading the words fail or yields what can't be stored."""
    said = message(body)
    assert len(said) <= 500
    assert said.isprintable()
    said.encode()


@pytest.mark.parametrize(
    ("retry_after", "expected"),
    [
        ("0", 0),
        ("7", 7),
        ("1.5", 1.5),
        (" 7 ", 7),
        ("Mon, 02 Nov 2026 10:02:00 GMT", 120),
        ("Monday, 02-Nov-26 10:02:00 GMT", 120),
        ("Mon, 02 Nov 2026 09:00:00 GMT", 0),
        ("9" * 400, 86_400),
        ("Mon, 02 Nov 2999 10:00:00 GMT", 86_400),
        ("-1", None),
        ("soon", None),
        ("nan", None),
        ("", None),
    ],
)
def test_a_wait_is_read_in_both_forms(retry_after: str, expected: float | None) -> None:
    """Seconds and HTTP dates are read against the API's own clock; all else is no wait."""
    assert wait(retry_after) == expected


def test_a_date_is_read_against_our_clock_when_the_answer_has_none() -> None:
    """An answer without a date doesn't make its Retry-After unreadable."""
    assert wait("Mon, 02 Nov 2020 10:00:00 GMT", date="") == 0


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_any_header_is_a_wait_or_none(text: str) -> None:
    """No header makes reading fail, and no wait exceeds a day."""
    seconds = wait(text, date=text)
    assert seconds is None or 0 <= seconds <= 86_400


def test_the_date_is_the_apis_clock() -> None:
    """The Date header is read as a moment in UTC, or as none."""
    assert Response(200, httpx.Headers({"Date": DATE})).date == datetime(
        2026, 11, 2, 10, tzinfo=UTC
    )
    assert Response(200, httpx.Headers({"Date": "yesterday"})).date is None
    assert Response(200, httpx.Headers()).date is None
