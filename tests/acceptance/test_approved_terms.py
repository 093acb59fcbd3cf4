"""Stories of approvals that cover what was shown, and no higher price and no longer time."""

import asyncio
from copy import deepcopy
from functools import partial

import pytest
from inline_snapshot import snapshot
from sqlalchemy import update

from bot.db.deployment_tables import Deployment
from bot.db.session import Database
from bot.domain.policy import Approval, Policy
from bot.sandbox.environment import Environment, connect
from bot.sandbox.faults import Answer, DropRequest
from bot.sandbox.slack.conversations import Message
from bot.sandbox.slack.people import Actor
from tests.acceptance.clock import decide, lease_ends_in
from tests.acceptance.configuring import configure
from tests.acceptance.listing import Counted, asked
from tests.acceptance.test_approval import ALWAYS, creates, propose, run_out, second_admin
from tests.acceptance.test_lifetime import deploy
from tests.acceptance.test_polling import serve
from tests.acceptance.thread_assertions import ends, plain, root, thread, whispers, words
from tests.conftest import StartBot

EVERYTHING = Policy(approval=Approval.ALWAYS)


async def answered(
    here: Environment, person: Actor, message: Message, label: str = "Approve"
) -> str:
    """Click a button, and return what the person is answered."""
    seen = len(person.ephemerals(here.channel))
    await person.click(message, label)
    [said] = await here.slack.until(lambda: person.ephemerals(here.channel)[seen:])
    return plain(here, said.text)


async def asleep(here: Environment) -> None:
    """An endpoint sleeps on a target whose every request needs approval."""
    endpoint = await serve(here)
    here.friendli.set_status(endpoint, "SLEEPING")
    await here.slack.until(lambda: "is sleeping" in root(here).text)
    await decide(here, EVERYTHING)


async def propose_wake(here: Environment) -> Message:
    """Ask for a wake, and return the reply that waits for approval."""
    await here.member.click(root(here), "Wake ($5.00/h)")
    await here.slack.until(partial(ends, here, "waits for approval"))
    return here.channel.replies(root(here).ts)[-1]


async def test_a_deployment_whose_price_has_risen_is_approved_anew(
    here: Environment, start_bot: StartBot
) -> None:
    """The first message shows the new price; an approval of the old one makes nothing."""
    async with start_bot():
        await connect(here)
        await configure(here, approval=ALWAYS)
        await propose(here)
    stale = deepcopy(root(here))
    async with start_bot(gpu_prices="H100=7"):
        for _ in range(2):
            assert await answered(here, here.admin, stale) == snapshot(
                "Its price has changed since this message was made, so nothing was approved. The thread shows what it costs now; decide there."
            )
        await here.slack.until(lambda: "$7.00/h once it serves" in words(here, root(here)))
        assert thread(here)[1] == snapshot(
            "The price of *it* has changed since it was asked for. The first message of this thread shows the new one, and still waits for approval."
        )
        assert creates(here) == 0
        await here.admin.click(root(here), "Approve")
        await here.slack.until(partial(ends, here, "Friendli made it"))
    assert creates(here) == 1


async def test_an_operation_whose_price_has_risen_is_approved_anew(
    here: Environment, start_bot: StartBot
) -> None:
    """A new reply shows the price; the old one's button stays without effect."""
    async with start_bot():
        await connect(here)
        await asleep(here)
        stale = await propose_wake(here)
    counted = Counted(here)
    async with start_bot(gpu_prices="H100=7"):
        for _ in range(2):
            await answered(here, here.admin, stale)
        await here.slack.until(partial(ends, here, "$7.00/h"))
        assert thread(here)[-1] == snapshot(
            "# @requester asked to wake it. Its price has changed since. *it* may then cost up to *$7.00/h*, so this waits for approval: workspace admins may approve it, until TIME. Nothing is sent to Friendli before."
        )
        assert counted.of("wake_endpoint") == 0
        await here.admin.click(here.channel.replies(root(here).ts)[-1], "Approve")
        await here.friendli.until(lambda: counted.of("wake_endpoint") == 1)


async def test_a_price_that_has_fallen_is_covered(here: Environment, start_bot: StartBot) -> None:
    """Who agreed to more agreed to less."""
    async with start_bot():
        await connect(here)
        await configure(here, approval=ALWAYS)
        await propose(here)
    async with start_bot(gpu_prices="H100=3"):
        await here.admin.click(root(here), "Approve")
        await here.slack.until(partial(ends, here, "Friendli made it"))


async def test_what_was_approved_is_compared_with_what_is_sent(
    here: Environment, start_bot: StartBot
) -> None:
    """A price that rises after the approval, while Friendli can't be reached, sends nothing."""
    async with start_bot():
        await connect(here)
        await configure(here, approval=ALWAYS)
        await propose(here)
        here.friendli.faults.add(DropRequest(), operation="list_endpoints", times=None)
        await here.admin.click(root(here), "Approve")
        await here.slack.until(partial(ends, here, "approved it"))
    here.friendli.faults.clear()
    async with start_bot(gpu_prices="H100=7"):
        await here.slack.until(partial(ends, here, "wasn't made"))
    assert thread(here)[-1] == snapshot(
        "# *it* wasn't made. It was asked for at up to $5.00/h, and costs up to $7.00/h by now, so nothing was sent. Try again shows the new price, and asks for approval of it."
    )
    assert creates(here) == 0


async def test_an_operation_is_compared_too(here: Environment, start_bot: StartBot) -> None:
    """It stays as it is, and the thread says why."""
    async with start_bot():
        await connect(here)
        await asleep(here)
        proposal = await propose_wake(here)
        here.friendli.faults.add(Answer(429), operation="wake_endpoint", times=None)
        await here.admin.click(proposal, "Approve")
        await here.slack.until(partial(ends, here, "approved what"))
        await here.friendli.until(lambda: here.friendli.requests[-1].operation == "wake_endpoint")
    here.friendli.faults.clear()
    counted = Counted(here)
    async with start_bot(gpu_prices="H100=7"):
        await here.slack.until(partial(ends, here, "Nothing was sent"))
    assert thread(here)[-1] == snapshot(
        "# Nothing was sent: it was to be woken at up to $5.00/h, and would cost up to $7.00/h by now. It stays as it is. Ask again to have the new price approved."
    )
    assert counted.of("wake_endpoint") == 0


@pytest.mark.usefixtures("bot")
async def test_an_update_in_between_is_not_covered_by_the_approval_of_a_wake(
    here: Environment,
) -> None:
    """What the endpoint would cost now is more than the approver was shown."""
    await asleep(here)
    stale = await propose_wake(here)
    question = await asked(here, "update it --replicas 4")
    await here.member.click(question, "Update")
    await here.slack.until(partial(ends, here, "$20.00/h"))
    await here.admin.click(here.channel.replies(root(here).ts)[-1], "Approve")
    await here.slack.until(partial(ends, here, "Friendli has version"))
    counted = Counted(here)
    await answered(here, here.admin, stale)
    await here.slack.until(partial(ends, here, "Its price has changed since"))
    assert "$20.00/h" in thread(here)[-1]
    assert counted.of("wake_endpoint") == 0


@pytest.mark.usefixtures("bot")
async def test_of_two_who_approve_a_wake_at_once_one_does(here: Environment) -> None:
    """It is woken once, and never by whoever asked for it."""
    await asleep(here)
    await here.admin.click(root(here), "Wake ($5.00/h)")
    await here.slack.until(partial(ends, here, "waits for approval"))
    proposal = here.channel.replies(root(here).ts)[-1]
    assert "You asked for this yourself" in await answered(here, here.admin, proposal)
    counted = Counted(here)
    second, third = second_admin(here), here.slack.act_as(here.slack.add_user("c", is_admin=True))
    here.channel.member_ids.append(third.user.id)
    await asyncio.gather(second.click(proposal, "Approve"), third.click(proposal, "Approve"))
    await here.slack.until(lambda: second.ephemerals(here.channel) + third.ephemerals(here.channel))
    await here.friendli.until(lambda: counted.of("wake_endpoint") == 1)
    await here.slack.until(lambda: "approved what" in "".join(thread(here)))
    assert sum("approved what" in line for line in thread(here)) == 1


@pytest.mark.usefixtures("bot")
async def test_a_late_approval_of_a_wake_does_nothing(here: Environment) -> None:
    """After its time, and after it was woken by a request."""
    await asleep(here)
    proposal = await propose_wake(here)
    await run_out(here)
    await here.slack.until(partial(ends, here, "Nobody approved"))
    counted = Counted(here)
    assert await answered(here, here.admin, proposal) == snapshot(
        "Its time to be approved is over; nothing was done."
    )
    proposal = await propose_wake(here)
    [endpoint] = here.friendli.endpoints
    here.friendli.set_status(endpoint, "RUNNING")
    await here.slack.until(lambda: "is serving" in root(here).text)
    assert await answered(here, here.admin, proposal) == snapshot(
        "There is nothing left to decide here; the thread says how it stands."
    )
    assert counted.of("wake_endpoint") == 0


@pytest.mark.usefixtures("bot")
async def test_an_approved_extension_moves_the_end_to_what_was_shown(here: Environment) -> None:
    """The thread says by how much and until when, before and after."""
    await deploy(here)
    await decide(here, EVERYTHING)
    assert plain(here, (await asked(here, "extend it 9h")).text) == snapshot(
        "It runs until TIME, then it is terminated, unless somebody approves this in its thread."
    )
    await here.slack.until(partial(ends, here, "waits for approval"))
    proposal = here.channel.replies(root(here).ts)[-1]
    assert words(here, proposal) == snapshot("""\
@requester asked to extend it.
By 9 h, until TIME.
*it* costs up to *$5.00/h*, so this waits for approval: workspace admins may approve it, until TIME. Its end stays as it is until then.
[Approve] [Reject] [Withdraw]\
""")
    assert plain(here, (await asked(here, "extend it 30d")).text) == snapshot(
        "@requester asked for that already; it waits for approval in its thread."
    )
    await here.admin.click(proposal, "Approve")
    await here.slack.until(partial(ends, here, "extended it by 9 h"))
    assert thread(here)[-2:] == snapshot(
        [
            "@admin approved what @requester asked for.",
            "@requester extended it by 9 h: it runs until TIME, then it is terminated. It costs $5.00/h.",
        ]
    )


@pytest.mark.usefixtures("bot")
async def test_an_approved_keep_takes_the_end_away(here: Environment) -> None:
    """And what waits about a longer time has nothing left to decide."""
    await deploy(here)
    await decide(here, EVERYTHING)
    await asked(here, "extend it 9h")
    await here.slack.until(partial(ends, here, "waits for approval"))
    longer = here.channel.replies(root(here).ts)[-1]
    assert plain(here, (await asked(here, "keep it")).text) == snapshot(
        "It runs until TIME, then it is terminated, unless somebody approves this in its thread."
    )
    await here.slack.until(partial(ends, here, "asked to keep it running"))
    proposal = here.channel.replies(root(here).ts)[-1]
    assert words(here, proposal) == snapshot("""\
@requester asked to keep it running.
*it* costs up to *$5.00/h*, so this waits for approval: workspace admins may approve it, until TIME. Its end stays as it is until then.
[Approve] [Reject] [Withdraw]\
""")
    await here.admin.click(proposal, "Approve")
    await here.slack.until(partial(ends, here, "keeps it running"))
    assert await answered(here, here.admin, longer) == snapshot(
        "There is nothing left to decide here; the thread says how it stands."
    )


async def test_an_end_comes_although_an_extension_waits(
    here: Environment, start_bot: StartBot
) -> None:
    """Nobody approved it in time; a late approval learns that."""
    async with start_bot(lifetime_notice_min=0.05):
        await connect(here)
        endpoint = await deploy(here)
        await decide(here, EVERYTHING)
        await asked(here, "extend it 9h")
        await here.slack.until(partial(ends, here, "waits for approval"))
        proposal = here.channel.replies(root(here).ts)[-1]
        await lease_ends_in(here, 0)
        await here.slack.until(partial(ends, here, "it is terminated."))
        here.friendli.set_status(endpoint, "TERMINATED")
        await here.slack.until(partial(ends, here, "Terminated."))
        assert await answered(here, here.admin, proposal) == snapshot(
            "There is nothing left to decide here; the thread says how it stands."
        )


@pytest.mark.usefixtures("bot")
async def test_giving_an_end_needs_no_approval(here: Environment) -> None:
    """It costs less than before."""
    await deploy(here, lease="")
    await decide(here, EVERYTHING)
    await asked(here, "extend it 8h")
    await here.slack.until(partial(ends, here, "gave it an end"))


@pytest.mark.usefixtures("bot")
async def test_nothing_is_spent_on_a_target_that_is_disconnected(here: Environment) -> None:
    """While another target still watches its project: nobody decides about money there any more."""
    endpoint = await serve(here)
    here.friendli.set_status(endpoint, "SLEEPING")
    await here.slack.until(lambda: "is sleeping" in root(here).text)
    await connect(here, name="other")
    database = Database(here.database)
    async with database.write() as session:
        # Its target is gone, as after `disconnect` where another one brings the same key.
        await session.execute(update(Deployment).values(target_name="gone"))
    await database.close()
    counted = Counted(here)
    await here.member.click(root(here), "Wake ($5.00/h)")
    await here.slack.until(lambda: whispers(here))
    assert whispers(here)[-1] == snapshot(
        "Its target was disconnected here, so nothing that costs money is done. An admin can connect it again with `/friendli-deploy connect`."
    )
    assert counted.of("wake_endpoint") == 0
