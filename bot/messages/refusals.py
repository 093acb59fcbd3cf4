"""Why nothing was made: refusals by the API and by the bot."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from bot.domain.friendli_errors import FriendliError, NotFound, RateLimited, Refused, Unauthorized
from bot.domain.process.slash_command import SLASH
from bot.domain.request.refused_fields import by_form_field, label
from bot.domain.text import clip
from bot.messages.markup import code, duration, escape, money

_API_WORDS_LIMIT = 500
_RECONNECT = f"An admin can connect a new key with `{SLASH} connect`."


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal in words.

    Attributes:
        why: One or two sentences, as mrkdwn.
        advice: What to do, as mrkdwn.
        words: The API's own, plain.
        reconnects: Connecting the target again helps.
        fields: What the API said of fields, by form field: plain.
        words_first: The API's words come first, since nothing else is known.
    """

    why: str
    advice: str = ""
    words: str = ""
    reconnects: bool = False
    fields: Mapping[str, str] = field(default_factory=dict)
    words_first: bool = False

    @property
    def text(self) -> str:
        """Mrkdwn without words that come last; a line per field."""
        first = f"Friendli said: {self.said}. " if self.words_first and self.words else ""
        return "\n".join([f"{first}{self.why} {self.advice}".strip(), *self.field_lines])

    @property
    def said(self) -> str:
        """The API's words between quotes, as mrkdwn, at most 500 characters."""
        return f"“{escape(clip(self.words, _API_WORDS_LIMIT))}”"

    @property
    def field_lines(self) -> list[str]:
        """A line per field, by the name that people know, as mrkdwn."""
        return [f"• {escape(label(key))}: {escape(words)}" for key, words in self.fields.items()]


def by_the_api(error: FriendliError) -> Refusal:
    if isinstance(error, RateLimited):
        wait = f" in {duration(error.retry_after)}" if error.retry_after else " in a minute"
        return Refusal(
            "Friendli is rate-limiting this team.",
            f"Try again{wait}.",
            error.message,
        )
    if isinstance(error, Unauthorized):
        return Refusal(
            "Friendli refuses this target's API key.", _RECONNECT, error.message, reconnects=True
        )
    if isinstance(error, NotFound):
        return Refusal(
            "Friendli doesn't know this target's project.",
            f"An admin can connect another one with `{SLASH} connect`.",
            error.message,
            reconnects=True,
        )
    if error.status == 402:
        return Refusal(
            "The team's billing at Friendli doesn't allow this.",
            "Check Billing in Friendli Suite.",
            error.message,
        )
    if error.fields:
        return Refusal(
            "Friendli refused some of the settings.",
            "Change these and try again:",
            fields=by_form_field(error.fields),
        )
    status = f" (status {error.status})" if error.status is not None else ""
    return Refusal(
        f"Friendli refused the request{status}.",
        "Change it and try again.",
        error.message,
        words_first=True,
    )


def costs_more(agreed: Decimal | None, dollars: Decimal | None) -> Refusal:
    """More at full scale than was shown; None for an unknown price."""
    before = "an unknown price" if agreed is None else money(agreed)
    now = "an unknown price" if dollars is None else money(dollars)
    return Refusal(
        f"The price changed from {before} to {now} since the request, so nothing was sent.",
        "*Try again* shows the new price and requests approval for it.",
    )


def gave_up(waited: str) -> Refusal:
    """The API couldn't be reached before anything was sent."""
    return Refusal(
        f"Friendli's API couldn't be reached for {waited}, so nothing was sent.",
        "Try again once it is back.",
    )


def gave_up_limited(waited: str) -> Refusal:
    """The API rate-limited each try."""
    return Refusal(
        f"Friendli was limiting requests (429) for {waited}, so nothing was created.",
        "Try again later.",
    )


def not_announced() -> Refusal:
    """Slack didn't confirm the status message in time."""
    return Refusal(
        "Slack didn't confirm this message for a long time, so nothing was sent.",
        "Request it again if you still want it.",
    )


def no_key(*, unreadable: bool, mismatched: bool = False) -> Refusal:
    if mismatched:
        return Refusal(
            "The API key stored for this target isn't the one that was connected, so the bot"
            " doesn't use it. Someone may have changed the bot's database: tell its operator.",
            _RECONNECT,
        )
    if unreadable:
        return Refusal(
            "The bot can't decrypt this target's API key: its encryption keys changed.",
            _RECONNECT,
            reconnects=True,
        )
    return Refusal("Its target has been disconnected.", _RECONNECT, reconnects=True)


def unreadable(error: FriendliError, target: str) -> Refusal:
    """A target's endpoints couldn't be read; nothing was requested."""
    if isinstance(error, (RateLimited, Unauthorized, NotFound)):
        return by_the_api(error)
    if isinstance(error, Refused):
        return Refusal(
            f"Friendli refused to list the endpoints in {code(target)} (status {error.status}).",
            f"An admin can check the project with `{SLASH} connect`.",
            error.message,
        )
    return Refusal(
        f"Friendli isn't answering, so I can't list the endpoints in {code(target)}. They keep"
        " running.",
        "Try again in a minute.",
    )
