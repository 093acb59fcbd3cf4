"""An endpoint that serves, and a member without permissions."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import update

from bot.app import Running
from bot.db.deployment_tables import Deployment
from bot.db.session import Database
from bot.domain.subjects import SubjectKind
from bot.sandbox.environment import Environment
from tests.acceptance.deploying import serve
from tests.acceptance.settings_form import save_settings
from tests.permission_matrix.denials import Denials, grant_all


@pytest.fixture
async def database(env: Environment) -> AsyncIterator[Database]:
    opened = Database(env.database)
    yield opened
    await opened.close()


@pytest.fixture
async def denied(env: Environment, bot: Running, database: Database) -> Denials:  # noqa: ARG001 - it has to run
    await serve(env)
    await grant_all(database, (SubjectKind.ADMINS, ""))
    async with database.write() as session:
        # A requester may withdraw.
        await session.execute(update(Deployment).values(requester_id=env.admin.user.id))
    # Forms may be cached.
    await save_settings(env, lifetime=25)
    return Denials(database)
