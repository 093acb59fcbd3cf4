"""Characters that hide or imitate others: refused in names, made visible in outside text."""

import re
import unicodedata

# Zero-width joiners shape emoji and some scripts; between Latin letters they hide.
_JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
# Invisible, although Unicode counts them as letters, marks or symbols.
_BLANK = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
_LOOKS_LATIN = frozenset(
    {"ARMENIAN", "CHEROKEE", "COPTIC", "CYRILLIC", "FULLWIDTH", "GREEK", "LISU", "MATHEMATICAL"}
)
"""Scripts with letters that look Latin."""

# Only a text with one of these needs a closer check; most texts have none.
_SUSPECT = re.compile(r"[^\t\n\x20-\x7e\xa0-\u02ff]|\xad")


def is_hidden(character: str) -> bool:
    """Whether a character controls, reorders or hides text.

    Unicode's categories Cc (control), Cf (format: bidi, zero-width, soft hyphen), Zl and Zp (line
    and paragraph separators), Cs and Co (surrogates, private use), and blank characters.
    """
    return (
        unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp", "Cs", "Co"}
        or character in _BLANK
    )


def imitates_latin(text: str) -> bool:
    """Whether a word mixes Latin letters with those of a script that has look-alikes."""
    return any(
        "LATIN" in scripts and not scripts.isdisjoint(_LOOKS_LATIN)
        for scripts in map(_scripts, re.findall(r"\w+", text))
    )


def _scripts(word: str) -> set[str]:
    # A letter's name begins with its script, or with its form of Latin.
    return {unicodedata.name(letter, "").partition(" ")[0] for letter in word if letter.isalpha()}


def visible(text: str) -> str:
    """The text with hidden characters spelled out, such as "‹U+202E›".

    Line breaks and tabs stay, and so do joiners after a letter without case or an emoji.
    """
    if not _SUSPECT.search(text):
        return text
    shown = []
    before = ""
    for character in text:
        joins = character in _JOINERS and unicodedata.category(before or " ") in _JOINED
        hides = is_hidden(character) and character not in "\t\n" and not joins
        shown.append(f"‹U+{ord(character):04X}›" if hides else character)
        before = character
    return "".join(shown)


_JOINED = frozenset({"Lo", "Mn", "Mc", "So", "Sk"})
