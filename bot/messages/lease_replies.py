"""What a thread tells of an endpoint's time: that it ends soon, goes on, or can't be ended."""

from datetime import datetime

from bot.db.acts import OperationKind
from bot.messages import buttons
from bot.messages.blocks import Block, actions, button, section
from bot.messages.body import body
from bot.messages.facts import Facts
from bot.messages.lease import until
from bot.messages.markup import bold, clip, duration, escape, mention
from bot.messages.operations import WORDS
from bot.messages.reply import News, Reply
from bot.messages.root import price

EXTEND_ACTION = "lease.extend"
KEEP_ACTION = "lease.keep"

_API_WORDS_LIMIT = 500


def warning(facts: Facts) -> Reply:
    """The time is nearly over."""
    text = (
        f"{bold(facts.name)} runs {_until(facts)}. Going on costs {cost(facts)}, and is for"
        " somebody to decide."
    )
    row = [*extend(facts), _keep(facts)]
    return Reply(body(text, section(text), actions(*row)), news=News.NEEDS_YOU)


def extend(facts: Facts) -> list[Block]:
    """The button that gives it as much time again, once; none if it has no end."""
    if facts.lease_seconds is None or facts.lease_ends_at is None:
        return []
    seen = f"{facts.public_id} {in_milliseconds(facts.lease_ends_at)}"
    return [button(f"Extend {duration(facts.lease_seconds)}", EXTEND_ACTION, value=seen)]


def extended(facts: Facts, person: str, seconds: int, *, had_end: bool) -> Reply:
    """Somebody gave it more time, or an end."""
    did = f"extended it by {duration(seconds)}" if had_end else "gave it an end"
    return _say(f"{mention(person)} {did}: it runs {_until(facts)}. It costs {cost(facts)}.")


def kept(facts: Facts, person: str) -> Reply:
    """Somebody took its end away."""
    return _say(
        f"{mention(person)} keeps it running: nothing ends it by itself any more. It costs"
        f" {cost(facts)} until somebody does."
    )


def not_ended(facts: Facts, kind: OperationKind, words: str) -> Reply:
    """The time is over, and Friendli didn't end it, or couldn't be asked."""
    said = f" Friendli said: “{escape(clip(words, _API_WORDS_LIMIT))}”." if words else ""
    return _loud(
        facts,
        f"{bold(facts.name)} runs on although its time is over: Friendli didn't"
        f" {WORDS[kind].infinitive}.{said} It may be billed on, {rate(facts)}. I keep trying;"
        " to be sure, end it in Friendli Suite.",
    )


def given_up(facts: Facts, kind: OperationKind) -> Reply:
    """The time is over, and Friendli didn't end it for so long that it isn't tried any more."""
    return _loud(
        facts,
        f"{bold(facts.name)} runs on although its time is over, and I don't try to"
        f" {WORDS[kind].infinitive} any more. It may be billed on, {rate(facts)}, until"
        " somebody ends it here or in Friendli Suite.",
    )


def cost(facts: Facts) -> str:
    """Completes "it costs …"."""
    return "an unknown amount" if facts.setup.price is None else price(facts)


def rate(facts: Facts) -> str:
    """Completes "it is billed …"."""
    return "at an unknown price" if facts.setup.price is None else f"at {price(facts)}"


def in_milliseconds(at: datetime) -> int:
    """A moment as a button carries it."""
    return round(at.timestamp() * 1000)


def _loud(facts: Facts, text: str) -> Reply:
    row = buttons.for_live(facts)
    return Reply(body(text, section(text), *([actions(*row)] if row else [])), news=News.NEEDS_YOU)


def _until(facts: Facts) -> str:
    return "on" if facts.lease_ends_at is None else until(facts.lease_ends_at, facts.lease_end)


def _keep(facts: Facts) -> Block:
    return button("Keep it running", KEEP_ACTION, value=facts.public_id)


def _say(text: str) -> Reply:
    return Reply(body(text, section(text)))
