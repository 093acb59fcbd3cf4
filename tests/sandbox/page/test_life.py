"""The life of an endpoint on the page, as a person goes through it, with pictures on the way."""

import re
from functools import partial

from playwright.async_api import Page, expect

from bot.domain.policy import Approval, Policy
from bot.sandbox.environment import PROJECT, Environment
from tests.acceptance.due_times import set_policy
from tests.sandbox.page.conftest import Visit
from tests.sandbox.page.test_conversations import choose_instance, field, opens_thread, send, serve
from tests.sandbox.page.test_screenshots import LINE, keep


async def test_listed_updated_and_approved(env: Environment, page: Page) -> None:
    """What runs; what an update changes and costs, before it is sent; and who has to say yes."""
    await send(page, LINE)
    await serve(env, page)
    neighbours(env)
    await send(page, "/friendli-deploy list")
    listed = page.locator("#messages .only").last
    await expect(listed).to_contain_text("4 endpoints")
    await opens_thread(page).first.click()
    await expect(page.locator("#replies .root")).to_contain_text("is live")
    await page.locator("#text").focus()
    await keep(page, "list")

    await page.locator("#replies .root").get_by_role("button", name="Update").click()
    await expect(field(page, "Instance")).to_be_visible()
    await choose_instance(page, "4xH100")
    await expect(page.get_by_role("dialog")).to_contain_text("$20.00/h")
    await page.get_by_role("button", name="Review").click()
    await expect(page.get_by_role("dialog")).to_contain_text("Nothing is sent until you confirm")
    await keep(page, "update")

    await set_policy(env, Policy(approval=Approval.ABOVE))
    await page.get_by_role("dialog").get_by_role("button", name="Update").click()
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await expect(page.locator("#replies .message").last).to_contain_text("waits for approval")
    await expect(page.locator("#messages .message").last).to_contain_text("waits for approval")
    # On the card, in the channel and in the thread: it is redrawn after the news.
    await expect(page.get_by_role("button", name="Approve")).to_have_count(2)
    await keep(page, "approval")


async def test_several_groups_may_do_something(
    env: Environment, address: str, visit: Visit
) -> None:
    """Each is searched for and chosen; one can be taken back, by its own button or with a key."""
    for name in ("ml-leads", "ml-oncall", "ml-ops"):
        env.slack.add_usergroup(name, [env.member.user])
    page = await visit(address)
    await page.get_by_label("You are").select_option("@admin · admin")
    await send(page, "/friendli-deploy settings")
    line = page.locator("#modal-body .section").filter(has_text="Deploy:")
    await line.get_by_role("button", name="Change").click()
    await page.get_by_label("The people and groups below").check()
    groups = page.get_by_role("combobox", name="User groups")
    offered = page.get_by_role("listbox", name="User groups").get_by_role("option")
    for typed in ("lead", "ops", "call"):
        await groups.fill(typed)
        await expect(offered).to_have_text([re.compile(typed)])
        await offered.click()
    chosen = page.get_by_role("button", name="Remove @ml-")
    await expect(chosen).to_have_text(["@ml-leads ✕", "@ml-ops ✕", "@ml-oncall ✕"])
    await chosen.nth(1).click()
    await groups.press("Backspace")
    await groups.fill("ml")
    await expect(offered).to_have_text(["@ml-oncall", "@ml-ops"])
    await offered.last.click()
    await page.get_by_role("button", name="Save").click()
    await expect(line).to_contain_text("Deploy: @ml-leads, @ml-ops")


def neighbours(env: Environment) -> None:
    """Endpoints that others made, each in another state."""
    made = partial(env.friendli.create, project_id=PROJECT)
    env.friendli.set_status(made(name="search-embeddings", replicas=2), "RUNNING")
    env.friendli.set_status(made(name="nightly-batch", sleeps_after=300), "SLEEPING")
    failed = made(name="try-mixtral")
    env.friendli.set_status(failed, "FAILED", None, "INFERENCE_ENGINE_MEMORY_ERROR")
