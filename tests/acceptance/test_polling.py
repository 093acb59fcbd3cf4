"""Stories of endpoints that live on: what people, the autoscaler and outages do to them."""

from functools import partial

import pytest
from inline_snapshot import snapshot

from bot.sandbox.environment import API_KEY, PROJECT, TEAM, Environment, connect
from bot.sandbox.faults import Answer
from tests.acceptance.thread_assertions import ends, plain, root, roots, thread, told, words
from tests.conftest import StartBot


async def deploy(here: Environment, name: str = "it", model: str = "org/model") -> str:
    """Deploy a model and wait until the thread knows the endpoint; returns its id."""
    before = len(here.friendli.endpoints)
    line = f"{model} --gpu 1xH100 --replicas 1 --name {name} --yes"
    await here.member.command(here.channel, line)
    await here.slack.until(
        lambda: len(roots(here)) > before and here.channel.replies(roots(here)[-1].ts)
    )
    return list(here.friendli.endpoints)[-1]


def asked_since(here: Environment, start: int, requests: int) -> bool:
    """Whether more requests than that reached Friendli since there were `start`."""
    return len(here.friendli.requests) > start + requests


async def serve(here: Environment) -> str:
    """Deploy a model and wait until its thread says that it serves."""
    endpoint = await deploy(here)
    here.friendli.set_status(endpoint, "RUNNING")
    await here.slack.until(lambda: told(here, 2) and "is serving" in root(here).text)
    return endpoint


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize(
    ("status", "said", "headline"),
    [
        (
            "UPDATING",
            snapshot(
                "Rolling out a new version that was made outside of this channel. The one before serves until it's ready."
            ),
            snapshot("*it* is updating"),
        ),
        (
            "SLEEPING",
            snapshot(
                "Put to sleep outside of this channel. $0.00/h while it sleeps; any request wakes it."
            ),
            snapshot("*it* is sleeping"),
        ),
        ("AWAKING", snapshot("Waking up."), snapshot("*it* is waking up")),
        ("STOPPING", snapshot("Stopping."), snapshot("*it* is stopping")),
        (
            "TERMINATING",
            snapshot("It is being terminated outside of this channel."),
            snapshot("*it* is terminating"),
        ),
        (
            "TERMINATED",
            snapshot(
                "Terminated. It costs nothing now; a restart in Friendli Suite would be told here."
            ),
            snapshot("*it* is terminated"),
        ),
        (
            "FAILED",
            snapshot(
                "# *it* failed. Friendli doesn't say why. Restart it once. If it fails again, write to support@friendli.ai and name endpoint `ENDPOINT-1`."
            ),
            snapshot("✗ *it* failed"),
        ),
        ("INITIALIZING", snapshot("Starting again."), snapshot("*it* is coming up")),
        (
            "UNKNOWN",
            snapshot(
                "Friendli can't say what the endpoint is doing. It may be serving, and billed."
            ),
            snapshot("*it* is in an unknown state"),
        ),
        (
            "HIBERNATING",
            snapshot("Friendli says `HIBERNATING`, which this bot doesn't know."),
            snapshot("*it* is HIBERNATING"),
        ),
    ],
)
async def test_every_status_is_news_in_words(
    here: Environment, status: str, said: str, headline: str
) -> None:
    """Whatever happens to a serving endpoint, its thread says so and its root shows it."""
    endpoint = await serve(here)
    here.friendli.set_status(endpoint, status)
    await here.slack.until(lambda: told(here, 3) and "is serving" not in root(here).text)
    assert (thread(here)[2], plain(here, root(here).text.split("\n")[0])) == (said, headline)


@pytest.mark.usefixtures("bot")
async def test_ready_and_running_are_one_state(here: Environment) -> None:
    """An endpoint that goes from RUNNING to READY is no news."""
    endpoint = await serve(here)
    here.friendli.set_status(endpoint, "READY")
    here.friendli.set_status(endpoint, "SLEEPING")
    await here.slack.until(lambda: told(here, 3))
    assert "sleep" in thread(here)[2]


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize(
    ("model", "said"),
    [
        pytest.param(
            "sandbox/null-phases",
            snapshot(
                [
                    "Friendli made it, as `ENDPOINT-1`. Friendli is starting it.",
                    """\
# ● *it* is serving after 4 min 8 s · $5.00/h from now
Its model name in requests is `ENDPOINT-1`.\
""",
                ]
            ),
            id="no phases",
        ),
        pytest.param(
            "sandbox/skips-phases",
            snapshot(
                [
                    "Friendli made it, as `ENDPOINT-1`. Getting a GPU machine.",
                    "A GPU machine is ready, model downloaded",
                    """\
# ● *it* is serving after 2 min 48 s · $5.00/h from now
Its model name in requests is `ENDPOINT-1`.\
""",
                ]
            ),
            id="phases skipped",
        ),
        pytest.param(
            "sandbox/out-of-order",
            snapshot(
                [
                    "Friendli made it, as `ENDPOINT-1`. Downloading the model.",
                    "Back to getting a GPU machine.",
                    "A GPU machine is ready, model downloaded",
                    """\
# ● *it* is serving after 4 min 8 s · $5.00/h from now
Its model name in requests is `ENDPOINT-1`.\
""",
                ]
            ),
            id="phases out of order",
        ),
        pytest.param(
            "sandbox/new-status",
            snapshot(
                [
                    "Friendli made it, as `ENDPOINT-1`. Getting a GPU machine.",
                    "Friendli says `PROVISIONING`, phase `WARMING_CACHES`, which this bot doesn't know.",
                    "Downloading the model.",
                    "Model downloaded",
                    """\
# ● *it* is serving after 3 min 20 s · $5.00/h from now
Its model name in requests is `ENDPOINT-1`.\
""",
                ]
            ),
            id="a status and a phase of tomorrow",
        ),
    ],
)
async def test_phases_are_told_however_they_come(
    here: Environment, model: str, said: list[str]
) -> None:
    """Missing, skipped, repeated or unheard of: the thread tells what was shown, in order."""
    await deploy(here, model=model)
    while "is serving" not in root(here).text:
        seen = len(here.friendli.requests)
        here.clock.advance(20)
        await here.friendli.until(partial(asked_since, here, seen, 2))
    await here.slack.until(lambda: "is serving" in thread(here)[-1])
    assert [line.partition(" (")[0] for line in thread(here)] == said


@pytest.mark.usefixtures("bot")
async def test_an_autoscaler_that_flaps_gets_one_reply_that_is_rewritten(here: Environment) -> None:
    """The first sleep and waking are told; from the second on, one reply keeps count."""
    endpoint = await serve(here)
    for turn in range(1, 6):
        here.friendli.set_status(endpoint, "SLEEPING")
        await here.slack.until(lambda: "sleeping" in root(here).text)
        here.friendli.set_status(endpoint, "RUNNING")
        await here.slack.until(lambda: "is serving" in root(here).text)
        if turn > 1:
            await here.slack.until(partial(ends, here, f"asleep {turn} times"))
            await here.slack.until(partial(ends, here, "it is serving"))
    assert thread(here)[2:] == snapshot(
        [
            "Put to sleep outside of this channel. $0.00/h while it sleeps; any request wakes it.",
            "Awake and serving again.",
            "It sleeps and wakes with its traffic: asleep 5 times by now. Since TIME it is serving.",
        ]
    )


async def test_an_endpoint_that_stays_away_is_gone_in_the_end(
    here: Environment, start_bot: StartBot
) -> None:
    """Missing from the list and from its own status is told at first, and much later the end."""
    async with start_bot(late_search_window=1.5):
        await connect(here)
        endpoint = await serve(here)
        here.friendli.delete(endpoint)
        await here.slack.until(lambda: told(here, 4), timeout=20)
        assert thread(here)[2:] == snapshot(
            [
                "# Friendli doesn't list *it* any more. Either it was deleted, or this target's API key lost its access to the project; then it may be billed on. Watching on until TIME.",
                "The endpoint is gone from Friendli. It costs nothing any more.",
            ]
        )
        await here.slack.until(lambda: "is gone" in root(here).text)
    assert words(here, root(here)).replace(endpoint, "ENDPOINT-1") == snapshot("""\
*it* is gone
It costs nothing any more.
org/model · 1 × H100 · 1 replica · endpoint `ENDPOINT-1`
asked by @requester at TIME · target `prod`
[Try again]\
""")


@pytest.mark.usefixtures("bot")
async def test_a_project_whose_endpoints_all_vanish_lost_its_access(here: Environment) -> None:
    """Nothing is taken for deleted; the threads say what it probably means, and go on later."""
    await deploy(here, "first")
    await deploy(here, "second")
    here.friendli.hide_project(PROJECT)
    for message in roots(here):
        await here.slack.until(partial(ends, here, "lists none", message))
    here.friendli.unhide_project(PROJECT)
    for message in roots(here):
        await here.slack.until(partial(ends, here, "answers again", message))
    assert [len(here.channel.replies(message.ts)) for message in roots(here)] == [3, 3]


@pytest.mark.usefixtures("bot")
async def test_a_revoked_key_is_told_once_and_a_new_one_goes_on(here: Environment) -> None:
    """The thread says that nothing can be told any more, and goes on after connect."""
    endpoint = await serve(here)
    here.friendli.revoke_key(API_KEY)
    await here.slack.until(lambda: told(here, 3))
    asked = len(here.friendli.requests)
    await here.friendli.until(lambda: len(here.friendli.requests) > asked + 3)
    assert thread(here)[2:] == snapshot(
        [
            "Friendli refuses the API key of this target, so nothing can be told about the endpoint. It may be billed on. An admin can connect a new key with `/friendli-deploy connect`."
        ]
    )
    here.friendli.add_key("sandbox-second-key", team_id=TEAM)
    await here.admin.command(here.channel, "connect prod")
    await here.slack.until(lambda: here.admin.modal)
    await here.admin.fill("Personal API key (flp_…)", "sandbox-second-key")
    await here.admin.submit()
    await here.slack.until(lambda: told(here, 4))
    here.friendli.set_status(endpoint, "SLEEPING")
    await here.slack.until(lambda: told(here, 5))
    assert thread(here)[3:] == snapshot(
        [
            "Friendli answers again; watching goes on.",
            "Put to sleep outside of this channel. $0.00/h while it sleeps; any request wakes it.",
        ]
    )


@pytest.mark.usefixtures("bot")
async def test_an_outage_is_told_once_and_so_is_its_end(here: Environment) -> None:
    """An API that doesn't answer is worth one message after a while, and one when it is back."""
    await serve(here)
    outage = here.friendli.faults.add(Answer(503), times=None)
    await here.slack.until(lambda: told(here, 3), timeout=20)
    assert thread(here)[2].startswith("Friendli's API hasn't answered for ")
    here.friendli.faults.remove(outage)
    await here.slack.until(lambda: told(here, 4), timeout=20)
    assert thread(here)[3] == snapshot("Friendli answers again; watching goes on.")


async def test_what_happens_while_the_bot_is_down_is_told_when_it_is_back(
    here: Environment, start_bot: StartBot
) -> None:
    """A restart resumes everything; the newest state is told, and nothing twice."""
    async with start_bot():
        await connect(here)
        endpoint = await deploy(here)
    here.friendli.set_status(endpoint, "RUNNING")
    async with start_bot():
        await here.slack.until(lambda: told(here, 2))
    async with start_bot():
        here.friendli.set_status(endpoint, "SLEEPING")
        await here.slack.until(lambda: told(here, 3))
    assert thread(here)[1:] == snapshot(
        [
            """\
# ● *it* is serving after under 1 s · $5.00/h from now
Its model name in requests is `ENDPOINT-1`.\
""",
            "Put to sleep outside of this channel. $0.00/h while it sleeps; any request wakes it.",
        ]
    )


@pytest.mark.usefixtures("bot")
async def test_terminating_by_button(here: Environment) -> None:
    """Terminate asks Friendli, tells who wanted it, and follows it to the end."""
    await serve(here)
    await here.slack.until(lambda: "Terminate" in root(here).buttons)
    await here.member.click(root(here), "Terminate")
    await here.friendli.until(
        lambda: any(one.operation == "terminate_endpoint" for one in here.friendli.requests)
    )
    await here.slack.until(lambda: "asked to terminate it" in " ".join(thread(here)))


@pytest.mark.usefixtures("bot")
async def test_a_refused_terminate_is_told_and_can_be_tried_again(here: Environment) -> None:
    """The API's own words stand in the thread, and the button comes back."""
    await serve(here)
    here.friendli.faults.add(Answer(400, {"detail": "not now"}), operation="terminate_endpoint")
    await here.member.click(root(here), "Terminate")
    await here.slack.until(lambda: told(here, 4))
    assert thread(here)[3] == snapshot(
        "# Friendli didn't terminate it. It said: “not now”. It may still be billed."
    )
    await here.slack.until(lambda: "Terminate" in root(here).buttons)


@pytest.mark.usefixtures("bot")
async def test_hundreds_of_statuses_cost_one_request(here: Environment) -> None:
    """A poll of a project asks for the list, and for no endpoint by itself."""
    await deploy(here, "first")
    await deploy(here, "second")
    start = len(here.friendli.requests)
    await here.friendli.until(lambda: len(here.friendli.requests) > start + 5)
    asked = {one.operation for one in here.friendli.requests[start:]}
    assert asked == {"list_endpoints"}
