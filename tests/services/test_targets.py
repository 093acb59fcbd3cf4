import pytest
from sqlalchemy import insert, update

from bot.db.clock import now
from bot.db.deployment_tables import Target, WatchedProject
from bot.db.operation_tables import Grant
from bot.db.session import Database
from bot.domain.actors import ChannelRef
from bot.domain.grants import Subject
from bot.domain.subjects import SubjectKind
from bot.services.targets import Targets

HERE = ChannelRef("", "T1", "C1")


@pytest.fixture(autouse=True)
async def _connected(database: Database) -> None:
    """Two targets in one channel, each with its own project."""
    async with database.write() as session:
        for number, name in enumerate(["prod", "staging"], 1):
            project = {"api_base": "", "team_id": "", "project_id": name}
            key = {"key_fingerprint": "", "key_last_four": ""}
            await session.execute(insert(WatchedProject).values(id=number, **project, **key))
            target = {"enterprise_id": "", "workspace_id": "T1", "channel_id": "C1", "name": name}
            await session.execute(
                insert(Target).values(
                    id=number,
                    watched_project_id=number,
                    is_default=name == "staging",
                    connected_by="U1",
                    connected_at=now(),
                    **target,
                )
            )
        for subject in ("U1", "U2"):
            session.add(
                Grant(
                    target_id=1,
                    permission="endpoint:deploy",
                    kind=SubjectKind.PERSON,
                    subject_id=subject,
                )
            )


async def test_targets_come_with_their_rules(database: Database) -> None:
    """The default first; each with what its own team has set up."""
    targets = await Targets(database).of(HERE)
    assert [(target.name, target.rules.granted) for target in targets] == [
        ("staging", {}),
        (
            "prod",
            {
                "endpoint:deploy": [
                    Subject(SubjectKind.PERSON, "U1"),
                    Subject(SubjectKind.PERSON, "U2"),
                ]
            },
        ),
    ]


async def test_what_this_process_changed_is_seen_at_once(database: Database) -> None:
    """Also by who is content with what was read lately."""
    views = Targets(database)
    before = await views.cached(HERE)
    async with views.writing() as session:
        await session.execute(update(Target).values(policy={"lifetime_hours": 8}))
    assert {target.policy.lifetime_hours for target in before} == {None}
    assert {target.policy.lifetime_hours for target in await views.cached(HERE)} == {8}


async def test_only_what_is_drawn_may_be_older_than_another_replicas_change(
    database: Database,
) -> None:
    """Whatever decides reads for itself, and what was read then is drawn from then on."""
    views, elsewhere = Targets(database), Targets(database)
    await views.cached(HERE)
    async with elsewhere.writing() as session:
        await session.execute(update(Target).values(policy={"lifetime_hours": 8}))
    assert {target.policy.lifetime_hours for target in await views.cached(HERE)} == {None}
    assert {target.policy.lifetime_hours for target in await views.of(HERE)} == {8}
    assert {target.policy.lifetime_hours for target in await views.cached(HERE)} == {8}


async def test_that_there_is_no_target_is_never_remembered(database: Database) -> None:
    """Who has just connected the channel at another replica isn't told to connect it."""
    views, there = Targets(database), ChannelRef("", "T1", "C2")
    assert await views.cached(there) == []
    async with database.write() as session:
        await session.execute(update(Target).values(channel_id="C2"))
    assert [target.name for target in await views.cached(there)] == ["staging", "prod"]
