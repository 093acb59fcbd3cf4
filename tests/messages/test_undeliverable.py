"""What people are told, word for word, when their channel takes nothing any more."""

import re

import pytest
from inline_snapshot import snapshot

from bot.messages import undeliverable
from bot.messages.body import Body
from bot.sandbox.slack.blocks import check_message
from bot.slack.calls import STOPPED_ERRORS, WORKSPACE_ERRORS

RUNNING = [("llama-3", "10.00"), ("<!channel>", "4.5")]


def sentences(said: Body) -> list[str]:
    """The words, sentence by sentence; they stand in the block too, and Slack takes both."""
    assert said.blocks[0]["text"]["text"] == said.text
    payload = {"channel": "D000000001", "text": said.text, "blocks": said.blocks}
    assert list(check_message(payload)) == []
    return re.split(r"(?<=[.:]) (?=[A-Z*])", said.text)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            "is_archived",
            snapshot(
                [
                    "I can't post in <#C1>: it is archived.",
                    "*llama-3* wasn't created.",
                    "Unarchive it, then request it again.",
                ]
            ),
        ),
        (
            "not_in_channel",
            snapshot(
                [
                    "I can't post in <#C1>:",
                    "I'm not in it any more.",
                    "*llama-3* wasn't created.",
                    "Type `/invite` and my name there, then request it again.",
                ]
            ),
        ),
        (
            "channel_not_found",
            snapshot(
                [
                    "I can't post in <#C1>:",
                    "I'm not in it, or it is gone.",
                    "*llama-3* wasn't created.",
                    (
                        "If it is still there, type `/invite` and my name in it, then request it"
                        " again."
                    ),
                ]
            ),
        ),
        (
            "restricted_action",
            snapshot(
                [
                    "I can't post in <#C1>: its settings don't let me post.",
                    "*llama-3* wasn't created.",
                    "Change its settings, then request it again.",
                ]
            ),
        ),
        (
            "restricted_action_read_only_channel",
            snapshot(
                [
                    "I can't post in <#C1>: it is read-only.",
                    "*llama-3* wasn't created.",
                    "Change its settings, then request it again.",
                ]
            ),
        ),
        (
            "restricted_action_thread_only_channel",
            snapshot(
                [
                    "I can't post in <#C1>: it takes only replies.",
                    "*llama-3* wasn't created.",
                    "Change its settings, then request it again.",
                ]
            ),
        ),
        (
            "token_revoked",
            snapshot(
                [
                    "I can't post in <#C1>:",
                    "I was cut off from Slack for a while.",
                    "*llama-3* wasn't created.",
                    "Check that I'm in it, then request it again.",
                ]
            ),
        ),
    ],
)
def test_nothing_made_says_why_and_what_to_do(error: str, said: list[str]) -> None:
    """A deployment whose thread can't be opened is given up, with a way to try again."""
    assert sentences(undeliverable.nothing_made("llama-3", "C1", error)) == said


def test_what_runs_on_is_listed_with_its_price() -> None:
    """Whoever pays for it should know that it runs."""
    assert sentences(undeliverable.still_watched(RUNNING, [], "C1", "is_inactive")) == snapshot(
        [
            "I can no longer post in <#C1>: it is archived.",
            "Your endpoints there keep running and are billed while live:",
            "*llama-3* ($10.00/h), *&lt;!channel&gt;* ($4.50/h).",
            "I keep watching.",
            "Unarchive it, and I'll post there again.",
        ]
    )


def test_what_has_ended_is_not_called_billed() -> None:
    """The message that says so may be the one that couldn't be posted."""
    ended = [("qwen", "FAILED"), ("gemma", "TERMINATED")]
    assert sentences(undeliverable.still_watched([], ended, "C1", "not_in_channel")) == snapshot(
        [
            "I can no longer post in <#C1>:",
            "I'm not in it any more.",
            "*qwen* failed, *gemma* was terminated; Friendli Suite shows more.",
            "I keep watching.",
            "Type `/invite` and my name there, and I'll post there again.",
        ]
    )
    both = undeliverable.still_watched(RUNNING[:1], ended[:1], "C1", "channel_not_found")
    assert sentences(both) == snapshot(
        [
            "I can no longer post in <#C1>:",
            "I'm not in it, or it is gone.",
            "Your endpoints there keep running and are billed while live:",
            "*llama-3* ($10.00/h).",
            "*qwen* failed; Friendli Suite shows more.",
            "I keep watching.",
            "If it is still there, type `/invite` and my name in it, and I'll post there again.",
        ]
    )


def test_a_root_that_slack_took_too_late() -> None:
    """Nothing comes as a surprise."""
    assert sentences(undeliverable.not_announced("llama-3", "C1")) == snapshot(
        [
            "Slack didn't accept my message in <#C1> for a long time, so *llama-3* wasn't created.",
            "Request it again if you still want it.",
        ]
    )


def test_an_admin_hears_whom_it_was_for() -> None:
    """The admin gets the words that the person should have read."""
    message = undeliverable.nothing_made("llama-3", "C1", "is_archived")
    assert sentences(undeliverable.for_admin(message, "U000000001")) == snapshot(
        [
            "For <@U000000001>, whom I can't reach:",
            "I can't post in <#C1>: it is archived.",
            "*llama-3* wasn't created.",
            "Unarchive it, then request it again.",
        ]
    )


def test_a_hundred_endpoints_fit_into_one_message() -> None:
    """The list is cut where Slack would refuse it."""
    many = [(f"endpoint-{number:03d}" * 5, "10.00") for number in range(100)]
    said = undeliverable.still_watched(many, [], "C1", "is_archived")
    payload = {"channel": "D000000001", "text": said.text, "blocks": said.blocks}
    assert list(check_message(payload)) == []


@pytest.mark.parametrize("error", sorted(STOPPED_ERRORS - WORKSPACE_ERRORS))
def test_every_reason_is_said_in_some_words(error: str) -> None:
    """One that has no words of its own is quoted."""
    said = undeliverable.nothing_made("llama-3", "C1", error).text
    assert said.startswith("I can't post in <#C1>: ")
    assert said.endswith(", then request it again.")
