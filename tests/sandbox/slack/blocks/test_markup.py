"""Control sequences in mrkdwn."""

import pytest

from bot.sandbox.slack.blocks.markup import is_date_format, unparsable


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "R&D > sales, 2 &lt; 3",
        "<@U1>",
        "<@W1|ada>",
        "<#C1>",
        "<#C1|general>",
        "<!subteam^S1>",
        "<!subteam^S1|@ml-oncall>",
        "<!here>",
        "<!channel|channel>",
        "<!everyone>",
        "<https://friendli.ai/suite?a=1&amp;b=2>",
        "<http://a.example|a page, with | bars>",
        "<mailto:support@friendli.ai|write to us>",
        "<!date^1790000000^{date_short_pretty} at {time}|10:42 UTC>",
        "<!date^1790000000^{ago}^https://friendli.ai|today>",
        "<@U1><@U2> and <#C1>",
    ],
)
def test_what_slack_parses_passes(text: str) -> None:
    """Mentions, links, dates and escaped text are fine."""
    assert unparsable(text) is None


@pytest.mark.parametrize(
    ("text", "sequence"),
    [
        ("a <b> c", "<b>"),
        ("2 < 3", "<"),
        ("<@ada>", "<@ada>"),
        ("<@U1", "<@U1"),
        ("<#general>", "<#general>"),
        ("<!group>", "<!group>"),
        ("<!everyone|>", "<!everyone|>"),
        ("<!subteam^ml>", "<!subteam^ml>"),
        ("<https://>", "<https://>"),
        ("<https://a b|c>", "<https://a"),
        ("<https://a.example|>", "<https://a.example|>"),
        ("<ftp://a.example>", "<ftp://a.example>"),
        ("<javascript:alert(1)>", "<javascript:alert(1)>"),
        ("<mailto:ada>", "<mailto:ada>"),
        ("<!date^soon^{time}|a>", "<!date^soon^{time}|a>"),
        ("<!date^1790000000^{time}>", "<!date^1790000000^{time}>"),
        ("<!date^1^{hour}|a>", "<!date^1^{hour}|a>"),
        ("<!date^1^today|a>", "<!date^1^today|a>"),
        ("<@U1> <!chanel>", "<!chanel>"),
    ],
)
def test_what_slack_does_not_parse_is_found(text: str, sequence: str) -> None:
    """The first sequence that means nothing is told by its start."""
    assert unparsable(text) == sequence


@pytest.mark.parametrize("template", ["{date_num} {time_secs}", "since {ago}", "{time}"])
def test_a_date_format_of_known_tokens_passes(template: str) -> None:
    """Words may stand around tokens."""
    assert is_date_format(template)


@pytest.mark.parametrize("template", ["", "today", "{today}", "{time} {hour}", "{time"])
def test_a_date_format_without_known_tokens_is_told(template: str) -> None:
    """A format needs a token, and each of its tokens a meaning."""
    assert not is_date_format(template)
