"""How messages and modals are drawn, on a workspace whose app uses everything Slack has."""

import json
import re
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from inline_snapshot import snapshot
from playwright.async_api import Page, expect

from bot.sandbox.page.context import PageContext
from bot.sandbox.page.server import page_server
from bot.sandbox.slack.conversations import Message
from bot.sandbox.slack.workspace import Content
from tests.sandbox.page.conftest import Visit
from tests.sandbox.slack.bolt_app import MODEL, NAME, actions, button, modal, plain, section
from tests.sandbox.slack.scene import Scene
from tests.sandbox.slack.scene import stage as open_scene


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    """A workspace with a small app of its own."""
    async with open_scene() as opened:
        yield opened


@pytest.fixture
async def page(scene: Scene, visit: Visit) -> AsyncIterator[Page]:
    """A browser on its page."""
    shown = PageContext(scene.slack, None, None, None, [scene.ann], scene.channel)
    async with page_server(shown, port=0) as address:
        yield await visit(address)


def say(scene: Scene, text: str = "", *blocks: dict[str, Any], **more: Any) -> Message:  # noqa: ANN401 - passed on
    """Let the app post a message."""
    workspace = scene.slack.workspace
    return workspace.post(scene.channel, workspace.bot, Content(text, list(blocks)), **more)


async def test_mrkdwn(scene: Scene, page: Page) -> None:
    """Slack's markup becomes elements; what only looks like markup stays text."""
    texts = [
        "*bold* _italic_ ~gone~ `code`",
        "*bold with `code` and <@U000000002>*",
        "snake_case_name 2*3*4 a~b~c",
        "```\nif a &lt; b:\n  *not bold*```after",
        "&gt; said\n&gt; twice\nanswered",
        "<https://friendli.ai|a page> <mailto:a@b.c|mail>",
        "<https://friendli.ai>",
        "<javascript:alert(1)|a trap>",
        "<!here> <#C000000001>",
        "<@U999|somebody> :tada: :unheard_of:",
        "<img src=x onerror=alert(1)> &lt;b&gt; &amp;amp;",
        "<!date^1767225600^{date_num} {time_secs}|then>",
        "<!date^1767225600^{moonphase}|a fallback>",
    ]
    for text in texts:
        say(scene, text)
    words = page.locator("#messages .message .words")
    await expect(words).to_have_count(len(texts))
    drawn = await words.evaluate_all("all => all.map(node => node.innerHTML)")
    said = [re.sub(r' (target|rel|title|datetime)="[^"]*"', "", tags) for tags in drawn]
    assert said == snapshot(
        [
            "<strong>bold</strong> <em>italic</em> <s>gone</s> <code>code</code>",
            '<strong>bold with <code>code</code> and <span class="mention">@ann</span></strong>',
            "snake_case_name 2*3*4 a~b~c",
            """\
<pre>if a &lt; b:
  *not bold*</pre>after\
""",
            """\
<blockquote>said
twice</blockquote>answered\
""",
            '<a href="https://friendli.ai">a page</a> <a href="mailto:a@b.c">mail</a>',
            '<a href="https://friendli.ai">https://friendli.ai</a>',
            "<span>a trap</span>",
            '<span class="mention">@here</span> <span class="mention">#ml</span>',
            '<span class="mention">@somebody</span> 🎉 :unheard_of:',
            "<span>img src=x onerror=alert(1)</span> &lt;b&gt; &amp;amp;",
            "<time>2026-01-01 09:00:00</time>",
            "<time>a fallback</time>",
        ]
    )


async def test_an_answer_streams_in(scene: Scene, page: Page) -> None:
    """It grows where it is, as Markdown, is busy until it ends, and is said aloud once."""
    workspace = scene.slack.workspace
    message = say(scene, "", is_streaming=True)
    article = page.locator("#messages article")
    for text in ("**Two", "**Two** ways:\n\n- `a", "**Two** ways:\n\n- `a`\n- [b](https://b.c)"):
        workspace.edit(message, Content(text))
        await expect(article).to_have_attribute("aria-busy", "true")
    await expect(article.locator("li")).to_have_count(2)
    await expect(page.locator("#announcer p")).to_have_count(0)
    message.is_streaming = False
    whole = f"{message.text}\n\n```py\nx = 1 < 2\n```\n> *said* <img src=x>\n1. one\n\n# End"
    workspace.edit(message, Content(whole, [section("below")]))
    await expect(article).not_to_have_attribute("aria-busy", "true")
    await expect(article).to_contain_text("below")
    await expect(page.locator("#announcer p")).to_have_count(1)
    drawn = await article.locator(".markdown").inner_html()
    assert re.sub(r' (target|rel)="[^"]*"', "", drawn) == snapshot(
        "<p><strong>Two</strong> ways:</p><ul><li><code>a</code></li>"
        '<li><a href="https://b.c">b</a></li></ul><pre>x = 1 &lt; 2</pre>'
        "<blockquote><em>said</em> &lt;img src=x&gt;</blockquote>"
        '<ol start="1"><li>one</li></ol><p><strong>End</strong></p>'
    )


async def test_blocks(scene: Scene, page: Page) -> None:
    """Every block that an app may post is drawn, and read aloud in order."""
    text = {"type": "rich_text_section", "elements": [{"type": "text", "text": "two"}]}
    bold = {"type": "text", "text": "one ", "style": {"bold": True}}
    task = {"type": "task_card", "task_id": "a", "title": "Download", "status": "in_progress"}
    say(
        scene,
        "all of it",
        {"type": "header", "text": plain("A header")},
        section("A section"),
        {"type": "section", "fields": [plain("left"), plain("right")]},
        {"type": "divider"},
        {"type": "context", "elements": [plain("small")]},
        {
            "type": "rich_text",
            "elements": [
                {"type": "rich_text_section", "elements": [bold, {"type": "emoji", "name": "x"}]},
                {"type": "rich_text_list", "style": "ordered", "elements": [text]},
                {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "a()"}]},
            ],
        },
        {"type": "plan", "title": "Deploying", "tasks": [task]},
        {"type": "image", "image_url": "https://friendli.ai/x.png", "alt_text": "a chart"},
        {"type": "table", "rows": [[{"type": "raw_text", "text": "cell"}]]},
    )
    message = page.locator("#messages article")
    await expect(message).to_contain_text("A header")
    said = re.sub(r"\d\d:\d\d", "TIME", await message.aria_snapshot())
    assert said == snapshot("""\
- article "friendli-deploy, TIME":
  - strong: friendli-deploy
  - text: APP
  - time: TIME
  - heading "A header" [level=3]
  - text: A section left right
  - separator
  - text: small
  - strong: one
  - text: ❌
  - list:
    - listitem: two
  - text: a()
  - paragraph: Deploying
  - list "Deploying":
    - listitem: Download (in progress)
  - img "a chart": "Picture: a chart"
  - table:
    - rowgroup:
      - row "cell":
        - cell "cell"\
""")


async def test_an_edit_keeps_the_focus(scene: Scene, page: Page) -> None:
    """A message that changes while somebody is on its button leaves them there."""
    row = {**actions(button("Go", "go")), "block_id": "row"}
    message = say(scene, "before", section("before"), row)
    await page.get_by_role("button", name="Go").focus()
    scene.slack.workspace.edit(message, Content("after", [section("after"), row]))
    await expect(page.locator("#messages")).to_contain_text("after")
    await expect(page.get_by_role("button", name="Go")).to_be_focused()


async def test_a_deleted_root_leaves_its_thread(scene: Scene, page: Page) -> None:
    """A deleted message is gone, but for a line above the replies it had."""
    alone, root = say(scene, "alone"), say(scene, "root")
    say(scene, "reply", thread_ts=root.ts)
    await expect(page.get_by_role("button", name="1 reply")).to_be_visible()
    scene.slack.delete_message(scene.channel, alone)
    scene.slack.delete_message(scene.channel, root)
    await expect(page.locator("#messages .message")).to_have_count(1)
    await expect(page.locator("#messages")).to_contain_text("This message was deleted.")


async def test_an_overflow_menu_sends_its_choice(scene: Scene, page: Page) -> None:
    """The menu opens by keyboard, and the option chosen reaches the app after its question."""
    options = [{"text": plain(name), "value": name.lower()} for name in ("Sleep", "Restart")]
    confirm = {"title": plain("Sure?"), "text": plain("It stops."), "confirm": plain("Yes")}
    menu = {"type": "overflow", "action_id": "menu", "options": options}
    confirm |= {"deny": plain("No")}
    say(scene, "more", {**section("More"), "accessory": {**menu, "confirm": confirm}})
    await page.get_by_role("button", name="More").press("Enter")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await page.get_by_role("dialog").get_by_role("button", name="Yes").click()
    await scene.slack.until(lambda: scene.slack.requests.calls("block_actions"))
    [call] = scene.slack.requests.calls("block_actions")
    [action] = json.loads(call.body)["payload"]["actions"]
    assert action["selected_option"]["value"] == "restart"


async def test_a_menu_whose_options_the_app_brings(scene: Scene, page: Page) -> None:
    """Typing asks the app once, the arrow keys choose, and the choice is submitted."""
    await page.locator("#text").fill("/friendli-deploy form")
    await page.keyboard.press("Enter")
    search = page.get_by_role("combobox", name="Model")
    await search.fill("llama")
    await expect(page.get_by_role("listbox", name="Model")).to_be_visible()
    await search.press("ArrowDown")
    await search.press("Enter")
    await expect(search).to_have_value("meta-llama/Llama-3.1-8B-Instruct")
    view = scene.ann.modal
    assert view is not None
    await scene.slack.until(lambda: view.values["model"]["search"]["selected_option"])
    assert len(scene.slack.requests.calls("block_suggestion")) == 1


async def test_the_options_of_a_menu_have_groups_and_descriptions(scene: Scene, page: Page) -> None:
    """Each group has its label; arrow keys go from one to the next; the value is submitted."""
    await page.locator("#text").fill("/friendli-deploy form")
    await page.keyboard.press("Enter")
    search = page.get_by_role("combobox", name="Model")
    await search.fill("grouped")
    offered = page.get_by_role("listbox", name="Model")
    await expect(offered).to_be_visible()
    assert await offered.aria_snapshot() == snapshot("""\
- listbox "Model":
  - group "This channel's":
    - text: This channel's
    - option "meta-llama/Llama-3.1-8B-Instruct serving · 16 GB"
  - group "The Hub's":
    - text: The Hub's
    - option "Qwen/Qwen3-8B"\
""")
    await search.press("ArrowDown")
    await search.press("ArrowDown")
    await search.press("Enter")
    await expect(search).to_have_value("Qwen/Qwen3-8B")
    view = scene.ann.modal
    assert view is not None
    chosen = await scene.slack.until(lambda: view.values["model"]["search"]["selected_option"])
    assert chosen["value"] == "id Qwen/Qwen3-8B"


async def test_a_menu_at_the_windows_end_opens_upwards(scene: Scene, page: Page) -> None:
    """So that all of it can be seen and used."""
    options = [{"text": plain(f"Do {number}"), "value": str(number)} for number in range(5)]
    for number in range(20):
        say(scene, f"message {number}")
    menu = {"type": "overflow", "action_id": "menu", "options": options}
    say(scene, "more", {**section("More"), "accessory": menu})
    await page.get_by_role("button", name="More").click()
    for number in range(5):
        item = page.get_by_role("menuitem", name=f"Do {number}")
        await expect(item).to_be_in_viewport(ratio=1)
    await page.get_by_role("menuitem", name="Do 4").click()
    await scene.slack.until(lambda: scene.slack.requests.calls("block_actions"))


async def test_a_menu_in_a_message_can_open_with_options(scene: Scene, page: Page) -> None:
    """One that asks for nothing to be typed asks the app when it is opened."""
    menu = {**MODEL["element"], "min_query_length": 0}
    say(scene, "Which one?", actions(menu))
    await page.get_by_role("combobox", name="Choose").focus()
    await scene.slack.until(lambda: scene.slack.requests.calls("block_suggestion"))
    [call] = scene.slack.requests.calls("block_suggestion")
    assert json.loads(call.body)["payload"]["value"] == ""


async def test_stacked_modals(scene: Scene, page: Page) -> None:
    """A second modal covers the first, which is as it was when the second is closed."""
    first = modal(NAME, title=plain("First"))
    second = modal(section("Above"), title=plain("Second"))
    below = scene.slack.modals.open(scene.ann.user.id, first)
    await page.get_by_label("Name").fill("kept")
    await scene.slack.until(lambda: below.values["name"]["text"]["value"] == "kept")
    scene.slack.modals.push(scene.ann.user.id, second)
    await expect(page.get_by_role("heading", name="Second")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("heading", name="First")).to_be_visible()
    await expect(page.get_by_label("Name")).to_have_value("kept")


async def test_a_home_tab_and_a_direct_message(scene: Scene, page: Page) -> None:
    """The bot's Home is drawn with its buttons, and what it says in private is marked."""
    home = {"type": "home", "blocks": [section("*2* endpoints"), actions(button("Deploy", "go"))]}
    scene.slack.modals.publish_home(scene.ann.user.id, home)
    await page.get_by_role("list", name="Apps").get_by_role("button").click()
    await expect(page.locator("#home")).to_contain_text("2 endpoints")
    await page.locator("#home").get_by_role("button", name="Deploy").click()
    await scene.slack.until(lambda: scene.slack.requests.calls("block_actions"))
    workspace = scene.slack.workspace
    private = workspace.direct_message(scene.ann.user)
    workspace.post(private, workspace.bot, Content("This is for you."))
    entry = page.get_by_role("list", name="Direct messages").get_by_role("button")
    await expect(entry).to_have_accessible_name("friendli-deploy 1 unread for you")
    await entry.click()
    await expect(page.locator("#messages")).to_contain_text("This is for you.")


async def test_five_thousand_messages_are_quick(scene: Scene, visit: Visit, page: Page) -> None:
    """Only what is near is drawn, a new message shows at once, and the past comes on demand."""
    for number in range(5000):
        say(scene, f"message {number}")
    began = time.monotonic()
    fresh = await visit(page.url)
    await expect(fresh.locator("#messages")).to_contain_text("message 4999")
    say(scene, "the newest")
    await expect(fresh.locator("#messages")).to_contain_text("the newest")
    assert time.monotonic() - began < 5
    assert await fresh.locator("#messages .message").count() < 200
    await fresh.locator("#stream").evaluate("area => area.scrollTop = 0")
    await expect(fresh.locator("#messages")).to_contain_text("message 4850")
