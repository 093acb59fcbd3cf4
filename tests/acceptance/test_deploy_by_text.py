"""Stories of deployments typed as a line of text."""

from functools import partial

import pytest
from inline_snapshot import snapshot

from bot.sandbox.environment import Environment
from bot.sandbox.faults import ShortReply
from tests.acceptance.test_failures import prefilled
from tests.acceptance.thread_assertions import (
    ephemeral_texts,
    has_replies,
    message_text,
    root,
    thread,
)

pytestmark = pytest.mark.usefixtures("bot")

LINE = "meta-llama/Llama-3.1-8B-Instruct --gpu 2xH100 --replicas 1 --name my-llama"


async def test_a_line_shows_its_price_and_asks_before_it_spends(env: Environment) -> None:
    """The person sees what would be made, presses Deploy, and the thread follows to serving."""
    await env.member.command(env.channel, LINE)
    await env.slack.until(lambda: env.member.ephemerals(env.channel))
    [preview] = env.member.ephemerals(env.channel)
    assert message_text(env, preview) == snapshot("""\
*my-llama* on 2 × H100, 1 replica, in `prod`: *$10.00/h* while live ($7,300/month)
Fits, room for 116 requests at 8k.
Why?
Skip special tokens: `on` · Add special tokens: `on`
meta-llama/Llama-3.1-8B-Instruct@b55045c
8.0 B parameters, 16 GB bf16 · LlamaForCausalLM · 128k context
⚠ The repo is gated: its owners decide about requests on the model page. The Hugging Face account connected to Friendli needs access, whatever this bot's token may read.
A fixed replica never sleeps: it is billed until someone stops it.
[Why?] [Deploy] [Change] [Cancel]\
""")
    assert not env.friendli.endpoints
    await env.member.click(preview, "Deploy")
    await env.slack.until(lambda: "is starting" in root(env).text and thread(env))
    assert message_text(env, root(env)) == snapshot("""\
🟡 *my-llama* is starting · $10.00/h once live
Deploying
✓ Create the endpoint
● Get a GPU machine
○ Download the model
○ Start the engine
○ Live
meta-llama/Llama-3.1-8B-Instruct@b55045c · 2 × H100 · 1 replica · endpoint `ENDPOINT-1` · requested by @requester at TIME
[Open in Friendli] [Cancel]\
""")
    for replies, seconds in ((2, 48), (3, 80), (4, 120)):
        env.clock.advance(seconds)
        await env.slack.until(partial(has_replies, env, replies))
    assert thread(env) == snapshot(
        [
            "Endpoint created: `ENDPOINT-1`. Getting a GPU machine.",
            "A GPU machine is ready (48 s). Downloading the model.",
            "Model downloaded (1 min 20 s). Starting the engine.",
            """\
# 🟢 *my-llama* went live at TIME (took 4 min 8 s)\
""",
        ]
    )
    await env.slack.until(lambda: "is live" in root(env).text)
    assert message_text(env, root(env)) == snapshot("""\
🟢 *my-llama* is live (took 4 min 8 s) · $10.00/h while live
Call it with `model: "ENDPOINT-1"`
meta-llama/Llama-3.1-8B-Instruct@b55045c · 2 × H100 · 1 replica · endpoint `ENDPOINT-1` · requested by @requester at TIME
[Use it] [Try a prompt] [Open in Friendli] [Update] [⋯ Sleep · Terminate · Deploy another like this · Copy as command]\
""")
    assert ephemeral_texts(env) == snapshot(
        ["*my-llama* is being created; see its thread in this channel."]
    )


async def test_yes_skips_the_question(env: Environment) -> None:
    """With --yes the line deploys at once, and answers with nothing but the thread."""
    ack = await env.member.command(env.channel, f"{LINE} --yes")
    assert (ack.status, ack.body) == (200, "")
    await env.friendli.until(lambda: len(env.friendli.endpoints) == 1)
    await env.slack.until(lambda: thread(env))
    assert ephemeral_texts(env) == []


async def test_every_field_reaches_the_api(env: Environment) -> None:
    """What a line says stands in the create request, field for field."""
    await env.member.command(
        env.channel,
        "org/model --gpu 4xB200 --name full --revision v1.0 --comment “it’s full” "
        "—autoscale 0..2 --cooldown 600 --max-batch-size 8 --max-input-length 4096 "
        "--max-token-count 1000 --max-context-length 8192 --no-skip-special-tokens "
        "--no-add-special-tokens --content-logging --queue-timeout-ms 5000 "
        "--queue-backpressure-metric TTFT_MS --queue-backpressure-threshold 1.5 --to prod --yes",
    )
    await env.friendli.until(lambda: env.friendli.endpoints)
    [create] = [one for one in env.friendli.requests if one.operation == "create_endpoint"]
    assert create.body == snapshot(
        {
            "projectId": "sandbox-project",
            "name": "full",
            "instanceOptionId": "AFoZMFXZnAdD",
            "advanced": {
                "max_batch_size": 8,
                "tokenizer_skip_special_tokens": False,
                "tokenizer_add_special_tokens": False,
                "max_token_count": 1000,
                "enable_content_logging": True,
                "max_input_length": 4096,
                "max_context_length": 8192,
                "queue_timeout_ms": 5000,
                "queue_backpressure_metric_kind": "TTFT_MS",
                "queue_backpressure_metric_threshold": 1.5,
            },
            "autoscalingPolicy": {"minReplica": 0, "maxReplica": 2, "cooldownPeriod": 600},
            "hfModelRepo": "org/model",
            "hfModelRepoRevision": "514a17234f5d97dd8d0df0048855897cc68f25db",
            "initialVersionComment": "it’s full",
        }
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        pytest.param(
            "meta-llama/Llama-3.1-8B-Instruct --gpu 2xh10",
            snapshot("""\
I don't know the GPU `h10`. Friendli has A100, H100, H200 and B200. Did you mean `H100`?
```/friendli-deploy meta-llama/Llama-3.1-8B-Instruct --gpu 2xH100```
[Run this] [Open in form]\
"""),
            id="a GPU that isn't",
        ),
        pytest.param(
            "org/model --gpu 2xH100 --replica 3",
            snapshot("""\
I don't know the option `--replica`. Did you mean `--replicas`?
```/friendli-deploy org/model --gpu 2xH100 --replicas 3```
[Run this] [Open in form]\
"""),
            id="an option that isn't",
        ),
        pytest.param(
            "org/model",
            snapshot("""\
Choose an instance, such as `2xH100`.
[Open in form]\
"""),
            id="no GPU",
        ),
        pytest.param(
            "org/model --gpu 2xH100 --replicas 2 --autoscale 0..3",
            snapshot("""\
Replicas are either fixed or autoscaled, not both. Choose one.
[Open in form]\
"""),
            id="both scalings",
        ),
        pytest.param(
            "org/model --gpu 2xH100 --to prd",
            snapshot("""\
I don't know the target `prd`. This channel has `prod`. Did you mean `prod`?
```/friendli-deploy org/model --gpu 2xH100 --to prod```
[Run this] [Open in form]\
"""),
            id="a target that isn't",
        ),
        pytest.param(
            "conect",
            snapshot("""\
I don't know the command `conect`. Did you mean `connect`?
`/friendli-deploy connect`
[Run this]\
"""),
            id="a command that isn't",
        ),
        pytest.param(
            "gpt3",
            snapshot("""\
I don't know `gpt3`. Models look like org/name.
`/friendli-deploy help` lists the commands.\
"""),
            id="neither a command nor a model",
        ),
        pytest.param(
            "org/model --gpu 2xH100 --name '<!channel>' --revision 'a b'",
            snapshot(
                """\
`a b` isn't a valid branch name. Branch names can't contain spaces, quotes, .. or @{, or any of ~ ^ : ? * [ \\; no part starts with . or ends with .lock.
[Open in form]\
"""
            ),
            id="text that would ping everyone",
        ),
    ],
)
async def test_a_slip_gets_the_mistake_the_nearest_choice_and_a_line_to_paste(
    env: Environment, line: str, said: str
) -> None:
    """Nothing is made, and the person knows what to type instead."""
    await env.member.command(env.channel, line)
    await env.slack.until(lambda: env.member.ephemerals(env.channel))
    [field_error] = env.member.ephemerals(env.channel)
    assert message_text(env, field_error) == said
    assert not env.friendli.endpoints


async def test_a_double_click_on_deploy_makes_one_endpoint(env: Environment) -> None:
    """The second click is told that it is done already."""
    await env.member.command(env.channel, LINE)
    await env.slack.until(lambda: env.member.ephemerals(env.channel))
    [preview] = env.member.ephemerals(env.channel)
    await env.member.double_click(preview, "Deploy")
    await env.slack.until(lambda: thread(env))
    await env.slack.until(lambda: any("already" in said for said in ephemeral_texts(env)))
    assert len(env.friendli.endpoints) == 1
    assert ephemeral_texts(env) == snapshot(
        [
            "*my-llama* is being created; see its thread in this channel.",
            "You already requested this; see its thread in this channel. Nothing was created twice.",
        ]
    )


async def test_a_replayed_command_makes_nothing(env: Environment) -> None:
    """The same signed request, delivered again, is recognized by its trigger."""
    await env.member.command(env.channel, f"{LINE} --yes")
    await env.slack.until(lambda: thread(env))
    ack = await env.slack.deliver_again()
    assert ack.status == 200
    await env.slack.until(lambda: ephemeral_texts(env))
    assert ephemeral_texts(env) == snapshot(
        ["You already requested this; see its thread in this channel. Nothing was created twice."]
    )
    assert len(env.friendli.endpoints) == 1


async def test_a_name_that_is_on_its_way_is_taken(env: Environment) -> None:
    """Two live deployments of one name would be hard to tell apart, so the second is refused."""
    await env.member.command(env.channel, f"{LINE} --yes")
    await env.slack.until(lambda: thread(env))
    await env.admin.command(env.channel, f"{LINE} --yes")
    await env.slack.until(lambda: env.admin.ephemerals(env.channel))
    [refusal] = env.admin.ephemerals(env.channel)
    assert message_text(env, refusal) == snapshot("""\
*my-llama* is taken: another deployment has that name.
Choose another with `--name`.\
""")
    assert len(env.friendli.endpoints) == 1


async def test_change_opens_the_form_filled_in(env: Environment) -> None:
    """From the preview, the form goes on with what was typed."""
    await env.member.command(env.channel, LINE)
    await env.slack.until(lambda: env.member.ephemerals(env.channel))
    [preview] = env.member.ephemerals(env.channel)
    await env.member.click(preview, "Change")
    modal = await env.slack.until(lambda: env.member.modal)
    values = prefilled(modal)
    assert (values["Model"], values["Endpoint name"]) == (
        "meta-llama/Llama-3.1-8B-Instruct",
        "my-llama",
    )


async def test_cancel_takes_the_preview_away(env: Environment) -> None:
    """Nothing is left of a preview that nobody wants."""
    await env.member.command(env.channel, LINE)
    await env.slack.until(lambda: env.member.ephemerals(env.channel))
    [preview] = env.member.ephemerals(env.channel)
    await env.member.click(preview, "Cancel")
    await env.slack.until(lambda: not env.member.ephemerals(env.channel))
    assert not env.friendli.endpoints


async def test_a_channel_without_the_bot_is_told_how_to_invite_it(env: Environment) -> None:
    """Nothing is created that no thread could tell about."""
    env.slack.remove_bot(env.channel)
    await env.member.command(env.channel, LINE)
    await env.slack.until(lambda: env.member.ephemerals(env.channel))
    assert ephemeral_texts(env) == snapshot(
        [
            "I'm not in this channel, so I couldn't post a deployment's progress here. Type `/invite` and @friendli-deploy here, then try again. Nothing was created."
        ]
    )


@pytest.mark.parametrize("unsaid", [("channel", "is_member"), ("channel",)])
async def test_a_channel_of_which_slack_doesn_t_say_who_is_in_it_is_tried(
    env: Environment, unsaid: tuple[str, ...]
) -> None:
    """Whether the bot can post there, its thread will show."""
    env.slack.faults.add(ShortReply(unsaid), operation="conversations.info")
    await env.member.command(env.channel, LINE)
    await env.slack.until(lambda: env.member.ephemerals(env.channel))
    [preview] = env.member.ephemerals(env.channel)
    assert "Deploy" in preview.buttons


async def test_yes_in_a_channel_without_the_bot_makes_nothing_and_tells_the_person(
    env: Environment,
) -> None:
    """The root can't be posted, so nothing is sent, and the person hears it directly."""
    env.slack.remove_bot(env.channel)
    await env.member.command(env.channel, f"{LINE} --yes")
    direct = env.slack.workspace.direct_message(env.member.user)
    await env.slack.until(lambda: direct.messages)
    [message] = direct.messages.values()
    assert message_text(env, message) == snapshot(
        "I can't post in #ml-deploys: I'm not in it any more. *my-llama* wasn't created. Type `/invite` and my name there, then request it again."
    )
    assert not env.friendli.endpoints


async def test_an_unconnected_channel_offers_to_connect(env: Environment) -> None:
    """A first contact says what is missing, who can mend it, and has the button that does."""
    other = env.slack.add_channel("new", members=[env.admin.user, env.member.user])
    await env.admin.command(other, LINE)
    [first] = await env.slack.until(lambda: env.admin.ephemerals(other))
    assert message_text(env, first) == snapshot("""\
This channel isn't connected to a Friendli project yet.
[Connect a project]\
""")
    await env.admin.click(first, "Connect a project")
    assert (await env.slack.until(lambda: env.admin.modal)).title == "Connect a project"
