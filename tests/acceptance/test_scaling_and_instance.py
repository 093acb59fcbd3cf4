"""Stories of how an endpoint scales if nobody says otherwise, and of instances by their id."""

import pytest
from inline_snapshot import snapshot

from bot.sandbox.environment import Environment
from tests.acceptance.settings_form import save_settings
from tests.acceptance.thread_assertions import ephemeral_texts, message_text, root, thread

pytestmark = pytest.mark.usefixtures("bot")

LINE = "org/model --gpu 1xH100 --name it"


async def sent(env: Environment) -> dict[str, object]:
    """The body of the only create request, once its endpoint is known."""
    await env.slack.until(lambda: "is starting" in root(env).text)
    [create] = [one for one in env.friendli.requests if one.operation == "create_endpoint"]
    assert isinstance(create.body, dict)
    return dict(create.body)


async def preview(env: Environment, line: str) -> str:
    """What the question before deploying says."""
    await env.member.command(env.channel, line)
    await env.slack.until(lambda: env.member.ephemerals(env.channel))
    return message_text(env, env.member.ephemerals(env.channel)[-1])


async def test_an_endpoint_may_sleep_unless_somebody_says_otherwise(env: Environment) -> None:
    """Where nothing is set, autoscaling from 0 is proposed, with what that means for the bill."""
    assert await preview(env, LINE) == snapshot("""\
*it* on 1 × H100, 0–1 replicas, in `prod`: *$5.00/h* while live ($3,650/month), $0.00/h asleep
Fits, room for 44 requests at 8k.
Why?
Skip special tokens: `on` · Add special tokens: `on` · Cool-down: `300 s`
org/model@ffc8550
8.2 B parameters, 16 GB bf16 · Qwen3ForCausalLM · 40k context
Sleeps after 5 min without requests ($0.00/h); any request wakes it.
[Why?] [Deploy] [Change] [Cancel]\
""")
    await env.member.click(env.member.ephemerals(env.channel)[-1], "Deploy")
    assert (await sent(env))["autoscalingPolicy"] == snapshot(
        {"minReplica": 0, "maxReplica": 1, "cooldownPeriod": 300}
    )


async def test_a_target_may_have_another_default(env: Environment) -> None:
    """Its setting holds for lines that don't say, and the question says what that costs."""
    await save_settings(env, scaling="One fixed replica: never sleeps")
    assert await preview(env, LINE) == snapshot("""\
*it* on 1 × H100, 1 replica, in `prod`: *$5.00/h* while live ($3,650/month)
Fits, room for 44 requests at 8k.
Why?
Skip special tokens: `on` · Add special tokens: `on`
org/model@ffc8550
8.2 B parameters, 16 GB bf16 · Qwen3ForCausalLM · 40k context
A fixed replica never sleeps: it is billed until someone stops it.
[Why?] [Deploy] [Change] [Cancel]\
""")
    await env.member.click(env.member.ephemerals(env.channel)[-1], "Deploy")
    assert (await sent(env))["simplescale"] == snapshot({"replicas": 1})


async def test_the_form_opens_with_the_targets_default(env: Environment) -> None:
    """What is shown is what is sent."""
    await save_settings(env, scaling="Friendli's default")
    await env.member.command(env.channel)
    await env.slack.until(lambda: env.member.modal)
    await env.member.fill("Model", "org/model")
    await env.member.fill("Instance", "1xH100")
    await env.member.submit()
    assert not {"simplescale", "autoscalingPolicy"} & (await sent(env)).keys()


async def test_scaling_can_be_left_to_friendli(env: Environment) -> None:
    """Neither kind is sent, the endpoint is found all the same, and nothing is made up."""
    assert await preview(env, f"{LINE} --scaling friendli") == snapshot("""\
*it* on 1 × H100, Friendli's default scaling, in `prod`: *$5.00/h* per replica while live; Friendli decides how many
Fits, room for 44 requests at 8k.
Why?
Skip special tokens: `on` · Add special tokens: `on`
org/model@ffc8550
8.2 B parameters, 16 GB bf16 · Qwen3ForCausalLM · 40k context
Friendli chooses the number of replicas.
[Why?] [Deploy] [Change] [Cancel]\
""")
    await env.member.click(env.member.ephemerals(env.channel)[-1], "Deploy")
    assert not {"simplescale", "autoscalingPolicy"} & (await sent(env)).keys()
    assert "Friendli's default scaling" in message_text(env, root(env))


async def test_an_instance_that_the_table_lacks(env: Environment) -> None:
    """Its id is sent as it is; the question, the thread and the root say that no price is known."""
    line = "org/model --instance-id SandboxNewer --name it"
    assert await preview(env, line) == snapshot("""\
*it* on instance SandboxNewer, 0–1 replicas, in `prod`: Price unknown
Skip special tokens: `on` · Add special tokens: `on` · Cool-down: `300 s`
org/model@ffc8550
8.2 B parameters, 16 GB bf16 · Qwen3ForCausalLM · 40k context
Sleeps after 5 min without requests ($0.00/h); any request wakes it.
[Deploy] [Change] [Cancel]\
""")
    await env.member.click(env.member.ephemerals(env.channel)[-1], "Deploy")
    assert (await sent(env))["instanceOptionId"] == "SandboxNewer"
    await env.slack.until(lambda: thread(env))
    assert message_text(env, root(env)) == snapshot("""\
🟡 *it* is starting · price unknown once live
Deploying
✓ Create the endpoint
● Get a GPU machine
○ Download the model
○ Start the engine
○ Live
org/model@ffc8550 · instance SandboxNewer · 0–1 replicas · endpoint `ENDPOINT-1` · requested by @requester at TIME
[Open in Friendli] [Cancel]\
""")


@pytest.mark.parametrize(
    "options", ["--instance-id SandboxNewer", "--gpu 1xA100 --scaling friendli"]
)
async def test_an_unknown_price_needs_approval_where_a_price_does(
    env: Environment, options: str
) -> None:
    """What nobody can compare with the limit may be above it."""
    await save_settings(env, approval="above", above="1000")
    await env.member.command(env.channel, f"org/model {options} --name it --yes")
    await env.slack.until(lambda: "Approve" in root(env).buttons)
    assert not env.friendli.endpoints
    assert ephemeral_texts(env) == []
