"""Stories of what people do with an endpoint by its name."""

from dataclasses import replace

import pytest
from inline_snapshot import snapshot

from bot.sandbox.environment import Environment, connect
from tests.acceptance.deploying import serve
from tests.acceptance.endpoints import request_count
from tests.acceptance.test_operations import rest
from tests.acceptance.thread_assertions import ephemeral_texts, has_replies, root, thread


@pytest.mark.usefixtures("bot")
async def test_sleep_is_done_at_once(env: Environment) -> None:
    """It costs nothing and any request undoes it."""
    await serve(env)
    await env.member.command(env.channel, "sleep it")
    await env.slack.until(lambda: "is asleep" in root(env).text)
    await env.slack.until(lambda: ephemeral_texts(env))
    assert ephemeral_texts(env) == snapshot(
        ["*it* is being put to sleep; its thread tells how it goes."]
    )
    assert request_count(env, "sleep_endpoint") == 1


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize(
    ("line", "status", "button", "operation", "asked", "answered"),
    [
        (
            "wake it",
            "SLEEPING",
            "Wake",
            "wake_endpoint",
            snapshot("Wake *it*? *$5.00/h* once it serves."),
            snapshot("*it* is being woken; its thread tells how it goes."),
        ),
        (
            "restart it",
            "TERMINATED",
            "Restart",
            "restart_endpoint",
            snapshot("Restart *it*? *$5.00/h* once it serves."),
            snapshot("*it* is being restarted; its thread tells how it goes."),
        ),
        (
            "terminate it",
            "RUNNING",
            "Terminate",
            "terminate_endpoint",
            snapshot("Terminate *it*? Requests to it will fail. You can restart it later."),
            snapshot("*it* is being terminated; its thread tells how it goes."),
        ),
    ],
)
async def test_what_costs_or_breaks_asks_first(
    env: Environment,
    line: str,
    status: str,
    button: str,
    operation: str,
    asked: str,
    answered: str,
) -> None:
    """The question says what it means; the answer takes its place."""
    endpoint = await serve(env)
    env.friendli.set_status(endpoint, status)
    await env.member.command(env.channel, line)
    await env.slack.until(lambda: ephemeral_texts(env))
    assert ephemeral_texts(env) == [asked]
    assert request_count(env, operation) == 0
    [question] = env.member.ephemerals(env.channel)
    if status != "RUNNING":
        await env.slack.until(lambda: has_replies(env, 3))
    await env.member.click(question, button)
    await env.friendli.until(lambda: request_count(env, operation) == 1)
    await env.slack.until(lambda: ephemeral_texts(env) == [answered])


@pytest.mark.usefixtures("bot")
async def test_a_question_can_be_left(env: Environment) -> None:
    """Leave it takes the question away, and nothing happens."""
    await serve(env)
    await env.member.command(env.channel, "terminate it")
    await env.slack.until(lambda: ephemeral_texts(env))
    [question] = env.member.ephemerals(env.channel)
    await env.member.click(question, "Leave it")
    await env.slack.until(lambda: not ephemeral_texts(env))
    assert request_count(env, "terminate_endpoint") == 0


@pytest.mark.usefixtures("bot")
async def test_deleting_by_name_asks_for_it_once_more(env: Environment) -> None:
    """The question leads to the form that wants the name typed."""
    await rest(env)
    await env.admin.command(env.channel, "delete it")
    [question] = await env.slack.until(lambda: env.admin.ephemerals(env.channel))
    await env.admin.click(question, "Delete")
    await env.slack.until(lambda: env.admin.modal)
    await env.admin.fill("Type it to confirm", "it")
    await env.admin.submit()
    await env.slack.until(lambda: "is gone" in root(env).text)


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("wake it", snapshot("*it* is live now, so there is nothing to do.")),
        ("restart it", snapshot("*it* is live now, so there is nothing to do.")),
        ("delete it", snapshot("*it* is live now, so there is nothing to do.")),
    ],
)
async def test_what_doesn_t_fit_is_said(env: Environment, line: str, said: str) -> None:
    """Nothing is asked that would do nothing."""
    await serve(env)
    await env.admin.command(env.channel, line)
    [message] = await env.slack.until(lambda: env.admin.ephemerals(env.channel))
    assert message.text == said
    assert "asked" not in " ".join(thread(env))


@pytest.mark.usefixtures("bot")
async def test_a_channel_s_endpoints_are_acted_on_where_their_thread_is(env: Environment) -> None:
    """From another channel of the same project, people are led to the thread's channel."""
    await serve(env)
    other = env.slack.add_channel("other", members=[env.member.user, env.admin.user])
    await connect(replace(env, channel=other))
    await env.member.command(other, "sleep it")
    [said] = await env.slack.until(lambda: env.member.ephemerals(other))
    assert "is watched in" in said.text
