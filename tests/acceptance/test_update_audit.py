"""Stories of who may update, and what the audit keeps of it."""

import pytest
from inline_snapshot import snapshot

from bot.db.session import Database
from bot.domain.actors import ChannelRef
from bot.domain.audit_effect import Effect
from bot.sandbox.environment import Environment
from bot.sandbox.faults import Respond
from bot.services.audit import Audit
from tests.acceptance.thread_assertions import rendered_text, root, thread
from tests.acceptance.update_form import command_response, deploy_until_serving, update_bodies

pytestmark = pytest.mark.usefixtures("bot")


async def kept(env: Environment) -> list[tuple[str, str, str, str]]:
    """What the audit has of updates, oldest first: action, effect, endpoint, detail."""
    workspace = env.slack.workspace.identity
    place = ChannelRef(workspace.enterprise_id or "", workspace.team_id, env.channel.id)
    database = Database(env.database)
    try:
        entries = await Audit(database).newest(place, 20)
    finally:
        await database.close()
    return [
        (entry.action, entry.effect, entry.endpoint, entry.detail)
        for entry in reversed(entries)
        if entry.action == "endpoint:update"
    ]


async def test_an_update_is_kept_with_what_it_changes(env: Environment) -> None:
    """What was accepted and what Friendli refused then, in its words."""
    await deploy_until_serving(env)
    question = await command_response(env, "update it --replicas 2 --gpu 2xH100")
    refusal = Respond(400, {"detail": "An endpoint that is STOPPING can't be updated."})
    env.friendli.faults.add(refusal, operation="update_endpoint")
    await env.member.click(question, "Update")
    await env.friendli.until(lambda: update_bodies(env))
    await env.slack.until(lambda: any("didn't" in line for line in thread(env)))
    assert await kept(env) == snapshot(
        [
            (
                "endpoint:update",
                Effect.ACCEPTED,
                "it",
                """\
Instance: `1 × H100` → `2 × H100`
Replicas: `1 replica` → `2 replicas`
$5.00/h → *$20.00/h*\
""",
            ),
            (
                "endpoint:update",
                Effect.REFUSED,
                "it",
                "An endpoint that is STOPPING can't be updated.",
            ),
        ]
    )


async def test_a_guest_may_look_but_not_update(env: Environment) -> None:
    """The form doesn't open, nothing is asked, and the audit keeps that it was tried."""
    await deploy_until_serving(env)
    guest = env.slack.act_as(env.slack.add_user("guest", team_id="T0ELSEWHERE"))
    env.slack.workspace.set_member(env.channel, guest.user, member=True)
    await guest.click(root(env), "Update")
    await env.slack.until(lambda: guest.ephemerals(env.channel))
    said = [rendered_text(env, message.text) for message in guest.ephemerals(env.channel)]
    assert said == snapshot(
        [
            "You belong to another organisation, so you can look here but not act. Ask someone in this workspace to do it."
        ]
    )
    assert guest.modal is None
    assert await kept(env) == snapshot([("endpoint:update", Effect.DENIED, "it", "")])
