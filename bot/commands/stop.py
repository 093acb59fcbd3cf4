"""The Cancel button: end a deployment, wherever it has come to."""

from bot.commands.act import unknown_endpoint
from bot.commands.desk import Click, Desk, Work
from bot.commands.late_answer import late_answer
from bot.commands.registry import Feature
from bot.deployments.service import StopOutcome
from bot.messages.buttons import ActionId
from bot.permissions import Permission

_WORDS = {
    StopOutcome.ALREADY_ASKED: "Somebody asked for that already; the thread tells how it goes.",
    StopOutcome.OVER: "It is over already; there is nothing left to end.",
}


async def clicked(desk: Desk, click: Click) -> Work:
    """Write the wish down; the thread tells what becomes of it.

    Slack is acknowledged only then: a wish that died with us would leave it billing unseen.
    """
    deployment = await desk.deployments.find(click.place, click.value)
    if deployment is None:
        raise unknown_endpoint()
    await desk.authorizer.authorize(
        Permission.TERMINATE,
        click.person,
        click.place,
        target=deployment.target_name,
        about=deployment.public_id,
        message_ts=click.message_ts,
    )
    outcome = await desk.deployments.stop(
        click.place, click.person, click.value, message_ts=click.message_ts
    )
    words = _WORDS.get(outcome)
    return None if words is None else await late_answer(desk, click, words)


FEATURE = Feature(clicks={ActionId.CANCEL: clicked})
