"""A real browser on the page: one for the run, a page of its own for each test."""

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from playwright.async_api import (
    Browser,
    ConsoleMessage,
    Page,
    ViewportSize,
    async_playwright,
    expect,
)

from bot.app import Running
from bot.sandbox.environment import Environment
from bot.sandbox.page.server import page_server
from bot.sandbox.terminal import Demo, open_demo, page_context
from tests.conftest import NO_LIMITS

_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_NAMES = ("chromium", "chromium-browser", "google-chrome")

_HURRIED: dict[str, object] = {
    "slack_message_interval": 0.01,
    "poll_seconds_transitional": 0.1,
    "create_timeout": 1,
    "slack_timeout": 1,
    "lease": 2,
}

# Milliseconds; what is waited for comes within a fraction of it, but not on a machine at its limit.
_TIMEOUT = 30_000
expect.set_options(timeout=_TIMEOUT)

Visit = Callable[..., Awaitable[Page]]


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Chromium, from the variable CHROMIUM or the PATH."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.skip("no Chromium on the PATH or in the variable CHROMIUM")
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=found, args=_ARGUMENTS)
        yield started
        await started.close()


@pytest.fixture
async def visit(browser: Browser) -> AsyncIterator[Visit]:
    """Open an address in a browser of its own; whatever it complains of fails the test."""
    complaints: list[str] = []
    async with AsyncExitStack() as stack:

        async def open_page(address: str, *, axe: bool = False) -> Page:
            context = await browser.new_context(
                viewport=ViewportSize(width=1200, height=800),
                color_scheme="light",
                reduced_motion="reduce",
                timezone_id="Asia/Seoul",
                locale="en-GB",
                # The checker's script is put into the page from outside.
                bypass_csp=axe,
            )
            stack.push_async_callback(context.close)
            context.set_default_timeout(_TIMEOUT)
            page = await context.new_page()

            def heard(message: ConsoleMessage) -> None:
                if message.type in {"error", "warning"}:
                    complaints.append(message.text)

            page.on("console", heard)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            await page.goto(address)
            await page.locator("#controls > *").first.wait_for(state="attached")
            return page

        yield open_page
    assert complaints == []


@pytest.fixture
async def address(env: Environment, bot: Running) -> AsyncIterator[str]:  # noqa: ARG001 - runs the bot
    """The page of a world whose channel is connected, and whose clock stands still."""
    async with page_server(page_context(env, None), port=0) as served:
        yield served


@pytest.fixture
async def page(address: str, visit: Visit) -> Page:
    """A browser on that page."""
    return await visit(address)


@pytest.fixture(scope="module")
async def demo() -> AsyncIterator[Demo]:
    """The demo as a person starts it, a hundred times faster than life."""
    async with open_demo(port=0, speed=100, overrides=_HURRIED) as started:
        started.env.slack.limits = NO_LIMITS
        yield started
