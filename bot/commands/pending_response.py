"""Answer a click that was about money or a decision, even if this process dies meanwhile."""

from bot.commands.context import DeferredTask, Services, answer
from bot.domain.actors import Actor, ChannelRef
from bot.slack.requests import BlockAction


async def answer_surely(
    services: Services, click: BlockAction, words: str, *, replaces: bool = False
) -> DeferredTask:
    """Write the answer down before Slack is acknowledged, and return what shows it.

    Args:
        services: The services.
        click: What is answered.
        words: mrkdwn.
        replaces: Whether it takes the place of the message that was clicked.
    """
    row = await services.pending_responses.write(click.place, click.person.id, answer(words))
    return _show(services, click, words, row, replaces=replaces)


async def _show(
    services: Services, click: BlockAction, words: str, row: int | None, *, replaces: bool
) -> None:
    said = answer(words)
    if replaces:
        is_shown = await services.responses.replace(click.response_url, said)
    else:
        is_shown = await services.responses.say(click.response_url, said, thread_ts=click.thread_ts)
    if is_shown and row is not None:
        await services.pending_responses.shown(row)


async def answer_surely_ephemeral(
    services: Services, place: ChannelRef, person: Actor, words: str
) -> DeferredTask:
    """The same for a submitted form, which has no address to answer at."""
    row = await services.pending_responses.write(place, person.id, answer(words))
    return _whisper(services, place, person, words, row)


async def _whisper(
    services: Services, place: ChannelRef, person: Actor, words: str, row: int | None
) -> None:
    if await services.people.post_ephemeral(place, person.id, answer(words)) and row is not None:
        await services.pending_responses.shown(row)
