"""An endpoint that serves, what the member is answered about it, and what was sent for it."""

from bot.sandbox.environment import Environment
from bot.sandbox.slack.view import View
from tests.acceptance.listing import asked
from tests.acceptance.thread_assertions import plain, root, thread

__all__ = ["asked", "form", "serve", "shown", "updates"]


async def serve(here: Environment, line: str = "org/model --gpu 1xH100 --replicas 1") -> str:
    """Deploy a model as `it` and wait until its thread says that it serves."""
    await here.member.command(here.channel, f"{line} --name it --yes")
    await here.friendli.until(lambda: here.friendli.endpoints)
    [endpoint] = here.friendli.endpoints
    here.friendli.set_status(endpoint, "RUNNING")
    await here.slack.until(lambda: "is serving" in root(here).text and "#" in thread(here)[-1])
    return endpoint


def updates(here: Environment) -> list[object]:
    """The bodies of all update requests, oldest first."""
    return [one.body for one in here.friendli.requests if one.operation == "update_endpoint"]


async def form(here: Environment) -> View:
    """Press Update on the root, and wait until the form is filled in."""
    await here.member.click(root(here), "Update")

    def filled() -> View | None:
        view = here.member.modal
        return view if view is not None and view.callback_id == "update" else None

    return await here.slack.until(filled)


def shown(here: Environment, view: View | None) -> str:
    """What stands in a modal that only shows something.

    Raises:
        LookupError: There is no modal.
    """
    if view is None:
        raise LookupError("no modal")
    texts = [
        str(block["text"]["text"])
        if "text" in block
        else " ".join(str(element["text"]) for element in block["elements"])
        for block in view.blocks
        if block["type"] in {"section", "context"}
    ]
    return plain(here, "\n".join(texts))
