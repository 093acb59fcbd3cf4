import pytest
from inline_snapshot import snapshot

from bot.sandbox.slack.changes import ConditionTimeoutError, RequestLogged
from tests.sandbox.slack.bolt_app import actions, button, section
from tests.sandbox.slack.scene import Scene


async def test_waiting_ends_with_the_change_that_was_waited_for(scene: Scene) -> None:
    """A predicate that can't find something yet is asked again."""
    await scene.ann.command("ml", "post")
    message = await scene.slack.until(lambda: scene.slack.messages("ml")[0])
    assert message.text == "Deploying"


async def test_every_change_is_told_to_who_listens(scene: Scene) -> None:
    """A page can follow people, channels, messages, modals and the app's standing."""
    told: list[str] = []
    unsubscribe = scene.slack.subscribe(
        lambda change: (
            told.append(type(change).__name__) if not isinstance(change, RequestLogged) else None
        )
    )
    scene.slack.add_user("ben")
    scene.slack.archive("ml")
    scene.slack.unarchive("ml")
    ts = await scene.post()
    await scene.client.chat_update(channel=scene.channel.id, ts=ts, text="x")
    await scene.client.chat_delete(channel=scene.channel.id, ts=ts)
    await scene.ann.command("ml", "form")
    await scene.slack.until(lambda: scene.ann.modal)
    await scene.ann.fill("Name", "llama")
    await scene.ann.submit()
    await scene.ann.close_modal()
    home = {"type": "home", "blocks": [section("Nothing runs.")]}
    await scene.client.views_publish(user_id=scene.ann.user.id, view=home)
    scene.slack.revoke_token()
    scene.slack.events_url = "http://127.0.0.1:9/slack/events"
    await scene.ann.command("ml", "")
    unsubscribe()
    scene.slack.add_user("cho")
    assert told == [
        "UserAdded",
        "ChannelChanged",
        "ChannelChanged",
        "MessagePosted",
        "MessageUpdated",
        "MessageDeleted",
        "ViewChanged",
        "ViewChanged",
        "ViewChanged",
        "ViewClosed",
        "ViewChanged",
        "InstallationChanged",
        "NoticeShown",
    ]


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
    with pytest.raises(ConditionTimeoutError) as missed:
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
