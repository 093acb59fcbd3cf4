import io
import json
import logging
import re
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog
from inline_snapshot import snapshot
from sqlalchemy import select

from bot.db.base import Base
from bot.db.session import Database
from bot.domain.process.redaction import Redactor, redactor
from bot.ops import logs
from bot.ops.log_limits import WARNINGS_A_MINUTE, LogLimiter
from bot.sandbox.environment import (
    API_KEY,
    APP_TOKEN,
    BOT_TOKEN,
    SIGNING_SECRET,
    Environment,
    connect,
)
from bot.sandbox.slack.request_log import Direction
from tests.acceptance.thread_assertions import roots
from tests.conftest import StartBot

SECRET = "made-up-secret"
MASK = "•••"
ENCRYPTED = "watched_projects.key_ciphertext"
Configure = Callable[..., io.StringIO]


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Configure]:
    """Configures logging as the bot does, and returns what standard error gets."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    before = structlog.get_config()

    def configured(level: str = "INFO", stream: io.StringIO | None = None) -> io.StringIO:
        stream = stream or io.StringIO()
        monkeypatch.setattr("sys.stderr", stream)
        logs.configure(level)
        return stream

    yield configured
    root.handlers = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.configure(**before)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@dataclass
class Holder:
    """Something whose representation shows a secret."""

    value: str


def _fail() -> None:
    raise ValueError(f"quotes {SECRET}")


def _fail_over_it() -> None:
    try:
        _fail()
    except ValueError as error:
        raise RuntimeError("worse") from error


def _in_an_exception() -> None:
    try:
        _fail()
    except ValueError:
        logs.get("ours").exception("failed")


def _in_the_cause_of_a_librarys_exception() -> None:
    try:
        _fail_over_it()
    except RuntimeError:
        logging.getLogger("library").exception("failed")


def _in_a_warning() -> None:
    warnings.warn(f"quotes {SECRET}", stacklevel=1)


WAYS: dict[str, Callable[[], object]] = {
    "the event": lambda: logs.get("ours").info(f"quotes {SECRET}"),
    "a field": lambda: logs.get("ours").info("said", words=f"quotes {SECRET}"),
    "a mapping in a list": lambda: logs.get("ours").info("said", words=[{"a": (SECRET,)}]),
    "a mapping's key": lambda: logs.get("ours").info("said", words={SECRET: 1}),
    "bytes": lambda: logs.get("ours").info("said", words=SECRET.encode()),
    "an object": lambda: logs.get("ours").info("said", words=Holder(SECRET)),
    "a bound field": lambda: logs.get("ours").bind(words=SECRET).info("said"),
    "an exception": _in_an_exception,
    "a library's message": lambda: logging.getLogger("library").info(SECRET),
    "a library's arguments": lambda: logging.getLogger("library").info("%s", Holder(SECRET)),
    "a library's extras": lambda: logging.getLogger("library").info("x", extra={"a": [SECRET]}),
    "the cause of a library's exception": _in_the_cause_of_a_librarys_exception,
    "a stack": lambda: logging.getLogger("library").info(SECRET, stack_info=True),
    "a warning": _in_a_warning,
}


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_known_secret_is_masked_wherever_it_stands(
    configure: Configure, way: Callable[[], object]
) -> None:
    """In our own lines and in those of libraries."""
    stream = configure()
    redactor.learn([SECRET])
    way()
    written = stream.getvalue()
    assert MASK in written
    assert SECRET not in written


LOOKS = [
    ("token xoxb-made-up-1.", "token •••"),
    ("xoxe.xoxb-made-up", "•••"),
    ("xapp-made-up-1 went in", "••• went in"),
    ("key flp_madeup1, again", "key •••, again"),
    ("hf_madeupmadeup", "•••"),
    ("Authorization: Bearer made-up/1+2=", "Authorization: Bearer •••"),
    ("authorization=basic bWFkZTp1cA==", "authorization=basic •••"),
    (
        "posting to https://hooks.slack.com/commands/T01/22/made-up failed",
        "posting to https://hooks.slack.com/commands/••• failed",
    ),
    ("https://hooks.slack.com/actions/T01/22/made-up?x", "https://hooks.slack.com/actions/•••?x"),
    ("https://hooks.slack.com/services/T01/B02/made-up", "https://hooks.slack.com/services/•••"),
    (
        "text=help&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT01%2F2%2Fmade&a=b",
        "text=help&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2F•••&a=b",
    ),
    ("wss://slack.com/link?ticket=made-up&app_id=1", "wss://slack.com/link?ticket=•••&app_id=1"),
    ("postgresql://bot:made-up@host/name", "postgresql://bot:•••@host/name"),
    ("token=madeup&team_id=T01", "token=•••&team_id=T01"),
    ('{"token": "made-up", "team": null}', '{"token": "•••", "team": null}'),
    ("{'api_key': 'made-up'}", "{'api_key': '•••'}"),
    ("SLACK_SIGNING_SECRET=madeup", "SLACK_SIGNING_SECRET=•••"),
    ("bot_token: madeup", "bot_token: •••"),
]


@pytest.mark.parametrize(("text", "masked"), LOOKS)
def test_what_looks_like_a_secret_is_masked(text: str, masked: str) -> None:
    """Also one that nobody told us of, such as the key of a request that failed to parse."""
    assert redactor.mask(text) == masked


ORDINARY = [
    "meta-llama/Llama-3.1-8B-Instruct on 2 × H100",
    "max_token_count=4096, tokens: 12",
    "GET https://api.friendli.ai/dedicated/beta/endpoint?project_id=p1&limit=100",
    "https://huggingface.co/meta-llama/Llama-3.1-8B-Instruct/commands",
    "connection to 127.0.0.1:5432 refused",
    "auth.test answered invalid_auth",
    "{'token': None, 'error': 'ratelimited'}",
    "a basic fact",
]


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_words_stay(text: str) -> None:
    """A log that hides too much is no help."""
    assert redactor.mask(text) == text


def test_short_texts_are_not_learned() -> None:
    """A secret of a few letters would blot out ordinary words."""
    redactor = Redactor()
    redactor.learn(["", "error"])
    assert redactor.mask("an error") == "an error"


def test_of_two_secrets_the_longer_is_masked_whole() -> None:
    """One secret may be a part of another: nothing of either is left."""
    redactor = Redactor()
    redactor.learn(["made-up", "made-up-and-longer"])
    assert redactor.mask("a made-up-and-longer b made-up c") == f"a {MASK} b {MASK} c"


def test_fields_of_secrets_are_masked_whatever_they_hold(configure: Configure) -> None:
    """A field that is called a token holds one, at any depth."""
    stream = configure()
    logs.get("ours").info(
        "said",
        token="abc",
        body={"Authorization": "abc", "response_url": "abc", "team": {"key": "abc", "id": "T1"}},
        count=3,
        ok=True,
        nothing=None,
    )
    [line] = lines(stream)
    del line["timestamp"]
    assert line == snapshot(
        {
            "token": "•••",
            "body": {
                "Authorization": "•••",
                "response_url": "•••",
                "team": {"key": "•••", "id": "T1"},
            },
            "count": 3,
            "ok": True,
            "nothing": None,
            "event": "said",
            "level": "info",
            "logger": "ours",
        }
    )


def test_each_line_is_one_json_object(configure: Configure) -> None:
    """Also a traceback, and what a person typed over several lines."""
    stream = configure()
    _in_an_exception()
    logs.get("ours").warning("typed", words="two\nlines · ж")
    failed, typed = lines(stream)
    assert str(failed["exception"]).startswith("Traceback (most recent call last):\n")
    assert (failed["level"], failed["logger"], failed["event"]) == ("error", "ours", "failed")
    assert typed["words"] == "two\nlines · ж"
    assert "·" in stream.getvalue()


def test_a_terminal_shows_lines_for_reading(configure: Configure) -> None:
    """With tracebacks below their lines, and secrets masked as everywhere."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = configure(stream=Terminal())
    redactor.learn([SECRET])
    logs.get("ours").info("said", number=3)
    _in_an_exception()
    said, failed, *traceback = stream.getvalue().splitlines()
    assert re.sub(r"^\S+ ", "", said).split() == ["[info", "]", "said", "[ours]", "number=3"]
    assert "failed" in failed
    assert traceback[-1] == f"ValueError: quotes {MASK}"


@pytest.mark.parametrize("name", ["library", "httpx", "slack_bolt"])
def test_the_level_counts_for_all(configure: Configure, name: str) -> None:
    """What is less important is not written, whoever says it."""
    stream = configure("ERROR")
    logs.get("ours").warning("ours")
    logging.getLogger(name).warning("a library's")
    logs.get("ours").error("ours")
    logging.getLogger(name).error("a library's")
    assert [line["event"] for line in lines(stream)] == ["ours", "a library's"]


@pytest.mark.parametrize("name", ["httpx", "httpcore.http11", "slack_sdk.web", "aiosqlite"])
def test_libraries_that_write_out_requests_keep_quiet(configure: Configure, name: str) -> None:
    """At every level of the bot's own."""
    stream = configure("DEBUG")
    logging.getLogger(name).info("a whole request")
    logs.get("ours").debug("ours")
    assert [line["event"] for line in lines(stream)] == ["ours"]


@pytest.mark.parametrize("mode", ["http", "socket"])
async def test_a_whole_deployment_leaves_no_secret_behind(
    env: Environment, start_bot: StartBot, configure: Configure, mode: str
) -> None:
    """Neither in the log at its most talkative, nor in the database but encrypted."""
    stream = configure("DEBUG")
    settings = {"slack_app_token": APP_TOKEN} if mode == "socket" else {}
    async with start_bot(**settings):
        await connect(env)
        await env.member.command(env.channel, "org/model --gpu H100 --replicas 1 --yes")
        [root] = await env.slack.until(lambda: roots(env))
        await env.slack.until(lambda: env.friendli.endpoints)
        env.clock.advance(600)
        await env.slack.until(lambda: "is live" in root.text)
        await env.member.command(env.channel, "targets")
        await env.slack.until(lambda: env.member.ephemerals(env.channel))
    answered_at = response_url_keys(env)
    assert len(answered_at) == 3
    encryption_key = env.encryption_key.get_secret_value()
    secrets = {BOT_TOKEN, APP_TOKEN, SIGNING_SECRET, API_KEY, encryption_key, *answered_at}
    told = await everything_stored(env) + stream.getvalue()
    assert "org/model" in told
    assert "running" in told
    assert [secret for secret in secrets if secret in told] == []
    stored = files_of(Path(env.database.removeprefix("sqlite:///")).parent)
    assert b"org/model" in stored
    assert [secret for secret in secrets if secret.encode() in stored] == []


def response_url_keys(env: Environment) -> set[str]:
    """The parts of response_urls that make them secret."""
    return {
        key
        for entry in env.slack.requests.entries
        if entry.direction is Direction.TO_APP
        for key in re.findall(r"/response/\w+/([\w-]+)", entry.body)
    }


async def everything_stored(env: Environment) -> str:
    """All text in all tables, but for the one column of ciphertexts."""
    rows: list[object] = []
    database = Database(env.database)
    async with database.read() as session:
        for table in Base.metadata.sorted_tables:
            shown = [column for column in table.c if str(column) != ENCRYPTED]
            rows += await session.execute(select(*shown))
    await database.close()
    return repr(rows)


def files_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("bot.sqlite3*"))


def test_of_one_kind_of_line_a_minute_holds_few(configure: Configure) -> None:
    """Whoever can cause a warning can't fill the disk with it, nor hide another."""
    stream = configure()
    for number in range(1_000):
        logs.get("ours").warning("closed connections", late=number)
        logging.getLogger("library").error("socket %s", number, exc_info=OSError("made up"))
    logs.get("ours").warning("something else")
    written = lines(stream)
    assert [line["event"] for line in written].count("closed connections") == WARNINGS_A_MINUTE
    assert sum(line["logger"] == "library" for line in written) == WARNINGS_A_MINUTE
    assert written[-1]["event"] == "something else"


def test_a_reference_that_a_person_was_shown_is_always_written(configure: Configure) -> None:
    """After many of one kind without its traceback, which is known by then."""
    stream = configure()
    for number in range(100):
        logs.get("ours").error("failed", reference=f"R{number}", exc_info=OSError("made up"))
    written = lines(stream)
    assert [line["reference"] for line in written] == [f"R{number}" for number in range(100)]
    assert sum("exception" in line for line in written) == WARNINGS_A_MINUTE


def test_how_many_lines_were_left_out_is_reported() -> None:
    """By kind, at the end of their minute, whether or not anything is logged then."""
    reported: list[tuple[str, str, int]] = []
    done = threading.Event()

    def report(logger: str, event: str, count: int) -> None:
        reported.append((logger, event, count))
        done.set()

    limiter = LogLimiter(report, window=0.05)
    logger = logging.getLogger("ours")
    for _ in range(WARNINGS_A_MINUTE):
        limiter(logger, "warning", {"event": "again"})
    with pytest.raises(structlog.DropEvent):
        limiter(logger, "warning", {"event": "again"})
    assert done.wait(10)
    assert reported == [("ours", "again", 1)]
    # A new minute begins.
    assert limiter(logger, "warning", {"event": "again"})
