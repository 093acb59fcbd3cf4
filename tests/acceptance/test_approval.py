"""Stories of what needs a second person's yes before anything is sent to Friendli."""

import asyncio
from copy import deepcopy
from datetime import timedelta

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
from bot.sandbox.environment import API_KEY, TEAM, Environment, connect
from bot.sandbox.slack.people import Actor
from tests.acceptance.configuring import configure, grant
from tests.acceptance.thread_assertions import ends, plain, root, thread, whispers, words
from tests.conftest import QUICK, StartBot

ALWAYS = "Every request needs approval"
LINE = "org/model --gpu 1xH100 --replicas 1 --name it --yes"


def creates(here: Environment) -> int:
    """How many create requests reached the API."""
    return sum(one.operation == "create_endpoint" for one in here.friendli.requests)


async def waits(here: Environment, person: Actor, line: str) -> None:
    """Ask for a deployment, and see that it waits."""
    await person.command(here.channel, line)
    await here.slack.until(lambda: "waits for approval" in root(here).text)


async def propose(here: Environment, line: str = LINE) -> None:
    """Ask for a deployment that needs approval, and see its root."""
    await waits(here, here.member, line)
    # Admins, who aren't named in the root, are mentioned in the thread.
    await here.slack.until(lambda: ends(here, "asks you to decide about it"))


def second_admin(here: Environment) -> Actor:
    """Another admin, in the channel."""
    second = here.slack.act_as(here.slack.add_user("second", is_admin=True))
    here.channel.member_ids.append(second.user.id)
    return second


async def run_out(here: Environment, *, unseen: bool = False) -> None:
    """Let the time of everything that waits be over; nobody has looked yet if it is unseen."""
    database = Database(here.database)
    async with database.write() as session:
        past = after(timedelta(seconds=-1))
        await session.execute(update(Deployment).values(expires_at=past))
        await session.execute(update(Operation).values(expires_at=past))
        for id_ in (await session.scalars(select(Deployment.id))).all() if not unseen else ():
            await make_due(session, Deployment, id_)
    await database.close()


@pytest.mark.usefixtures("bot")
async def test_nothing_is_made_before_somebody_approved_it(here: Environment) -> None:
    """The root asks, with the price and who may; after the yes it is made like any other."""
    await configure(here, approval=ALWAYS)
    await propose(here)
    assert words(here, root(here)) == snapshot("""\
*it* waits for approval
$5.00/h once it serves · workspace admins may approve it, until TIME. Nothing is made before.
Skip special tokens: `on` · Add special tokens: `on`
org/model · 1 × H100 · 1 replica
asked by @requester at TIME · target `prod`
[Approve] [Reject] [Withdraw]\
""")
    assert here.friendli.requests[-1].operation != "create_endpoint"
    await here.admin.click(root(here), "Approve")
    await here.slack.until(lambda: len(thread(here)) == 3)
    assert thread(here) == snapshot(
        [
            "@admin: @requester asks you to decide about it.",
            "@admin approved it.",
            "Friendli made it, as `ENDPOINT-1`. Getting a GPU machine.",
        ]
    )
    assert creates(here) == 1
    await here.slack.until(lambda: root(here).buttons == ["Open in Friendli", "Cancel"])


async def asked_long_ago(here: Environment) -> None:
    """Let the only request be an hour old."""
    database = Database(here.database)
    async with database.write() as session:
        await session.execute(update(Deployment).values(requested_at=after(timedelta(hours=-1))))
    await database.close()


@pytest.mark.usefixtures("bot")
async def test_what_waited_long_for_its_approval_is_not_given_up(here: Environment) -> None:
    """For how long it is tried counts from the approval."""
    await configure(here, approval=ALWAYS)
    await propose(here)
    await asked_long_ago(here)
    await here.admin.click(root(here), "Approve")
    await here.slack.until(lambda: ends(here, "Friendli made it"))
    assert creates(here) == 1


@pytest.mark.usefixtures("bot")
async def test_the_price_at_full_scale_decides(here: Environment) -> None:
    """Above so many dollars an hour, with every replica that the request allows."""
    await configure(here, approval="Requests above a price need approval", above=10)
    await here.member.command(
        here.channel, "org/model --gpu 2xH100 --replicas 1 --name small --yes"
    )
    await here.slack.until(lambda: root(here).text and thread(here))
    assert creates(here) == 1
    await here.member.command(here.channel, "org/model --gpu 1xH100 --autoscale 0..3 --name big")
    [preview] = await here.slack.until(lambda: here.member.ephemerals(here.channel))
    await here.member.click(preview, "Deploy")
    await here.slack.until(lambda: "waits for approval" in whispers(here)[-1])
    assert whispers(here) == snapshot(["*big* waits for approval; its thread is in this channel."])
    big = await here.slack.until(
        lambda: next(
            (one for one in here.channel.messages.values() if "*big* waits" in one.text), None
        )
    )
    assert words(here, big) == snapshot("""\
*big* waits for approval
$5.00/h per replica once it serves, $15.00/h at most · workspace admins may approve it, until TIME. Nothing is made before.
Skip special tokens: `on` · Add special tokens: `on` · Cool-down: `300 s`
org/model · 1 × H100 · 0–3 replicas
asked by @requester at TIME · target `prod`
[Approve] [Reject] [Withdraw]\
""")
    assert creates(here) == 1


@pytest.mark.usefixtures("bot")
async def test_a_rejection_says_why(here: Environment) -> None:
    """In the thread and in the channel, with the way to ask for something else."""
    await configure(here, approval=ALWAYS)
    await propose(here)
    await here.admin.click(root(here), "Reject")
    await here.slack.until(lambda: here.admin.modal)
    await here.admin.fill("Reason", "Use the <staging> one, please")
    await here.admin.submit()
    await here.slack.until(lambda: len(thread(here)) == 2 and root(here).buttons == ["Try again"])
    assert thread(here) == snapshot(
        [
            "@admin: @requester asks you to decide about it.",
            "# @admin rejected it: “Use the <staging> one, please”. Nothing was made.",
        ]
    )
    assert words(here, root(here)) == snapshot("""\
*it* wasn't approved
Nothing was made; the thread says why.
org/model · 1 × H100 · 1 replica
asked by @requester at TIME · target `prod`
[Try again]\
""")
    assert creates(here) == 0


@pytest.mark.usefixtures("bot")
async def test_nobody_approves_their_own_unless_the_target_lets_them(here: Environment) -> None:
    """Also not an admin."""
    await configure(here, approval=ALWAYS)
    await waits(here, here.admin, LINE)
    await here.slack.until(lambda: ends(here, "asks you to decide about it"))
    seen = len(here.admin.ephemerals(here.channel))
    await here.admin.click(root(here), "Approve")
    await here.slack.until(lambda: len(here.admin.ephemerals(here.channel)) > seen)
    assert plain(here, here.admin.ephemerals(here.channel)[-1].text) == snapshot(
        "You asked for this yourself, so somebody else has to approve it: workspace admins may."
    )
    await configure(here, also=["own"])
    await here.admin.click(root(here), "Approve")
    await here.slack.until(lambda: ends(here, "approved it") or len(thread(here)) > 2)
    assert thread(here)[1] == snapshot("@admin approved it.")


@pytest.mark.usefixtures("bot")
async def test_who_may_not_approve_is_told_who_may(here: Environment) -> None:
    """Nothing happens to the request."""
    await configure(here, approval=ALWAYS)
    group = here.slack.add_usergroup("ml-leads", [here.admin.user])
    await grant(here, Permission.APPROVE, who="The people and groups below", groups=["@ml-leads"])
    await waits(here, here.member, LINE)
    assert f"<!subteam^{group.id}> may approve it" in str(root(here).blocks)
    await here.member.click(root(here), "Approve")
    await here.slack.until(lambda: whispers(here))
    assert whispers(here)[0].replace(group.id, "GROUP") == snapshot(
        "Approving in `prod` is for <!subteam^GROUP>. Ask them posts your request in this thread."
    )
    assert "waits for approval" in root(here).text


@pytest.mark.usefixtures("bot")
async def test_of_two_who_approve_at_once_one_does(here: Environment) -> None:
    """The other is told who was faster; one endpoint is made."""
    await configure(here, approval=ALWAYS)
    await propose(here)
    second = second_admin(here)
    seen = len(here.admin.ephemerals(here.channel)) + len(second.ephemerals(here.channel))
    await asyncio.gather(
        here.admin.click(root(here), "Approve"), second.click(root(here), "Approve")
    )

    def told() -> list[str]:
        both = [*here.admin.ephemerals(here.channel), *second.ephemerals(here.channel)]
        return [plain(here, message.text) for message in both]

    await here.slack.until(lambda: len(told()) > seen and len(thread(here)) == 3)
    assert any("approved it already; the thread tells how it goes." in text for text in told())
    assert creates(here) == 1
    assert sum("approved it." in text for text in thread(here)) == 1


@pytest.mark.usefixtures("bot")
async def test_a_double_click_on_approve_makes_one(here: Environment) -> None:
    """Both clicks are accepted by Slack; one has an effect."""
    await configure(here, approval=ALWAYS)
    await propose(here)
    await here.admin.double_click(root(here), "Approve")
    await here.slack.until(lambda: len(thread(here)) == 3)
    assert creates(here) == 1


@pytest.mark.usefixtures("bot")
async def test_whoever_asked_may_withdraw_it(here: Environment) -> None:
    """Also where ending endpoints is for others; a late Approve learns it."""
    await configure(here, approval=ALWAYS)
    await grant(here, Permission.TERMINATE, who="Workspace admins")
    await propose(here)
    stale = deepcopy(root(here))
    await here.member.click(root(here), "Withdraw")
    await here.slack.until(lambda: len(thread(here)) == 2 and root(here).buttons == ["Try again"])
    assert thread(here) == snapshot(
        [
            "@admin: @requester asks you to decide about it.",
            "@requester withdrew it. Nothing was made.",
        ]
    )
    assert "was cancelled" in root(here).text
    seen = len(here.admin.ephemerals(here.channel))
    await here.admin.click(stale, "Approve")
    await here.slack.until(lambda: len(here.admin.ephemerals(here.channel)) > seen)
    assert plain(here, here.admin.ephemerals(here.channel)[-1].text) == snapshot(
        "It was withdrawn; nothing was done."
    )
    assert creates(here) == 0


@pytest.mark.usefixtures("bot")
async def test_what_nobody_approves_in_time_is_over(here: Environment) -> None:
    """The thread says so, and a late Approve or Reject learns it."""
    await configure(here, approval=ALWAYS, wait=2)
    await propose(here)
    stale = deepcopy(root(here))
    await run_out(here)
    # The time of the click may be later than the scan that ends it; both say the same.
    await here.slack.until(lambda: len(thread(here)) == 2 and root(here).buttons == ["Try again"])
    assert words(here, here.channel.replies(root(here).ts)[-1]).startswith(
        "Nobody approved it within "
    )
    for button in ("Approve", "Reject"):
        seen = len(here.admin.ephemerals(here.channel))
        await here.admin.click(stale, button)
        await here.slack.until(lambda seen=seen: len(here.admin.ephemerals(here.channel)) > seen)  # type: ignore[misc] # bound in the loop
        assert plain(here, here.admin.ephemerals(here.channel)[-1].text) == snapshot(
            "Its time to be approved is over; nothing was done."
        )
    assert creates(here) == 0


@pytest.mark.usefixtures("bot")
async def test_a_yes_after_its_time_is_none(here: Environment) -> None:
    """Even if nobody has ended the request by then."""
    await configure(here, approval=ALWAYS)
    await propose(here)
    await run_out(here, unseen=True)
    await here.admin.click(root(here), "Approve")
    await here.slack.until(
        lambda: any("is over" in one.text for one in here.admin.ephemerals(here.channel))
    )
    assert creates(here) == 0


@pytest.mark.usefixtures("bot")
async def test_disconnecting_ends_what_waits(here: Environment) -> None:
    """Plainly, and nothing is made by a late Approve."""
    await configure(here, approval=ALWAYS)
    await propose(here)
    stale = deepcopy(root(here))
    await here.admin.command(here.channel, "disconnect")
    question = await here.slack.until(
        lambda: next(
            (one for one in here.admin.ephemerals(here.channel) if "Disconnect" in one.text), None
        )
    )
    await here.admin.click(question, "Disconnect")
    await here.slack.until(lambda: len(thread(here)) == 2 and root(here).buttons == ["Try again"])
    assert thread(here) == snapshot(
        [
            "@admin: @requester asks you to decide about it.",
            "# @admin disconnected `prod`, so this can't be approved any more. Nothing was made.",
        ]
    )
    seen = len(here.admin.ephemerals(here.channel))
    await here.admin.click(stale, "Approve")
    await here.slack.until(lambda: len(here.admin.ephemerals(here.channel)) > seen)
    assert plain(here, here.admin.ephemerals(here.channel)[-1].text) == snapshot(
        "There is nothing left to decide here; the thread says how it stands."
    )


@pytest.mark.usefixtures("bot")
async def test_an_approval_that_was_switched_off_is_still_given_by_a_click(
    here: Environment,
) -> None:
    """Even by whoever asked, who may approve: no second person is needed any more."""
    await configure(here, approval=ALWAYS)
    await waits(here, here.admin, LINE)
    await here.slack.until(lambda: ends(here, "asks you to decide about it"))
    await configure(here, approval="Nobody has to approve")
    await here.admin.click(root(here), "Approve")
    await here.slack.until(lambda: len(thread(here)) == 3)
    assert creates(here) == 1


@pytest.mark.usefixtures("bot")
async def test_a_channel_that_is_archived_while_something_waits(here: Environment) -> None:
    """When the time is over, whoever asked learns it directly."""
    await configure(here, approval=ALWAYS)
    await propose(here)
    here.slack.archive(here.channel)
    await run_out(here)
    direct = here.slack.direct_message(here.member.user)
    told = await here.slack.until(
        lambda: next((one for one in direct.messages.values() if "wasn't" in one.text), None)
    )
    assert plain(here, told.text) == snapshot(
        "I can't write in #ml-deploys: it is archived. *it* wasn't made. Unarchive it, then ask again."
    )
    assert creates(here) == 0


async def test_a_second_replica_makes_what_the_first_let_approve(
    here: Environment, start_bot: StartBot
) -> None:
    """A request outlives the bot that took it, and is approved through another one."""
    async with start_bot():
        await connect(here)
        await configure(here, approval=ALWAYS)
        await propose(here)
    async with running(here.settings(**QUICK)), start_bot():
        await here.admin.click(root(here), "Approve")
        await here.slack.until(lambda: len(thread(here)) == 3)
    assert creates(here) == 1


@pytest.mark.usefixtures("bot")
async def test_another_project_ends_what_waits(here: Environment) -> None:
    """What was asked for one project isn't made in another."""
    await configure(here, approval=ALWAYS)
    await propose(here)
    here.friendli.add_project("other-project", TEAM)
    await here.admin.command(here.channel, "connect prod")
    await here.slack.until(lambda: here.admin.modal)
    await here.admin.fill("Friendli project id", "other-project")
    await here.admin.fill("Personal API key (flp_…)", API_KEY)
    await here.admin.submit()
    await here.slack.until(lambda: len(thread(here)) == 2 and root(here).buttons == ["Try again"])
    assert thread(here) == snapshot(
        [
            "@admin: @requester asks you to decide about it.",
            "# @admin connected `prod` to another project, so this can't be approved any more. Nothing was made.",
        ]
    )
    assert creates(here) == 0
