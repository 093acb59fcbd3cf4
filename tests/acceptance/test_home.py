"""Stories of the Home tab: what is mine, what it has cost, and where I can deploy."""

from copy import deepcopy

import pytest
from inline_snapshot import snapshot

from bot.sandbox.environment import Environment, connect
from bot.sandbox.faults import Respond, Slow
from bot.sandbox.slack.conversations import ChannelKind
from bot.sandbox.slack.request_log import Direction
from tests.acceptance.deploying import serve
from tests.acceptance.endpoints import request_count
from tests.acceptance.home_tab import click_in_home_tab, home_tab, updated_home_tab, view_text
from tests.acceptance.thread_assertions import ephemeral_texts, root, roots, thread
from tests.conftest import StartBot


async def test_the_first_look(env: Environment, start_bot: StartBot) -> None:
    """Nothing runs and nothing is connected: what to do, and who can."""
    async with start_bot():
        assert view_text(env, await home_tab(env)) == snapshot("""\
Your endpoints
You have no endpoints.
---
Targets
None of your channels is connected to a Friendli project yet. Workspace admins, such as @admin can connect one with `/friendli-deploy connect`.
---
As of TIME.
[Refresh]\
""")
        await connect(env)
        assert view_text(env, await home_tab(env)) == snapshot("""\
Your endpoints
You have no endpoints. Deploy a model from a channel below.
---
Targets
#ml-deploys
`prod` · no endpoints [Deploy]
---
As of TIME.
[Refresh]\
""")


@pytest.mark.usefixtures("bot")
async def test_what_serves_and_what_it_has_cost(env: Environment) -> None:
    """With the root's own buttons; what it cost is told as an estimate."""
    endpoint = await serve(env)
    assert view_text(env, await home_tab(env)) == snapshot("""\
Your endpoints
*1 endpoint* · *$5.00/h* now · SOME so far
🟢 *it* is live (took MOMENTS) · $5.00/h while live
org/model@ffc8550 · 1 × H100 · 1 replica · endpoint `ENDPOINT-1` `prod` in #ml-deploys · requested by @requester · no lifetime · live for MOMENTS so far · <https://sandbox.slack.com/archives/C000000001/pROOT|it's thread>
[Use it] [Try a prompt] [Open in Friendli] [Update] [⋯ Sleep · Terminate · Deploy another like this · Copy as command]
---
Targets
#ml-deploys
`prod` · 1 endpoint · *$5.00/h* now [Deploy]
---
As of TIME. “About” is estimated from how long it was live and the price of its GPUs. Friendli Suite shows charges under Billing.
[Refresh]\
""")
    env.clock.advance(3600)
    env.friendli.set_status(endpoint, "SLEEPING")
    await env.slack.until(lambda: "is asleep" in root(env).text)
    assert view_text(env, await home_tab(env)) == snapshot("""\
Your endpoints
*1 endpoint* · *$0.00/h* now · about $5.00 so far
😴 *it* is asleep
$0.00/h while asleep; any request wakes it.
org/model@ffc8550 · 1 × H100 · 1 replica · endpoint `ENDPOINT-1` `prod` in #ml-deploys · requested by @requester · no lifetime · live for 1 h, about $5.00 so far · <https://sandbox.slack.com/archives/C000000001/pROOT|it's thread>
[Wake ($5.00/h)] [Open in Friendli] [Update] [⋯ Terminate · Deploy another like this · Copy as command]
---
Targets
#ml-deploys
`prod` · 1 endpoint · *$0.00/h* now [Deploy]
---
As of TIME. “About” is estimated from how long it was live and the price of its GPUs. Friendli Suite shows charges under Billing.
[Refresh]\
""")


@pytest.mark.usefixtures("bot")
async def test_a_button_at_home_does_what_it_does_in_the_channel(env: Environment) -> None:
    """The tab is drawn anew with what is so now, and the thread tells the rest."""
    await serve(env)
    await home_tab(env)
    view = await click_in_home_tab(env, "Sleep")
    assert "*it* is being put to sleep" in view_text(env, view)
    await env.slack.until(lambda: "Asleep" in thread(env)[-1])
    assert thread(env)[2] == snapshot("@requester asked to put it to sleep.")
    assert "[Wake ($5.00/h)]" in view_text(env, await home_tab(env))


@pytest.mark.usefixtures("bot")
async def test_a_double_click_at_home_acts_once(env: Environment) -> None:
    """The second one is answered above everything else."""
    await serve(env)
    await env.member.double_click(await home_tab(env), "Sleep")
    await env.slack.until(lambda: "is asleep" in root(env).text)
    assert request_count(env, "sleep_endpoint") == 1


@pytest.mark.usefixtures("bot")
async def test_a_stale_button_at_home_is_answered_with_what_is_true(env: Environment) -> None:
    """What was drawn before something changed does nothing, and says so."""
    endpoint = await serve(env)
    stale = deepcopy(await home_tab(env))
    env.friendli.set_status(endpoint, "SLEEPING")
    await env.slack.until(lambda: "is asleep" in root(env).text)
    assert env.member.home is not None
    before = env.member.home.updates
    await env.member.click(stale, "Sleep")
    view = await updated_home_tab(env, before)
    assert view_text(env, view).splitlines()[:3] == snapshot(
        ["It is already asleep.", "---", "Your endpoints"]
    )
    assert request_count(env, "sleep_endpoint") == 0


@pytest.mark.usefixtures("bot")
async def test_deploying_from_home(env: Environment) -> None:
    """The form is that of the channel whose button was used."""
    await home_tab(env)
    assert env.member.home is not None
    await env.member.click(env.member.home, "Deploy")
    await env.slack.until(lambda: env.member.modal)
    await env.member.fill("Model", "org/model")
    await env.member.fill("Instance", "1xH100")
    await env.member.submit()
    await env.slack.until(lambda: roots(env))


@pytest.mark.usefixtures("bot")
async def test_ending_it_from_home(env: Environment) -> None:
    """A sleeping one can be ended too."""
    endpoint = await serve(env)
    env.friendli.set_status(endpoint, "SLEEPING")
    await env.slack.until(lambda: "is asleep" in root(env).text)
    view = await home_tab(env)
    assert "Terminate" in view_text(env, view)
    asked = await click_in_home_tab(env, "Terminate")
    assert "Requests to it will fail" in view_text(env, asked)
    await click_in_home_tab(env, "Terminate", asked)
    await env.slack.until(lambda: "Terminating." in thread(env)[-1])


@pytest.mark.usefixtures("bot")
async def test_who_left_the_channel_sees_no_more_of_it_and_acts_no_more(env: Environment) -> None:
    """That something of theirs runs is told, since it costs money; nothing else is."""
    await serve(env)
    await home_tab(env)
    env.slack.set_member(env.channel, env.member.user, member=False)
    shown = await click_in_home_tab(env, "Sleep")
    assert view_text(env, shown) == snapshot("""\
You or I have left its channel, so nothing was done.
Someone in that channel can do it there.
---
Your endpoints
You have no endpoints.
1 endpoint runs in channels that you or I have left
---
Targets
None of your channels is connected to a Friendli project yet. Workspace admins, such as @admin can connect one with `/friendli-deploy connect`.
---
As of TIME.
[Refresh]\
""")
    assert request_count(env, "sleep_endpoint") == 0


@pytest.mark.usefixtures("bot")
async def test_a_private_channel_that_the_bot_was_removed_from(env: Environment) -> None:
    """Nobody can tell any more who is in it, so nothing is done from Home."""
    await serve(env)
    await home_tab(env)
    env.channel.kind = ChannelKind.PRIVATE
    env.slack.remove_bot(env.channel)
    assert "You or I have left its channel" in view_text(env, await click_in_home_tab(env, "Sleep"))
    assert request_count(env, "sleep_endpoint") == 0


@pytest.mark.usefixtures("bot")
async def test_ids_of_another_channel_reach_nothing(env: Environment) -> None:
    """A button whose block names a channel that the deployment isn't of."""
    await serve(env)
    other = env.slack.add_channel("other", members=[env.member.user])
    forged = deepcopy(await home_tab(env))
    [row] = [block for block in forged.blocks if "Sleep" in str(block)]
    assert env.channel.id in row["block_id"]
    row["block_id"] = row["block_id"].replace(env.channel.id, other.id)
    assert env.member.home is not None
    before = env.member.home.updates
    await env.member.click(forged, "Sleep")
    view = await updated_home_tab(env, before)
    assert view_text(env, view).startswith(
        "I don't know this endpoint any more, so nothing was done."
    )
    assert request_count(env, "sleep_endpoint") == 0


@pytest.mark.usefixtures("bot")
async def test_a_guest_looks_and_has_no_buttons(env: Environment) -> None:
    """People of other organisations see which targets there are, and act nowhere."""
    user = env.slack.add_user("guest", team_id="T000000099")
    env.slack.set_member(env.channel, user, member=True)
    assert view_text(env, await home_tab(env, env.slack.act_as(user))) == snapshot("""\
Your endpoints
You have no endpoints. Deploy a model from a channel below.
---
Targets
#ml-deploys · you can look here, not deploy
`prod` · no endpoints
---
As of TIME.
[Refresh]\
""")


@pytest.mark.usefixtures("bot")
async def test_slack_doesn_t_say_where_somebody_is(env: Environment) -> None:
    """Nothing is shown that might not be theirs to see, and nothing is done."""
    await serve(env)
    await home_tab(env)
    fault = env.slack.faults.add(Respond(500), operation="users.conversations", times=None)
    assert view_text(env, await click_in_home_tab(env, "Sleep")) == snapshot("""\
Slack didn't confirm in time that you are in its channel, so nothing was done.
Try again in a moment, or use the buttons in its thread.
---
Slack didn't return your channels, so I can't show your endpoints. They keep running.
[Refresh]\
""")
    env.slack.faults.remove(fault)
    assert "Sleep" in view_text(env, await click_in_home_tab(env, "Refresh"))
    assert request_count(env, "sleep_endpoint") == 0


@pytest.mark.usefixtures("bot")
async def test_slack_asks_to_wait_before_it_shows_a_home_tab(env: Environment) -> None:
    """It is drawn again after that, with what is so by then."""
    wait = Respond(429, {"ok": False, "error": "ratelimited"}, headers={"Retry-After": "1"})
    env.slack.faults.add(wait, operation="views.publish")
    assert "Your endpoints" in view_text(env, await home_tab(env))


@pytest.mark.usefixtures("bot")
async def test_an_answer_that_can_t_be_shown_at_home_is_shown_in_the_channel(
    env: Environment,
) -> None:
    """An app whose Home tab was switched off refuses to show it."""
    endpoint = await serve(env)
    await home_tab(env)
    stale = deepcopy(await home_tab(env))
    env.friendli.set_status(endpoint, "SLEEPING")
    await env.slack.until(lambda: "is asleep" in root(env).text)
    env.slack.faults.add(
        Respond(200, {"ok": False, "error": "not_enabled"}), operation="views.publish", times=None
    )
    await env.member.click(stale, "Sleep")
    await env.slack.until(lambda: ephemeral_texts(env))
    assert ephemeral_texts(env) == snapshot(["It is already asleep."])


@pytest.mark.usefixtures("bot")
async def test_an_opening_that_is_told_three_times_is_drawn_once(env: Environment) -> None:
    """Slack repeats events that it believes unheard."""
    await home_tab(env)
    await env.slack.deliver_again()
    await env.slack.deliver_again()
    await home_tab(env)
    shown = [
        entry
        for entry in env.slack.requests.entries
        if entry.direction is Direction.TO_SLACK and entry.operation == "views.publish"
    ]
    assert len(shown) == 2


@pytest.mark.usefixtures("bot")
async def test_what_doesn_t_fit_is_counted(env: Environment) -> None:
    """A Home tab takes a hundred blocks."""
    for number in range(17):
        await env.member.command(
            env.channel, f"org/model --gpu H100 --replicas 1 --name n{number} --yes"
        )
    await env.slack.until(lambda: len(roots(env)) == 17, timeout=30)
    view = await home_tab(env)
    assert len(view.blocks) <= 100
    assert "and 3 more: `/friendli-deploy list` in their channels" in view_text(env, view)


@pytest.mark.parametrize(
    "trouble",
    [
        Respond(403, {"detail": "not yours"}),
        Respond(404, {"detail": "no such thing"}),
        Respond(429, {"detail": "slow down"}, headers={"Retry-After": "60"}),
        Respond(200, {"data": "soon"}),
        Slow(3600),
    ],
    ids=["forbidden", "missing", "limited", "unreadable", "silent"],
)
async def test_what_it_cost_is_estimated_where_friendli_doesn_t_say(
    env: Environment, start_bot: StartBot, trouble: Respond | Slow
) -> None:
    """Then it is told as about so much; nobody waits for long, and the rest is shown."""
    async with start_bot(menu_timeout=0.3):
        await connect(env)
        endpoint = await serve(env)
        env.clock.advance(3600)
        env.friendli.set_status(endpoint, "SLEEPING")
        await env.slack.until(lambda: "is asleep" in root(env).text)
        env.friendli.faults.add(trouble, operation="get_cost", times=None)
        shown = view_text(env, await home_tab(env))
    assert "live for 1 h, about $5.00 so far" in shown
    assert "*$0.00/h* now · about $5.00 so far" in shown
    assert "“About” is estimated" in shown


@pytest.mark.usefixtures("bot")
async def test_what_was_charged_is_asked_once_in_minutes(env: Environment) -> None:
    """However often somebody looks, wherever."""
    endpoint = await serve(env)
    env.clock.advance(3600)
    env.friendli.set_status(endpoint, "SLEEPING")
    await env.slack.until(lambda: "is asleep" in root(env).text)
    assert "live for 1 h, $5.00 so far" in view_text(env, await home_tab(env))
    await home_tab(env)
    await env.member.shortcut("endpoint.status", root(env))
    [said] = await env.slack.until(lambda: env.member.ephemerals(env.channel))
    assert "live for 1 h, $5.00 so far" in said.words
    assert "“So far” is what Friendli charged" in said.words
    assert request_count(env, "get_cost") == 1
