import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.command_line import UnclosedQuoteError, closing_edits, quote, typed, words
from tests.commands.slack_text import escape

PLAIN = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]))


def texts(line: str) -> list[str]:
    """Split a line and keep the texts."""
    return [word.text for word in words(line)]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("", []),
        ("  a   b\n c ", ["a", "b", "c"]),
        ("a\N{NO-BREAK SPACE}b", ["a", "b"]),
        ("'a b' \"c d\"", ["a b", "c d"]),
        ("--opt='a b' x", ["--opt=a b", "x"]),
        ("a'b c'd", ["ab cd"]),
        (r'"say \"hi\" \\ \n"', [r'say "hi" \ \n']),
        (r"a\ b \'c", ["a b", "'c"]),
        ("''", [""]),
    ],
)
def test_a_line_is_split_as_a_shell_splits_it(line: str, found: list[str]) -> None:
    """Spaces separate, quotes and backslashes keep together."""
    assert texts(line) == found


@given(PLAIN)
def test_without_curly_quotes_words_are_those_of_a_shell(line: str) -> None:
    """Python's own shell lexer finds the same words, or finds a quote open as well."""
    try:
        expected = shlex.split(line)
    except ValueError:
        if not line.endswith("\\"):
            with pytest.raises(UnclosedQuoteError):
                words(line)
        return
    assert texts(line) == expected


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("“a b” c", ["a b", "c"]),
        ("‘a b’ c", ["a b", "c"]),
        ("--comment=“a b”", ["--comment=a b"]),
        ("“it’s here”", ["it’s here"]),
        ("‘it’s here’", ["it’s here"]),
        ("don’t stop", ["don’t", "stop"]),
        ('"say “hi” now"', ["say “hi” now"]),
        ("'say “hi” now'", ["say “hi” now"]),
        ('“a b" c', ["a b", "c"]),
        ("”a b” c", ["a b", "c"]),
        ("„a b“ c", ["a b", "c"]),
    ],
)
def test_curly_quotes_are_quotes(line: str, found: list[str]) -> None:
    """Quotes that a phone bent still quote, and those inside a quoted text stay as they are."""
    assert texts(line) == found


@given(st.text())
def test_a_word_knows_where_it_stands(line: str) -> None:
    """The places of words cover everything but space, in order."""
    try:
        found = words(line)
    except UnclosedQuoteError:
        found = []
        line = ""
    at = 0
    for word in found:
        assert not line[at : word.start].strip()
        assert not line[word.start].isspace()
        assert word.text[: word.bare] == line[word.start : word.start + word.bare]
        at = word.end
    assert not line[at:].strip()


@given(st.text())
def test_a_quoted_text_is_one_word(text: str) -> None:
    """Whatever a text contains, quoting makes a word of it that reads back exactly."""
    assert texts(f"a {quote(text)} b") == ["a", text, "b"]


@pytest.mark.parametrize("text", ["org/name", "2xH100", "a=b", "v1.0,x"])
def test_simple_texts_need_no_quotes(text: str) -> None:
    """Names, numbers and addresses are written as they are."""
    assert quote(text) == text


@pytest.mark.parametrize(
    ("sent", "line"),
    [
        ("R&amp;D &lt;3", "R&D <3"),
        ("&amp;lt;", "&lt;"),
        ("<https://huggingface.co/org/name>", "https://huggingface.co/org/name"),
        (
            "<https://huggingface.co/org/name|huggingface.co/org/name>",
            "huggingface.co/org/name",
        ),
        ("<http://meta.ai/name|meta.ai/name> x", "meta.ai/name x"),
        ("<https://huggingface.co/org/name|the model>", "https://huggingface.co/org/name"),
        ("<https://e.com/?a=1&amp;b=2>", "https://e.com/?a=1&b=2"),
        ("<mailto:a@b.c|a@b.c>", "a@b.c"),
        ("for <@U123|ann>, <@U123>", "for @ann, @U123"),
        ("in <#C123|general>", "in #general"),
        ("<!here> <!subteam^S1|@team>", "@here @team"),
    ],
)
def test_slacks_markup_is_undone(sent: str, line: str) -> None:
    """A line reads as the person saw it while typing."""
    assert typed(sent) == line


@given(st.text())
def test_what_slack_escapes_is_what_was_typed(text: str) -> None:
    """No text that a person types is taken for markup."""
    assert typed(escape(text)) == text


@pytest.mark.parametrize(
    ("line", "closed"),
    [
        ('--comment "hello', '--comment "hello"'),
        ('--comment "hello world --gpu x', '--comment "hello world" --gpu x'),
        ("--comment “hello —gpu x", '--comment “hello" —gpu x'),
        ("--comment 'hello  ", "--comment 'hello'  "),
        ("--comment don't --gpu x", '--comment "don\'t" --gpu x'),
        ("--comment=don't go --gpu x", '--comment="don\'t go" --gpu x'),
        ("--comment='go --gpu x", "--comment='go' --gpu x"),
    ],
)
def test_an_open_quote_is_closed_before_the_next_option(line: str, closed: str) -> None:
    """An apostrophe is not closed but quoted."""
    with pytest.raises(UnclosedQuoteError) as unclosed:
        words(line)
    for edit in reversed(closing_edits(line, unclosed.value)):
        line = line[: edit.start] + edit.text + line[edit.end :]
    assert line == closed
    assert words(line)
