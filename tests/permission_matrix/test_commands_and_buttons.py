"""Commands and buttons deny people without their permission."""

import pytest
from sqlalchemy import select

from bot.commands.features import registry
from bot.db.clock import now
from bot.db.deployment_tables import Deployment
from bot.db.inference_tables import PromptRequest
from bot.db.operation_tables import Schedule
from bot.domain.operations import OperationKind
from bot.domain.prompt_state import PromptState
from bot.domain.schedule_days import ScheduleDays
from bot.messages.blocks import actions, button
from bot.sandbox.environment import Environment
from bot.sandbox.slack.workspace import Content
from tests.permission_matrix.denials import Denials
from tests.permission_matrix.forms import IN_SETTINGS
from tests.permission_matrix.tables import (
    CLICKS,
    COMMANDS,
    EVENTS,
    MENTIONS,
    NEEDS_ENDPOINT,
    SHORTCUTS,
    SUBMISSIONS,
    SUGGESTIONS,
)


def test_nothing_is_missing_here() -> None:
    """The tables list everything that is registered."""
    known = registry()
    assert {word.split()[0] for word in COMMANDS if word} - {"org/model"} == set(known.commands)
    assert set(MENTIONS) == {"", *known.commands}
    assert set(CLICKS) == set(known.clicks)
    assert set(SUBMISSIONS) == set(known.submissions)
    assert set(SUGGESTIONS) == set(known.suggestions)
    assert set(SHORTCUTS) == set(known.shortcuts)
    assert set(EVENTS) == set(known.events)


@pytest.mark.parametrize("kind", OperationKind)
def test_an_operation_needs_the_same_permission_everywhere(kind: OperationKind) -> None:
    """The row's, for command, mention and button."""
    assert COMMANDS[kind] == MENTIONS[kind] == kind.facts.permission
    if kind.facts.button is not None:
        assert CLICKS[kind.action_id] == kind.facts.permission


async def test_every_command_asks_for_its_permission(env: Environment, denied: Denials) -> None:
    """A refusal, and an entry in the audit."""
    for word, permission in COMMANDS.items():
        if permission is None:
            continue
        before = await denied.take()
        seen = len(env.member.ephemerals(env.channel))
        text = f"{word} it" if word in NEEDS_ENDPOINT else word
        await env.member.command(env.channel, text)
        await env.slack.until(
            lambda seen=seen: len(env.member.ephemerals(env.channel)) > seen  # type: ignore[misc] # bound in the loop
        )
        assert await denied.take() == [*before, (env.member.user.id, permission)], word
        assert env.member.modal is None


async def test_every_button_asks_for_its_permission(env: Environment, denied: Denials) -> None:
    """Also where somebody sees it who may not use it."""
    async with denied.database.write() as session:
        deployment = (await session.scalars(select(Deployment))).one()
        public_id = deployment.public_id
        session.add(
            Schedule(
                public_id="a-schedule",
                deployment_id=deployment.id,
                kind=OperationKind.SLEEP,
                days=ScheduleDays.DAILY,
                time_of_day="18:00",
                zone="UTC",
                requested_by=env.admin.user.id,
                requested_at=now(),
            )
        )
        session.add(
            PromptRequest(
                request_id="a-prompt",
                public_id="a-prompt",
                deployment_id=deployment.id,
                person_id=env.admin.user.id,
                requested_at=now(),
                state=PromptState.DONE,
                channel_id=env.channel.id,
                thread_ts=deployment.thread_ts or "",
            )
        )
    await env.admin.command(env.channel, "update it --gpu 2xH100")
    question = await env.slack.until(
        lambda: next(
            (one for one in env.admin.ephemerals(env.channel) if "Change" in one.buttons), None
        )
    )
    agree = str(env.admin.button(question, "update.agree").element["value"])
    [endpoint] = env.friendli.endpoints
    draft = '{"m":"org/model","g":"1xH100","n":"other"}'
    values = {
        "preview.deploy": f"request {draft}",
        "preview.change": draft,
        "target.disconnect": "prod",
        "audit.older": "1",
        "audit.newest": "0",
        "endpoint.follow": f"prod {endpoint}",
        "update.agree": agree,
        "update.change": agree,
        "lifetime.extend": f"{public_id} 0",
        "lifetime.set": f"{public_id} 3600",
        "schedule.remove": "a-schedule",
        "prompt.stop": "a-prompt",
        "endpoint.edit": f"{public_id} model",
        "endpoint.larger": f"{public_id} 8xB200",
        "endpoint.update_again": f"{public_id} an-update",
        "deployment.edit": f"{public_id} model",
        "deployment.larger": f"{public_id} 8xB200",
        "deployment.choose": f"{public_id} {endpoint}",
        **{name: f"prod {endpoint}" for name in CLICKS if name.startswith("endpoint.pick.")},
    }
    for name, permission in CLICKS.items():
        # The settings' own are pressed in the form: see test_forms.
        if permission is None or name in IN_SETTINGS:
            continue
        before = await denied.take()
        shown = env.slack.workspace.post(
            env.channel,
            env.slack.workspace.bot,
            Content(
                text="a button",
                blocks=env.slack.workspace.with_block_ids(
                    [actions(button("It", name, value=values.get(name, public_id)))]
                ),
            ),
            ephemeral_to=env.member.user.id,
        )
        seen = len(env.member.ephemerals(env.channel))
        await env.member.click(shown, "It")
        await env.slack.until(
            lambda seen=seen: len(env.member.ephemerals(env.channel)) > seen  # type: ignore[misc] # bound in the loop
        )
        assert await denied.take() == [*before, (env.member.user.id, permission)], name
        assert env.member.modal is None
