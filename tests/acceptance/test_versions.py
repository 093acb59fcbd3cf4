"""Stories of an endpoint's versions: what each changed, and who asked for it."""

import pytest
from inline_snapshot import snapshot

from bot.sandbox.environment import PROJECT, Environment
from tests.acceptance.thread_assertions import ephemeral_texts, message_text, root, roots
from tests.acceptance.update_form import command_response, deploy_until_serving, update_bodies

pytestmark = pytest.mark.usefixtures("bot")


async def test_versions_are_listed_with_what_changed(env: Environment) -> None:
    """Of those made here with who and why, of those made elsewhere with what Friendli tells."""
    endpoint = await deploy_until_serving(
        env, "org/model --gpu 1xH100 --replicas 1 --comment 'the first'"
    )
    question = await command_response(
        env, "update it --max-batch-size 8 org/other --comment 'a <b> try'"
    )
    await env.member.click(question, "Update")
    await env.slack.until(lambda: update_bodies(env) and "updating" in root(env).text)
    env.clock.advance(180)
    await env.slack.until(lambda: "is live" in root(env).text)
    env.friendli.update(endpoint, replicas=3)
    answer = await command_response(env, "versions it")
    assert message_text(env, answer) == snapshot("""\
*it* has 3 versions, newest first.
`2` · created elsewhere · $15.00/h
Replicas: `1 replica` → `3 replicas`
`1` · @requester, TIME · $5.00/h · “a b try”
Model: `org/model @ ffc8550` → `org/other`, Max batch size: `256` → `8`
`0` · @requester, TIME · $5.00/h · “the first”
org/model · 1 × H100 · 1 replica
`/friendli-deploy rollback it 1` rolls it back to version `1`, after a confirmation.
For versions created elsewhere, Friendli doesn't return model, revision, comment, token count, logging and queue settings.\
""")


async def test_an_endpoint_with_one_version(env: Environment) -> None:
    """There is nothing to go back to."""
    await deploy_until_serving(env)
    answer = await command_response(env, "versions it")
    assert message_text(env, answer) == snapshot("""\
*it* has 1 version, newest first.
`0` · @requester, TIME · $5.00/h
org/model · 1 × H100 · 1 replica\
""")


async def test_versions_of_an_endpoint_made_elsewhere(env: Environment) -> None:
    """The newest are listed, and how many older ones there are."""
    endpoint = env.friendli.create(project_id=PROJECT, name="elsewhere")
    env.clock.advance(300)
    for replicas in range(2, 23):
        env.friendli.update(endpoint, replicas=replicas)
        env.clock.advance(180)
    await env.member.command(env.channel, "follow elsewhere")
    await env.slack.until(lambda: roots(env) and ephemeral_texts(env))
    answer = await command_response(env, "versions elsewhere")
    lines = message_text(env, answer).split("\n")
    assert [*lines[:5], *lines[-3:]] == snapshot(
        [
            "*elsewhere* has 22 versions, newest first.",
            "`21` · created elsewhere · $110.00/h",
            "Replicas: `21 replicas` → `22 replicas`",
            "`20` · created elsewhere · $105.00/h",
            "Replicas: `20 replicas` → `21 replicas`",
            "and 7 older ones",
            "`/friendli-deploy rollback elsewhere 20` rolls it back to version `20`, after a confirmation.",
            "For versions created elsewhere, Friendli doesn't return model, revision, comment, token count, logging and queue settings.",
        ]
    )
