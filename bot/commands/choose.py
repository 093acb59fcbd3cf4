"""The buttons that say which of several endpoints a deployment made."""

from bot.commands.act import unknown_endpoint
from bot.commands.desk import Click, Desk, Work
from bot.commands.late_answer import late_answer
from bot.commands.registry import Feature
from bot.deployments.creating.choices import ChoiceOutcome
from bot.messages.buttons import ActionId
from bot.permissions import Permission

_WORDS = {
    ChoiceOutcome.SETTLED: "That was settled already; the thread says how.",
    ChoiceOutcome.TAKEN: "That endpoint belongs to another deployment.",
    ChoiceOutcome.NOT_OFFERED: "That endpoint isn't one of the choices any more.",
}


async def chosen(desk: Desk, click: Click) -> Work:
    """This one it is."""
    public_id, _, endpoint_id = click.value.partition(" ")
    return await _choose(desk, click, public_id, endpoint_id)


async def chosen_none(desk: Desk, click: Click) -> Work:
    """It is none of them."""
    return await _choose(desk, click, click.value, None)


async def _choose(desk: Desk, click: Click, public_id: str, endpoint_id: str | None) -> Work:
    """Write the choice down; Slack is acknowledged only then."""
    deployment = await desk.deployments.find(click.place, public_id)
    if deployment is None:
        raise unknown_endpoint()
    await desk.authorizer.authorize(
        Permission.DEPLOY,
        click.person,
        click.place,
        target=deployment.target_name,
        about=deployment.public_id,
        message_ts=click.message_ts,
    )
    outcome = await desk.choices.choose(
        click.place, click.person, public_id, endpoint_id, message_ts=click.message_ts
    )
    words = _WORDS.get(outcome)
    return None if words is None else await late_answer(desk, click, words)


FEATURE = Feature(clicks={ActionId.CHOOSE: chosen, ActionId.CHOOSE_NONE: chosen_none})
