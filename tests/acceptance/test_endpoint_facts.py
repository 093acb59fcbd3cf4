"""Stories of the facts of an endpoint, which every surface shows alike."""

import re

import pytest

from bot.sandbox.environment import Environment
from tests.acceptance.deploying import REPLICA, serve
from tests.acceptance.endpoints import command_response
from tests.acceptance.home_tab import home_tab, view_text
from tests.acceptance.thread_assertions import message_text, root

FACTS = re.compile(r"requested by @\w+ · .*? · next: \w+ TIME")


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("status", ["RUNNING", "SLEEPING"])
async def test_every_surface_shows_the_same_facts(env: Environment, status: str) -> None:
    """Owner, lifetime, cost so far and the next schedule: `status`, shortcut, `list` and Home."""
    endpoint = await serve(env, options=f"{REPLICA} --for 8h")
    await command_response(env, "wake it daily at 9:55")
    env.clock.advance(3600)
    if status == "SLEEPING":
        env.friendli.set_status(endpoint, status)
        await env.slack.until(lambda: "is asleep" in root(env).text)
    await env.member.shortcut("endpoint.status", root(env))
    shown = {
        "shortcut": message_text(
            env, await env.slack.until(lambda: env.member.ephemerals(env.channel)[1:][-1])
        ),
        "status": message_text(env, await command_response(env, "status it")),
        "list": message_text(env, await command_response(env, "list")),
        "home": view_text(env, await home_tab(env)),
    }
    facts = {surface: _facts(text) for surface, text in shown.items()}
    assert len(set(facts.values())) == 1, facts
    [said] = set(facts.values())
    assert "lifetime" in said or "TIME" in said
    assert "$5.00 so far" in said
    assert "next: wake TIME" in said


def _facts(text: str) -> str:
    found = FACTS.search(text.replace("\n", " · "))
    assert found is not None, text
    # Real seconds pass between one look and the next.
    return re.sub(r"for (?:(?:under )?\d+ \w+ ?)+,", "for a while,", found[0])
