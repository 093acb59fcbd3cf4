"""Slack's control sequences in mrkdwn: mentions, links and dates between `<` and `>`.

Facts from https://docs.slack.dev/messaging/formatting-message-text. Slack draws a `<` that opens
none of these in its own ways, or pings people; here it is refused, so that text which a person
or an API wrote can't slip in unescaped.
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
    # What stands after the bar is for clients that can't format the date, and required.
    rf"!date\^\d+\^(?=[^<>^|]*\{{){_DATE_FORMAT}(?:\^https?://[^\s<>^|]+)?\|[^<>|\n]+",
    rf"https?://[^\s<>|]+{_LABEL}",
    rf"mailto:[^\s<>|@]+@[^\s<>|@]+{_LABEL}",
)
_UNPARSABLE = re.compile(rf"<(?!(?:{'|'.join(_SEQUENCES)})>)[^\s>]{{0,40}}>?")
_FORMAT = re.compile(rf"(?=[^{{]*\{{){_DATE_FORMAT}")


def unparsable(text: str) -> str | None:
    """Return the start of the first `<` sequence that means nothing to Slack, or None."""
    found = _UNPARSABLE.search(text)
    return found[0] if found else None


def is_date_format(template: str) -> bool:
    """Tell whether the template of a date holds tokens that Slack knows, and only those."""
    return _FORMAT.fullmatch(template) is not None
