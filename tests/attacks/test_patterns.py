"""Foreign text of any size and shape holds up nobody: patterns are linear, and it is cut first."""

import ast
import contextlib
import importlib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

import bot
from bot.commands import deploy_text, endpoint_text, schedule_text
from bot.commands.features import registry
from bot.domain.command_line import LONGEST
from bot.domain.errors import UserError
from bot.domain.instances import Gpu, UnknownInstanceError, parse
from bot.domain.process.redaction import redactor
from bot.domain.request.duration import parse_duration
from bot.friendli.responses import MAX_MESSAGE, Response
from bot.messages.prompt import LONGEST_ANSWER
from bot.slack import payloads
from tests.acceptance.thread_assertions import ephemeral_texts
from tests.attacks.harness import AttackHarness

MB = 1_000_000
SECONDS = 0.05
ROOT = Path(bot.__file__).parent
# What reaches the patterns of a module or a package is cut to so many characters before.
CUTS = {
    "commands": LONGEST + 1,  # by `payloads`, like all that Slack sends
    "request": LONGEST + 1,
    "command_line": LONGEST + 1,
    "characters": LONGEST + 1,
    "payloads": LONGEST + 1,
    "audit": 600,
    "markup": 3_000,
    "fallback_text": 3_000,  # as much as a block may hold
    "matching": 200,
    "delivery_result": 500,
    "instances": 60,
    "model_size": 100,
    "responses": 20_000,
    "smoke_tester": MAX_MESSAGE,  # Friendli's words, as `responses` cut them
    "prompt_answers": LONGEST_ANSWER,
    "text": 3_000,  # as much as a block may hold
    "rate_limit": 100_000,  # HTTP headers: longer ones are refused
    "redaction": 50_000,
    "manifest": 100,  # the operator's own words
}
# What makes up texts that are hard to read, beside the pieces of each pattern itself.
UNITS = (
    *("a", " ", "\t", "\u00a0", "0", "0 ", "7 ", "1h ", "1,", "m ", "at ", "x", "é", "😀 "),
    *("'", '"', '"" ', "\\", "“", "’", "`", "-", "--", "--a ", "-a b ", "--x=", "--gpu H100 "),
    *("<", "<a", "<a|", "<a|b>", "<@U1|", "&lt;", "&", "a/b ", "/", "://", "..", "…", "0-", "="),
    *("18:00 on weekdays ", "daily ", "every day ", "2026-01-01 ", "--autoscale 0..3 ", "[", '{"'),
)
BEFORE = ("", "it at ", "a/b ", "a/b --gpu ", 'a/b --gpu "')
AFTER = ("", "!", '"')
GPU = Gpu("H100", "NVIDIA H100", 80)


@dataclass(frozen=True, slots=True)
class Use:
    """A pattern where it is used.

    Attributes:
        where: The module's parts.
        method: Of `re`.
    """

    where: tuple[str, ...]
    method: str
    pattern: re.Pattern[str]

    @property
    def cut(self) -> int:
        """How many characters reach it."""
        return next((CUTS[part] for part in self.where if part in CUTS), MB)

    @property
    def units(self) -> list[str]:
        """What texts that are hard to read may consist of."""
        pieces = re.findall(r"[^\\()\[\]{}?*+|^$.]+", self.pattern.pattern)
        return [*UNITS, *pieces, *(f"{piece} " for piece in pieces)]

    def read(self, text: str) -> None:
        """Use it on a text as the bot does."""
        match self.method:
            case "sub":
                self.pattern.sub("", text)
            case "split":
                self.pattern.split(text, maxsplit=1)
            case "finditer":
                self.pattern.findall(text)
            case _:
                getattr(self.pattern, self.method)(text)


def uses() -> Iterator[Use]:
    """Every use of a pattern in the bot's source."""
    for file in sorted(ROOT.rglob("*.py")):
        if ROOT / "sandbox" in file.parents:
            continue
        where = file.relative_to(ROOT.parent).with_suffix("").parts
        text = file.read_text()
        for node in ast.walk(ast.parse(text)):
            match node:
                case ast.Call(ast.Attribute(ast.Name("re"), method), [source, *more]):
                    names = vars(importlib.import_module(".".join(where))) | {"self": GPU}
                    flags = [one for one in more if re.match(r"re\.[A-Z]", ast.unparse(one))]
                    made = [eval(ast.unparse(one), names) for one in (source, *flags)]  # noqa: S307 - ours
                    pattern = re.compile(*made)
                    if not pattern.pattern:
                        continue  # how Bolt is told of everything
                    methods = [method]
                    if method == "compile":
                        called = "|".join(name for name, value in names.items() if value == pattern)
                        # One of several in a tuple takes something out.
                        methods = (
                            re.findall(rf"\b(?:{called})\.(\w+)\(", text) if called else ["sub"]
                        )
                    for one in sorted(set(methods)):
                        yield Use(where, one, pattern)


def seconds(read: Callable[[str], object], text: str) -> float:
    """CPU time to read a text, the best of three."""
    took = []
    for _ in range(3):
        started = time.process_time()
        read(text)
        took.append(time.process_time() - started)
        if took[-1] > 1:
            break
    return min(took)


def hardest(read: Callable[[str], object], units: list[str], length: int) -> tuple[float, str]:
    """The most CPU time that a text of this length takes, and how it begins."""

    def text(parts: tuple[str, str, str], length: int) -> str:
        before, unit, after = parts
        room = length - len(before) - len(after)
        return before + (unit * (room // len(unit) + 1))[:room] + after

    def quickly(parts: tuple[str, str, str]) -> float:
        short = text(parts, min(length, LONGEST))
        started = time.process_time()
        read(short)
        return time.process_time() - started

    # What is worse than linear shows in a short text already.
    worst = text(max(product(BEFORE, units, AFTER), key=quickly), length)
    return seconds(read, worst), worst[:40]


def test_every_pattern_reads_a_megabyte_of_its_worst_input_at_once() -> None:
    """After the cut that stands before it; fifty milliseconds for all of them."""
    found = list(uses())
    took = [(*hardest(use.read, use.units, min(MB, use.cut)), use) for use in found]
    slowest = sorted(took, key=lambda one: one[0], reverse=True)[:5]
    assert len(found) > 40
    assert sum(one for one, _, _ in took) < SECONDS, slowest


def words(text: str) -> str:
    """What an answer of Friendli's with this body says to people."""
    return Response(500, httpx.Headers(), text.encode()).message(SecretStr("made-up-key"))


def gpu(text: str) -> None:
    """Read an instance option."""
    with contextlib.suppress(UnknownInstanceError):
        parse(text)


def command(text: str) -> None:
    """Read a slash command's text as far as the edge."""
    asked = payloads.command({"channel_id": "C1", "user_id": "U1", "text": text})
    assert len(asked.text) == LONGEST + 1


@pytest.mark.parametrize("read", [words, redactor.mask, gpu, command])
@pytest.mark.parametrize(
    "unit",
    [
        "<title>",
        "<title ",
        '{"detail":',
        '["',
        "flp_",
        "Bearer ",
        "token=",
        "://a:",
        "/commands/T",
        " ",
        "H100 ",
        "18:00 on weekdays ",
    ],
)
def test_a_megabyte_is_read_at_once(read: Callable[[str], object], unit: str) -> None:
    """Error pages, log lines, instance options and commands."""
    assert seconds(read, unit * (MB // len(unit))) < SECONDS


def deploying(text: str) -> None:
    """Read a deploy command."""
    deploy_text.read(text, targets=["prod"], default_target="prod", tag="aaaa")


def naming(text: str) -> None:
    """Read a command about an endpoint."""
    with contextlib.suppress(UserError):
        endpoint_text.match([], endpoint_text.read(text, ["prod"]), takes_more=True)


def scheduling(text: str) -> None:
    """Read when something is to be done."""
    schedule_text.read_when(text, "UTC", datetime.now(UTC))


@pytest.mark.parametrize(
    "read",
    [deploying, naming, scheduling, parse_duration, registry().nearest],
)
def test_the_longest_command_is_read_at_once(read: Callable[[str], object]) -> None:
    """Four thousand characters, whatever they are."""
    took, text = hardest(read, list(UNITS), LONGEST)
    assert took < SECONDS, text


async def test_a_command_of_more_than_4000_characters_is_refused(attack: AttackHarness) -> None:
    """In plain words, and nothing of it is carried out; as a mention too."""
    env = attack.env
    before = len(ephemeral_texts(env))
    typed = "org/model --gpu 1xH100 --yes --comment " + "x" * LONGEST
    await attack.check_response(await attack.command(typed))
    mention = attack.event("app_mention", {"text": f"<@UB> {typed}"})
    await attack.check_response(await attack.send_event(mention))
    await env.slack.until(lambda: len(ephemeral_texts(env)) >= before + 2)
    for said in ephemeral_texts(env)[before:]:
        assert "longer than 4,000 characters" in said
    assert not env.friendli.endpoints
