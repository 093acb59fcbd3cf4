"""Answer a click that was about money or a decision, even if this process dies meanwhile."""

from bot.commands.desk import Click, Desk, Work, answer
from bot.deployments.place import Person, Place


async def late_answer(desk: Desk, click: Click, words: str, *, replaces: bool = False) -> Work:
    """Write the answer down before Slack is acknowledged, and return what shows it.

    Args:
        desk: The services.
        click: What is answered.
        words: mrkdwn.
        replaces: Whether it takes the place of the message that was clicked.
    """
    row = await desk.late_answers.write(click.place, click.person.id, answer(words))
    return _show(desk, click, words, row, replaces=replaces)


async def _show(desk: Desk, click: Click, words: str, row: int | None, *, replaces: bool) -> None:
    said = answer(words)
    if replaces:
        is_shown = await desk.responses.replace(click.response_url, said)
    else:
        is_shown = await desk.responses.say(click.response_url, said, thread_ts=click.thread_ts)
    if is_shown and row is not None:
        await desk.late_answers.shown(row)


async def late_whisper(desk: Desk, place: Place, person: Person, words: str) -> Work:
    """The same for a submitted form, which has no address to answer at."""
    row = await desk.late_answers.write(place, person.id, answer(words))
    return _whisper(desk, place, person, words, row)


async def _whisper(desk: Desk, place: Place, person: Person, words: str, row: int | None) -> None:
    if await desk.people.whisper(place, person.id, answer(words)) and row is not None:
        await desk.late_answers.shown(row)
