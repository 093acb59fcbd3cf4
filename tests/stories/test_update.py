"""Stories of updates: what runs is changed after a look at before and after, and followed."""

import pytest
from inline_snapshot import snapshot

from bot.sandbox.slack.conversations import Message
from bot.sandbox.slack.view import View
from bot.sandbox.world import World
from tests.stories.telling import plain, root, thread, told, whispers, words

pytestmark = pytest.mark.usefixtures("bot")


async def serve(here: World, line: str = "org/model --gpu 1xH100") -> str:
    """Deploy a model as `it` and wait until its thread says that it serves."""
    await here.member.command(here.channel, f"{line} --name it --yes")
    await here.friendli.until(lambda: here.friendli.endpoints)
    [endpoint] = here.friendli.endpoints
    here.friendli.set_status(endpoint, "RUNNING")
    await here.slack.until(lambda: "is serving" in root(here).text and thread(here)[-1][0] == "#")
    return endpoint


async def ask(here: World, line: str) -> Message:
    """Type a command about the endpoint and wait for the answer."""
    before = len(whispers(here))
    await here.member.command(here.channel, line)
    await here.slack.until(lambda: len(whispers(here)) > before)
    return here.member.ephemerals(here.channel)[-1]


def updates(here: World) -> list[object]:
    """The bodies of all update requests, oldest first."""
    return [one.body for one in here.friendli.requests if one.operation == "update_endpoint"]


def shown(here: World, view: View | None) -> str:
    """What stands in a modal."""
    assert view is not None
    texts = [
        str(block["text"]["text"] if "text" in block else block["elements"][0]["text"])
        for block in view.body["blocks"]
        if block["type"] in ("section", "context")
    ]
    return plain(here, "\n".join(texts))


async def test_a_line_shows_before_and_after_and_the_thread_follows_the_rollout(
    here: World,
) -> None:
    """Nothing is sent before the person agrees; then only what changes is, and the root follows."""
    endpoint = await serve(here)
    preview = await ask(here, "update it --replicas 2 --gpu 2xH100")
    assert words(here, preview) == snapshot()
    assert updates(here) == []
    await here.member.click(preview, "Update")
    await here.friendli.until(lambda: updates(here))
    await here.slack.until(lambda: "updating" in root(here).text)
    assert updates(here) == snapshot()
    here.clock.advance(180)
    await here.slack.until(lambda: "is serving" in root(here).text)
    await here.slack.until(lambda: told(here, 5))
    assert thread(here)[2:] == snapshot()
    assert words(here, root(here)) == snapshot()
    assert whispers(here) == snapshot()
    assert endpoint in here.friendli.endpoints


async def test_the_form_is_filled_in_from_what_runs(here: World) -> None:
    """The button opens it, Review shows before and after, Update sends."""
    await serve(here, "org/model --gpu 1xH100 --autoscale 1..3 --cooldown 600 --max-batch-size 64")
    await here.member.click(root(here), "Update")
    view = await here.slack.until(
        lambda: here.member.modal if here.member.modal and here.member.modal.fields() else None
    )
    filled = {
        item.label: view.values[item.block_id][item.action_id]
        for item in view.fields()
        if item.is_input
    }
    assert filled == snapshot()
    await here.member.fill("Maximum replicas", "2")
    await here.member.submit()
    assert shown(here, here.member.modal) == snapshot()
    assert updates(here) == []
    await here.member.submit()
    assert here.member.modal is None
    await here.friendli.until(lambda: updates(here))
    assert updates(here) == snapshot()
