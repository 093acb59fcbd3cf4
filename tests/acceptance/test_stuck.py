"""Stories of phases that last unusually long."""

import re
from functools import partial

import pytest
from inline_snapshot import snapshot

from bot.sandbox.environment import Environment
from tests.acceptance.due_times import phase_is_stuck_in
from tests.acceptance.thread_assertions import has_replies, last_reply_contains, root, roots, thread


def timeless(line: str) -> str:
    """The line without how long it lasted."""
    return re.sub(r" for [^,]+, which", " for A WHILE, which", line)


async def begin(env: Environment) -> str:
    """Deploy a model that gets its machine; returns its id."""
    await env.member.command(env.channel, "org/model --gpu 1xH100 --replicas 1 --name it --yes")
    await env.slack.until(lambda: roots(env) and has_replies(env, 1))
    return next(iter(env.friendli.endpoints))


@pytest.mark.usefixtures("bot")
async def test_each_phase_is_told_once_with_what_to_do(env: Environment) -> None:
    """The reply says what lasts, what may help, and whom to write to."""
    endpoint = await begin(env)
    await phase_is_stuck_in(env, -1)
    await env.slack.until(lambda: has_replies(env, 2))
    env.friendli.set_status(endpoint, "INITIALIZING", phase="DOWNLOADING_MODEL")
    await env.slack.until(lambda: has_replies(env, 3))
    await phase_is_stuck_in(env, -1)
    await env.slack.until(lambda: has_replies(env, 4))
    env.friendli.set_status(endpoint, "INITIALIZING", phase="ENGINE_INITIALIZING")
    await env.slack.until(lambda: has_replies(env, 5))
    await phase_is_stuck_in(env, -1)
    await env.slack.until(lambda: has_replies(env, 6))
    assert not any(reply.buttons for reply in env.channel.replies(root(env).ts))
    assert root(env).buttons == ["Open in Friendli", "Cancel"]
    said = [timeless(line) for line in thread(env) if "unusually" in line]
    assert said == snapshot(
        [
            "*it* has been getting a GPU machine for A WHILE, which is unusually long. These GPUs may be scarce right now. Keep waiting, or cancel and deploy on another GPU. It costs nothing until it is live. If nothing changes, write to support@friendli.ai and mention endpoint `ENDPOINT-1`.",
            "*it* has been downloading the model for A WHILE, which is unusually long. Large models take a while. Keep waiting, or cancel and deploy again. It costs nothing until it is live. If nothing changes, write to support@friendli.ai and mention endpoint `ENDPOINT-1`.",
            "*it* has been starting the engine for A WHILE, which is unusually long. The model may barely fit. Keep waiting, or cancel and deploy on a larger instance. It costs nothing until it is live. If nothing changes, write to support@friendli.ai and mention endpoint `ENDPOINT-1`.",
        ]
    )


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize(
    ("status", "said"),
    [
        (
            "UPDATING",
            snapshot(
                "*it* has been updating for A WHILE, which is unusually long. The previous version stays live in the meantime. Wait, or check Friendli Suite. If nothing changes, write to support@friendli.ai and mention endpoint `ENDPOINT-1`."
            ),
        ),
        (
            "TERMINATING",
            snapshot(
                "*it* has been terminating for A WHILE, which is unusually long. It may be billed until it stops, at $5.00/h. Check Friendli Suite. If nothing changes, write to support@friendli.ai and mention endpoint `ENDPOINT-1`."
            ),
        ),
    ],
)
async def test_what_moves_after_it_served_can_be_stuck_too(
    env: Environment, status: str, said: str
) -> None:
    """An update that never ends, and an end that never comes, which may cost money."""
    endpoint = await begin(env)
    env.friendli.set_status(endpoint, status)
    await env.slack.until(lambda: has_replies(env, 2))
    await phase_is_stuck_in(env, -1)
    await env.slack.until(partial(last_reply_contains, env, "unusually long"))
    assert timeless(thread(env)[-1]) == said


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("status", ["RUNNING", "SLEEPING", "FAILED", "TERMINATED"])
async def test_what_rests_is_never_stuck(env: Environment, status: str) -> None:
    """Nothing is told of what serves, sleeps, failed or ended, however long."""
    endpoint = await begin(env)
    env.friendli.set_status(endpoint, status)
    await env.slack.until(lambda: has_replies(env, 2))
    await phase_is_stuck_in(env, -1)
    env.friendli.set_status(endpoint, "INITIALIZING", phase="DOWNLOADING_MODEL")
    await env.slack.until(lambda: has_replies(env, 3))
    assert not [line for line in thread(env) if "unusually" in line]
