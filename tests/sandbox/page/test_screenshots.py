"""The pictures that the README shows, and a test that they still show what there is.

Beside each picture stands what a screen reader finds in it; that is compared, not pixels, which
differ with every font. `RENEW_SCREENSHOTS=1 pytest -n 0 tests/sandbox/page/test_screenshots.py`
draws them anew.
"""

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic

import pytest
from playwright.async_api import Locator, Page, expect

from bot.app import Running
from bot.sandbox.environment import Environment, connect
from tests.conftest import StartBot
from tests.sandbox.page.test_conversations import (
    choose_instance,
    choose_model,
    field,
    opens_thread,
    send,
)

FOLDER = Path(__file__).parent / "screenshots"
RENEW = "RENEW_SCREENSHOTS=1 pytest -n 0 tests/sandbox/page/test_screenshots.py"
LINE = "/friendli-deploy meta-llama/Llama-3.1-8B-Instruct --gpu 2xH100 --name my-llama --yes"


@pytest.fixture
async def bot(env: Environment, start_bot: StartBot) -> AsyncIterator[Running]:
    """As people run it: with the test request of an endpoint that starts."""
    env.friendli.pace.tokens_per_second, env.friendli.pace.first_token = 140, 0.18
    async with start_bot(smoke_test=True) as started:
        await connect(env)
        yield started


def card(page: Page) -> Locator:
    """The status message of the first endpoint."""
    return page.locator("#messages .message").filter(has_text="my-").first


_ARRIVES_WITHIN = 5.0


async def keep(page: Page, name: str) -> None:
    """Compare the page with what was there when its picture was drawn, or draw it anew.

    What is still on its way to the page is waited for.
    """
    await page.mouse.move(0, 0)
    words = FOLDER / f"{name}.txt"
    there = await shown(page)
    if os.environ.get("RENEW_SCREENSHOTS"):
        FOLDER.mkdir(exist_ok=True)
        words.write_text(f"{there}\n", encoding="utf-8")
        await page.screenshot(path=FOLDER / f"{name}.png", caret="hide", animations="disabled")
    expected = words.read_text(encoding="utf-8").rstrip("\n")
    until = monotonic() + _ARRIVES_WITHIN
    while there != expected and monotonic() < until:
        there = await shown(page)
    assert there == expected, f"renew with: {RENEW}"
    assert (FOLDER / f"{name}.png").is_file()


async def shown(page: Page) -> str:
    """The page as a screen reader has it, without what differs between runs."""
    there = await page.locator("body").aria_snapshot()
    there = re.sub(r"(?<=/p)\d{16}", "MESSAGE", there)
    there = re.sub(r"dep[a-z0-9]{12}", "ENDPOINT", re.sub(r"\b\d\d:\d\d\b", "TIME", there))
    there = re.sub(r"http://127\.0\.0\.1:\d+(?=/)", "http://HUB", there)
    return re.sub(r"after \d+ ms", "after 180 ms", re.sub(r"\d+ tokens/s", "142 tokens/s", there))


async def test_a_running_deployment_and_a_ready_one(env: Environment, page: Page) -> None:
    """The channel with a plan half-way and its thread, then the same when it serves."""
    await send(page, LINE)
    await expect(page.locator(".task.in_progress")).to_contain_text("Get a GPU machine")
    env.clock.advance(48)
    await expect(page.locator(".task.in_progress")).to_contain_text("Download the model")
    await opens_thread(page).first.click()
    await page.locator("#text").focus()
    await expect(page.locator("#replies .message")).to_have_count(3)
    await keep(page, "deploying")
    env.clock.advance(80)
    await expect(page.locator("#messages .task.in_progress")).to_contain_text("Start the engine")
    env.clock.advance(120)
    await expect(card(page)).to_contain_text("First token after")
    await expect(page.locator("#replies .message")).to_have_count(6)
    await expect(page.locator("#messages .message")).to_have_count(3)
    await expect(page.locator("#replies .root")).to_contain_text("is live")
    await keep(page, "ready")


async def test_a_prompt_and_its_answer(env: Environment, page: Page) -> None:
    """The test request on the status message, and an answer in the thread."""
    await send(page, LINE)
    await expect(page.locator(".task.in_progress")).to_contain_text("Get a GPU machine")
    env.clock.advance(300)
    await expect(card(page)).to_contain_text("First token after")
    await expect(opens_thread(page).first).to_contain_text("3 replies")
    await page.get_by_role("button", name="Try a prompt").first.click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Prompt", exact=True).fill("Hello, who are you?")
    await dialog.get_by_role("button", name="Send").click()
    await opens_thread(page).first.click()
    await expect(page.locator("#replies .message").last).to_contain_text("tokens/s")
    await expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    await keep(page, "prompt")


async def test_the_modal(page: Page) -> None:
    """The form as it looks once an instance is chosen."""
    await send(page, "/friendli-deploy")
    await choose_model(page, "meta-llama/Llama-3.1-8B-Instruct")
    await field(page, "Endpoint name").fill("my-llama")
    await choose_instance(page, "2xH100")
    await expect(page.get_by_role("dialog")).to_contain_text("$10.00/h while live")
    await keep(page, "modal")


async def test_a_model_that_does_not_fit(page: Page) -> None:
    """Each instance says by how much; the cheapest that fits is chosen until a person chooses."""
    await send(page, "/friendli-deploy")
    await choose_model(page, "meta-llama/Llama-3.1-70B-Instruct")
    await expect(page.get_by_role("dialog")).to_contain_text("is the cheapest that fits")
    await field(page, "Endpoint name").fill("my-70b")
    await choose_instance(page, "1xA100")
    await expect(page.get_by_role("dialog")).to_contain_text("$4.00/h while live")
    chosen = page.get_by_role("combobox", name="Instance").locator("option:checked")
    await expect(chosen).to_contain_text("too small by")
    await keep(page, "too-small")


async def test_the_home_tab(env: Environment, page: Page) -> None:
    """What is mine, asleep or on its way, what it has cost, and where to deploy."""
    await send(page, LINE)
    await expect(page.locator(".task.in_progress")).to_contain_text("Get a GPU machine")
    env.clock.advance(300)
    await expect(card(page)).to_contain_text("First token after")
    await expect(opens_thread(page).first).to_contain_text("3 replies")
    env.clock.advance(7200)
    env.friendli.set_status(next(iter(env.friendli.endpoints)), "SLEEPING")
    await expect(card(page)).to_contain_text("is asleep")
    await send(page, "/friendli-deploy org/model --gpu 1xH200 --name my-other --yes")
    await expect(page.locator(".task.in_progress")).to_contain_text("Get a GPU machine")
    await page.get_by_role("button", name="friendli-deploy", exact=True).click()
    await expect(page.locator("#home")).to_contain_text("my-other")
    await keep(page, "home")


async def test_a_failure(env: Environment, page: Page) -> None:
    """The cause, what to do about it, and the way back."""
    await send(page, "/friendli-deploy sandbox/gated --gpu 1xH100 --name my-model --yes")
    await expect(page.locator(".task.in_progress")).to_contain_text("Get a GPU machine")
    env.clock.advance(48)
    await expect(page.locator(".task.in_progress")).to_contain_text("Download the model")
    env.clock.advance(40)
    await expect(page.locator("#messages .message")).to_have_count(3)
    await expect(page.locator(".task.error")).to_be_visible()
    await keep(page, "failure")
