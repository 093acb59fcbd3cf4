import pytest
from sqlalchemy import func, select, update

from bot.db.deployment_tables import Deployment
from bot.db.encryption import KeyRing
from bot.db.inference_tables import PromptRequest
from bot.db.session import Database
from bot.domain.actors import Actor, ChannelRef
from bot.domain.errors import UserError
from bot.domain.prompt_state import PromptState
from bot.services import prompts
from bot.services.prompts import Prompts
from tests.benchmarks.bots import settings_of
from tests.benchmarks.seeding import root_of, seed

PLACE = ChannelRef("", "T1", "C1")
PERSON = Actor("U1", "T1")


async def test_a_prompt_is_accepted_once_and_remembers_how_far_it_got(
    database: Database, database_url: str
) -> None:
    """On both databases: one at a time, never twice, stopped from any process, forgotten later."""
    settings, _ = settings_of("http://127.0.0.1:9", database_url)
    await seed(settings, projects=1, endpoints=1, channels=1)
    async with database.write() as session:
        await session.execute(
            update(Deployment).values(status="RUNNING", endpoint_id="dep1", thread_ts=root_of(1))
        )
    async with database.read() as session:
        public_id = await session.scalar(select(Deployment.public_id)) or ""
    service = Prompts(database, KeyRing(settings.encryption_keys, None), settings)
    accepted = await service.accept(PLACE, PERSON, public_id, "event 1")
    assert accepted is not None
    assert await service.accept(PLACE, PERSON, public_id, "event 1") is None
    with pytest.raises(UserError, match="still answering"):
        await service.accept(PLACE, PERSON, public_id, "event 2")
    assert await service.asking(accepted, "1.1")
    await service.streaming(accepted, "1.2", is_streamed=True)
    assert await service.goes_on(accepted)
    assert await service.deployment_of(PLACE, accepted.public_id) == public_id
    assert await service.deployment_of(ChannelRef("", "T1", "C2"), accepted.public_id) is None
    assert await service.stop(accepted.public_id, PERSON)
    assert await service.stopped_among([accepted.public_id, "another"]) == {accepted.public_id}
    await service.finish(accepted, PromptState.STOPPED)
    assert not await service.stop(accepted.public_id, PERSON)
    assert await service.accept(PLACE, Actor("U2", "T1"), public_id, "event 3") is not None
    async with database.write() as session:
        await prompts.forget(session)
        # Neither is a day old.
        assert await session.scalar(select(func.count(PromptRequest.id))) == 2
