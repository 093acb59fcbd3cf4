"""What notifications show and screen readers read says all that the blocks say."""

from itertools import chain

from inline_snapshot import snapshot

from bot.messages.blocks import actions, button, context, plan, rich_line, section, task_card
from bot.messages.body import body
from tests.messages import shown
from tests.messages.unread import unheard


def test_no_message_shows_what_its_text_does_not_say() -> None:
    """Whatever a deployment goes through, and whatever is shown around it."""
    messages = list(chain(shown.of_deployments(), shown.of_lists(), shown.of_questions()))
    missing = {line for one in messages for line in unheard(one.text, one.blocks)}
    assert missing == set()
    assert messages


def test_what_only_the_blocks_say_is_added_once_and_in_their_order() -> None:
    """The text leads; line breaks and fonts make no difference; buttons are left out."""
    said = body(
        "*it* is starting. $5.00/h",
        section("*it* is starting.\n$5.00/h\nNothing is billed yet."),
        plan(
            "Deploying <it>",
            [
                task_card("1", "Create", "complete"),
                task_card("2", "Download", "in_progress"),
                task_card("3", "Start", "pending"),
                task_card("4", "Serve", "error"),
            ],
        ),
        context("org/model", "`Nothing is billed yet.`"),
        rich_line("a & b"),
        actions(button("Cancel", "cancel")),
    )
    assert said.text == snapshot("""\
*it* is starting. $5.00/h
Nothing is billed yet.
Deploying &lt;it&gt;: Create (done), Download (in progress), Start (to do), Serve (failed)
org/model
a &amp; b\
""")
