import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.characters import imitates_latin, is_hidden, visible
from bot.domain.request.draft import DeployDraft
from bot.domain.request.rules import field_errors_of
from bot.messages.blocks import plain
from bot.messages.markup import bold, code, escape

HIDDEN = {
    "control": "\x07",
    "right-to-left override": "\u202e",
    "isolate": "\u2066",
    "zero-width space": "\u200b",
    "zero-width joiner": "\u200d",
    "byte order mark": "\ufeff",
    "soft hyphen": "\xad",
    "Hangul filler": "\u3164",
    "tag": "\U000e0041",
}


@pytest.mark.parametrize("character", HIDDEN.values(), ids=HIDDEN)
@pytest.mark.parametrize("field", ["name", "comment"])
def test_a_name_or_comment_has_no_hidden_characters(field: str, character: str) -> None:
    """What nobody sees in a name could make two endpoints look the same, and the mend has none."""
    draft = DeployDraft(model="org/name", gpu="H100")
    [field_error] = field_errors_of(
        draft.model_copy(update={field: f"pr{character}od"}), targets=(), optional=()
    )
    assert "invisible character" in field_error.words
    assert field_error.suggest_fix is not None
    suggested = field_error.suggest_fix[field]
    assert suggested is not None
    assert not any(map(is_hidden, suggested))


@pytest.mark.parametrize(
    ("name", "imitates"),
    [
        ("prod", False),
        ("pr\N{CYRILLIC SMALL LETTER O}d", True),
        ("\N{GREEK SMALL LETTER RHO}rod", True),
        ("\N{FULLWIDTH LATIN SMALL LETTER P}rod", True),
        ("\N{MATHEMATICAL BOLD SMALL P}rod", True),
        ("prod-\N{CYRILLIC SMALL LETTER EF}", False),
        ("日本語chat", False),
        ("Straße-café-2", False),
    ],
)
def test_a_name_is_not_made_of_look_alikes(name: str, *, imitates: bool) -> None:
    """A word in another script is fine, and so is one beside Latin words."""
    assert imitates_latin(name) is imitates
    field_errors = field_errors_of(DeployDraft(model="org/name", gpu="H100", name=name), targets=())
    assert bool(field_errors) is imitates


@pytest.mark.parametrize("character", HIDDEN.values(), ids=HIDDEN)
def test_hidden_characters_are_spelled_out_wherever_a_text_is_shown(character: str) -> None:
    """What an API or a person wrote can't read as something else."""
    spelled = f"‹U+{ord(character):04X}›"
    for show in (escape, code, bold, visible, lambda text: str(plain(text)["text"])):
        assert spelled in show(f"a{character}b")


@pytest.mark.parametrize(
    "text", ["two\nlines\tand a tab", "👩\u200d💻", "नमस्\u200dते", "café ½ – “quoted” ✓"]
)
def test_what_is_seen_stays_as_it_is(text: str) -> None:
    """Emoji and scripts that need joiners keep them."""
    assert visible(text) == text


@given(st.text())
def test_spelling_out_is_done_once(text: str) -> None:
    """A text that went through twice is the same."""
    assert visible(visible(text)) == visible(text)
