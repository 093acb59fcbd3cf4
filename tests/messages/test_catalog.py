"""The words that people read keep to one voice."""

import inspect
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from types import CodeType, FrameType

import pytest

import bot.messages
from bot.messages.body import Body
from bot.messages.reply import Reply
from tests.messages import catalog, shown
from tests.messages.catalog import Text

LONGEST_HEAD = 140
# What no message says, and what it says instead.
BANNED = {
    r"^(leave it|keep it|keep going|keep)$": "Cancel",
    r"is serving|once it serves|while it serves|until it serves": "live",
    r"\bmend(ed)?\b": "fix",
    r"whoever|nobody here knows|runs this bot(?!\.$)": "a name, or the bot's operator",
    r"until it sleeps or ends|runs on\b": "while live, keeps running",
    r"asked for\b": "requested",
    r"\b(was|is|were|are|be|been) told\b|thread tells|doesn't tell|to tell how": "posted, shown",
    r"\b(wasn't|was|were|is|been|be|is not) made\b|made (elsewhere|outside|after all)": "created",
    r"no end\b|time to live|ends after|its time is over|its end\b": "lifetime",
    r"nearest:": "Did you mean …?",
    r"about to be|nothing is (made|sent) before": "Creating …",
    r"\bmeanwhile\b": "in the meantime",
    r"somebody": "someone",
    r"how it goes|how it is going|is on its way": "see its thread",
    r"looking on\b|watching on\b|wait on\b": "still searching, I keep watching",
    r"at which price|isn't known": "unknown",
    r"as it is\.? if you leave|if you leave it empty": "Empty: …",
    r"is neither a command": "I don't know …",
    r"outside of this channel": "outside this channel",
    r"is for workspace admins|stands in\b": "Only workspace admins can …",
}
# UX's own words for a failure of the bot.
ALLOWED = {"Reference `…`, for whoever runs this bot."}
# Topics of help, links to pages, and Slack's own words for turning pages.
NOUNS = frozenset(
    {"Advanced", "Deploy options", "Lifetime and schedules", "Newest", "Next", "Older", "Overview"}
    | {"Previous", "Versions", "Model page", "Integrations", "Neither", "None of these", "dep1"}
    | {"dep2", "This is it", "Why?"}
)
VERBS = frozenset(
    {"Add", "Approve", "Ask", "Call", "Cancel", "Change", "Choose", "Connect", "Copy", "Delete"}
    | {"Deploy", "Disconnect", "Edit", "Extend", "Follow", "Hide", "Keep", "Open", "Operate"}
    | {"Refresh", "Reject", "Remove", "Restart", "Retry", "Review", "Roll", "Run", "Save", "See"}
    | {"Send", "Set", "Show", "Sleep", "Stop", "Terminate", "Try", "Update", "Use", "Wake"}
    | {"Withdraw", "Back"}
)


def builders() -> Iterator[tuple[str, CodeType]]:
    """The public functions of `bot.messages` that make a message."""
    for found in iter_modules(bot.messages.__path__, f"{bot.messages.__name__}."):
        module = import_module(found.name)
        for name, function in inspect.getmembers(module, inspect.isfunction):
            made = str(inspect.signature(function).return_annotation)
            is_own = function.__module__ == module.__name__ and not name.startswith("_")
            if is_own and (Body.__name__ in made or Reply.__name__ in made):
                yield f"{found.name}.{name}", function.__code__


def test_every_builder_of_messages_is_in_the_catalog() -> None:
    """A new message can't be left unread."""
    called: set[CodeType] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            called.add(frame.f_code)

    catalog.bodies.cache_clear()
    before = sys.getprofile()
    sys.setprofile(note)
    try:
        catalog.bodies()
        # The Home tab has messages too.
        list(shown.home_tabs())
    finally:
        sys.setprofile(before)
    assert [name for name, code in builders() if code not in called] == []


def test_the_sentence_that_heads_a_message_is_short() -> None:
    """It is read in a notification, and at a glance."""
    assert [head for head in dict.fromkeys(catalog.heads()) if len(head) > LONGEST_HEAD] == []


@pytest.mark.parametrize("words", BANNED)
def test_no_text_has_words_of_another_voice(words: str) -> None:
    """The dialect that people didn't understand doesn't come back."""
    pattern = re.compile(words, re.IGNORECASE)
    found = [text for text in catalog.texts() if pattern.search(text.text)]
    assert [f"{text.surface}: {text.text}" for text in found if text.text not in ALLOWED] == []


def test_button_names_are_verbs() -> None:
    """A person reads what a click does."""
    names = {text.text for text in texts_of("button")} - NOUNS
    assert {name for name in names if name.split()[0].strip("…") not in VERBS} == set()


def test_a_dialog_is_closed_by_cancel() -> None:
    """Whatever it asks."""
    assert {text.text for text in texts_of("deny")} == {"Cancel"}


def texts_of(kind: str) -> Iterator[Text]:
    return (text for text in catalog.texts() if text.kind == kind)
