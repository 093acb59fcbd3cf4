"""The tour, followed by clicking only what it marks."""

from playwright.async_api import Page, expect

from bot.sandbox.terminal import Demo
from tests.sandbox.page.conftest import Visit

# What the tour says and marks, as one text.
SHOWN = """() => document.querySelector("#tour").innerText
    + ["id", "textContent", "hidden"].map(
        name => document.querySelector(".tour-target")?.[name]).join()"""


async def follow(page: Page, *, until: str) -> None:
    """Do what the tour marks, until it says a text."""
    tour = page.locator("#tour")
    while until not in await tour.inner_text():
        before = await page.evaluate(SHOWN)
        target = page.locator(".tour-target")
        hint = await tour.locator(".tour-next").inner_text()
        if hint.startswith("Choose @"):
            name = hint.removeprefix("Choose ").split(" ")[0]
            options = await target.locator("option").all_inner_texts()
            await target.select_option(next(text for text in options if text.startswith(name)))
        elif not hint.startswith(("Watch", "The bot answers", "It ends")):
            await target.click()
        await page.wait_for_function(f"before => ({SHOWN})() !== before", arg=before)


async def test_the_tour_leads_from_connecting_to_the_end(demo: Demo, visit: Visit) -> None:
    """Clicking what each of its five steps marks connects, deploys, watches, uses and ends."""
    page = await visit(demo.address)
    tour = page.locator("#tour")
    await page.get_by_role("button", name="Take the tour (5 steps)").click()
    await expect(tour).to_contain_text("1 of 5: Connect")
    await follow(page, until="2 of 5")
    await follow(page, until="3 of 5")
    await follow(page, until="4 of 5")
    for model in ("sandbox/gated", "sandbox/too-large", "sandbox/out-of-memory"):
        await expect(tour.get_by_role("button", name=model)).to_be_visible()
    await tour.get_by_role("button", name="sandbox/gated").click()
    await expect(page.locator("#messages .task.error")).to_be_visible()
    await expect(page.locator(".message:has(.task.error) .tour-target")).to_be_visible()
    # What was begun is remembered, also when it was left.
    await tour.get_by_role("button", name="Leave").click()
    await expect(tour).to_be_hidden()
    await page.reload()
    await page.get_by_role("button", name="Resume the tour (step 4 of 5)").click()
    await tour.get_by_role("button", name="Next").click()
    await follow(page, until="That was the tour")
    await tour.get_by_role("button", name="Close").click()
    await expect(tour).to_be_hidden()
