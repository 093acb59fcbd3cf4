"""Stories of what waits for a person, first in the Home tab."""

import pytest
from inline_snapshot import snapshot

from bot.domain.permissions import Permission
from bot.domain.policy import Approval, Policy
from bot.sandbox.environment import Environment
from bot.sandbox.slack.user_client import UserClient
from tests.acceptance.deploying import REPLICA, deploy, serve
from tests.acceptance.due_times import lifetime_ends_in, set_policy
from tests.acceptance.endpoints import command_response, create_in_suite, request_count
from tests.acceptance.home_tab import click_in_home_tab, home_tab, view_text
from tests.acceptance.settings_form import grant
from tests.acceptance.thread_assertions import last_reply_contains, root, roots, thread

pytestmark = pytest.mark.usefixtures("bot")


async def waiting(env: Environment, person: UserClient | None = None) -> str:
    """The part of a Home tab that says what waits; '' if nothing does."""
    said = view_text(env, await home_tab(env, person))
    before, _, _ = said.partition("---\nYour endpoints")
    return before if before.startswith("Waiting for you") else ""


async def propose(env: Environment) -> None:
    """Request a deployment that needs approval."""
    await set_policy(env, Policy(approval=Approval.ALWAYS))
    await env.member.command(env.channel, f"org/model {REPLICA} --name it --for 8h --yes")
    await env.slack.until(lambda: "approval" in root(env).text)


async def test_an_approval_waits_for_those_who_may_decide(env: Environment) -> None:
    """An admin decides from Home; who asked, and who may not, see nothing of it there."""
    await propose(env)
    assert await waiting(env) == ""
    assert await waiting(env, env.admin) == snapshot("""\
Waiting for you
🔵 *it* is waiting for approval · *$5.00/h* while live ($3,650/month) · 8 h lifetime: up to $40.00
Workspace admins can approve until TIME. Nothing is created until then.
org/model@ffc8550 · 1 × H100 · 1 replica · requested by @requester · `prod` in #ml-deploys · <https://sandbox.slack.com/archives/C000000001/pROOT|it's thread>
[Approve] [Reject]
""")
    view = await click_in_home_tab(env, "Approve", person=env.admin)
    assert "Waiting for you" not in view_text(env, view)
    await env.slack.until(lambda: env.friendli.endpoints)


async def test_who_is_granted_the_permission_decides_in_their_channels(env: Environment) -> None:
    """Not in a channel that they left."""
    other = env.slack.act_as(env.slack.add_user("reviewer"))
    env.slack.set_member(env.channel, other.user, member=True)
    await grant(env, Permission.APPROVE, who="these", people=[other.user.id])
    await propose(env)
    assert "Approve" in await waiting(env, other)
    env.slack.set_member(env.channel, other.user, member=False)
    assert await waiting(env, other) == ""


async def test_a_rejection_from_home_asks_for_the_reason(env: Environment) -> None:
    """As in the channel."""
    await propose(env)
    await env.admin.click(await home_tab(env, env.admin), "Reject")
    await env.slack.until(lambda: env.admin.modal)
    await env.admin.fill("reason", "too dear")
    await env.admin.submit()
    await env.slack.until(lambda: last_reply_contains(env, "too dear"))
    assert await waiting(env, env.admin) == ""


async def test_an_operation_waits_for_approval(env: Environment) -> None:
    """With what it may then cost."""
    endpoint = await serve(env)
    env.friendli.set_status(endpoint, "SLEEPING")
    await env.slack.until(lambda: "Wake ($5.00/h)" in root(env).buttons)
    await set_policy(env, Policy(approval=Approval.ALWAYS))
    await env.member.click(root(env), "Wake ($5.00/h)")
    await env.slack.until(lambda: len(thread(env)) > 3)
    assert await waiting(env, env.admin) == snapshot("""\
Waiting for you
🔵 @requester asked to wake it. *it* may then cost up to *$5.00/h*, so this waits for approval: workspace admins can approve until TIME. Nothing is sent to Friendli until then.
org/model@ffc8550 · 1 × H100 · 1 replica · endpoint `ENDPOINT-1` · `prod` in #ml-deploys · <https://sandbox.slack.com/archives/C000000001/pROOT|it's thread>
[Approve] [Reject]
""")
    await click_in_home_tab(env, "Approve", person=env.admin)
    await env.slack.until(lambda: request_count(env, "wake_endpoint") == 1)


async def test_an_end_that_is_near_waits_for_its_owner(env: Environment) -> None:
    """It is extended from there, and shown among the others as before."""
    await serve(env, options=f"{REPLICA} --for 8h")
    assert await waiting(env) == ""
    await lifetime_ends_in(env, 300)
    await env.slack.until(lambda: len(thread(env)) > 2)
    assert await waiting(env) == snapshot("""\
Waiting for you
*it* terminates TIME. Extend by 8 h for $40.00?
org/model@ffc8550 · 1 × H100 · 1 replica · endpoint `ENDPOINT-1` · `prod` in #ml-deploys · <https://sandbox.slack.com/archives/C000000001/pROOT|it's thread>
[Extend by 8 h] [Remove lifetime]
""")
    assert await waiting(env, env.admin) == ""
    view = view_text(env, await click_in_home_tab(env, "Extend by 8 h"))
    assert "Waiting for you" not in view
    assert "*it*" in view


async def test_a_failure_waits_for_its_owner(env: Environment) -> None:
    """With the ways out; once it is terminated, or acted on, it waits no more."""
    endpoint = await deploy(env)
    env.friendli.set_status(endpoint, "FAILED", error_code="WORKLOAD_INIT_CANNOT_ACCESS_REPO_ERROR")
    await env.slack.until(lambda: "failed" in root(env).text)
    said = await waiting(env)
    assert said == snapshot("""\
Waiting for you
🔴 *it* failed while getting a GPU machine
Friendli can't read `org/model`: the repo is gated or private. Accept the licence on the model page, and check that the Hugging Face token under Friendli Suite → Personal settings → Integrations can read the repo. (`WORKLOAD_INIT_CANNOT_ACCESS_REPO_ERROR`)
org/model@ffc8550 · 1 × H100 · 1 replica · endpoint `ENDPOINT-1` · `prod` in #ml-deploys · <https://sandbox.slack.com/archives/C000000001/pROOT|it's thread>
[Model page] [Integrations] [Try again] [Open in Friendli] [⋯ Delete · Copy as command]
""")
    env.friendli.set_status(endpoint, "TERMINATED")
    await env.slack.until(lambda: "terminated" in root(env).text)
    assert await waiting(env) == ""


async def test_a_question_waits_for_its_owner(env: Environment) -> None:
    """Which of two endpoints it is; it isn't shown twice."""
    await env.member.command(env.channel, "sandbox/twins --gpu H100 --replicas 1 --name it --yes")
    await env.slack.until(lambda: "Neither" in root(env).buttons)
    said = view_text(env, await home_tab(env))
    assert said.count("*it*") == 1
    assert "[Neither]" in said.partition("Your endpoints")[0]


async def test_many_things_that_wait_leave_the_tab_within_slack_s_limits(env: Environment) -> None:
    """A hundred blocks, however much there is; the rest is counted."""
    await set_policy(env, Policy(approval=Approval.ALWAYS))
    for number in range(10):
        await env.member.command(
            env.channel, f"org/model {REPLICA} --name {'n' * 50}{number} --yes"
        )
    await env.slack.until(lambda: len(roots(env)) == 10, timeout=30)
    view = await home_tab(env, env.admin)
    assert len(view.blocks) <= 100
    assert "and 2 more, once these are decided" in view_text(env, view)


async def test_targets_show_what_runs_in_them(env: Environment) -> None:
    """Count and dollars per hour are those of `list`, whoever created the endpoints."""
    create_in_suite(env, "up")
    create_in_suite(env, "rests", "SLEEPING")
    said = view_text(env, await home_tab(env))
    [line] = [one for one in said.splitlines() if one.startswith("`prod`")]
    assert line == snapshot("`prod` · 2 endpoints · *$5.00/h* now [Deploy]")
    headline = (await command_response(env, "list")).text.splitlines()[0]
    assert headline.partition(" · ")[2] == line.partition(" · ")[2].removesuffix(" [Deploy]")
