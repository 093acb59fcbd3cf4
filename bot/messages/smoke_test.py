"""How an endpoint answered its smoke test, on the status message and in the thread."""

from bot.domain.inference import InferenceKind, Speed
from bot.domain.process.slash_command import SLASH
from bot.domain.smoke_test import MAX_TOKENS, SmokeTestState, SmokeTestView
from bot.domain.text import clip
from bot.messages.markup import bold, escape
from bot.messages.reply import News, Reply, say

_LONGEST_QUOTE = 60


def line(test: SmokeTestView | None) -> str:
    """A line of the status message; '' while there is nothing to show."""
    if test is None:
        return ""
    match test.state:
        case SmokeTestState.PASSED if test.kind is InferenceKind.EMBEDDING:
            took = "" if test.seconds is None else f" in {latency(test.seconds)}"
            return f"Answered a test embedding{took}"
        case SmokeTestState.PASSED:
            return _streamed(test)
        case SmokeTestState.FAILED:
            return f"Live, but a test request failed: {reason(test.status, test.error)}"
        case SmokeTestState.LOST:
            return "The answer to the test request was lost when this bot restarted."
        case SmokeTestState.PENDING | SmokeTestState.SENDING | SmokeTestState.SKIPPED:
            return ""


def explanation() -> Reply:
    """Once per target: what the line is, and how to switch it off."""
    return say(
        f"A test request of at most {MAX_TOKENS} tokens showed that it answers, for less than"
        f" $0.01. I send one whenever an endpoint starts. `{SLASH} settings` turns this off."
    )


def failed(name: str, test: SmokeTestView) -> Reply:
    said = f"{bold(name)} is live, but a test request failed: {reason(test.status, test.error)}"
    return say(f"{said} {advice(test.status)}", news=News.FAILED)


def reason(status: int | None, error: str) -> str:
    """What the API answered, in its words."""
    if status is None:
        return f"Friendli didn't answer{_quoted(error)}."
    if 200 <= status < 300:
        return f"the answer can't be used{_quoted(error)}."
    return f"Friendli answered {status}{_quoted(error)}."


def advice(status: int | None) -> str:
    """What to do about a failed request."""
    match status:
        case 401 | 403:
            return "The target's API key may manage endpoints but not call them: check the key."
        case 402:
            return "Check the team's billing in Friendli Suite."
        case 404:
            return "It may take a minute until requests find it: try a prompt."
        case 400 | 422:
            return "Check in Friendli Suite whether this model answers chats or completions."
        case 429:
            return "Other requests may use up its limit: try a prompt later."
        case _:
            return "Try a prompt in a minute. If that fails too, restart it."


def speed_words(speed: Speed) -> str:
    """Such as "First token after 180 ms, 142 tokens/s"."""
    words = f"First token after {latency(speed.first_token)}"
    if speed.tokens_per_second is not None:
        words += f", {rate(speed.tokens_per_second)}"
    return words


def latency(seconds: float) -> str:
    """Such as "180 ms" or "2.4 s"."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def rate(tokens_per_second: float) -> str:
    shown = f"{tokens_per_second:.1f}" if tokens_per_second < 10 else f"{tokens_per_second:,.0f}"
    return f"{shown} tokens/s"


def _streamed(test: SmokeTestView) -> str:
    words = "Answered a test request" if test.speed is None else speed_words(test.speed)
    if not test.excerpt:
        return f"{words} (it only reasoned: {MAX_TOKENS} tokens are too few for its answer)"
    return f'{words}: "{escape(clip(" ".join(test.excerpt.split()), _LONGEST_QUOTE))}"'


def _quoted(error: str) -> str:
    return f' ("{escape(clip(error, 200))}")' if error else ""
