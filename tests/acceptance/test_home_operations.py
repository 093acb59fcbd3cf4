"""Stories of what people do from their Home tab, which belongs to no channel."""

from functools import partial

import pytest
from inline_snapshot import snapshot

from bot.domain.permissions import Permission
from bot.domain.policy import Approval, Policy
from bot.sandbox.environment import Environment
from tests.acceptance.deploying import serve
from tests.acceptance.due_times import set_policy
from tests.acceptance.endpoints import request_count
from tests.acceptance.home_tab import click_in_home_tab, home_tab, view_text
from tests.acceptance.settings_form import grant
from tests.acceptance.test_lifetime import deploy
from tests.acceptance.thread_assertions import last_reply_contains, root, thread

pytestmark = pytest.mark.usefixtures("bot")


async def test_updating(env: Environment) -> None:
    """The form, before and after, and the yes are those of the channel, which tells the rest."""
    await serve(env)
    await env.member.click(await home_tab(env), "Update")
    await env.slack.until(lambda: env.member.modal and env.member.modal.callback_id == "update")
    await env.member.fill("Instance", "2xH100")
    await env.member.submit()
    assert env.member.modal is not None
    assert env.member.modal.callback_id == "update.review"
    await env.member.submit()
    await env.slack.until(partial(last_reply_contains, env, "asked to update it"))
    await env.friendli.until(lambda: request_count(env, "update_endpoint") == 1)
    assert env.member.modal is None


async def test_what_waits_for_approval(env: Environment) -> None:
    """One's own request is for somebody else to approve; it can be rejected, or taken back."""
    await set_policy(env, Policy(approval=Approval.ALWAYS))
    await grant(env, Permission.APPROVE, who="everyone")
    await env.member.command(env.channel, "org/model --gpu 1xH100 --replicas 1 --name it --yes")
    await env.slack.until(lambda: "is waiting for approval" in root(env).text)
    view = await home_tab(env)
    assert "[Approve] [Reject] [Withdraw]" in view_text(env, view)
    told = view_text(env, await click_in_home_tab(env, "Approve")).splitlines()[0]
    assert told == snapshot(
        "You requested this yourself, so someone else has to approve it: everyone in the channel can."
    )
    assert env.member.home is not None
    await env.member.click(env.member.home, "Reject")
    await env.slack.until(lambda: env.member.modal)
    await env.member.fill("Reason", "too early")
    await env.member.submit()
    await env.slack.until(lambda: "wasn't approved" in root(env).text)
    assert "You have no endpoints" in view_text(env, await click_in_home_tab(env, "Refresh"))
    assert not env.friendli.endpoints


async def test_extending(env: Environment) -> None:
    """It says until when it runs; the button moves that once, and is drawn anew."""
    await deploy(env)
    view = await home_tab(env)
    assert "ends TIME" in view_text(env, view)
    await env.member.double_click(view, "Extend by 8 h")
    await env.slack.until(partial(last_reply_contains, env, "extended the lifetime by 8 h"))
    await env.slack.until(
        lambda: "Someone already decided" in str(env.member.home and env.member.home.blocks)
    )
    assert sum("extended the lifetime" in line for line in thread(env)) == 1


async def test_asking_those_who_may(env: Environment) -> None:
    """A refusal says whom it is for, and its button asks them in the thread of its channel."""
    await serve(env)
    await grant(env, Permission.TERMINATE, who="admins")
    await home_tab(env)
    refused = view_text(env, await click_in_home_tab(env, "Terminate")).split("---")[0]
    assert refused == snapshot("""\
Only workspace admins can terminate in `prod`.
Ask @admin.
[Ask them]
""")
    assert view_text(env, await click_in_home_tab(env, "Ask them")).splitlines()[0] == snapshot(
        "Asked in the thread."
    )
    await env.slack.until(partial(last_reply_contains, env, "asks you to terminate it"))
    assert request_count(env, "terminate_endpoint") == 0
