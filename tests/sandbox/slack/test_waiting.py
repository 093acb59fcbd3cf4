import pytest
from inline_snapshot import snapshot

from bot.sandbox.slack.changes import NotReachedError
from tests.sandbox.slack.bolt_app import actions, button, section
from tests.sandbox.slack.scene import Scene


async def test_waiting_ends_with_the_change_that_was_waited_for(scene: Scene) -> None:
    """A predicate that can't find something yet is asked again."""
    await scene.ann.command("ml", "post")
    message = await scene.slack.until(lambda: scene.slack.messages("ml")[0])
    assert message.text == "Deploying"


async def test_waiting_in_vain_shows_what_is_there(scene: Scene) -> None:
    """The error holds the channels, the modals and the last requests."""
    scene.slack.add_channel("archive", members=[])
    scene.slack.archive("archive")
    await scene.ann.command("ml", "say Only for you")
    root = await scene.post(blocks=[section("Root"), actions(button("Go", "go"))])
    await scene.post("Reply\nin two lines", thread_ts=root)
    await scene.refusal("users.info", user="U404")
    await scene.ann.command("ml", "form")
    view = await scene.slack.until(lambda: scene.ann.modal)
    await scene.ann.fill("Name", "llama")
    await scene.ann.submit()
    with pytest.raises(NotReachedError) as missed:
        await scene.slack.until(lambda: view.closed, timeout=0)
    assert str(missed.value) == snapshot(
        """\
not reached within 0 s
#ml (C000000001)
  @friendli-deploy: Root
    Go
    ↳ @friendli-deploy: Reply
      in two lines
  only @ann: @friendli-deploy: Only for you
#archive (C000000002) archived
@ann has 'Deploy' open (deploy)
  Name: llama
  GPU: None
    ! Please complete this required field.
  Model: None
last requests
  1 Slack → app /friendli-deploy: 200
  2 app → Slack auth.test: 200
  3 app → Slack chat.postMessage: 200
  4 app → Slack chat.postMessage: 200
  5 app → Slack users.info: user_not_found
  6 Slack → app /friendli-deploy: 200
  7 app → Slack views.open: 200\
"""
    )
