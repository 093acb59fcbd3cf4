"""Where things are on the page, and that they stay there."""

from playwright.async_api import Locator, Page, expect

from bot.sandbox.environment import Environment
from bot.sandbox.slack.workspace import Content
from tests.sandbox.page.conftest import Visit
from tests.sandbox.page.test_conversations import opens_thread, send

AT_END = "area => area.scrollHeight - area.scrollTop - area.clientHeight < 2"


async def fill(env: Environment, count: int = 30) -> None:
    """A channel with more messages than fit."""
    for number in range(count):
        await env.admin.say(env.channel, f"message {number}\nwith a second line")


async def top_of(page: Page, text: str) -> float:
    """How far down a message stands."""
    box = await page.locator("#messages .message", has_text=text).bounding_box()
    assert box is not None
    return round(box["y"])


async def inside(inner: Locator, outer: Locator) -> bool:
    small, large = await inner.bounding_box(), await outer.bounding_box()
    assert small is not None
    assert large is not None
    return (
        large["y"] <= small["y"]
        and small["y"] + small["height"] <= large["y"] + large["height"]
        and large["x"] <= small["x"]
        and small["x"] + small["width"] <= large["x"] + large["width"]
    )


async def test_a_reader_at_the_end_follows_what_is_new(env: Environment, page: Page) -> None:
    """Also when a thread opens beside the channel and the lines get narrower."""
    await fill(env)
    stream = page.locator("#stream")
    await expect(page.locator("#messages")).to_contain_text("message 29")
    assert await stream.evaluate(AT_END)
    await send(page, "/friendli-deploy sandbox/works --gpu 1xH100 --yes")
    await opens_thread(page).last.click()
    await expect(page.locator("#thread")).to_be_visible()
    await page.wait_for_function(f"({AT_END})(document.getElementById('stream'))")


async def test_a_reader_further_up_keeps_their_place(env: Environment, page: Page) -> None:
    """Nothing moves while new messages come, which a button tells; nor after a look elsewhere."""
    await fill(env)
    await expect(page.locator("#messages")).to_contain_text("message 29")
    await page.locator("#messages .message", has_text="message 10\n").scroll_into_view_if_needed()
    await expect(page.locator("#messages .message", has_text="message 12\n")).to_be_in_viewport()
    before = await top_of(page, "message 12\n")
    await env.admin.say(env.channel, "the newest")
    await expect(page.get_by_role("button", name="New messages")).to_be_visible()
    assert await top_of(page, "message 12\n") == before
    await page.get_by_role("button", name="# experiments").click()
    await expect(page.locator("#place")).to_have_text("#experiments")
    await page.get_by_role("button", name="# ml-deploys").click()
    await expect(page.locator("#messages .message", has_text="message 12\n")).to_be_in_viewport()
    assert abs(await top_of(page, "message 12\n") - before) <= 2
    await page.get_by_role("button", name="New messages").click()
    await expect(page.locator("#messages .message").last).to_be_in_viewport()


async def test_a_short_channel_has_no_scrollbar(env: Environment, page: Page) -> None:
    """And the menu that a message shows under the mouse stays inside its row."""
    await env.admin.say(env.channel, "one line")
    row = page.locator("#messages .message").last
    await row.hover()
    menu = row.locator(".row-menu")
    await expect(menu).to_be_visible()
    assert await inside(menu, row)
    scrolls = "area => area.scrollHeight > area.clientHeight"
    for area in ("#stream", "#text", ".sidebar", "html"):
        assert not await page.locator(area).evaluate(scrolls), area


async def test_a_narrow_window_shows_channel_and_thread_side_by_side(
    env: Environment, address: str, visit: Visit
) -> None:
    """At 900 px the thread leaves the message field free, and Escape closes it from anywhere."""
    page = await visit(address)
    await page.set_viewport_size({"width": 900, "height": 700})
    root = await env.admin.say(env.channel, "a question")
    await env.admin.say(env.channel, "an answer", thread=root)
    await page.get_by_role("button", name="1 reply").click()
    thread, box = page.locator("#thread"), page.locator("#text")
    await expect(thread).to_be_visible()
    field, panel = await box.bounding_box(), await thread.bounding_box()
    assert field is not None
    assert panel is not None
    assert field["x"] + field["width"] <= panel["x"]
    await box.click()
    await page.keyboard.press("Escape")
    await expect(thread).to_be_hidden()


async def test_people_live_in_the_browsers_time_zone(env: Environment, page: Page) -> None:
    """What they write as a time of day means the time that they read."""
    assert {person.tz for person in (env.member.user, env.admin.user)} == {"Asia/Seoul"}
    await send(page, "/friendli-deploy sandbox/works --gpu 1xH100 --name mine --yes")
    await expect(page.locator(".task.in_progress")).to_contain_text("Get a GPU machine")
    await send(page, "/friendli-deploy sleep mine weekdays at 18:00")
    await expect(page.locator("#messages .only").last).to_contain_text("18:00")


async def test_what_just_happened_tells_when(env: Environment, page: Page) -> None:
    """Each request has its time; those to the Hub are among them."""
    await send(page, "/friendli-deploy gpt2 --gpu 1xH100")
    await expect(page.locator("#messages .only")).to_have_count(1)
    await page.get_by_role("tab", name="What just happened").click()
    rows = page.locator("#requests li")
    await expect(rows.filter(has_text="bot → Hub").first).to_be_visible()
    times = await rows.locator("time").all_inner_texts()
    assert len(times) == await rows.count()
    assert all(len(time) == len("12:34:56") for time in times)
    assert env.hub.requests


async def test_what_one_person_sees_in_a_thread_is_not_counted_in_the_channel(
    env: Environment, page: Page
) -> None:
    """An ephemeral reply stands in the thread, and only for its reader."""
    root = await env.admin.say(env.channel, "a question")
    await env.admin.say(env.channel, "an answer", thread=root)
    env.slack.workspace.post(
        env.channel,
        env.slack.workspace.bot,
        Content(text="for you alone"),
        thread_ts=root.ts,
        ephemeral_to=env.member.user.id,
    )
    await page.get_by_role("button", name="1 reply").click()
    await expect(page.locator("#replies")).to_contain_text("for you alone")
    await expect(page.locator("#messages")).not_to_contain_text("for you alone")
