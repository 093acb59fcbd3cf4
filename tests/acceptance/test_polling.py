"""Stories of endpoints that live on: what people, the autoscaler and outages do to them."""

from functools import partial

import pytest
from inline_snapshot import snapshot

from bot.sandbox.environment import API_KEY, PROJECT, TEAM, Environment, connect
from bot.sandbox.faults import Respond
from tests.acceptance.deploying import deploy, serve
from tests.acceptance.thread_assertions import (
    has_replies,
    last_reply_contains,
    message_text,
    rendered_text,
    root,
    roots,
    terminate,
    thread,
)
from tests.conftest import StartBot


def asked_since(env: Environment, start: int, requests: int) -> bool:
    """Whether more requests than that reached Friendli since there were `start`."""
    return len(env.friendli.requests) > start + requests


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize(
    ("status", "said", "headline"),
    [
        (
            "UPDATING",
            snapshot(
                "🟠 Rolling out a new version, created outside this channel. The previous one stays live until it is ready."
            ),
            snapshot("🟠 *it* is updating"),
        ),
        (
            "SLEEPING",
            snapshot(
                "😴 Put to sleep outside this channel. $0.00/h while asleep; any request wakes it."
            ),
            snapshot("😴 *it* is asleep"),
        ),
        ("AWAKING", snapshot("Waking up."), snapshot("🟡 *it* is waking up · $5.00/h once live")),
        ("STOPPING", snapshot("🟠 Stopping."), snapshot("🟠 *it* is stopping")),
        (
            "TERMINATING",
            snapshot("🟠 Terminating, requested outside this channel."),
            snapshot("🟠 *it* is terminating"),
        ),
        (
            "TERMINATED",
            snapshot("⚪ Terminated. $0.00/h; a restart in Friendli Suite shows up here."),
            snapshot("⚪ *it* was terminated"),
        ),
        (
            "FAILED",
            snapshot("# 🔴 *it* failed at TIME. Friendli gave no reason."),
            snapshot("🔴 *it* failed"),
        ),
        (
            "INITIALIZING",
            snapshot("Starting again."),
            snapshot("🟡 *it* is starting · $5.00/h once live"),
        ),
        (
            "UNKNOWN",
            snapshot("❓ Friendli reports an unknown state. The endpoint may be live and billed."),
            snapshot("❓ *it* is in an unknown state"),
        ),
        (
            "HIBERNATING",
            snapshot("Friendli says `HIBERNATING`, which I don't know."),
            snapshot("❓ *it* is HIBERNATING"),
        ),
    ],
)
async def test_every_status_is_news_in_words(
    env: Environment, status: str, said: str, headline: str
) -> None:
    """Whatever happens to a serving endpoint, its thread says so and its root shows it."""
    endpoint = await serve(env)
    env.friendli.set_status(endpoint, status)
    await env.slack.until(lambda: has_replies(env, 3) and "is live" not in root(env).text)
    assert (thread(env)[2], rendered_text(env, root(env).text.split("\n")[0])) == (said, headline)


@pytest.mark.usefixtures("bot")
async def test_ready_and_running_are_one_state(env: Environment) -> None:
    """An endpoint that goes from RUNNING to READY is no news."""
    endpoint = await serve(env)
    env.friendli.set_status(endpoint, "READY")
    env.friendli.set_status(endpoint, "SLEEPING")
    await env.slack.until(lambda: has_replies(env, 3))
    assert "sleep" in thread(env)[2]


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize(
    ("model", "said"),
    [
        pytest.param(
            "sandbox/null-phases",
            snapshot(
                [
                    "Endpoint created: `ENDPOINT-1`. Friendli is starting it.",
                    "# 🟢 *it* went live at TIME",
                ]
            ),
            id="no phases",
        ),
        pytest.param(
            "sandbox/skips-phases",
            snapshot(
                [
                    "Endpoint created: `ENDPOINT-1`. Getting a GPU machine.",
                    "A GPU machine is ready, model downloaded",
                    "# 🟢 *it* went live at TIME",
                ]
            ),
            id="phases skipped",
        ),
        pytest.param(
            "sandbox/out-of-order",
            snapshot(
                [
                    "Endpoint created: `ENDPOINT-1`. Downloading the model.",
                    "Back to getting a GPU machine.",
                    "A GPU machine is ready, model downloaded",
                    "# 🟢 *it* went live at TIME",
                ]
            ),
            id="phases out of order",
        ),
        pytest.param(
            "sandbox/new-status",
            snapshot(
                [
                    "Endpoint created: `ENDPOINT-1`. Getting a GPU machine.",
                    "Friendli says `PROVISIONING`, phase `WARMING_CACHES`, which I don't know.",
                    "Downloading the model.",
                    "Model downloaded",
                    "# 🟢 *it* went live at TIME",
                ]
            ),
            id="a status and a phase of tomorrow",
        ),
    ],
)
async def test_phases_are_told_however_they_come(
    env: Environment, model: str, said: list[str]
) -> None:
    """Missing, skipped, repeated or unheard of: the thread tells what was shown, in order."""
    await deploy(env, model=model)
    while "is live" not in root(env).text:
        seen = len(env.friendli.requests)
        env.clock.advance(20)
        await env.friendli.until(partial(asked_since, env, seen, 2))
    await env.slack.until(lambda: "live" in thread(env)[-1])
    assert [line.partition(" (")[0] for line in thread(env)] == said


@pytest.mark.usefixtures("bot")
async def test_an_autoscaler_that_flaps_gets_one_reply_that_is_rewritten(env: Environment) -> None:
    """The first sleep and waking are told; from the second on, one reply keeps count."""
    endpoint = await serve(env)
    for turn in range(1, 6):
        env.friendli.set_status(endpoint, "SLEEPING")
        await env.slack.until(lambda: "asleep" in root(env).text)
        env.friendli.set_status(endpoint, "RUNNING")
        await env.slack.until(lambda: "is live" in root(env).text)
        if turn > 1:
            await env.slack.until(partial(last_reply_contains, env, f"asleep {turn} times"))
            await env.slack.until(partial(last_reply_contains, env, ", live since"))
    assert thread(env)[2:] == snapshot(
        [
            "😴 Put to sleep outside this channel. $0.00/h while asleep; any request wakes it.",
            "🟢 Awake and live again.",
            "🟢 Sleeps and wakes with its traffic: asleep 5 times so far, live since TIME.",
        ]
    )


async def test_an_endpoint_that_stays_away_is_gone_in_the_end(
    env: Environment, start_bot: StartBot
) -> None:
    """Missing from the list and from its own status is told at first, and much later the end."""
    async with start_bot(late_search_window=1.5):
        await connect(env)
        endpoint = await serve(env)
        env.friendli.delete(endpoint)
        await env.slack.until(lambda: has_replies(env, 4), timeout=20)
        assert thread(env)[2:] == snapshot(
            [
                "# Friendli no longer lists *it*. Either it was deleted, or this target's API key lost access to the project and it may still be billed. I keep watching until TIME.",
                "The endpoint is gone from Friendli. It costs nothing now.",
            ]
        )
        await env.slack.until(lambda: "is gone" in root(env).text)
    assert message_text(env, root(env)).replace(endpoint, "ENDPOINT-1") == snapshot("""\
⚪ *it* is gone
It costs nothing now.
org/model@ffc8550 · 1 × H100 · 1 replica · endpoint `ENDPOINT-1` · requested by @requester at TIME
[Try again]\
""")


@pytest.mark.usefixtures("bot")
async def test_a_project_whose_endpoints_all_vanish_lost_its_access(env: Environment) -> None:
    """Nothing is taken for deleted; the threads say what it probably means, and go on later."""
    await deploy(env, "first")
    await deploy(env, "second")
    env.friendli.hide_project(PROJECT)
    for message in roots(env):
        await env.slack.until(partial(last_reply_contains, env, "lists none", message))
    env.friendli.unhide_project(PROJECT)
    for message in roots(env):
        await env.slack.until(partial(last_reply_contains, env, "is answering again", message))
    assert [len(env.channel.replies(message.ts)) for message in roots(env)] == [3, 3]


@pytest.mark.usefixtures("bot")
async def test_a_revoked_key_is_told_once_and_a_new_one_goes_on(env: Environment) -> None:
    """The thread says that nothing can be told any more, and goes on after connect."""
    endpoint = await serve(env)
    env.friendli.revoke_key(API_KEY)
    await env.slack.until(lambda: has_replies(env, 3))
    asked = len(env.friendli.requests)
    await env.friendli.until(lambda: len(env.friendli.requests) > asked + 3)
    assert thread(env)[2:] == snapshot(
        [
            "Friendli rejects this target's API key, so I can't watch the endpoint. It may still be billed. An admin can connect a new key with `/friendli-deploy connect`."
        ]
    )
    env.friendli.add_key("sandbox-second-key", team_id=TEAM)
    await env.admin.command(env.channel, "connect prod")
    await env.slack.until(lambda: env.admin.modal)
    await env.admin.fill("Personal API key (flp_…)", "sandbox-second-key")
    await env.admin.submit()
    await env.slack.until(lambda: has_replies(env, 4))
    env.friendli.set_status(endpoint, "SLEEPING")
    await env.slack.until(lambda: has_replies(env, 5))
    assert thread(env)[3:] == snapshot(
        [
            "Friendli is answering again; I keep watching.",
            "😴 Put to sleep outside this channel. $0.00/h while asleep; any request wakes it.",
        ]
    )


@pytest.mark.usefixtures("bot")
async def test_an_outage_is_told_once_and_so_is_its_end(env: Environment) -> None:
    """An API that doesn't answer is worth one message after a while, and one when it is back."""
    await serve(env)
    outage = env.friendli.faults.add(Respond(503), times=None)
    await env.slack.until(lambda: has_replies(env, 3), timeout=20)
    assert thread(env)[2].startswith("Friendli's API hasn't answered for ")
    env.friendli.faults.remove(outage)
    await env.slack.until(lambda: has_replies(env, 4), timeout=20)
    assert thread(env)[3] == snapshot("Friendli is answering again; I keep watching.")


async def test_what_happens_while_the_bot_is_down_is_told_when_it_is_back(
    env: Environment, start_bot: StartBot
) -> None:
    """A restart resumes everything; the newest state is told, and nothing twice."""
    async with start_bot():
        await connect(env)
        endpoint = await deploy(env)
    env.friendli.set_status(endpoint, "RUNNING")
    async with start_bot():
        await env.slack.until(lambda: has_replies(env, 2))
    async with start_bot():
        env.friendli.set_status(endpoint, "SLEEPING")
        await env.slack.until(lambda: has_replies(env, 3))
    assert thread(env)[1:] == snapshot(
        [
            """\
# 🟢 *it* went live at TIME (took under 1 s)\
""",
            "😴 Put to sleep outside this channel. $0.00/h while asleep; any request wakes it.",
        ]
    )


@pytest.mark.usefixtures("bot")
async def test_terminating_by_button(env: Environment) -> None:
    """Terminate asks Friendli, tells who wanted it, and follows it to the end."""
    await serve(env)
    await env.slack.until(lambda: "Terminate" in root(env).buttons)
    await terminate(env)
    await env.friendli.until(
        lambda: any(one.operation == "terminate_endpoint" for one in env.friendli.requests)
    )
    await env.slack.until(lambda: "asked to terminate it" in " ".join(thread(env)))


@pytest.mark.usefixtures("bot")
async def test_a_refused_terminate_is_told_and_can_be_tried_again(env: Environment) -> None:
    """The API's own words stand in the thread, and the button comes back."""
    await serve(env)
    env.friendli.faults.add(Respond(400, {"detail": "not now"}), operation="terminate_endpoint")
    await terminate(env)
    await env.slack.until(lambda: has_replies(env, 4))
    assert thread(env)[3] == snapshot(
        "# Friendli didn't terminate it. It said: “not now”. It may still be billed."
    )
    await env.slack.until(lambda: "Terminate" in root(env).buttons)


@pytest.mark.usefixtures("bot")
async def test_hundreds_of_statuses_cost_one_request(env: Environment) -> None:
    """A poll of a project asks for the list, and for no endpoint by itself."""
    await deploy(env, "first")
    await deploy(env, "second")
    start = len(env.friendli.requests)
    await env.friendli.until(lambda: len(env.friendli.requests) > start + 5)
    asked = {one.operation for one in env.friendli.requests[start:]}
    assert asked == {"list_endpoints"}
