"""Stories of what people do with an endpoint by its name."""

from copy import deepcopy
from dataclasses import replace

import pytest
from inline_snapshot import snapshot

from bot.domain.permissions import Permission
from bot.sandbox.environment import Environment, connect
from bot.sandbox.slack.fields import fields
from tests.acceptance.deploying import serve
from tests.acceptance.endpoints import command_response, request_count
from tests.acceptance.settings_form import grant
from tests.acceptance.test_operations import rest
from tests.acceptance.thread_assertions import (
    ephemeral_texts,
    has_replies,
    message_text,
    root,
    thread,
)


@pytest.mark.usefixtures("bot")
async def test_sleep_is_done_at_once(env: Environment) -> None:
    """It costs nothing and any request undoes it."""
    await serve(env)
    await env.member.command(env.channel, "sleep it")
    await env.slack.until(lambda: "is asleep" in root(env).text)
    await env.slack.until(lambda: ephemeral_texts(env))
    assert ephemeral_texts(env) == snapshot(["*it* is being put to sleep; see its thread."])
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
            snapshot("Wake *it*? *$5.00/h* while live."),
            snapshot("*it* is being woken; see its thread."),
        ),
        (
            "restart it",
            "TERMINATED",
            "Restart",
            "restart_endpoint",
            snapshot("Restart *it*? *$5.00/h* while live."),
            snapshot("*it* is being restarted; see its thread."),
        ),
        (
            "terminate it",
            "RUNNING",
            "Terminate",
            "terminate_endpoint",
            snapshot("Terminate *it*? Requests to it will fail. You can restart it later."),
            snapshot("*it* is being terminated; see its thread."),
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
    await env.member.click(question, "Cancel")
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
        ("wake it", snapshot("*it* is already live.")),
        ("restart it", snapshot("*it* is already live.")),
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


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("way", ["command", "mention", "stale menu", "stale button"])
async def test_deleting_what_runs_offers_to_terminate_it_first(env: Environment, way: str) -> None:
    """However it is asked for; the button does it."""
    endpoint = await rest(env)
    earlier = deepcopy(root(env))
    await env.admin.command(env.channel, "list")
    [page] = await env.slack.until(lambda: env.admin.ephemerals(env.channel))
    env.friendli.set_status(endpoint, "RUNNING")
    await env.slack.until(lambda: "is live" in root(env).text)
    before = len(env.admin.ephemerals(env.channel))
    if way == "command":
        await env.admin.command(env.channel, "delete it")
    elif way == "mention":
        await env.admin.mention(env.channel, "delete", thread=root(env))
    elif way == "stale menu":
        [menu] = [one for one in fields(page.blocks) if one.block_id == f"row prod {endpoint}"]
        await env.admin.choose(page, menu, "delete")
    else:
        await env.admin.click(earlier, "Delete")
    said = await env.slack.until(lambda: env.admin.ephemerals(env.channel)[before:][-1])
    assert message_text(env, said) == "*it* is live. Terminate it first.\n[Terminate]"
    await env.admin.click(said, "Terminate")
    await env.friendli.until(lambda: request_count(env, "terminate_endpoint") == 1)


@pytest.mark.usefixtures("bot")
async def test_who_may_delete_but_not_terminate_is_led_to_those_who_may(env: Environment) -> None:
    """The request is posted in the thread."""
    await serve(env)
    await grant(env, Permission.DELETE, who="everyone")
    await grant(env, Permission.TERMINATE, who="admins")
    said = await command_response(env, "delete it")
    assert message_text(env, said) == snapshot("""\
*it* is live. Terminate it first.
You can delete here, but not terminate. *Ask them* posts your request.
[Ask them]\
""")
    await env.member.click(said, "Ask them")
    await env.slack.until(lambda: "terminate" in thread(env)[-1])


@pytest.mark.usefixtures("bot")
async def test_a_confirmed_delete_is_confirmed_at_once(env: Environment) -> None:
    """To who typed the name, before Friendli has done it."""
    await rest(env)
    await env.admin.click(root(env), "Delete")
    await env.slack.until(lambda: env.admin.modal)
    await env.admin.fill("Type it to confirm", "it")
    await env.admin.submit()
    [said] = await env.slack.until(lambda: env.admin.ephemerals(env.channel))
    assert message_text(env, said) == snapshot("*it* is being deleted; see its thread.")
