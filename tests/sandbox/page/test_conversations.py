"""Whole conversations on the page, with time moved by hand."""

import re

from inline_snapshot import snapshot
from playwright.async_api import Locator, Page, expect

from bot.sandbox.environment import API_KEY, PROJECT, Environment
from tests.sandbox.page.conftest import Visit


def field(page: Page, name: str) -> Locator:
    """A field of the modal, by its label."""
    return page.get_by_role("dialog").get_by_label(name)


def model_box(page: Page) -> Locator:
    return page.get_by_role("dialog").get_by_role("combobox", name="Model")


async def choose_model(page: Page, text: str) -> None:
    """Type into the model's field, and take the first option, which is what was typed."""
    box = model_box(page)
    await box.fill(text)
    offered = page.get_by_role("listbox", name="Model").get_by_role("option")
    await expect(offered.first).to_contain_text(text)
    await offered.first.click()
    await expect(box).to_have_value(re.compile(re.escape(text)))


async def choose_instance(page: Page, key: str) -> None:
    """Such as 2xH100: its text says what it costs and whether the model fits."""
    await field(page, "Instance").select_option(key)


def opens_thread(page: Page) -> Locator:
    """The buttons below messages that open their threads."""
    return page.locator('#messages [data-name="replies"]')


def cards(page: Page) -> Locator:
    """The messages in the channel that have a thread: the deployments' status messages."""
    return page.locator('#messages .message:has([data-name="replies"])')


async def send(page: Page, text: str) -> None:
    """Type into the channel's message field and press Enter."""
    box = page.locator("#text")
    await box.fill(text)
    await box.press("Enter")


async def serve(env: Environment, page: Page) -> None:
    """Let time pass, phase by phase as each is told, until the newest deployment serves."""
    newest = page.locator("#messages .message").last
    await expect(newest.locator(".task.in_progress")).to_have_text(
        "Get a GPU machine (in progress)"
    )
    for seconds, task in ((48, "Download the model"), (80, "Start the engine")):
        env.clock.advance(seconds)
        await expect(newest.locator(".task.in_progress")).to_have_text(f"{task} (in progress)")
    env.clock.advance(120)
    await expect(page.locator("#messages")).to_contain_text("is live (took 4 min 8 s)")


async def test_connect_deploy_by_modal_and_follow_the_thread(
    env: Environment, address: str, visit: Visit
) -> None:
    """An admin connects a channel; a slip is shown under its field; the thread tells the rest."""
    page = await visit(address)
    await page.get_by_label("You are").select_option("@admin · admin")
    await page.get_by_role("button", name="# experiments").click()
    await send(page, "/friendli-deploy connect")
    await field(page, "Friendli project id").fill("no-such-project")
    await field(page, "Personal API key (flp_…)").fill(API_KEY)
    await page.get_by_role("button", name="Connect").click()
    await expect(field(page, "Friendli project id")).to_have_accessible_description(
        "Friendli has no such project for this key and team."
        " Or paste the address of the project's page in Friendli Suite."
    )
    await field(page, "Friendli project id").fill(PROJECT)
    await page.get_by_role("button", name="Connect").click()
    await expect(page.get_by_role("dialog")).to_contain_text("prod is connected to project")

    await page.get_by_role("button", name="Deploy a model").last.click()
    await choose_model(page, "meta-llama/Llama-3.1-8B-Instruct")
    await choose_instance(page, "2xH100")
    await expect(page.get_by_role("dialog")).to_contain_text("$10.00/h while live")
    await field(page, "Endpoint name").fill("my-llama")
    await page.get_by_role("button", name="Advanced").click()
    await field(page, "Revision").fill("not a branch")
    await page.get_by_role("button", name="Deploy", exact=True).click()
    revision = field(page, "Revision")
    await expect(revision).to_be_focused()
    await expect(revision).to_have_attribute("aria-invalid", "true")
    # What was typed before the modal changed is still there.
    await expect(field(page, "Endpoint name")).to_have_value("my-llama")
    await revision.fill("main")
    await page.get_by_role("button", name="Deploy", exact=True).click()
    await expect(page.get_by_role("dialog")).to_be_hidden()

    await serve(env, page)
    await opens_thread(page).first.click()
    replies = page.locator("#replies .message:not(.root) article .words")
    endpoint = next(iter(env.friendli.endpoints))
    told = [
        re.sub(r"\b\d\d:\d\d\b", "TIME", text.replace(endpoint, "ENDPOINT"))
        for text in await replies.all_inner_texts()
    ]
    assert told == snapshot(
        [
            "Endpoint created: ENDPOINT. Getting a GPU machine.",
            "A GPU machine is ready (48 s). Downloading the model.",
            "Model downloaded (1 min 20 s). Starting the engine.",
            "🟢 my-llama went live at TIME (took 4 min 8 s)",
        ]
    )
    await expect(page.locator("#replies .root")).to_contain_text(
        f'Call it with model: "{endpoint}"'
    )
    await expect(page.locator("#replies .message").last).to_contain_text("Also sent to #")


async def test_a_failure_is_told_and_tried_again(env: Environment, page: Page) -> None:
    """The cause and the way out stand in the channel, and Try again keeps what was typed."""
    await send(page, "/friendli-deploy sandbox/gated --gpu 1xH100 --name my-model --yes")
    await expect(page.locator(".task.in_progress")).to_contain_text("Get a GPU machine")
    env.clock.advance(48)
    await expect(page.locator(".task.in_progress")).to_contain_text("Download the model")
    env.clock.advance(40)
    root = cards(page).first
    await expect(root.locator(".task.error")).to_have_text("Download the model (failed)")
    await expect(root).to_contain_text("gated or private")
    await root.get_by_role("button", name="Try again").click()
    await expect(model_box(page)).to_have_value("sandbox/gated")
    await choose_model(page, "sandbox/works")
    await field(page, "Endpoint name").fill("my-other-model")
    await page.get_by_role("button", name="Deploy", exact=True).click()
    await expect(page.locator("#messages")).to_contain_text("my-other-model is starting")


async def test_the_keyboard_alone_is_enough(env: Environment, page: Page) -> None:
    """From the page's first moment to a running model and its end without touching a mouse."""
    keys = page.keyboard
    await page.get_by_role("textbox", name="Message to #ml-deploys").focus()
    await keys.type("/")
    await keys.press("ArrowDown")
    await expect(page.locator("#hints [aria-selected=true]")).to_contain_text("Opens the form")
    await keys.press("Enter")
    await keys.press("Enter")
    await expect(model_box(page)).to_be_focused()
    await keys.type("sandbox/works")
    await expect(page.get_by_role("listbox", name="Model")).to_contain_text("sandbox/works")
    await keys.press("ArrowDown")
    await keys.press("Enter")
    await expect(page.get_by_role("dialog")).to_contain_text("parameters")
    await expect(model_box(page)).to_be_focused()
    await keys.press("Tab")
    await expect(field(page, "Endpoint name")).to_be_focused()
    await keys.type("by-keyboard")
    await keys.press("Tab")
    await expect(field(page, "Instance")).to_be_focused()
    # From 1 × A100, which is preselected, to 2 × H100.
    for _ in range(5):
        await keys.press("ArrowDown")
    await expect(page.get_by_role("dialog")).to_contain_text("$10.00/h while live")
    await keys.press("Tab")
    await expect(field(page, "Minimum replicas")).to_be_visible()
    await keys.press("ArrowDown")
    await expect(page.get_by_role("textbox", name="Replicas", exact=True)).to_be_visible()
    await keys.press("Enter")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await serve(env, page)

    await page.locator("#text").focus()
    await _tab_back_to(page, "1 reply", *(f"{count} replies" for count in range(2, 9)))
    await keys.press("Enter")
    await expect(page.locator("#thread-title")).to_be_focused()
    await keys.press("Escape")
    await expect(opens_thread(page).first).to_be_focused()
    await _tab_back_to(page, "⋯")
    await keys.press("Enter")
    ends = page.get_by_role("menuitem", name="Terminate")
    while not await ends.evaluate("node => node === document.activeElement"):
        await keys.press("ArrowDown")
    await keys.press("Enter")
    await expect(page.locator("#messages .only")).to_contain_text("Terminate by-keyboard?")
    await page.locator("#text").focus()
    await _tab_back_to(page, "Terminate")
    await keys.press("Enter")
    # Friendli's clock stands still, so it never gets further.
    await expect(cards(page).first).to_contain_text("by-keyboard is terminating")


async def _tab_back_to(page: Page, *names: str) -> None:
    for _ in range(30):
        await page.keyboard.press("Shift+Tab")
        text = await page.evaluate("document.activeElement.textContent")
        if any(text.startswith(name) for name in names):
            return
    raise AssertionError(f"Shift+Tab never reaches {names}")


async def test_each_person_sees_their_own(env: Environment, page: Page) -> None:
    """What one person is told, another doesn't see; a guest from outside may only look."""
    await send(page, "/friendli-deploy targets")
    mine = page.locator("#messages .message.only")
    await expect(mine).to_contain_text("Only visible to you")
    person = page.get_by_label("You are")
    await person.select_option("@guest · from outside")
    await expect(mine).to_have_count(0)
    await expect(page.get_by_role("button", name="# experiments")).to_have_count(0)
    await send(page, "/friendli-deploy sandbox/works --gpu 1xH100 --yes")
    await expect(mine).to_have_count(1)
    assert not env.friendli.endpoints


async def test_another_channels_news_is_marked_until_it_is_read(
    env: Environment, page: Page
) -> None:
    """A channel with something new is marked, with a number if the person is named."""
    other = env.slack.workspace.channel("experiments")
    await env.admin.say(other, "Hello")
    channel = page.get_by_role("button", name="# experiments")
    await expect(channel).to_have_accessible_name("# experiments unread")
    await env.admin.say(other, f"<@{env.member.user.id}> look")
    await expect(channel).to_have_accessible_name("# experiments 1 unread for you")
    await channel.click()
    await expect(channel).to_have_accessible_name("# experiments")
    await expect(page.locator("#messages .message").last).to_contain_text("@requester look")


async def test_a_message_s_menu(page: Page) -> None:
    """The bot's entry shows on the message that the pointer is on, and does what it says."""
    await send(page, "hello")
    message = page.locator("#messages .message").filter(has_text="hello")
    await message.hover()
    await message.get_by_role("button", name="Endpoint status").click()
    await expect(page.locator("#messages .only")).to_contain_text("isn't in an endpoint's thread")
