"""[Run this]: a suggested line, run by a click as if the same person had typed it."""

import secrets

from bot.commands.dispatch import Dispatcher
from bot.commands.registry import DeferredTask, Feature
from bot.domain.text import as_slack_sends
from bot.messages.suggestion import RUN_ACTION
from bot.slack.requests import BlockAction, SlashCommand


async def run(click: BlockAction, dispatcher: Dispatcher) -> DeferredTask:
    """Run the line. The answer takes the suggestion's place.

    Each suggestion has an idempotency key, so that a second click does nothing more.
    """
    key, _, line = click.value.partition(" ")
    return await dispatcher.run(
        SlashCommand(
            place=click.place,
            person=click.person,
            response_url=click.response_url,
            thread_ts=click.thread_ts,
            responder=click.responder.in_place() if click.is_ephemeral else click.responder,
            text=as_slack_sends(line),
            trigger_id=click.trigger_id,
            request_id=key or secrets.token_hex(8),
        )
    )


FEATURE = Feature(clicks={RUN_ACTION: run})
