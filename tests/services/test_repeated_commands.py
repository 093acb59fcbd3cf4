import asyncio
from datetime import timedelta

from sqlalchemy import func, select, update

from bot.db.clock import after
from bot.db.deployment_tables import CommandLine
from bot.db.session import Database
from bot.domain.actors import Actor, ChannelRef
from bot.services.repeated_commands import forget, is_first

HERE, ELSEWHERE = ChannelRef("", "T1", "C1"), ChannelRef("", "T1", "C2")
ANN, BOB = Actor("U1"), Actor("U2")
LINE = "org/model --gpu H100 --yes"


async def noted(
    database: Database, place: ChannelRef = HERE, person: Actor = ANN, line: str = LINE
) -> bool:
    async with database.write() as session:
        return await is_first(session, place, person, line)


async def test_the_same_line_is_told_apart_from_others(database: Database) -> None:
    """Only the same words of one person in one channel count, however they are spaced."""
    assert await noted(database)
    assert not await noted(database)
    assert not await noted(database, line="org/model   --gpu H100 --yes ")
    assert await noted(database, line="org/model --gpu 2xH100 --yes")
    assert await noted(database, person=BOB)
    assert await noted(database, place=ELSEWHERE)


async def test_two_replicas_that_get_a_line_at_once_agree_which_was_first(
    database_url: str,
) -> None:
    """Whoever comes second waits until the first has committed."""
    replicas = [Database(database_url), Database(database_url)]
    answers = await asyncio.gather(*(noted(replica) for replica in replicas * 3))
    assert sorted(answers) == [False] * 5 + [True]
    for replica in replicas:
        await replica.close()


async def test_a_minute_later_it_is_a_new_line(database: Database) -> None:
    """Nobody is asked about what was sent long ago, and it isn't kept."""
    assert await noted(database)
    async with database.write() as session:
        await session.execute(update(CommandLine).values(sent_at=after(-timedelta(seconds=61))))
    assert await noted(database)
    async with database.write() as session:
        await session.execute(update(CommandLine).values(sent_at=after(-timedelta(seconds=61))))
        await forget(session)
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(CommandLine)) == 0


async def test_a_line_that_came_to_nothing_is_not_noted(database: Database) -> None:
    """What is rolled back can be sent again at once."""
    async with database.write() as session:
        assert await is_first(session, HERE, ANN, LINE)
        await session.rollback()
    assert await noted(database)
