"""axe-core's rules, in light and dark, on everything the page has to show."""

from importlib import resources

from playwright.async_api import Page, expect

from bot.sandbox.environment import Environment
from tests.sandbox.page.conftest import Visit
from tests.sandbox.page.test_conversations import opens_thread, send

# The package carries axe-core's script; its own wrapper has no types.
AXE = (resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
RUN = """async (rules) => (await axe.run({runOnly: rules})).violations.flatMap(
    rule => rule.nodes.map(node => `${rule.id}: ${node.html} ${node.failureSummary}`))"""
EVERYTHING = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


async def violations(page: Page) -> list[str]:
    """What axe-core finds wrong, in light and dark: rule, element and reason, one a line."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE)
    await page.emulate_media(color_scheme="light")
    found = await page.evaluate(RUN, EVERYTHING)
    await page.emulate_media(color_scheme="dark")
    found += await page.evaluate(RUN, ["color-contrast"])
    return [str(line) for line in found]


async def test_nothing_is_out_of_reach(env: Environment, address: str, visit: Visit) -> None:
    """Names, roles, contrast, order and focus hold in the channel, a thread, modals and panels."""
    page = await visit(address, axe=True)
    await page.get_by_role("button", name="Take the tour").click()
    await expect(page.locator(".tour-target")).to_be_visible()
    assert await violations(page) == []
    await page.get_by_role("button", name="Leave").click()
    await page.locator("#text").fill("/friendli-deploy")
    assert await violations(page) == []
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Advanced").click()
    await expect(dialog.get_by_label("Revision")).to_be_visible()
    await dialog.get_by_role("button", name="Deploy", exact=True).click()
    await expect(dialog.locator(".error:visible")).to_have_count(2)
    assert await violations(page) == []
    # The first one closes the list of models.
    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await send(page, "/friendli-deploy sandbox/gated --gpu 1xH100 --yes")
    await opens_thread(page).first.click()
    assert await violations(page) == []
    await page.get_by_role("button", name="Cancel").first.click()
    assert await violations(page) == []
    await page.keyboard.press("Escape")
    env.clock.advance(88)
    await expect(page.locator("#replies")).to_contain_text("Try again")
    await page.get_by_role("button", name="Sandbox").click()
    await page.get_by_role("tab", name="What just happened").click()
    await page.locator("#requests summary").first.click()
    await expect(page.locator("#requests pre")).to_have_count(2)
    assert await violations(page) == []


async def test_the_check_finds_what_is_wrong(address: str, visit: Visit) -> None:
    """A button without a name and pale text are found, so that their absence means something."""
    page = await visit(address, axe=True)
    await page.locator("#theme").evaluate("button => button.removeAttribute('aria-label')")
    await page.locator("#theme").evaluate("button => button.textContent = ''")
    await page.locator("#place-note").evaluate("note => note.style.color = '#bbb'")
    found = {line.partition(":")[0] for line in await violations(page)}
    assert found == {"button-name", "color-contrast"}


async def test_what_is_new_is_said_aloud(env: Environment, page: Page) -> None:
    """A screen reader hears each new message, as a sentence without markup."""
    await env.admin.say(env.channel, f"*Look*, <@{env.member.user.id}>")
    await expect(page.locator("#announcer p").last).to_have_text("admin: Look, @requester")
