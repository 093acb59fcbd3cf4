"""A tiny Bolt app that the sandbox is tried with."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.context.respond.async_respond import AsyncRespond
from slack_bolt.context.say.async_say import AsyncSay
from slack_sdk.web.async_client import AsyncWebClient

BOT_TOKEN = "sandbox-bot-token"
APP_TOKEN = "sandbox-app-token"
SIGNING_SECRET = "sandbox-signing-secret"


def plain(text: str) -> dict[str, str]:
    """Return a plain_text object."""
    return {"type": "plain_text", "text": text}


def option(text: str, value: str) -> dict[str, Any]:
    """Return an option of a select."""
    return {"text": plain(text), "value": value}


def button(text: str, action_id: str, value: str = "1") -> dict[str, Any]:
    """Return a button."""
    return {"type": "button", "text": plain(text), "action_id": action_id, "value": value}


def section(text: str) -> dict[str, Any]:
    """Return a section."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def actions(*elements: dict[str, Any]) -> dict[str, Any]:
    """Return an actions block."""
    return {"type": "actions", "block_id": "actions", "elements": list(elements)}


def field(label: str, block_id: str, element: dict[str, Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401 - free-form Block Kit
    """Return an input block."""
    return {
        "type": "input",
        "block_id": block_id,
        "label": plain(label),
        "element": element,
        **more,
    }


def modal(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401 - free-form Block Kit
    """Return a modal."""
    return {
        "type": "modal",
        "callback_id": "deploy",
        "title": plain("Deploy"),
        "submit": plain("Deploy"),
        "blocks": list(blocks),
        **more,
    }


NAME = field("Name", "name", {"type": "plain_text_input", "action_id": "text"})
GPU = field(
    "GPU",
    "gpu",
    {
        "type": "static_select",
        "action_id": "pick",
        "options": [option("1 × H100", "h100-1"), option("2 × H100", "h100-2")],
    },
    dispatch_action=True,
)
MODEL = field(
    "Model",
    "model",
    {"type": "external_select", "action_id": "search", "min_query_length": 2},
    optional=True,
)
FORM = modal(NAME, GPU, MODEL, private_metadata="kept", notify_on_close=True)
CHECKING = {
    "type": "modal",
    "callback_id": "checking",
    "title": plain("Deploy"),
    "blocks": [section("Checking…")],
}
MODELS = ["meta-llama/Llama-3.1-8B-Instruct", "Qwen/Qwen3-8B"]


class TinyApp:
    """An app with one listener of each sort.

    Attributes:
        bolt: The Bolt app.
        seen: The bodies its listeners were called with, oldest first.
        released: Ends the listeners that never answer.
    """

    def __init__(self, api_url: str) -> None:
        client = AsyncWebClient(BOT_TOKEN, base_url=api_url, retry_handlers=[])
        self.bolt = AsyncApp(client=client, signing_secret=SIGNING_SECRET)
        self.seen: list[dict[str, Any]] = []
        self.released = asyncio.Event()
        self.bolt.command("/friendli-deploy")(self.command)
        self.bolt.view("deploy")(self.submitted)
        self.bolt.view_closed("deploy")(self.noted)
        self.bolt.options("search")(self.search)
        self.bolt.action("pick")(self.picked)
        self.bolt.action("yes")(self.agreed)
        self.bolt.action("cancel")(self.cancelled)
        self.bolt.event("app_mention")(self.mentioned)
        self.bolt.shortcut("explain")(self.noted)

    async def noted(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Acknowledge, and nothing else."""
        self.seen.append(body)
        await ack()

    async def command(self, ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient) -> None:
        """Do what the command's text says."""
        self.seen.append(body)
        match body["text"].split():
            case ["say", *words]:
                await ack(" ".join(words))
            case ["blocks"]:
                await ack(text="Sure?", blocks=[section("Sure?"), actions(button("Yes", "yes"))])
            case ["nonsense"]:
                await ack(text="x", blocks=[{"type": "nonsense"}])
            case ["public"]:
                await ack(text="For everybody", response_type="in_channel")
            case ["slow"]:
                await self.released.wait()
            case ["post"]:
                await ack()
                await client.chat_postMessage(
                    channel=body["channel_id"],
                    text="Deploying",
                    blocks=[section("Deploying"), actions(button("Cancel", "cancel"))],
                )
            case ["form"]:
                await ack()
                await client.views_open(trigger_id=body["trigger_id"], view=FORM)
            case _:
                await ack()

    async def submitted(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Answer the form as its name says."""
        self.seen.append(body)
        match body["view"]["state"]["values"]["name"]["text"]["value"]:
            case "taken":
                await ack(response_action="errors", errors={"name": "This name is taken."})
            case "nowhere":
                await ack(response_action="errors", errors={"elsewhere": "Nobody sees this."})
            case "checking":
                await ack(response_action="update", view=CHECKING)
            case "more":
                await ack(response_action="push", view=modal(NAME))
            case "everything":
                await ack(response_action="clear")
            case "broken push":
                await ack(response_action="push", view={**FORM, "blocks": []})
            case "broken update":
                await ack(response_action="update", view={**FORM, "blocks": []})
            case "chatty":
                await ack("Thanks")
            case _:
                await ack()

    async def search(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Offer the models whose names have the query in them."""
        self.seen.append(body)
        if body["value"] == "too long":
            await ack(options=[option("x" * 76, "x")])
            return
        if body["value"] == "grouped":
            recent, other = (option(name, f"id {name}") for name in MODELS)
            recent["description"] = plain("serving · 16 GB")
            groups = (("This channel's", recent), ("The Hub's", other))
            await ack(
                option_groups=[{"label": plain(label), "options": [each]} for label, each in groups]
            )
            return
        found = [name for name in MODELS if body["value"].lower() in name.lower()]
        await ack(options=[option(name, name) for name in found])

    async def picked(self, ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient) -> None:
        """Say in the modal what was picked."""
        self.seen.append(body)
        await ack()
        view = body["view"]
        value = body["actions"][0]["selected_option"]["value"]
        await client.views_update(
            view_id=view["id"],
            hash=view["hash"],
            view={**FORM, "blocks": [NAME, GPU, MODEL, section(f"You picked {value}")]},
        )

    async def agreed(self, ack: AsyncAck, body: dict[str, Any], respond: AsyncRespond) -> None:
        """Replace the question."""
        self.seen.append(body)
        await ack()
        await respond(text="Done", replace_original=True)

    async def cancelled(self, ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient) -> None:
        """Edit the message."""
        self.seen.append(body)
        await ack()
        channel, ts = body["channel"]["id"], body["message"]["ts"]
        await client.chat_update(channel=channel, ts=ts, text="Cancelled")

    async def mentioned(self, body: dict[str, Any], say: AsyncSay) -> None:
        """Answer in the thread."""
        self.seen.append(body)
        await say(text="Here", thread_ts=body["event"]["ts"])


@asynccontextmanager
async def serve(app: AsyncApp) -> AsyncIterator[str]:
    """Serve the app on loopback and give the address for deliveries."""
    runner = web.AppRunner(app.web_app(), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}/slack/events"
    finally:
        await runner.cleanup()
