"""Connects a channel, as an admin does."""

from bot.sandbox.environment import API_KEY, PROJECT, Environment
from bot.sandbox.slack.changes import ConditionTimeoutError
from bot.sandbox.slack.conversations import Channel

_ATTEMPTS = 3


async def connect(env: Environment, channel: Channel) -> None:
    admin = env.admin
    for attempt in range(_ATTEMPTS):
        await admin.command(channel, "connect prod")
        try:
            await env.slack.until(lambda: admin.modal, timeout=10)
        except ConditionTimeoutError:
            # A busy machine.
            if attempt == _ATTEMPTS - 1:
                raise
        else:
            break
    await admin.fill("Target name", "prod")
    await admin.fill("Friendli project id", PROJECT)
    await admin.fill("Personal API key (flp_…)", API_KEY)
    await admin.submit()
    await env.slack.until(
        lambda: admin.modal is not None and "is connected" in str(admin.modal.body), timeout=30
    )
    await admin.close_modal()
