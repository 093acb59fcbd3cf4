"""Stories of what needs a second person's yes before anything is sent to Friendli."""

import asyncio
from copy import deepcopy
from datetime import timedelta
from decimal import Decimal

import pytest
from inline_snapshot import snapshot
from sqlalchemy import select, update

from bot.app import running
from bot.db.claims import make_due
from bot.db.clock import after
from bot.db.deployment_tables import Deployment
from bot.db.operation_tables import Operation
from bot.db.session import Database
from bot.domain.permissions import Permission
from bot.domain.policy import Approval, Policy
from bot.sandbox.environment import API_KEY, TEAM, Environment, connect
from bot.sandbox.slack.user_client import UserClient
from tests.acceptance.deploying import serve
from tests.acceptance.due_times import set_policy
from tests.acceptance.endpoints import command_response
from tests.acceptance.settings_form import grant, save_settings
from tests.acceptance.thread_assertions import (
    ephemeral_texts,
    last_reply_contains,
    message_text,
    rendered_text,
    root,
    thread,
)
from tests.conftest import SHORT_WAITS, StartBot

ALWAYS = "Every request needs approval"
LINE = "org/model --gpu 1xH100 --replicas 1 --name it --yes"


def creates(env: Environment) -> int:
    """How many create requests reached the API."""
    return sum(one.operation == "create_endpoint" for one in env.friendli.requests)


async def waits(env: Environment, person: UserClient, line: str) -> None:
    """Ask for a deployment, and see that it waits."""
    await person.command(env.channel, line)
    await env.slack.until(lambda: "is waiting for approval" in root(env).text)


async def propose(env: Environment, line: str = LINE) -> None:
    """Ask for a deployment that needs approval, and see its root."""
    await waits(env, env.member, line)
    # Admins, who aren't named in the root, are mentioned in the thread.
    await env.slack.until(lambda: last_reply_contains(env, "asks you to approve or reject it"))


def second_admin(env: Environment) -> UserClient:
    """Another admin, in the channel."""
    second = env.slack.act_as(env.slack.add_user("second", is_admin=True))
    env.channel.member_ids.append(second.user.id)
    return second


async def run_out(env: Environment, *, unseen: bool = False) -> None:
    """Let the time of everything that waits be over; nobody has looked yet if it is unseen."""
    database = Database(env.database)
    async with database.write() as session:
        past = after(timedelta(seconds=-1))
        await session.execute(update(Deployment).values(expires_at=past))
        await session.execute(update(Operation).values(expires_at=past))
        for id_ in (await session.scalars(select(Deployment.id))).all() if not unseen else ():
            await make_due(session, Deployment, id_)
    await database.close()


@pytest.mark.usefixtures("bot")
async def test_nothing_is_made_before_somebody_approved_it(env: Environment) -> None:
    """The root asks, with the price and who may; after the yes it is made like any other."""
    await save_settings(env, approval=ALWAYS)
    await propose(env)
    assert message_text(env, root(env)) == snapshot("""\
🔵 *it* is waiting for approval · *$5.00/h* while live ($3,650/month)
Workspace admins can approve until TIME. Nothing is created until then.
Fits, room for 44 requests at 8k.
Why?
Skip special tokens: `on` · Add special tokens: `on`
org/model@ffc8550 · 1 × H100 · 1 replica · requested by @requester at TIME
[Why?] [Approve] [Reject] [Withdraw]\
""")
    assert env.friendli.requests[-1].operation != "create_endpoint"
    await env.admin.click(root(env), "Approve")
    await env.slack.until(lambda: len(thread(env)) == 3)
    assert thread(env) == snapshot(
        [
            "@admin, @requester asks you to approve or reject it.",
            "@admin approved it.",
            "Endpoint created: `ENDPOINT-1`. Getting a GPU machine.",
        ]
    )
    assert creates(env) == 1
    await env.slack.until(lambda: root(env).buttons == ["Open in Friendli", "Cancel"])


async def asked_long_ago(env: Environment) -> None:
    """Let the only request be an hour old."""
    database = Database(env.database)
    async with database.write() as session:
        await session.execute(update(Deployment).values(requested_at=after(timedelta(hours=-1))))
    await database.close()


@pytest.mark.usefixtures("bot")
async def test_what_waited_long_for_its_approval_is_not_given_up(env: Environment) -> None:
    """For how long it is tried counts from the approval."""
    await save_settings(env, approval=ALWAYS)
    await propose(env)
    await asked_long_ago(env)
    await env.admin.click(root(env), "Approve")
    await env.slack.until(lambda: last_reply_contains(env, "Endpoint created"))
    assert creates(env) == 1


@pytest.mark.usefixtures("bot")
async def test_the_price_at_full_scale_decides(env: Environment) -> None:
    """Above so many dollars an hour, with every replica that the request allows."""
    await save_settings(env, approval="Requests above a price need approval", above=10)
    await env.member.command(env.channel, "org/model --gpu 2xH100 --replicas 1 --name small --yes")
    await env.slack.until(lambda: root(env).text and thread(env))
    assert creates(env) == 1
    await env.member.command(env.channel, "org/model --gpu 1xH100 --autoscale 0..3 --name big")
    [preview] = await env.slack.until(lambda: env.member.ephemerals(env.channel))
    await env.member.click(preview, "Deploy")
    await env.slack.until(lambda: "waits for approval" in ephemeral_texts(env)[-1])
    assert ephemeral_texts(env) == snapshot(
        ["*big* waits for approval; see its thread in this channel."]
    )
    big = await env.slack.until(
        lambda: next(
            (one for one in env.channel.messages.values() if "*big* is waiting" in one.text), None
        )
    )
    assert message_text(env, big) == snapshot("""\
🔵 *big* is waiting for approval · *$5.00/h–$15.00/h* while live ($3,650–$10,950/month), $0.00/h asleep
Workspace admins can approve until TIME. Nothing is created until then.
Fits, room for 44 requests at 8k.
Why?
Skip special tokens: `on` · Add special tokens: `on` · Cool-down: `300 s`
org/model@ffc8550 · 1 × H100 · 0–3 replicas · requested by @requester at TIME
[Why?] [Approve] [Reject] [Withdraw]\
""")
    assert creates(env) == 1


@pytest.mark.usefixtures("bot")
async def test_a_rejection_says_why(env: Environment) -> None:
    """In the thread and in the channel, with the way to ask for something else."""
    await save_settings(env, approval=ALWAYS)
    await propose(env)
    await env.admin.click(root(env), "Reject")
    await env.slack.until(lambda: env.admin.modal)
    await env.admin.fill("Reason", "Use the <staging> one, please")
    await env.admin.submit()
    await env.slack.until(lambda: len(thread(env)) == 2 and root(env).buttons == ["Try again"])
    assert thread(env) == snapshot(
        [
            "@admin, @requester asks you to approve or reject it.",
            "# @admin rejected it: “Use the <staging> one, please”. Nothing was created.",
        ]
    )
    assert message_text(env, root(env)) == snapshot("""\
⚪ *it* wasn't approved
@admin rejected it: “Use the <staging> one, please”.
org/model@ffc8550 · 1 × H100 · 1 replica · requested by @requester at TIME
[Try again]\
""")
    assert creates(env) == 0


@pytest.mark.usefixtures("bot")
async def test_nobody_approves_their_own_unless_the_target_lets_them(env: Environment) -> None:
    """Also not an admin."""
    await save_settings(env, approval=ALWAYS)
    await waits(env, env.admin, LINE)
    await env.slack.until(lambda: last_reply_contains(env, "asks you to approve or reject it"))
    seen = len(env.admin.ephemerals(env.channel))
    await env.admin.click(root(env), "Approve")
    await env.slack.until(lambda: len(env.admin.ephemerals(env.channel)) > seen)
    assert rendered_text(env, env.admin.ephemerals(env.channel)[-1].text) == snapshot(
        "You requested this yourself, so someone else has to approve it: workspace admins can."
    )
    await save_settings(env, own=["own"])
    await env.admin.click(root(env), "Approve")
    await env.slack.until(lambda: last_reply_contains(env, "approved it") or len(thread(env)) > 2)
    assert thread(env)[1] == snapshot("@admin approved it.")


@pytest.mark.usefixtures("bot")
async def test_who_may_not_approve_is_told_who_may(env: Environment) -> None:
    """Nothing happens to the request."""
    await save_settings(env, approval=ALWAYS)
    group = env.slack.add_usergroup("ml-leads", [env.admin.user])
    await grant(env, Permission.APPROVE, who="The people and groups below", groups=["@ml-leads"])
    await waits(env, env.member, LINE)
    assert f"<!subteam^{group.id}> can approve <!date" in str(root(env).blocks)
    await env.member.click(root(env), "Approve")
    await env.slack.until(lambda: ephemeral_texts(env))
    assert ephemeral_texts(env)[0].replace(group.id, "GROUP") == snapshot(
        "Only <!subteam^GROUP> can approve in `prod`. *Ask them* posts your request in this thread."
    )
    assert "is waiting for approval" in root(env).text


@pytest.mark.usefixtures("bot")
async def test_of_two_who_approve_at_once_one_does(env: Environment) -> None:
    """The other is told who was faster; one endpoint is made."""
    await save_settings(env, approval=ALWAYS)
    await propose(env)
    second = second_admin(env)
    seen = len(env.admin.ephemerals(env.channel)) + len(second.ephemerals(env.channel))
    await asyncio.gather(env.admin.click(root(env), "Approve"), second.click(root(env), "Approve"))

    def told() -> list[str]:
        both = [*env.admin.ephemerals(env.channel), *second.ephemerals(env.channel)]
        return [rendered_text(env, message.text) for message in both]

    await env.slack.until(lambda: len(told()) > seen and len(thread(env)) == 3)
    assert any("already approved it; see the thread." in text for text in told())
    assert creates(env) == 1
    assert sum("approved it." in text for text in thread(env)) == 1


@pytest.mark.usefixtures("bot")
async def test_a_double_click_on_approve_makes_one(env: Environment) -> None:
    """Both clicks are accepted by Slack; one has an effect."""
    await save_settings(env, approval=ALWAYS)
    await propose(env)
    await env.admin.double_click(root(env), "Approve")
    await env.slack.until(lambda: len(thread(env)) == 3)
    assert creates(env) == 1


@pytest.mark.usefixtures("bot")
async def test_whoever_asked_may_withdraw_it(env: Environment) -> None:
    """Also where ending endpoints is for others; a late Approve learns it."""
    await save_settings(env, approval=ALWAYS)
    await grant(env, Permission.TERMINATE, who="Workspace admins")
    await propose(env)
    stale = deepcopy(root(env))
    await env.member.click(root(env), "Withdraw")
    await env.slack.until(lambda: len(thread(env)) == 2 and root(env).buttons == ["Try again"])
    assert thread(env) == snapshot(
        [
            "@admin, @requester asks you to approve or reject it.",
            "@requester withdrew it. Nothing was created.",
        ]
    )
    assert "was cancelled" in root(env).text
    seen = len(env.admin.ephemerals(env.channel))
    await env.admin.click(stale, "Approve")
    await env.slack.until(lambda: len(env.admin.ephemerals(env.channel)) > seen)
    assert rendered_text(env, env.admin.ephemerals(env.channel)[-1].text) == snapshot(
        "The request was withdrawn, so nothing was done."
    )
    assert creates(env) == 0


@pytest.mark.usefixtures("bot")
async def test_what_nobody_approves_in_time_is_over(env: Environment) -> None:
    """The thread says so, and a late Approve or Reject learns it."""
    await save_settings(env, approval=ALWAYS, wait=2)
    await propose(env)
    stale = deepcopy(root(env))
    await run_out(env)
    # The time of the click may be later than the scan that ends it; both say the same.
    await env.slack.until(lambda: len(thread(env)) == 2 and root(env).buttons == ["Try again"])
    assert message_text(env, env.channel.replies(root(env).ts)[-1]).startswith(
        "Nobody approved it within "
    )
    for button in ("Approve", "Reject"):
        seen = len(env.admin.ephemerals(env.channel))
        await env.admin.click(stale, button)
        await env.slack.until(lambda seen=seen: len(env.admin.ephemerals(env.channel)) > seen)  # type: ignore[misc] # bound in the loop
        assert rendered_text(env, env.admin.ephemerals(env.channel)[-1].text) == snapshot(
            "The request has expired, so nothing was done."
        )
    assert creates(env) == 0


@pytest.mark.usefixtures("bot")
async def test_a_yes_after_its_time_is_none(env: Environment) -> None:
    """Even if nobody has ended the request by then."""
    await save_settings(env, approval=ALWAYS)
    await propose(env)
    await run_out(env, unseen=True)
    await env.admin.click(root(env), "Approve")
    await env.slack.until(
        lambda: any("has expired" in one.text for one in env.admin.ephemerals(env.channel))
    )
    assert creates(env) == 0


@pytest.mark.usefixtures("bot")
async def test_disconnecting_ends_what_waits(env: Environment) -> None:
    """Plainly, and nothing is made by a late Approve."""
    await save_settings(env, approval=ALWAYS)
    await propose(env)
    stale = deepcopy(root(env))
    await env.admin.command(env.channel, "disconnect")
    question = await env.slack.until(
        lambda: next(
            (one for one in env.admin.ephemerals(env.channel) if "Disconnect" in one.text), None
        )
    )
    await env.admin.click(question, "Disconnect")
    await env.slack.until(lambda: len(thread(env)) == 2 and root(env).buttons == ["Try again"])
    assert thread(env) == snapshot(
        [
            "@admin, @requester asks you to approve or reject it.",
            "# @admin disconnected `prod`, so this can't be approved any more. Nothing was created.",
        ]
    )
    seen = len(env.admin.ephemerals(env.channel))
    await env.admin.click(stale, "Approve")
    await env.slack.until(lambda: len(env.admin.ephemerals(env.channel)) > seen)
    assert rendered_text(env, env.admin.ephemerals(env.channel)[-1].text) == snapshot(
        "`prod` is disconnected from this channel, so nothing was done. An admin can connect it again; until then, use Friendli Suite."
    )


@pytest.mark.usefixtures("bot")
async def test_an_approval_that_was_switched_off_is_still_given_by_a_click(
    env: Environment,
) -> None:
    """Even by whoever asked, who may approve: no second person is needed any more."""
    await save_settings(env, approval=ALWAYS)
    await waits(env, env.admin, LINE)
    await env.slack.until(lambda: last_reply_contains(env, "asks you to approve or reject it"))
    await save_settings(env, approval="No approval needed")
    await env.admin.click(root(env), "Approve")
    await env.slack.until(lambda: len(thread(env)) == 3)
    assert creates(env) == 1


@pytest.mark.usefixtures("bot")
async def test_a_channel_that_is_archived_while_something_waits(env: Environment) -> None:
    """When the time is over, whoever asked learns it directly."""
    await save_settings(env, approval=ALWAYS)
    await propose(env)
    env.slack.archive(env.channel)
    await run_out(env)
    direct = env.slack.direct_message(env.member.user)
    told = await env.slack.until(
        lambda: next((one for one in direct.messages.values() if "wasn't" in one.text), None)
    )
    assert rendered_text(env, told.text) == snapshot(
        "I can't post in #ml-deploys: it is archived. *it* wasn't created. Unarchive it, then request it again."
    )
    assert creates(env) == 0


async def test_a_second_replica_makes_what_the_first_let_approve(
    env: Environment, start_bot: StartBot
) -> None:
    """A request outlives the bot that took it, and is approved through another one."""
    async with start_bot():
        await connect(env)
        await save_settings(env, approval=ALWAYS)
        await propose(env)
    async with running(env.settings(**SHORT_WAITS)), start_bot():
        await env.admin.click(root(env), "Approve")
        await env.slack.until(lambda: len(thread(env)) == 3)
    assert creates(env) == 1


@pytest.mark.usefixtures("bot")
async def test_another_project_ends_what_waits(env: Environment) -> None:
    """What was asked for one project isn't made in another."""
    await save_settings(env, approval=ALWAYS)
    await propose(env)
    env.friendli.add_project("other-project", TEAM)
    await env.admin.command(env.channel, "connect prod")
    await env.slack.until(lambda: env.admin.modal)
    await env.admin.fill("Friendli project id", "other-project")
    await env.admin.fill("Personal API key (flp_…)", API_KEY)
    await env.admin.submit()
    await env.slack.until(lambda: len(thread(env)) == 2 and root(env).buttons == ["Try again"])
    assert thread(env) == snapshot(
        [
            "@admin, @requester asks you to approve or reject it.",
            "# @admin connected `prod` to another project, so this can't be approved any more. Nothing was created.",
        ]
    )
    assert creates(env) == 0


@pytest.mark.usefixtures("bot")
async def test_what_needs_approval_is_said_before_the_click(env: Environment) -> None:
    """By whom and why, in the preview, in the form and before an update; below it, nothing."""
    note = "`prod` needs approval above $8.00/h, by workspace admins"
    await set_policy(env, Policy(approval=Approval.ABOVE, approval_above=Decimal(8)))
    for gpu, needs in (("1xH100", False), ("2xH100", True)):
        shown = await command_response(env, f"org/model --gpu {gpu} --replicas 1 --name it")
        assert (note in shown.text) is needs
    await env.member.command(env.channel)
    view = await env.slack.until(lambda: env.member.modal)
    assert "needs approval" not in str(view.blocks)
    await env.member.fill("Instance", "2xH100")
    await env.slack.until(lambda: note in str(view.blocks))
    await env.member.close_modal()
    await serve(env)
    before = await command_response(env, "update it --gpu 2xH100")
    assert f"{note}." in before.text
    await env.member.click(before, "Update")
    await env.slack.until(
        lambda: ephemeral_texts(env)[-1] == "The update of *it* waits for approval in its thread."
    )
    await env.slack.until(
        lambda: "waits for approval" in env.channel.replies(root(env).ts)[-1].text
    )


@pytest.mark.usefixtures("bot")
async def test_who_may_approve_is_named_in_the_form_at_once(env: Environment) -> None:
    """Where every request needs it, before anything is chosen."""
    await grant(
        env, Permission.APPROVE, who="The people and groups below", people=[env.admin.user.id]
    )
    await save_settings(env, approval=ALWAYS)
    await env.member.command(env.channel)
    view = await env.slack.until(lambda: env.member.modal)
    assert f"`prod` needs approval, by <@{env.admin.user.id}>" in str(view.blocks)
