"""Stories of how an endpoint scales if nobody says otherwise, and of instances by their id."""

import pytest
from inline_snapshot import snapshot

from bot.sandbox.environment import Environment
from tests.acceptance.configuring import configure
from tests.acceptance.thread_assertions import root, thread, whispers, words

pytestmark = pytest.mark.usefixtures("bot")

LINE = "org/model --gpu 1xH100 --name it"


async def sent(here: Environment) -> dict[str, object]:
    """The body of the only create request, once its endpoint is known."""
    await here.slack.until(lambda: "is coming up" in root(here).text)
    [create] = [one for one in here.friendli.requests if one.operation == "create_endpoint"]
    assert isinstance(create.body, dict)
    return dict(create.body)


async def preview(here: Environment, line: str) -> str:
    """What the question before deploying says."""
    await here.member.command(here.channel, line)
    await here.slack.until(lambda: here.member.ephemerals(here.channel))
    return words(here, here.member.ephemerals(here.channel)[-1])


async def test_an_endpoint_may_sleep_unless_somebody_says_otherwise(here: Environment) -> None:
    """Where nothing is set, autoscaling from 0 is proposed, with what that means for the bill."""
    assert await preview(here, LINE) == snapshot("""\
*it* on 1 × H100, 0–1 replicas, in `prod`: *$5.00/h* once it serves.
Skip special tokens: `on` · Add special tokens: `on` · Cool-down: `300 s`
org/model
It sleeps after 5 min without requests, at $0.00/h; any request wakes it.
[Deploy] [Change] [Cancel]\
""")
    await here.member.click(here.member.ephemerals(here.channel)[-1], "Deploy")
    assert (await sent(here))["autoscalingPolicy"] == snapshot(
        {"minReplica": 0, "maxReplica": 1, "cooldownPeriod": 300}
    )


async def test_a_target_may_have_another_default(here: Environment) -> None:
    """Its setting holds for lines that don't say, and the question says what that costs."""
    await configure(here, scaling="One fixed replica: never sleeps")
    assert await preview(here, LINE) == snapshot("""\
*it* on 1 × H100, 1 replica, in `prod`: *$5.00/h* once it serves.
Skip special tokens: `on` · Add special tokens: `on`
org/model
A fixed replica never sleeps: it is billed until the endpoint ends.
[Deploy] [Change] [Cancel]\
""")
    await here.member.click(here.member.ephemerals(here.channel)[-1], "Deploy")
    assert (await sent(here))["simplescale"] == snapshot({"replicas": 1})


async def test_the_form_opens_with_the_targets_default(here: Environment) -> None:
    """What is shown is what is sent."""
    await configure(here, scaling="Friendli's default: no scaling is sent")
    await here.member.command(here.channel)
    await here.slack.until(lambda: here.member.modal)
    await here.member.fill("Model", "org/model")
    await here.member.fill("Instance", "1xH100")
    await here.member.submit()
    assert not {"simplescale", "autoscalingPolicy"} & (await sent(here)).keys()


async def test_scaling_can_be_left_to_friendli(here: Environment) -> None:
    """Neither kind is sent, the endpoint is found all the same, and nothing is made up."""
    assert await preview(here, f"{LINE} --scaling friendli") == snapshot("""\
*it* on 1 × H100, Friendli's default scaling, in `prod`: *$5.00/h per replica* once it serves.
Skip special tokens: `on` · Add special tokens: `on`
org/model
No scaling is sent, so Friendli decides how many replicas run.
[Deploy] [Change] [Cancel]\
""")
    await here.member.click(here.member.ephemerals(here.channel)[-1], "Deploy")
    assert not {"simplescale", "autoscalingPolicy"} & (await sent(here)).keys()
    assert "Friendli's default scaling" in words(here, root(here))


async def test_an_instance_that_the_table_lacks(here: Environment) -> None:
    """Its id is sent as it is; the question, the thread and the root say that no price is known."""
    line = "org/model --instance-id SandboxNewer --name it"
    assert await preview(here, line) == snapshot("""\
*it* on instance SandboxNewer, 0–1 replicas, in `prod`: its price isn't known.
Skip special tokens: `on` · Add special tokens: `on` · Cool-down: `300 s`
org/model
It sleeps after 5 min without requests, at $0.00/h; any request wakes it.
[Deploy] [Change] [Cancel]\
""")
    await here.member.click(here.member.ephemerals(here.channel)[-1], "Deploy")
    assert (await sent(here))["instanceOptionId"] == "SandboxNewer"
    await here.slack.until(lambda: thread(here))
    assert words(here, root(here)) == snapshot("""\
*it* is coming up
price unknown once it serves
Deploying
✓ Create the endpoint
● Get a GPU machine
○ Download the model
○ Start the engine
○ Serve
Cool-down: `300 s`
org/model · instance SandboxNewer · 0–1 replicas · endpoint `ENDPOINT-1`
asked by @requester at TIME · target `prod`
[Open in Friendli] [Cancel]\
""")


@pytest.mark.parametrize(
    "options", ["--instance-id SandboxNewer", "--gpu 1xA100 --scaling friendli"]
)
async def test_an_unknown_price_needs_approval_where_a_price_does(
    here: Environment, options: str
) -> None:
    """What nobody can compare with the limit may be above it."""
    await configure(here, approval="above", above="1000")
    await here.member.command(here.channel, f"org/model {options} --name it --yes")
    await here.slack.until(lambda: "Approve" in root(here).buttons)
    assert not here.friendli.endpoints
    assert whispers(here) == []
