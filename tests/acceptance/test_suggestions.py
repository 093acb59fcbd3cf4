"""Corrected lines: run by a click, or opened in the form."""

import pytest

from bot.sandbox.environment import Environment
from bot.sandbox.slack.conversations import Message
from tests.acceptance.deploying import deploy, serve
from tests.acceptance.endpoints import command_response, request_count
from tests.acceptance.thread_assertions import ephemeral_texts, root, roots, thread


async def suggestion(env: Environment, text: str) -> Message:
    """Type a line with a mistake, and return the response."""
    response = await command_response(env, text)
    assert "Run this" in response.buttons
    return response


def form_value(env: Environment, label: str) -> object:
    """What a field of the open form is filled in with."""
    assert env.member.modal is not None
    [element] = [item.element for item in env.member.modal.fields() if item.label == label]
    chosen = element.get("initial_option")
    return chosen["value"] if chosen else element.get("initial_value")


@pytest.mark.usefixtures("bot")
async def test_a_corrected_line_runs_by_a_click_and_asks_as_the_text_would(
    env: Environment,
) -> None:
    """Although `--yes` was typed; clicks twice, and on both previews, deploy once."""
    question = await suggestion(env, "org/model --gpu 1 h10 --name it --yes")
    assert question.buttons == ["Run this", "Open in form"]
    await env.member.double_click(question, "Run this")
    await env.slack.until(lambda: "$5.00/h" in env.member.ephemerals(env.channel)[-1].text)
    assert roots(env) == []
    shown = env.member.ephemerals(env.channel)[-1]
    await env.member.double_click(shown, "Deploy")
    await env.friendli.until(lambda: request_count(env, "create_endpoint"))
    await env.slack.until(lambda: root(env))
    assert len(roots(env)) == 1


@pytest.mark.usefixtures("bot")
async def test_a_corrected_line_opens_in_the_form(env: Environment) -> None:
    """With all that was typed and corrected; a line that can't be corrected opens as it is."""
    question = await suggestion(env, 'org/model --gpu 2xh10 --nmae it --comment "it\'s < 3"')
    await env.member.click(question, "Open in form")
    await env.slack.until(lambda: env.member.modal)
    fields = ("Model", "Instance", "Endpoint name")
    assert [form_value(env, field) for field in fields] == ["org/model", "2xH100", "it"]
    await env.member.close_modal()
    question = await command_response(env, "org/model --replicas two")
    assert question.buttons == ["Open in form"]


@pytest.mark.usefixtures("bot")
async def test_a_corrected_update_is_run_or_opened(env: Environment) -> None:
    """Before and after are shown, as for the typed line."""
    await serve(env)
    question = await suggestion(env, "update it --gpu 2xh10")
    assert question.buttons == ["Run this", "Open in form"]
    await env.member.click(question, "Open in form")
    await env.slack.until(lambda: env.member.modal and env.member.modal.callback_id == "update")
    assert form_value(env, "Instance") == "2xH100"
    await env.member.close_modal()
    await env.member.click(question, "Run this")
    await env.slack.until(lambda: "Update" in env.member.ephemerals(env.channel)[-1].buttons)
    assert request_count(env, "update_endpoint") == 0


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("slep it", "/friendli-deploy sleep it"),
        ("extend it 8", "/friendli-deploy extend it 8h"),
        ("sleep it at around 6pm", "/friendli-deploy sleep it at 18:00"),
    ],
)
async def test_a_corrected_command_runs_once(env: Environment, typed: str, shown: str) -> None:
    """The shown line, however often it is clicked."""
    await serve(env, options="--gpu 1xH100 --replicas 1 --for 8h")
    question = await suggestion(env, typed)
    assert shown in question.text
    before = len(thread(env))
    run = env.member.button(question, "Run this")
    await env.member.double_click(question, run)
    await env.slack.until(lambda: len(thread(env)) > before)
    await env.slack.until(lambda: not env.member.ephemerals(env.channel)[-1].buttons)
    assert (await env.member.click(question, run)).ok
    assert len(thread(env)) == before + 1


@pytest.mark.usefixtures("bot")
async def test_a_line_with_a_key_has_no_buttons(env: Environment) -> None:
    """A button's value is no place for a secret that somebody pasted."""
    for typed in (
        "org/model --gpu 2xh10 --comment flp_abcdefghijkl",
        "slep flp_abcdefghijkl",
    ):
        response = await command_response(env, typed)
        assert response.buttons == []


@pytest.mark.usefixtures("bot")
async def test_a_corrected_line_is_refused_as_the_text_would_be(env: Environment) -> None:
    """The click has no more rights than the person."""
    await deploy(env)
    question = await command_response(env, "delet it")
    await env.member.click(question, "Run this")
    await env.slack.until(lambda: "admins" in ephemeral_texts(env)[-1])
