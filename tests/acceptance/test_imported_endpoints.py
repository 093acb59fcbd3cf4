"""Stories of endpoints that were made elsewhere and are followed in a channel."""

import re

import pytest
from inline_snapshot import snapshot

from bot.sandbox.environment import PROJECT, Environment
from tests.acceptance.endpoints import command_response
from tests.acceptance.thread_assertions import (
    ephemeral_texts,
    has_replies,
    message_text,
    root,
    roots,
    thread,
)


def made_elsewhere(env: Environment, name: str = "elsewhere", status: str = "RUNNING") -> str:
    """Make an endpoint as Friendli Suite would; returns its id."""
    endpoint = env.friendli.create(project_id=PROJECT, name=name)
    env.friendli.set_status(endpoint, status)
    return endpoint


async def follow(env: Environment) -> str:
    """Follow an endpoint that serves."""
    endpoint = made_elsewhere(env)
    await env.member.command(env.channel, "follow elsewhere")
    await env.slack.until(lambda: roots(env) and ephemeral_texts(env))
    return endpoint


@pytest.mark.usefixtures("bot")
async def test_a_followed_endpoint_has_a_thread_with_buttons(env: Environment) -> None:
    """It is watched, and can be put to sleep, like one that was deployed here."""
    await follow(env)
    assert ephemeral_texts(env) == snapshot(
        ["Following *elsewhere*; see its thread in this channel."]
    )
    assert message_text(env, root(env)) == snapshot("""\
🟢 *elsewhere* is live · $5.00/h while live
Call it with `model: "ENDPOINT-1"`
1 × H100 · 1 replica · endpoint `ENDPOINT-1` · followed by @requester at TIME
[Use it] [Try a prompt] [Open in Friendli] [Update] [⋯ Sleep · Terminate]\
""")
    await env.member.click(root(env), "Sleep")
    await env.slack.until(lambda: "is asleep" in root(env).text)
    await env.slack.until(lambda: has_replies(env, 2))
    assert thread(env) == snapshot(
        [
            "@requester asked to put it to sleep.",
            "😴 Asleep. $0.00/h while asleep; any request wakes it.",
        ]
    )


@pytest.mark.usefixtures("bot")
async def test_it_is_followed_once(env: Environment) -> None:
    """Who asks again is told where it is watched."""
    await follow(env)
    await env.member.command(env.channel, "follow elsewhere")
    await env.slack.until(lambda: len(ephemeral_texts(env)) > 1)
    assert ephemeral_texts(env)[1] == snapshot(
        "*elsewhere* is already watched in #ml-deploys; see its thread."
    )
    assert len(roots(env)) == 1


@pytest.mark.usefixtures("bot")
async def test_it_is_let_go_and_followed_again(env: Environment) -> None:
    """The old thread says that nothing more is told; following again opens a new one."""
    endpoint = await follow(env)
    await env.member.command(env.channel, "unfollow elsewhere")
    await env.slack.until(lambda: len(ephemeral_texts(env)) > 1)
    await env.slack.until(lambda: "no longer watched" in root(env).text)
    await env.slack.until(lambda: has_replies(env, 1))
    assert (ephemeral_texts(env)[1], thread(env)) == snapshot(
        (
            "*elsewhere* isn't followed any more. It keeps running.",
            [
                "@requester unfollowed it. It keeps running and is billed while live; this thread gets no more updates."
            ],
        )
    )
    assert message_text(env, root(env)) == snapshot("""\
⚪ *elsewhere* is no longer watched
It may keep running and be billed until someone stops it in Friendli Suite.
1 × H100 · 1 replica · endpoint `ENDPOINT-1` · followed by @requester at TIME
[Open in Friendli]\
""")
    env.friendli.set_status(endpoint, "SLEEPING")
    await env.member.command(env.channel, "follow elsewhere")
    await env.slack.until(lambda: len(roots(env)) > 1)
    assert "is asleep" in roots(env)[1].text
    assert len(env.channel.replies(roots(env)[0].ts)) == 1


@pytest.mark.usefixtures("bot")
async def test_two_of_one_name_are_both_followed(env: Environment) -> None:
    """Nobody keeps names apart in Friendli Suite; each has its own thread."""
    for endpoint in (made_elsewhere(env), made_elsewhere(env)):
        await env.member.command(env.channel, f"follow {endpoint}")
    await env.slack.until(lambda: len(roots(env)) == 2)


@pytest.mark.usefixtures("bot")
async def test_what_was_deployed_here_isn_t_unfollowed(env: Environment) -> None:
    """Its thread stays until it is gone."""
    await env.member.command(env.channel, "org/model --gpu 1xH100 --replicas 1 --name it --yes")
    await env.slack.until(lambda: roots(env) and thread(env))
    await env.member.command(env.channel, "unfollow it")
    await env.slack.until(lambda: ephemeral_texts(env))
    assert ephemeral_texts(env) == snapshot(
        ["*it* was deployed from here, so its thread stays until it is deleted."]
    )


@pytest.mark.usefixtures("bot")
async def test_a_stranger_s_endpoint_is_followed_before_anything_is_done(env: Environment) -> None:
    """What is done with an endpoint is told in a thread, so it needs one first."""
    made_elsewhere(env)
    await env.member.command(env.channel, "sleep elsewhere")
    await env.slack.until(lambda: ephemeral_texts(env))
    assert ephemeral_texts(env) == snapshot(
        [
            "*elsewhere* was created elsewhere. Follow it first, so that its thread shows what happens to it."
        ]
    )
    [said] = env.member.ephemerals(env.channel)
    await env.member.click(said, "Follow")
    await env.slack.until(lambda: roots(env))


@pytest.mark.usefixtures("bot")
async def test_a_name_with_markup_pings_nobody(env: Environment) -> None:
    """What others typed in Friendli Suite stays text."""
    endpoint = made_elsewhere(env, name="<!channel> & *bold*")
    await env.member.command(env.channel, f"follow {endpoint}")
    await env.slack.until(lambda: roots(env) and ephemeral_texts(env))
    assert "<!channel>" not in root(env).words + "".join(
        message.words for message in env.member.ephemerals(env.channel)
    )


@pytest.mark.usefixtures("bot")
async def test_what_is_set_from_here_is_known_until_somebody_sets_it_elsewhere(
    env: Environment,
) -> None:
    """Friendli doesn't tell the model of a stranger's endpoint; who updates it here has said it."""
    endpoint = made_elsewhere(env, "theirs")
    await command_response(env, "follow theirs")
    await env.slack.until(lambda: roots(env))
    question = await command_response(env, "update theirs org/other --max-token-count 64")
    await env.member.click(question, "Update")
    await env.slack.until(lambda: "org/other" in message_text(env, root(env)))
    # The card says "live" until the update is seen.
    await env.slack.until(lambda: "Rolling out" in str(thread(env)))
    await env.slack.until(lambda: "is live" not in root(env).text)
    env.clock.advance(300)
    await env.slack.until(lambda: "is live" in root(env).text)
    listed = message_text(env, await command_response(env, "list"))
    # Some real seconds pass too.
    assert re.sub(r"3 min( \d+ s)?,", "3 min,", listed) == snapshot("""\
*prod* · 1 endpoint · *$5.00/h* now
🟢 *theirs* · live · $5.00/h
org/other · 1 × H100 · 1 replica · followed by @requester · no lifetime · live for 3 min, about $0.25 since it was followed
“About” is estimated from how long it was live and the price of its GPUs. Friendli Suite shows charges under Billing.\
""")
    assert message_text(
        env, await command_response(env, "update theirs --max-token-count 32")
    ) == snapshot("""\
Update *theirs*? Version `1` runs now.
Max token count: `64` → `32`
Sent unchanged: Max batch size: `256` · Skip special tokens: `on` · Add special tokens: `on`
$5.00/h, unchanged (up to $10.00/h during the rollout). The current version stays live until the new one is ready.
Friendli doesn't return the logging and queue settings of endpoints created elsewhere. They stay unchanged unless you set them.
Engine settings are sent together: unknown ones may return to Friendli's defaults.
Nothing is sent until you confirm.
[Update] [Change] [Cancel]\
""")
    env.friendli.update(endpoint, replicas=2)
    assert "Max token count: unknown → `32`" in message_text(
        env, await command_response(env, "update theirs --max-token-count 32")
    )
    await env.slack.until(lambda: "org/other" not in message_text(env, root(env)))
