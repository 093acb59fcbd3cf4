"""Above a price per hour, a click asks again, with the price in words."""

import asyncio

import pytest

from bot.sandbox.environment import Environment, connect
from bot.sandbox.slack.conversations import Message
from bot.sandbox.slack.view import View
from tests.acceptance.deploying import serve
from tests.acceptance.endpoints import request_count
from tests.acceptance.thread_assertions import (
    has_replies,
    message_text,
    root,
    roots,
    thread,
)
from tests.acceptance.update_form import open_update_form
from tests.conftest import StartBot

DEAR = "org/model --gpu 8xB200 --replicas 100 --name dear"
IN_WORDS = "seven thousand two hundred dollars an hour"
BUTTON = "Deploy for $7,200.00/h"


async def question(env: Environment, words: str = IN_WORDS) -> Message:
    """The last response to the member, once it says the price in words."""

    def asked() -> Message | None:
        last = env.member.ephemerals(env.channel)[-1]
        return last if words in last.text else None

    return await env.slack.until(asked)


async def with_button(env: Environment, label: str) -> Message:
    """The last response to the member, once it has a button."""

    def there() -> Message | None:
        last = env.member.ephemerals(env.channel)[-1]
        return last if label in last.buttons else None

    return await env.slack.until(there)


async def deployed_once(env: Environment) -> None:
    await env.friendli.until(lambda: request_count(env, "create_endpoint"))
    await env.slack.until(lambda: len(roots(env)) == 1 and thread(env))
    assert request_count(env, "create_endpoint") == 1


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("scaling", ["--replicas 100", "--autoscale 0..10"])
async def test_a_line_with_yes_asks_for_the_price_first(env: Environment, scaling: str) -> None:
    """The maximum of autoscaling counts; whoever clicks twice deploys once."""
    words = {"--autoscale 0..10": "seven hundred twenty dollars an hour"}.get(scaling, IN_WORDS)
    button = {"--autoscale 0..10": "Deploy for $720.00/h"}.get(scaling, BUTTON)
    line = DEAR.replace("--replicas 100", scaling)
    await env.member.command(env.channel, f"{line} --yes")
    asked = await question(env, words)
    assert asked.buttons == [button, "Change", "Cancel"]
    assert roots(env) == []
    await env.member.double_click(asked, button)
    await deployed_once(env)


@pytest.mark.usefixtures("bot")
async def test_the_click_below_a_preview_asks_for_the_price(env: Environment) -> None:
    """Twice clicked, it asks once; only the click below the words deploys."""
    await env.member.command(env.channel, DEAR)
    preview = await env.slack.until(lambda: env.member.ephemerals(env.channel)[-1])
    assert preview.buttons == ["Why?", "Deploy", "Change", "Cancel"]
    await env.member.double_click(preview, "Deploy")
    asked = await question(env)
    assert asked.buttons == [BUTTON, "Change", "Cancel"]
    assert len(env.member.ephemerals(env.channel)) == 1
    assert request_count(env, "create_endpoint") == 0
    await env.member.double_click(asked, BUTTON)
    await deployed_once(env)


async def filled_form(env: Environment) -> View:
    await env.member.command(env.channel)
    await env.slack.until(lambda: env.member.modal)
    await env.member.fill("Model", "org/model")
    await env.member.fill("Endpoint name", "dear")
    await env.member.fill("Instance", "8xB200")
    await env.member.fill("Scaling", "fixed")
    await env.slack.until(
        lambda: env.member.modal and "Replicas" in [one.label for one in env.member.modal.fields()]
    )
    await env.member.fill("Replicas", "100")
    await env.member.submit()
    assert env.member.modal is not None
    return env.member.modal


@pytest.mark.usefixtures("bot")
async def test_the_form_asks_for_the_price_on_top_of_it(env: Environment) -> None:
    """Back leads to the form as it was filled in; agreeing closes both and deploys once."""
    asked = await filled_form(env)
    assert asked.title == "Confirm the price"
    assert IN_WORDS in str(asked.blocks)
    assert asked.body["submit"]["text"] == BUTTON
    await env.member.close_modal()
    assert env.member.modal is not None
    assert env.member.modal.title == "Deploy a model"
    assert request_count(env, "create_endpoint") == 0
    await env.member.submit()
    sent = await env.member.submit()
    assert env.member.modals == []
    assert (await env.slack.deliver_again(sent.delivery)).ok
    await deployed_once(env)


async def test_two_replicas_ask_once_and_deploy_once(env: Environment, start_bot: StartBot) -> None:
    """The click reaches both; what was agreed to is in the button, not in a process."""
    async with start_bot() as one, start_bot() as other:
        await connect(env)
        await env.member.command(env.channel, f"{DEAR} --yes")
        asked = await question(env)
        deploy = env.member.button(asked, BUTTON)
        clicks = []
        for bot in (one, other):
            env.slack.events_url = bot.events_url
            clicks.append(asyncio.ensure_future(env.member.click(asked, deploy)))
            await asyncio.sleep(0)
        await asyncio.gather(*clicks)
        await deployed_once(env)


@pytest.mark.usefixtures("bot")
async def test_an_update_to_a_price_asks_for_it(env: Environment) -> None:
    """Below the message that shows before and after; clicks twice update once."""
    await serve(env)
    await env.member.command(env.channel, "update it --gpu 8xB200 --replicas 100")
    shown = await with_button(env, "Update")
    await env.member.click(shown, "Update")
    asked = await question(env)
    assert request_count(env, "update_endpoint") == 0
    await env.member.double_click(asked, "Update for $7,200.00/h")
    await env.friendli.until(lambda: request_count(env, "update_endpoint") == 1)


@pytest.mark.usefixtures("bot")
async def test_an_update_that_lowers_the_price_does_not_ask_for_it(env: Environment) -> None:
    """Saving money takes no second click."""
    await serve_dear(env)
    await env.member.command(env.channel, "update dear --replicas 99")
    await env.member.click(await with_button(env, "Update"), "Update")
    await env.friendli.until(lambda: request_count(env, "update_endpoint") == 1)


@pytest.mark.usefixtures("bot")
async def test_an_update_by_the_form_asks_for_the_price(env: Environment) -> None:
    """The review turns into the question; agreeing sends one update."""
    await serve(env)
    await open_update_form(env)
    await env.member.fill("Instance", "8xB200")
    await env.member.fill("Replicas", "100")
    await env.member.submit()
    await env.member.submit()
    assert env.member.modal is not None
    assert IN_WORDS in str(env.member.modal.blocks)
    assert request_count(env, "update_endpoint") == 0
    await env.member.submit()
    await env.friendli.until(lambda: request_count(env, "update_endpoint") == 1)


@pytest.mark.usefixtures("bot")
async def test_a_wake_at_a_price_asks_for_it(env: Environment) -> None:
    """By its button and by text; the click below the words wakes it, once."""
    await serve_dear(env)
    [endpoint] = env.friendli.endpoints
    env.friendli.set_status(endpoint, "SLEEPING")
    await env.slack.until(lambda: has_replies(env, 3))
    await env.slack.until(lambda: "Wake ($7,200.00/h)" in root(env).buttons)
    await env.member.click(root(env), "Wake ($7,200.00/h)")
    asked = await question(env)
    assert "*dear*" in asked.text
    await env.member.command(env.channel, "wake dear")
    typed = await with_button(env, "Wake")
    await env.member.click(typed, "Wake")
    # The answer takes the place of the question.
    await env.slack.until(lambda: "Wake for $7,200.00/h" in typed.buttons)
    assert request_count(env, "wake_endpoint") == 0
    await env.member.double_click(asked, "Wake for $7,200.00/h")
    await env.friendli.until(lambda: request_count(env, "wake_endpoint"))
    assert request_count(env, "wake_endpoint") == 1


async def serve_dear(env: Environment) -> None:
    await env.member.command(env.channel, f"{DEAR} --yes")
    await env.member.click(await question(env), BUTTON)
    await env.slack.until(lambda: thread(env))
    env.friendli.set_status(list(env.friendli.endpoints)[-1], "RUNNING")
    await env.slack.until(lambda: has_replies(env, 2))


async def test_the_price_is_a_setting(env: Environment, start_bot: StartBot) -> None:
    """Where it is higher, the same line deploys at once."""
    async with start_bot(confirm_price_above="7200"):
        await connect(env)
        await env.member.command(env.channel, f"{DEAR} --yes")
        await deployed_once(env)
    assert message_text(env, root(env))
