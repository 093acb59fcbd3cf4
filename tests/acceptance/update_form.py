"""A serving endpoint, its update form, and the update requests."""

from bot.sandbox.environment import Environment
from bot.sandbox.slack.view import View
from tests.acceptance.endpoints import command_response
from tests.acceptance.thread_assertions import rendered_text, root, thread

__all__ = [
    "command_response",
    "deploy_until_serving",
    "modal_text",
    "open_update_form",
    "update_bodies",
]


async def deploy_until_serving(
    env: Environment, line: str = "org/model --gpu 1xH100 --replicas 1"
) -> str:
    """Deploy a model as `it` and wait until its thread says that it serves."""
    await env.member.command(env.channel, f"{line} --name it --yes")
    await env.friendli.until(lambda: env.friendli.endpoints)
    [endpoint] = env.friendli.endpoints
    env.friendli.set_status(endpoint, "RUNNING")
    await env.slack.until(lambda: "is live" in root(env).text and "#" in thread(env)[-1])
    return endpoint


def update_bodies(env: Environment) -> list[object]:
    """The bodies of all update requests, oldest first."""
    return [one.body for one in env.friendli.requests if one.operation == "update_endpoint"]


async def open_update_form(env: Environment) -> View:
    """Press Update on the status message, and wait until the form is filled in."""
    await env.member.click(root(env), "Update")

    def filled() -> View | None:
        view = env.member.modal
        return view if view is not None and view.callback_id == "update" else None

    return await env.slack.until(filled)


def modal_text(env: Environment, view: View | None) -> str:
    """The text of a modal without inputs, or LookupError without a modal."""
    if view is None:
        raise LookupError("no modal")
    texts = [
        str(block["text"]["text"])
        if "text" in block
        else " ".join(str(element["text"]) for element in block["elements"])
        for block in view.blocks
        if block["type"] in {"section", "context"}
    ]
    return rendered_text(env, "\n".join(texts))
