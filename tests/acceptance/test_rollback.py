"""Stories of going back to an earlier version."""

import pytest
from inline_snapshot import snapshot

from bot.sandbox.environment import Environment
from tests.acceptance.thread_assertions import has_replies, message_text, root, thread
from tests.acceptance.update_form import command_response, deploy_until_serving, update_bodies

pytestmark = pytest.mark.usefixtures("bot")


async def updated(env: Environment, line: str) -> None:
    """Update the endpoint and let the rollout end."""
    question = await command_response(env, f"update it {line}")
    before = len(update_bodies(env))
    await env.member.click(question, "Update")
    await env.slack.until(
        lambda: len(update_bodies(env)) > before and "is updating" in root(env).text
    )
    env.clock.advance(180)
    await env.slack.until(lambda: "is live" in root(env).text)


async def test_a_version_made_here_comes_back_whole(env: Environment) -> None:
    """Model, revision and queue settings too; asked before, followed after."""
    await deploy_until_serving(
        env, "org/model --gpu 1xH100 --replicas 1 --revision v1 --queue-timeout-ms 500"
    )
    await updated(env, "org/other --gpu 2xH100 --max-batch-size 8 --queue-timeout-ms 900")
    await env.slack.until(lambda: has_replies(env, 5))
    question = await command_response(env, "rollback it 0")
    assert message_text(env, question) == snapshot("""\
Roll back *it* to version `0`?
Model: `org/other` → `org/model @ 514a172`
Instance: `2 × H100` → `1 × H100`
Max batch size: `8` → `256`
Queue time-out: `900` → `500`
Sent unchanged: Skip special tokens: `on` · Add special tokens: `on`
$10.00/h → *$5.00/h* (up to $15.00/h during the rollout). The current version stays live until the new one is ready.
Nothing is sent until you confirm.
[Roll back] [Change] [Cancel]\
""")
    await env.member.click(question, "Roll back")
    await env.slack.until(lambda: len(update_bodies(env)) == 2 and "updating" in root(env).text)
    assert update_bodies(env)[-1] == snapshot(
        {
            "advanced": {
                "max_batch_size": 256,
                "tokenizer_skip_special_tokens": True,
                "tokenizer_add_special_tokens": True,
                "queue_timeout_ms": 500,
            },
            "hfModelRepo": "org/model",
            "hfModelRepoRevision": "514a17234f5d97dd8d0df0048855897cc68f25db",
            "newVersionComment": "Back to version 0",
            "instanceOptionId": "TwD5AqnBSVN0",
        }
    )
    env.clock.advance(180)
    await env.slack.until(lambda: "is live" in root(env).text)
    await env.slack.until(lambda: has_replies(env, 8))
    assert thread(env)[5:] == snapshot(
        [
            """\
@requester asked to update it.
Rolls back to version `0`.
Model: `org/other` → `org/model @ 514a172`
Instance: `2 × H100` → `1 × H100`
Max batch size: `8` → `256`
Queue time-out: `900` → `500`
Sent unchanged: Skip special tokens: `on` · Add special tokens: `on`
$10.00/h → *$5.00/h*\
""",
            "🟠 Rolling out a new version. The previous one stays live until it is ready.",
            "🟢 The new version is live (took 3 min).",
        ]
    )


@pytest.mark.parametrize(
    ("line", "update", "changed"),
    [
        ("--replicas 1", "--replicas 2", "Replicas: `2 replicas` → `1 replica`"),
        ("--scaling friendli", "--gpu 2xH100", "Instance: `2 × H100` → `1 × H100`"),
    ],
)
async def test_only_what_differs_is_listed(
    env: Environment, line: str, update: str, changed: str
) -> None:
    """Neither what was never set and Friendli reports, nor the comment that says it in words."""
    await deploy_until_serving(env, f"org/model --gpu 1xH100 {line}")
    await updated(env, update)
    question = await command_response(env, "rollback it 0")
    heading, only, costs, *_ = message_text(env, question).splitlines()
    assert (heading, only) == ("Roll back *it* to version `0`?", changed)
    assert "/h" in costs
    await env.member.click(question, "Roll back")
    await env.slack.until(lambda: len(update_bodies(env)) == 2)
    assert "advanced" not in str(update_bodies(env)[-1])


async def test_a_version_made_elsewhere_comes_back_as_far_as_it_is_known(env: Environment) -> None:
    """What Friendli doesn't tell stays as it runs, and the question says so."""
    endpoint = await deploy_until_serving(env)
    env.friendli.update(endpoint, replicas=3)
    env.friendli.set_status(endpoint, "RUNNING")
    await updated(env, "--replicas 1 org/other")
    question = await command_response(env, "rollback it 1")
    assert message_text(env, question) == snapshot("""\
Roll back *it* to version `1`?
Replicas: `1 replica` → `3 replicas`
$5.00/h → *$15.00/h* (up to $20.00/h during the rollout). The current version stays live until the new one is ready.
The bot doesn't know the model, revision, token count, logging and queue settings of version `1`; they stay unchanged.
Nothing is sent until you confirm.
[Roll back] [Change] [Cancel]\
""")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        pytest.param(
            "rollback it",
            snapshot("""\
Which version should it roll back to?
`/friendli-deploy versions it` lists them.\
"""),
            id="no version",
        ),
        pytest.param(
            "rollback it 7",
            snapshot("""\
*it* has no version `7`.
`/friendli-deploy versions it` lists them.\
"""),
            id="a version that isn't",
        ),
        pytest.param(
            "rollback it <!channel>",
            snapshot("""\
*it* has no version `@channel`.
`/friendli-deploy versions it` lists them.\
"""),
            id="hostile",
        ),
        pytest.param("rollback it 0", snapshot("*it* already runs version `0`."), id="what runs"),
    ],
)
async def test_a_version_that_can_t_be_gone_back_to(env: Environment, line: str, said: str) -> None:
    """The answer says why, and where the versions are listed."""
    await deploy_until_serving(env)
    answer = await command_response(env, line)
    assert message_text(env, answer) == said
    assert update_bodies(env) == []
