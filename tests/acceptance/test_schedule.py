"""Stories of endpoints that fall asleep and wake at times of day."""

from decimal import Decimal
from functools import partial

import pytest
from inline_snapshot import snapshot

from bot.domain.policy import Approval, Policy
from bot.sandbox.environment import Environment, connect
from tests.acceptance.clock import decide, schedules_due
from tests.acceptance.listing import Counted, asked
from tests.acceptance.thread_assertions import (
    ends,
    plain,
    root,
    roots,
    thread,
    told,
    whispers,
    words,
)
from tests.conftest import StartBot


async def serve(here: Environment, status: str = "RUNNING") -> str:
    """Deploy a model and bring it to a status; returns its id."""
    await here.member.command(here.channel, "org/model --gpu 1xH100 --replicas 1 --name it --yes")
    await here.slack.until(lambda: roots(here) and told(here, 1))
    endpoint = next(iter(here.friendli.endpoints))
    here.friendli.set_status(endpoint, "RUNNING")
    await here.slack.until(lambda: told(here, 2))
    if status != "RUNNING":
        here.friendli.set_status(endpoint, status)
        await here.slack.until(lambda: told(here, 3))
    return endpoint


async def schedule(here: Environment, text: str) -> str:
    """Make a schedule; returns what only the member is told."""
    return plain(here, (await asked(here, text)).text)


@pytest.mark.usefixtures("bot")
async def test_what_a_schedule_means_is_said_back(here: Environment) -> None:
    """With its time zone and its next time, to the person and in the thread."""
    await serve(here)
    answers = [
        await schedule(here, text)
        for text in (
            "sleep it at 18:00 on weekdays",
            "wake it daily at 9:55 am",
            "sleep it tomorrow at 20",
            "sleep it at 25:00",
            "wake it on weekdays",
        )
    ]
    assert answers == snapshot(
        [
            "*it* is put to sleep weekdays at 18:00, Europe/Amsterdam; next: TIME.",
            "*it* is woken daily at 09:55, Europe/Amsterdam; next: TIME.",
            "*it* is put to sleep once at 20:00, Europe/Amsterdam; that is TIME.",
            "`at 25:00` isn't a time of day. Write `at 18:00`, `at 6pm on weekdays`, `daily at 09:55` or `tomorrow at 9`.",
            "`on weekdays` needs a time of day, such as `on weekdays at 18:00`. `/friendli-deploy wake it on weekdays at 18:00`",
        ]
    )
    await here.slack.until(lambda: told(here, 5))
    assert thread(here)[2:] == snapshot(
        [
            "@requester made a schedule: it is put to sleep weekdays at 18:00, Europe/Amsterdam; next: TIME.",
            "@requester made a schedule: it is woken daily at 09:55, Europe/Amsterdam; next: TIME. From then on it costs $5.00/h.",
            "@requester made a schedule: it is put to sleep once at 20:00, Europe/Amsterdam; that is TIME.",
        ]
    )


@pytest.mark.usefixtures("bot")
async def test_at_its_time_it_is_done_once_and_comes_again(here: Environment) -> None:
    """The operation and the next time are written together."""
    endpoint = await serve(here)
    counted = Counted(here)
    await schedule(here, "sleep it daily at 18:00")
    await schedules_due(here)
    await here.friendli.until(lambda: counted.of("sleep_endpoint"))
    here.friendli.set_status(endpoint, "SLEEPING")
    await here.slack.until(partial(ends, here, "Asleep"))
    assert thread(here)[3:] == snapshot(
        [
            "By its schedule, it is put to sleep.",
            "Asleep, as asked. $0.00/h while it sleeps; any request wakes it.",
        ]
    )
    assert "is put to sleep daily at 18:00" in (await asked(here, "schedules")).text
    assert counted.of("sleep_endpoint") == 1


@pytest.mark.usefixtures("bot")
async def test_waking_once_leaves_no_schedule(here: Environment) -> None:
    """What comes once is gone once it is done."""
    await serve(here, "SLEEPING")
    counted = Counted(here)
    await schedule(here, "wake it at 09:55")
    await schedules_due(here)
    await here.friendli.until(lambda: counted.of("wake_endpoint"))
    await here.slack.until(partial(ends, here, "By its schedule"))
    assert plain(here, (await asked(here, "schedules")).text) == snapshot("""\
There are no schedules.
`/friendli-deploy sleep [endpoint] at 18:00 on weekdays` makes one.\
""")


@pytest.mark.usefixtures("bot")
async def test_what_doesn_t_fit_is_skipped_quietly(here: Environment) -> None:
    """An endpoint that sleeps already isn't put to sleep, and nobody is told."""
    await serve(here, "SLEEPING")
    await schedule(here, "sleep it at 18:00")
    await here.slack.until(lambda: told(here, 4))
    await schedules_due(here)
    while "no schedules" not in (await asked(here, "schedules it")).text:
        pass
    assert told(here, 4)


async def test_what_was_missed_is_made_up_for_unless_it_costs(
    here: Environment, start_bot: StartBot
) -> None:
    """Sleep is done late, with words; to wake late is for somebody to decide."""
    async with start_bot():
        await connect(here)
        endpoint = await serve(here)
        await schedule(here, "sleep it at 18:00")
    await schedules_due(here, ago=3600)
    async with start_bot():
        await here.slack.until(partial(ends, here, "By its schedule"))
        here.friendli.set_status(endpoint, "SLEEPING")
        await here.slack.until(partial(ends, here, "Asleep"))
        await schedule(here, "wake it at 09:55")
    await schedules_due(here, ago=3600)
    counted = Counted(here)
    async with start_bot():
        await here.slack.until(partial(ends, here, "isn't made up for"))
    assert counted.of("wake_endpoint") == 0
    assert [line for line in thread(here) if "missed" in line] == snapshot(
        [
            "It should have been put to sleep at TIME; that was missed, so it is done now.",
            "# It should have been woken at TIME; that was missed, and isn't made up for. Wake it if you still want it.",
        ]
    )


async def test_a_wake_that_was_missed_does_not_wait_for_what_goes_down(
    here: Environment, start_bot: StartBot
) -> None:
    """While it is stopping, it is said at once that it isn't woken late."""
    async with start_bot():
        await connect(here)
        await serve(here, "STOPPING")
        await schedule(here, "wake it at 09:55")
    await schedules_due(here, ago=3600)
    async with start_bot():
        while "no schedules" not in (await asked(here, "schedules it")).text:
            pass
        assert "isn't made up for" not in thread(here)[-1]


async def test_a_wake_on_a_target_that_was_disconnected_is_not_done(
    here: Environment, start_bot: StartBot
) -> None:
    """Its endpoint is watched on through another target; nobody decides about spending on it."""
    async with start_bot():
        await connect(here)
        await serve(here, "SLEEPING")
        await connect(here, "staging")
        await schedule(here, "wake it at 09:55")
        await here.admin.command(here.channel, "disconnect prod")
        question = await here.slack.until(lambda: here.admin.ephemerals(here.channel)[-1])
        await here.admin.click(question, "Disconnect")
        await here.slack.until(
            lambda: any(
                "is disconnected" in one.text for one in here.admin.ephemerals(here.channel)
            )
        )
        counted = Counted(here)
        await schedules_due(here)
    async with start_bot():
        await here.slack.until(partial(ends, here, "was disconnected"))
    assert counted.of("wake_endpoint") == 0


@pytest.mark.usefixtures("bot")
async def test_schedules_are_listed_and_removed(here: Environment) -> None:
    """Each has a button; the second click is told what is so."""
    await serve(here)
    await schedule(here, "sleep it at 18:00 on weekdays")
    listed = await asked(here, "schedules")
    assert words(here, listed) == snapshot("""\
*it* is put to sleep weekdays at 18:00, Europe/Amsterdam; next: TIME
Remove
[Remove]\
""")
    await here.member.click(listed, "Remove")
    await here.slack.until(partial(ends, here, "removed the schedule"))
    assert thread(here)[-1] == snapshot(
        "@requester removed the schedule by which it is put to sleep weekdays at 18:00, Europe/Amsterdam."
    )
    reply = here.channel.replies(root(here).ts)[2]
    before = len(here.member.ephemerals(here.channel))
    await here.member.click(reply, "Remove")
    await here.slack.until(lambda: len(here.member.ephemerals(here.channel)) > before)
    assert here.member.ephemerals(here.channel)[-1].text == snapshot(
        "This schedule isn't there any more: it was removed, or its time is over."
    )


@pytest.mark.usefixtures("bot")
async def test_waking_by_schedule_needs_the_approval_that_its_price_needs(
    here: Environment,
) -> None:
    """Asked for when it is due, of somebody else than whose schedule it is; or woken by hand."""
    await serve(here, "SLEEPING")
    await decide(here, Policy(approval=Approval.ABOVE, approval_above=Decimal(4)))
    counted = Counted(here)
    await schedule(here, "wake it daily at 09:55")
    await schedules_due(here)
    await here.slack.until(partial(ends, here, "waits for approval"))
    proposal = here.channel.replies(root(here).ts)[-1]
    await here.member.click(proposal, "Withdraw")
    await here.slack.until(partial(ends, here, "withdrew"))
    await schedules_due(here)
    await here.slack.until(partial(ends, here, "waits for approval"))
    assert thread(here)[3:] == snapshot(
        [
            "@requester made a schedule: it is woken daily at 09:55, Europe/Amsterdam; next: TIME. From then on it costs $5.00/h. It needs approval each time; the thread asks for it then.",
            "# By its schedule, it is to be woken now. *it* may then cost up to *$5.00/h*, so this waits for approval: workspace admins may approve it, until TIME. Nothing is sent to Friendli before.",
            "@requester withdrew the request. It stays as it is.",
            "# By its schedule, it is to be woken now. *it* may then cost up to *$5.00/h*, so this waits for approval: workspace admins may approve it, until TIME. Nothing is sent to Friendli before.",
        ]
    )
    assert counted.of("wake_endpoint") == 0
    proposal = here.channel.replies(root(here).ts)[-1]
    await here.admin.click(proposal, "Approve")
    await here.friendli.until(lambda: counted.of("wake_endpoint") == 1)


@pytest.mark.usefixtures("bot")
async def test_a_wake_that_waits_for_approval_is_not_walked_around_by_hand(
    here: Environment,
) -> None:
    """By hand it needs the same approval, until the target asks for none any more."""
    await serve(here, "SLEEPING")
    await decide(here, Policy(approval=Approval.ALWAYS))
    counted = Counted(here)
    await schedule(here, "wake it at 09:55")
    await schedules_due(here)
    await here.slack.until(partial(ends, here, "waits for approval"))
    proposal = here.channel.replies(root(here).ts)[-1]
    before = len(whispers(here))
    await here.member.click(root(here), "Wake ($5.00/h)")
    await here.slack.until(lambda: len(whispers(here)) > before)
    assert whispers(here)[-1] == snapshot(
        "@requester asked to wake it already; the thread tells how it goes."
    )
    assert counted.of("wake_endpoint") == 0
    await decide(here, Policy(approval=Approval.NEVER))
    await here.member.click(root(here), "Wake ($5.00/h)")
    await here.friendli.until(lambda: counted.of("wake_endpoint") == 1)
    await here.admin.click(proposal, "Approve")
    [said] = await here.slack.until(lambda: here.admin.ephemerals(here.channel))
    assert plain(here, said.text) == snapshot(
        "There is nothing left to decide here; the thread says how it stands."
    )
