"""Reads Home tabs."""

import re

from bot.sandbox.environment import Environment
from bot.sandbox.slack.user_client import UserClient
from bot.sandbox.slack.view import View
from tests.acceptance.thread_assertions import rendered_text


async def home_tab(env: Environment, person: UserClient | None = None) -> View:
    """Open a user's Home tab (by default the member's), and return it once it is published."""
    who = person or env.member
    before = who.home.updates if who.home else -1
    await who.open_home()
    return await updated_home_tab(env, before, who)


async def updated_home_tab(
    env: Environment, updates: int, person: UserClient | None = None
) -> View:
    """The Home tab after more than so many updates."""
    who = person or env.member
    return await env.slack.until(
        lambda: who.home if who.home and who.home.updates > updates else None
    )


async def click_in_home_tab(
    env: Environment, button: str, view: View | None = None, person: UserClient | None = None
) -> View:
    """Press a button in a user's Home tab, by default the member's; return the updated tab."""
    who = person or env.member
    shown = who.home
    assert shown is not None
    before = shown.updates
    ack = await who.click(view or shown, button)
    assert (ack.status, ack.body) == (200, "")
    return await updated_home_tab(env, before, who)


def view_text(env: Environment, view: View) -> str:
    """The full text of a view, with its buttons."""
    lines = []
    for block in view.blocks:
        texts = [block["text"]] if "text" in block else []
        parts = [*texts, *block.get("elements", ())]
        words = [part["text"] for part in parts if part.get("type") not in ("button", "overflow")]
        beside = [block["accessory"]] if "accessory" in block else []
        buttons = [part for part in [*parts, *beside] if part.get("type") == "button"]
        words += [f"[{part['text']['text']}]" for part in buttons]
        menus = [part["options"] for part in parts if part.get("type") == "overflow"]
        words += [f"[⋯ {' · '.join(one['text']['text'] for one in menu)}]" for menu in menus]
        lines.append(" ".join(words) or "---")
    said = rendered_text(env, "\n".join(lines))
    for channel in env.slack.workspace.channels.values():
        for ts in channel.messages:
            said = said.replace(ts.replace(".", ""), "ROOT")
    return without_durations(said)


def without_durations(said: str) -> str:
    """A text without durations of the test run."""
    said = re.sub(r"is live \(took (under 1|\d+) s\)", "is live (took MOMENTS)", said)
    said = re.sub(r"live for (under 1|\d+) s, about \$0\.0\d", "live for MOMENTS", said)
    return re.sub(r"about \$0\.0\d so far\n", "SOME so far\n", said)
