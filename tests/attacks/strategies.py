"""What attackers and accidents put where the bot expects text, numbers, ids and JSON."""

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from bot.commands.deploy_options import OPTIONS
from bot.domain.command_line import quote
from bot.sandbox.slack.wire import JsonObject
from tests.commands.slack_text import escape
from tests.conftest import THOROUGH

# Mentions, channels, groups and links that none of the bot's own sentences contains: as markup,
# as Slack escapes what was typed, and half of it.
CANARIES = (
    "<!channel>",
    "<!here|here>",
    "<!everyone>",
    "<@U0EVIL>",
    "<#C0EVIL|general>",
    "<!subteam^S0EVIL>",
    "<https://evil.example|your invoice>",
    "<mailto:x@evil.example>",
    "&lt;!channel&gt;",
    "&lt;@U0EVIL&gt;",
    "&amp;lt;!here&amp;gt;",
    "`<!here>`",
    "*<!channel>*",
    "```<!channel>",
    "<<!channel>>",
    "<@U0EVIL",
    "!channel>",
)

ODDITIES = (
    "",
    " ",
    "\t",
    "\n",
    "\x00",
    "\x1b[31m",
    "\x7f",
    "\u0085",
    "\u2028",
    "\ufeff",
    "\u200b",
    "\u202eflipped\u202c",
    "\u2066isolated",
    "e\u0301\u0301\u0301",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\ud800",
    "\udfff\ud800",
    "\uffff",
    '"',
    "'",
    "`",
    "\\",
    "\N{LEFT DOUBLE QUOTATION MARK}",
    "\N{RIGHT SINGLE QUOTATION MARK}",
    "--",
    "-",
    "\N{EM DASH}yes",
    "\N{EN DASH}\N{EN DASH}gpu",
    "--=",
    "=",
    "%s{}{0}$(id)",
    "{given}",
    "../../..",
    "' OR 1=1 --",
    "-1",
    "0",
    "1e999",
    "NaN",
    "٣",
    "9" * 400,
    "null",
    "true",
    "[]",
    "{}",
    "A" * 200,
    "A" * 4_500,
    "&" * 1_200,
    "<" * 2_000,
    "\U0001f680" * 1_500,
    "a/" * 900,
)


def examples(most: int) -> settings:
    """Settings of a test whose examples one bot stands, as it would in life.

    Args:
        most: How many in every run; `--hypothesis-profile thorough` tries many times as many.
    """
    thorough = settings.get_current_profile_name() == THOROUGH
    return settings(
        settings.get_profile("default"),
        max_examples=most * 50 if thorough else most,
        deadline=None,
        # The same ones in every run, so that no run fails over what the one before it let pass.
        derandomize=not thorough,
        database=None,
        # No shrinking: what an example leaves in the bot would have a say in the next one.
        phases=(Phase.explicit, Phase.generate),
        report_multiple_bugs=False,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


_LETTERS = st.characters(exclude_categories=())  # lone surrogates too


def odd_text() -> st.SearchStrategy[str]:
    """Text of any kind: random, of one of the known kinds, or several of them in a row."""
    piece = st.one_of(
        st.sampled_from(CANARIES), st.sampled_from(ODDITIES), st.text(_LETTERS, max_size=20)
    )
    return st.one_of(piece, st.lists(piece, min_size=2, max_size=4).map("".join))


def odd_json(leaves: st.SearchStrategy[object] | None = None) -> st.SearchStrategy[object]:
    """Any JSON value, also such as no API has a use for."""
    leaf = leaves or st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.sampled_from([2**63, -(2**63) - 1, 10**40]),
        st.floats(allow_nan=False, allow_infinity=False),
        odd_text(),
    )
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
        ),
        max_leaves=6,
    )


def slash_text(names: Sequence[str]) -> st.SearchStrategy[str]:
    """What may stand after the slash command: its words and options in and out of their places.

    Args:
        names: The first words that mean something.
    """
    option = st.builds(
        "{}{}{}{}".format,
        st.sampled_from(["--", "--no-", "\N{EM DASH}", "-"]),
        st.sampled_from([one.name for one in OPTIONS] + ["model", "gpus", "x"]),
        st.sampled_from([" ", "=", ""]),
        st.one_of(odd_text(), st.sampled_from([one.example for one in OPTIONS])),
    )
    command = st.builds("{} {}".format, st.sampled_from(names), odd_text())
    words = st.lists(st.one_of(option, odd_text(), st.just("org/model")), max_size=5).map(" ".join)
    return st.one_of(command, words, odd_text())


@st.composite
def deploy_line(draw: st.DrawFn) -> str:
    """A line that deploys unless one of its odd texts keeps it from it."""
    number = draw(st.integers(0, 9_999))
    canary = draw(st.sampled_from(CANARIES))
    options = [f"--gpu {draw(st.sampled_from(['1xH100', '8 x b200', '2×A100']))}"]
    # As people type it, which Slack escapes, or as a client that is careless sends it.
    name = draw(st.sampled_from([f"{canary} {number}", f"{escape(canary)} {number}"]))
    options.append(f"--name {quote(name)}")
    more = draw(st.lists(st.sampled_from(["comment", "revision", "to"]), max_size=2))
    options += [f"--{option} {quote(draw(odd_text()))}" for option in more]
    return " ".join(["org/model", *options, "--yes"])


class Missing:
    """Stands for a part that isn't there."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = Missing()
Changes = tuple[tuple[int, object], ...]


def changes(most: int = 3) -> st.SearchStrategy[Changes]:
    """What `mutated` does to a document: which of its parts becomes what."""
    odd = st.one_of(odd_text(), odd_text(), odd_json(), st.just(MISSING))
    return st.lists(st.tuples(st.integers(0, 9_999), odd), min_size=1, max_size=most).map(tuple)


def mutated(document: JsonObject, changed: Changes) -> JsonObject:
    """A JSON object with some of its parts missing, of another type, or odd."""
    odd: JsonObject = json.loads(json.dumps(document))
    for at, value in changed:
        parts = _parts(odd)
        if not parts:
            break
        owner, key = parts[at % len(parts)]
        if isinstance(value, Missing):
            del owner[key]
        else:
            owner[key] = value
    return odd


def _parts(part: object) -> list[tuple[Any, Any]]:
    """Every part of a document as its owner and its key there."""
    found: list[tuple[Any, Any]] = []
    if isinstance(part, dict | list):
        for key, value in part.items() if isinstance(part, dict) else enumerate(part):
            found += [(part, key), *_parts(value)]
    return found
