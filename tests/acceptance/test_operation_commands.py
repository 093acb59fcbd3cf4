"""Stories of what people do with an endpoint by its name."""

from dataclasses import replace

import pytest
from inline_snapshot import snapshot

from bot.sandbox.environment import Environment, connect
from tests.acceptance.test_operations import rest, sent
from tests.acceptance.test_polling import serve
from tests.acceptance.thread_assertions import root, thread, told, whispers


@pytest.mark.usefixtures("bot")
async def test_sleep_is_done_at_once(here: Environment) -> None:
    """It costs nothing and any request undoes it."""
    await serve(here)
    await here.member.command(here.channel, "sleep it")
    await here.slack.until(lambda: "is sleeping" in root(here).text)
    await here.slack.until(lambda: whispers(here))
    assert whispers(here) == snapshot(["*it* is being put to sleep; its thread tells how it goes."])
    assert sent(here, "sleep_endpoint") == 1


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
            snapshot("Terminate *it*? Requests to it fail from then on. It can be restarted."),
            snapshot("*it* is being terminated; its thread tells how it goes."),
        ),
    ],
)
async def test_what_costs_or_breaks_asks_first(
    here: Environment,
    line: str,
    status: str,
    button: str,
    operation: str,
    asked: str,
    answered: str,
) -> None:
    """The question says what it means; the answer takes its place."""
    endpoint = await serve(here)
    here.friendli.set_status(endpoint, status)
    await here.member.command(here.channel, line)
    await here.slack.until(lambda: whispers(here))
    assert whispers(here) == [asked]
    assert sent(here, operation) == 0
    [question] = here.member.ephemerals(here.channel)
    if status != "RUNNING":
        await here.slack.until(lambda: told(here, 3))
    await here.member.click(question, button)
    await here.friendli.until(lambda: sent(here, operation) == 1)
    await here.slack.until(lambda: whispers(here) == [answered])


@pytest.mark.usefixtures("bot")
async def test_a_question_can_be_left(here: Environment) -> None:
    """Leave it takes the question away, and nothing happens."""
    await serve(here)
    await here.member.command(here.channel, "terminate it")
    await here.slack.until(lambda: whispers(here))
    [question] = here.member.ephemerals(here.channel)
    await here.member.click(question, "Leave it")
    await here.slack.until(lambda: not whispers(here))
    assert sent(here, "terminate_endpoint") == 0


@pytest.mark.usefixtures("bot")
async def test_deleting_by_name_asks_for_it_once_more(here: Environment) -> None:
    """The question leads to the form that wants the name typed."""
    await rest(here)
    await here.admin.command(here.channel, "delete it")
    [question] = await here.slack.until(lambda: here.admin.ephemerals(here.channel))
    await here.admin.click(question, "Delete")
    await here.slack.until(lambda: here.admin.modal)
    await here.admin.fill("Type it to confirm", "it")
    await here.admin.submit()
    await here.slack.until(lambda: "is gone" in root(here).text)


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("wake it", snapshot("*it* is serving now, so there is nothing to do.")),
        ("restart it", snapshot("*it* is serving now, so there is nothing to do.")),
        ("delete it", snapshot("*it* is serving now, so there is nothing to do.")),
    ],
)
async def test_what_doesn_t_fit_is_said(here: Environment, line: str, said: str) -> None:
    """Nothing is asked that would do nothing."""
    await serve(here)
    await here.admin.command(here.channel, line)
    [message] = await here.slack.until(lambda: here.admin.ephemerals(here.channel))
    assert message.text == said
    assert "asked" not in " ".join(thread(here))


@pytest.mark.usefixtures("bot")
async def test_a_channel_s_endpoints_are_acted_on_where_their_thread_is(here: Environment) -> None:
    """From another channel of the same project, people are led to the thread's channel."""
    await serve(here)
    other = here.slack.add_channel("other", members=[here.member.user, here.admin.user])
    await connect(replace(here, channel=other))
    await here.member.command(other, "sleep it")
    [said] = await here.slack.until(lambda: here.member.ephemerals(other))
    assert "is watched in" in said.text
