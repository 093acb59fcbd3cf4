from tests.sandbox.slack.conftest import Scene


async def test_a_form_is_opened_filled_in_and_submitted(scene: Scene) -> None:
    """A submission carries the state of every field, and an empty answer closes the modal."""
    ann = scene.ann
    ack = await ann.command(scene.channel, "form")
    assert (ack.status, ack.body) == (200, "")
    view = await scene.slack.until(lambda: ann.modal)
    await ann.fill("Name", "llama")
    await ann.fill("GPU", "2 × H100")
    await scene.slack.until(lambda: view.updates)
    await ann.fill("Model", "Qwen/Qwen3-8B")
    assert (await ann.submit()).ok
    assert ann.modal is None
    submission = scene.seen[-1]
    assert submission["view"]["state"]["values"] == {
        "name": {"text": {"type": "plain_text_input", "value": "llama"}},
        "gpu": {
            "pick": {
                "type": "static_select",
                "selected_option": {
                    "text": {"type": "plain_text", "text": "2 × H100"},
                    "value": "h100-2",
                },
            }
        },
        "model": {
            "search": {
                "type": "external_select",
                "selected_option": {
                    "text": {"type": "plain_text", "text": "Qwen/Qwen3-8B"},
                    "value": "Qwen/Qwen3-8B",
                },
            }
        },
    }


async def test_a_message_is_posted_and_edited_by_its_button(scene: Scene) -> None:
    """An edit with text alone takes the blocks away."""
    await scene.ann.command(scene.channel, "post")
    (message,) = await scene.slack.until(lambda: scene.slack.messages(scene.channel))
    assert message.buttons == ["Cancel"]
    await scene.ann.click(message, "Cancel")
    await scene.slack.until(lambda: message.revisions)
    assert (message.text, message.blocks) == ("Cancelled", [])
