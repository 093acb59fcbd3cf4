"""Slack's control sequences in mrkdwn: mentions, links and dates between `<` and `>`.

Facts from https://docs.slack.dev/messaging/formatting-message-text. Slack renders any other `<` in
its own ways, or mentions people; it is refused here, so that unescaped text shows.
"""

import re

_DATE_TOKENS = (
    "ago|date|date_long|date_long_full|date_long_pretty|date_num|date_pretty|date_short|"
    "date_short_pretty|date_slash|day_divider_pretty|time|time_secs"
)
_DATE_FORMAT = rf"(?:[^<>^|{{}}]|\{{(?:{_DATE_TOKENS})\}})+"
_LABEL = r"(?:\|[^<>\n]+)?"
_SEQUENCES = (
    rf"@[UW][A-Z0-9]+{_LABEL}",
    rf"#[CG][A-Z0-9]+{_LABEL}",
    rf"!subteam\^S[A-Z0-9]+{_LABEL}",
    rf"!(?:channel|here|everyone){_LABEL}",
    # The fallback after the bar is required.
    rf"!date\^\d+\^(?=[^<>^|]*\{{){_DATE_FORMAT}(?:\^https?://[^\s<>^|]+)?\|[^<>|\n]+",
    rf"https?://[^\s<>|]+{_LABEL}",
    rf"mailto:[^\s<>|@]+@[^\s<>|@]+{_LABEL}",
)
_UNPARSABLE = re.compile(rf"<(?!(?:{'|'.join(_SEQUENCES)})>)[^\s>]{{0,40}}>?")
_FORMAT = re.compile(rf"(?=[^{{]*\{{){_DATE_FORMAT}")


def unparsable(text: str) -> str | None:
    """The start of the first invalid `<` sequence, or None."""
    found = _UNPARSABLE.search(text)
    return found[0] if found else None


def is_date_format(template: str) -> bool:
    """Whether a date's template holds only tokens that Slack knows, and at least one."""
    return _FORMAT.fullmatch(template) is not None
