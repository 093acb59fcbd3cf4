from inline_snapshot import snapshot

from bot.sandbox.slack.changes import Change, RequestLogged
from tests.sandbox.slack.bolt_app import BOT_TOKEN, SIGNING_SECRET
from tests.sandbox.slack.scene import Scene


async def test_both_directions_are_logged_with_their_answers(scene: Scene) -> None:
    """A command and the calls it leads to stand in the log in order."""
    await scene.ann.command("ml", "post")
    await scene.slack.until(lambda: scene.slack.requests.calls("chat.postMessage")[0].status)
    assert [
        (entry.direction.value, entry.operation, entry.via, entry.status)
        for entry in scene.slack.requests.entries
    ] == snapshot(
        [
            ("Slack → app", "/friendli-deploy", "POST", 200),
            ("app → Slack", "auth.test", "POST", 200),
            ("app → Slack", "chat.postMessage", "POST", 200),
        ]
    )
    assert all(entry.seconds is not None for entry in scene.slack.requests.entries)


async def test_slacks_error_is_told_apart(scene: Scene) -> None:
    """An entry knows the name of the error in its answer."""
    await scene.refusal("users.info", user="U404")
    (entry,) = scene.slack.requests.calls("users.info")
    assert (entry.status, entry.error, entry.body) == (200, "user_not_found", '{"user":"U404"}')


async def test_secrets_are_masked(scene: Scene) -> None:
    """Tokens, the signing secret and keys that people type are never shown."""
    friendli_key = "flp_" + "Madeup0Madeup0Madeup"
    scene.slack.requests.hide("sandbox-key-not-a-secret", "key")
    for text in (BOT_TOKEN, SIGNING_SECRET, friendli_key, "sandbox-key-not-a-secret"):
        await scene.ann.command("ml", f"say {text}")
    shown = "\n".join(entry.body + entry.answer for entry in scene.slack.requests.entries)
    for secret in (BOT_TOKEN, SIGNING_SECRET, friendli_key, "sandbox-key-not-a-secret"):
        assert secret not in shown
    answers = [entry.answer for entry in scene.slack.requests.calls("/friendli-deploy")]
    assert answers == ["•••bot token", "•••signing secret", "flp_•••", "•••key"]


async def test_a_page_can_follow_along(scene: Scene) -> None:
    """Each entry is announced when it begins and when it is answered."""
    changes: list[Change] = []
    unsubscribe = scene.slack.subscribe(changes.append)
    await scene.client.auth_test()
    unsubscribe()
    await scene.client.auth_test()
    logged = [change for change in changes if isinstance(change, RequestLogged)]
    assert len(logged) == 2
    assert logged[0].request is logged[1].request
