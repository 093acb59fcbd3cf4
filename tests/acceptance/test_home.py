"""Stories of the Home tab: what is mine, what it has cost, and where I can deploy."""

from copy import deepcopy
from dataclasses import replace

import pytest
from inline_snapshot import snapshot

from bot.sandbox.environment import Environment, connect
from bot.sandbox.faults import Answer, Slow
from bot.sandbox.slack.conversations import ChannelKind
from bot.sandbox.slack.request_log import Direction
from tests.acceptance.at_home import clicked, home, redrawn, seen
from tests.acceptance.test_operations import sent
from tests.acceptance.test_polling import serve
from tests.acceptance.thread_assertions import root, roots, thread, whispers
from tests.conftest import StartBot


async def test_the_first_look(here: Environment, start_bot: StartBot) -> None:
    """Nothing runs and nothing is connected: what to do, and who can."""
    async with start_bot():
        assert seen(here, await home(here)) == snapshot("""\
Your endpoints
Nothing of yours runs now.
---
Where you can deploy
No channel that you are in is connected to a Friendli project yet. Type `/friendli-deploy connect` in the channel that should be; workspace admins can, such as @admin.
---
As of TIME.
[Refresh]\
""")
        await connect(here)
        assert seen(here, await home(here)) == snapshot("""\
Your endpoints
Nothing of yours runs now. Deploy a model from one of the channels below.
---
Where you can deploy
#ml-deploys · `prod` [Deploy]
---
As of TIME.
[Refresh]\
""")


@pytest.mark.usefixtures("bot")
async def test_what_serves_and_what_it_has_cost(here: Environment) -> None:
    """With the root's own buttons; what it cost is told as an estimate."""
    endpoint = await serve(here)
    assert seen(here, await home(here)) == snapshot("""\
Your endpoints
*1 endpoint* · *$5.00/h* now · SOME so far
● *it* is serving after MOMENTS
$5.00/h from now, until it sleeps or ends
org/model · 1 × H100 · 1 replica · endpoint `ENDPOINT-1` `prod` in #ml-deploys · asked for TIME · served for MOMENTS so far · <https://sandbox.slack.com/archives/C000000001/pROOT|its thread>
[Sleep] [Open in Friendli] [Update] [Terminate]
---
Where you can deploy
#ml-deploys · `prod` [Deploy]
---
As of TIME. “About” is estimated from how long it served and the price of its GPUs. What is charged stands in Friendli Suite under Billing.
[Refresh]\
""")
    here.clock.advance(3600)
    here.friendli.set_status(endpoint, "SLEEPING")
    await here.slack.until(lambda: "is sleeping" in root(here).text)
    assert seen(here, await home(here)) == snapshot("""\
Your endpoints
*1 endpoint* · *$0.00/h* now · about $5.00 so far
*it* is sleeping
$0.00/h while it sleeps; any request wakes it.
org/model · 1 × H100 · 1 replica · endpoint `ENDPOINT-1` `prod` in #ml-deploys · asked for TIME · served for 1 h, about $5.00 so far · <https://sandbox.slack.com/archives/C000000001/pROOT|its thread>
[Wake ($5.00/h)] [Open in Friendli] [Update] [Terminate]
---
Where you can deploy
#ml-deploys · `prod` [Deploy]
---
As of TIME. “About” is estimated from how long it served and the price of its GPUs. What is charged stands in Friendli Suite under Billing.
[Refresh]\
""")


@pytest.mark.usefixtures("bot")
async def test_a_button_at_home_does_what_it_does_in_the_channel(here: Environment) -> None:
    """The tab is drawn anew with what is so now, and the thread tells the rest."""
    await serve(here)
    await home(here)
    view = await clicked(here, "Sleep")
    assert "*it* is being put to sleep" in seen(here, view)
    await here.slack.until(lambda: "Asleep, as asked" in thread(here)[-1])
    assert thread(here)[2] == snapshot("@requester asked to put it to sleep.")
    assert "[Wake ($5.00/h)]" in seen(here, await home(here))


@pytest.mark.usefixtures("bot")
async def test_a_double_click_at_home_acts_once(here: Environment) -> None:
    """The second one is answered above everything else."""
    await serve(here)
    await here.member.double_click(await home(here), "Sleep")
    await here.slack.until(lambda: "is sleeping" in root(here).text)
    assert sent(here, "sleep_endpoint") == 1


@pytest.mark.usefixtures("bot")
async def test_a_stale_button_at_home_is_answered_with_what_is_true(here: Environment) -> None:
    """What was drawn before something changed does nothing, and says so."""
    endpoint = await serve(here)
    stale = deepcopy(here.member.button(await home(here), "Sleep"))
    here.friendli.set_status(endpoint, "SLEEPING")
    await here.slack.until(lambda: "is sleeping" in root(here).text)
    assert here.member.home is not None
    before = here.member.home.updates
    await here.member.click(here.member.home, stale)
    view = await redrawn(here, before)
    assert seen(here, view).splitlines()[:3] == snapshot(
        ["It is sleeping now, so there was nothing to do.", "---", "Your endpoints"]
    )
    assert sent(here, "sleep_endpoint") == 0


@pytest.mark.usefixtures("bot")
async def test_deploying_from_home(here: Environment) -> None:
    """The form is that of the channel whose button was used."""
    await home(here)
    assert here.member.home is not None
    await here.member.click(here.member.home, "Deploy")
    await here.slack.until(lambda: here.member.modal)
    await here.member.fill("Model", "org/model")
    await here.member.fill("Instance", "1xH100")
    await here.member.submit()
    await here.slack.until(lambda: roots(here))


@pytest.mark.usefixtures("bot")
async def test_ending_it_from_home(here: Environment) -> None:
    """A sleeping one can be ended too."""
    endpoint = await serve(here)
    here.friendli.set_status(endpoint, "SLEEPING")
    await here.slack.until(lambda: "is sleeping" in root(here).text)
    view = await home(here)
    assert "[Terminate]" in seen(here, view)
    await clicked(here, "Terminate")
    await here.slack.until(lambda: "Terminating." in thread(here)[-1])


@pytest.mark.usefixtures("bot")
async def test_who_left_the_channel_sees_no_more_of_it_and_acts_no_more(here: Environment) -> None:
    """That something of theirs runs is told, since it costs money; nothing else is."""
    await serve(here)
    await home(here)
    here.slack.set_member(here.channel, here.member.user, member=False)
    shown = await clicked(here, "Sleep")
    assert seen(here, shown) == snapshot("""\
You aren't in its channel any more, or I'm not, so nothing was done.
Someone who is in that channel can do it there.
---
Your endpoints
Nothing of yours runs now.
1 of yours runs where you or I have left the channel, so it isn't shown here
---
Where you can deploy
No channel that you are in is connected to a Friendli project yet. Type `/friendli-deploy connect` in the channel that should be; workspace admins can, such as @admin.
---
As of TIME.
[Refresh]\
""")
    assert sent(here, "sleep_endpoint") == 0


@pytest.mark.usefixtures("bot")
async def test_a_private_channel_that_the_bot_was_removed_from(here: Environment) -> None:
    """Nobody can tell any more who is in it, so nothing is done from Home."""
    await serve(here)
    await home(here)
    here.channel.kind = ChannelKind.PRIVATE
    here.slack.remove_bot(here.channel)
    assert "You aren't in its channel any more, or I'm not" in seen(
        here, await clicked(here, "Sleep")
    )
    assert sent(here, "sleep_endpoint") == 0


@pytest.mark.usefixtures("bot")
async def test_ids_of_another_channel_reach_nothing(here: Environment) -> None:
    """A button whose block names a channel that the deployment isn't of."""
    await serve(here)
    other = here.slack.add_channel("other", members=[here.member.user])
    stolen = deepcopy(here.member.button(await home(here), "Sleep"))
    assert here.channel.id in stolen.block_id
    forged = replace(stolen, block_id=stolen.block_id.replace(here.channel.id, other.id))
    assert here.member.home is not None
    before = here.member.home.updates
    await here.member.click(here.member.home, forged)
    view = await redrawn(here, before)
    assert seen(here, view).startswith("I don't know this endpoint any more, so nothing was done.")
    assert sent(here, "sleep_endpoint") == 0


@pytest.mark.usefixtures("bot")
async def test_a_guest_looks_and_has_no_buttons(here: Environment) -> None:
    """People of other organisations see which targets there are, and act nowhere."""
    user = here.slack.add_user("guest", team_id="T000000099")
    here.slack.set_member(here.channel, user, member=True)
    assert seen(here, await home(here, here.slack.act_as(user))) == snapshot("""\
Your endpoints
Nothing of yours runs now. Deploy a model from one of the channels below.
---
Where you can deploy
#ml-deploys · `prod` · you can look on there
---
As of TIME.
[Refresh]\
""")


@pytest.mark.usefixtures("bot")
async def test_slack_doesn_t_say_where_somebody_is(here: Environment) -> None:
    """Nothing is shown that might not be theirs to see, and nothing is done."""
    await serve(here)
    await home(here)
    fault = here.slack.faults.add(Answer(500), operation="users.conversations", times=None)
    assert seen(here, await clicked(here, "Sleep")) == snapshot("""\
Slack doesn't say in time whether you are in its channel, so nothing was done.
Try again in a moment, or use the buttons in its thread.
---
Slack doesn't say which channels you are in, so I can't show what is yours. Whatever runs goes on.
[Refresh]\
""")
    here.slack.faults.remove(fault)
    assert "[Sleep]" in seen(here, await clicked(here, "Refresh"))
    assert sent(here, "sleep_endpoint") == 0


@pytest.mark.usefixtures("bot")
async def test_slack_asks_to_wait_before_it_shows_a_home_tab(here: Environment) -> None:
    """It is drawn again after that, with what is so by then."""
    wait = Answer(429, {"ok": False, "error": "ratelimited"}, headers={"Retry-After": "1"})
    here.slack.faults.add(wait, operation="views.publish")
    assert "Where you can deploy" in seen(here, await home(here))


@pytest.mark.usefixtures("bot")
async def test_an_answer_that_can_t_be_shown_at_home_is_shown_in_the_channel(
    here: Environment,
) -> None:
    """An app whose Home tab was switched off refuses to show it."""
    endpoint = await serve(here)
    await home(here)
    stale = deepcopy(here.member.button(await home(here), "Sleep"))
    here.friendli.set_status(endpoint, "SLEEPING")
    await here.slack.until(lambda: "is sleeping" in root(here).text)
    here.slack.faults.add(
        Answer(200, {"ok": False, "error": "not_enabled"}), operation="views.publish", times=None
    )
    assert here.member.home is not None
    await here.member.click(here.member.home, stale)
    await here.slack.until(lambda: whispers(here))
    assert whispers(here) == snapshot(["It is sleeping now, so there was nothing to do."])


@pytest.mark.usefixtures("bot")
async def test_an_opening_that_is_told_three_times_is_drawn_once(here: Environment) -> None:
    """Slack repeats events that it believes unheard."""
    await home(here)
    await here.slack.deliver_again()
    await here.slack.deliver_again()
    await home(here)
    shown = [
        entry
        for entry in here.slack.requests.entries
        if entry.direction is Direction.TO_SLACK and entry.operation == "views.publish"
    ]
    assert len(shown) == 2


@pytest.mark.usefixtures("bot")
async def test_what_doesn_t_fit_is_counted(here: Environment) -> None:
    """A Home tab takes a hundred blocks."""
    for number in range(17):
        await here.member.command(
            here.channel, f"org/model --gpu H100 --replicas 1 --name n{number} --yes"
        )
    await here.slack.until(lambda: len(roots(here)) == 17, timeout=30)
    view = await home(here)
    assert len(view.blocks) <= 100
    assert "and 2 more; `/friendli-deploy list` in their channels shows them" in seen(here, view)


@pytest.mark.parametrize(
    "trouble",
    [
        Answer(403, {"detail": "not yours"}),
        Answer(404, {"detail": "no such thing"}),
        Answer(429, {"detail": "slow down"}, headers={"Retry-After": "60"}),
        Answer(200, {"data": "soon"}),
        Slow(3600),
    ],
    ids=["forbidden", "missing", "limited", "unreadable", "silent"],
)
async def test_what_it_cost_is_estimated_where_friendli_doesn_t_say(
    here: Environment, start_bot: StartBot, trouble: Answer | Slow
) -> None:
    """Then it is told as about so much; nobody waits for long, and the rest is shown."""
    async with start_bot(menu_timeout=0.3):
        await connect(here)
        endpoint = await serve(here)
        here.clock.advance(3600)
        here.friendli.set_status(endpoint, "SLEEPING")
        await here.slack.until(lambda: "is sleeping" in root(here).text)
        here.friendli.faults.add(trouble, operation="get_cost", times=None)
        shown = seen(here, await home(here))
    assert "served for 1 h, about $5.00 so far" in shown
    assert "*$0.00/h* now · about $5.00 so far" in shown
    assert "“About” is estimated" in shown


@pytest.mark.usefixtures("bot")
async def test_what_was_charged_is_asked_once_in_minutes(here: Environment) -> None:
    """However often somebody looks, wherever."""
    endpoint = await serve(here)
    here.clock.advance(3600)
    here.friendli.set_status(endpoint, "SLEEPING")
    await here.slack.until(lambda: "is sleeping" in root(here).text)
    assert "served for 1 h, $5.00 so far" in seen(here, await home(here))
    await home(here)
    await here.member.shortcut("endpoint.status", root(here))
    [said] = await here.slack.until(lambda: here.member.ephemerals(here.channel))
    assert "served for 1 h, $5.00 so far. “So far” is what Friendli charged" in said.words
    assert sent(here, "get_cost") == 1
