"""What somebody does who has never seen the product, with the bot as a process of its own."""

import time
from datetime import UTC, datetime
from decimal import Decimal

from playwright.async_api import expect

from bot.sandbox.terminal import Demo
from tests.sandbox.page.conftest import Visit


async def test_a_newcomer_deploys_a_model_within_a_minute(demo: Demo, visit: Visit) -> None:
    """The first thing to try stands in the middle, and two clicks lead to a model that serves."""
    began = time.monotonic()
    page = await visit(demo.address)
    await page.locator("#intro").get_by_role("button", name="Deploy a model").click()
    await page.get_by_role("button", name="Deploy", exact=True).click()
    await page.get_by_role("button", name="replies").click()
    thread = page.get_by_role("complementary", name="Thread")
    await expect(thread.locator(".message.follows", has_text="went live")).to_be_visible()
    await expect(page.locator("#messages .message").last).to_contain_text("Replied in the thread")
    passed = time.monotonic() - began
    assert passed < 60
    # However fast it came up, it is charged for the time that passed, at $10.00/h.
    [endpoint] = demo.env.friendli.endpoints.values()
    assert endpoint.created_at <= datetime.now(UTC)
    assert endpoint.charged <= Decimal(passed) * 10 / 3600


async def test_a_bot_that_is_killed_half_way_goes_on_where_it_was(demo: Demo, visit: Visit) -> None:
    """One click deploys, kills the bot during the download and starts it again."""
    page = await visit(demo.address)
    endpoints = len(demo.env.friendli.endpoints)
    await page.get_by_role("button", name="The bot dies half-way").click()
    state = page.locator("#bot-state")
    await expect(state).to_contain_text("The bot is stopped")
    await expect(state).to_contain_text("The bot runs")
    newest = page.locator("#messages .message").last
    await expect(newest).to_contain_text("went live")
    assert len(demo.env.friendli.endpoints) == endpoints + 1


async def test_the_bot_is_restarted_and_killed_by_hand(demo: Demo, visit: Visit) -> None:
    """A stopped bot is said where a person looks, with a button that starts it."""
    page = await visit(demo.address)
    before = demo.bot.pid
    await page.get_by_role("button", name="Restart the bot").click()
    await expect(page.locator("#said")).to_have_text("The bot is running again.")
    assert demo.bot.pid not in (None, before)
    await page.get_by_role("button", name="Kill the bot").click()
    await expect(page.locator("#bot-state")).to_have_text("The bot is stopped")
    await page.get_by_role("textbox", name="Message to #ml-deploys").fill("/friendli-deploy help")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text(
        "friendli-deploy couldn't be reached. Is the bot running? (/friendli-deploy)"
    )
    await page.get_by_role("button", name="Start the bot").click()
    await expect(page.locator("#said")).to_have_text("The bot is running again.")
