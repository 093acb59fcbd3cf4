"""Whatever ids a payload carries, it reaches no target, deployment or key of another place."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.commands.features import registry
from bot.db.models import Base
from bot.db.session import Database
from bot.sandbox.slack.conversations import Channel, User
from bot.sandbox.slack.people import Person
from bot.sandbox.slack.wire import JsonObject
from bot.sandbox.world import API_KEY, PROJECT, TEAM, World
from tests.attacks.siege import Answer, Siege, encoded

OTHER_TEAM, OTHER_ENTERPRISE = "T0ELSEWHERE", "E0ELSEWHERE"

# What people of a place may know of it, and nobody else.
_COLUMNS_OF_TIME = {"due_at", "fence", "held", "woken"}
_TO_ONE_PERSON = {"response_url", "views.open", "views.update", "chat.postEphemeral"}
_KEPT = ("deployments", "operations", "targets", "grants", "watched_projects", "schedules")


@dataclass(frozen=True)
class Loot:
    """What somebody has who got hold of ids of a place that isn't theirs.

    Attributes:
        public_id: Of its deployment.
        endpoint_id: Of that deployment's endpoint.
        request_id: Of a form that is filled in and not yet submitted.
        forms: Its open forms, ready to be submitted.
        agreement: The value of a preview's Deploy button.
    """

    public_id: str
    endpoint_id: str
    request_id: str
    forms: list[JsonObject]
    agreement: str

    def __repr__(self) -> str:
        return "what lies in the first place"


@pytest.fixture
async def loot(siege: Siege) -> Loot:
    """A place in full use: a deployment that serves, a preview and two open forms."""
    here = siege.here
    await siege.command("org/model --gpu 1xH100 --name theirs --yes")
    message = await here.slack.until(
        lambda: next(iter(m for m in here.channel.messages.values() if m.metadata), None)
    )
    assert message.metadata is not None
    await here.friendli.until(lambda: here.friendli.endpoints)
    [endpoint_id] = here.friendli.endpoints
    # The thread has said what there is to say.
    await here.slack.until(
        lambda: here.channel.replies(message.ts) and endpoint_id in str(message.blocks)
    )
    await siege.command("org/model --gpu 1xH100 --name wanted")
    preview = await here.slack.until(lambda: here.member.ephemerals(here.channel)[-1])
    agreement = re.search(
        r'"preview\.deploy", "value": "((?:[^"\\]|\\.)*)"', json.dumps(preview.blocks)
    )
    assert agreement is not None
    deploy = await siege.opened("")
    for label, value in (("Model", "org/model"), ("Instance", "1xH100")):
        await here.member.fill(label, value)
    await siege.settled()
    connect = await siege.opened("connect", here.admin)
    for label, value in (("Friendli project id", PROJECT), ("Friendli API key", API_KEY)):
        await here.admin.fill(label, value)
    return Loot(
        public_id=str(message.metadata["event_payload"]["deployment"]),
        endpoint_id=endpoint_id,
        request_id=json.loads(deploy.private_metadata)["request_id"],
        forms=[siege.submission(deploy), siege.submission(connect, here.admin)],
        agreement=json.loads(f'"{agreement[1]}"'),
    )


@dataclass(frozen=True)
class Stranger:
    """Somebody who belongs elsewhere.

    Attributes:
        person: Who.
        channel: Where they write.
        disguise: Makes payloads of this workspace into those of theirs.
        may_look: Whether they are in the first place's channel, as guests.
    """

    person: Person
    channel: Channel
    disguise: Callable[[JsonObject], JsonObject]
    may_look: bool = False

    def __repr__(self) -> str:
        return "somebody from elsewhere"


def _same(payload: JsonObject) -> JsonObject:
    return payload


def _of_another_workspace(payload: JsonObject) -> JsonObject:
    """Every id of the workspace becomes another's, but for what the bot itself keeps in forms."""
    mine = "T000000001"

    def other(part: object, key: str = "") -> object:
        match part:
            case dict():
                return {name: other(value, name) for name, value in part.items()}
            case list():
                return [other(value) for value in part]
            case str() if part == mine and key != "private_metadata":
                return OTHER_TEAM
            case _:
                return part

    changed = other(payload)
    assert isinstance(changed, dict)
    return changed


def _of_another_organisation(payload: JsonObject) -> JsonObject:
    """The workspace's id is the same, and it belongs to an organisation."""
    if "command" in payload:
        return {**payload, "enterprise_id": OTHER_ENTERPRISE, "enterprise_name": "Elsewhere"}
    return {**payload, "enterprise": {"id": OTHER_ENTERPRISE, "name": "Elsewhere"}}


OUTSIDERS = ["workspace", "organisation", "channel"]
GUESTS = ["guest", "nameless guest"]


@pytest.fixture(params=[*OUTSIDERS, *GUESTS])
def stranger(request: pytest.FixtureRequest, siege: Siege) -> Stranger:
    """People of other workspaces, organisations and channels, and guests of this channel."""
    here = siege.here
    match request.param:
        case "workspace":
            return Stranger(here.admin, here.channel, _of_another_workspace)
        case "organisation":
            return Stranger(here.admin, here.channel, _of_another_organisation)
        case "channel":
            other = here.slack.add_channel("other", members=[here.admin.user])
            return Stranger(here.admin, other, _same)
        case kind:
            user: User = here.slack.add_user("guest", is_admin=True, team_id=OTHER_TEAM)
            here.slack.workspace.set_member(here.channel, user, member=True)
            nameless = kind == "nameless guest"
            disguise = _unnamed if nameless else _same
            return Stranger(here.slack.act_as(user), here.channel, disguise, may_look=True)


def _unnamed(payload: JsonObject) -> JsonObject:
    """A payload that leaves out to which workspace the person belongs, where another part says."""
    if "view" not in payload:
        return payload
    user = {key: value for key, value in payload["user"].items() if key != "team_id"}
    return {**payload, "user": user}


async def kept(here: World) -> dict[str, list[tuple[object, ...]]]:
    """What the database holds, but for when to look next."""
    database = Database(here.database)
    try:
        async with database.read() as session:
            return {name: await _rows(session, name) for name in _KEPT}
    finally:
        await database.close()


async def _rows(session: AsyncSession, name: str) -> list[tuple[object, ...]]:
    columns = [
        column
        for column in Base.metadata.tables[name].columns
        if column.name not in _COLUMNS_OF_TIME
    ]
    return [tuple(row) for row in await session.execute(select(*columns))]


class Watch:
    """Looks for traces of a stranger in the first place."""

    def __init__(self, siege: Siege, stranger: Stranger) -> None:
        self._siege = siege
        self._stranger = stranger

    async def begin(self) -> None:
        """Remember how everything is."""
        self._before = await kept(self._siege.here)
        self._said = len(self._siege.here.slack.requests.entries)
        self._changes = self._changing()

    async def ends_well(self, answers: list[Answer]) -> None:
        """Check that nothing was done, and nothing was told that isn't the stranger's to know.

        Raises:
            AssertionError: Something was.
        """
        await self._siege.settled()
        assert await kept(self._siege.here) == self._before
        assert self._changing() == self._changes
        if self._stranger.may_look:
            return
        entries = self._siege.here.slack.requests.entries[self._said :]
        told = [entry.body for entry in entries if entry.operation in _TO_ONE_PERSON]
        for words in [*told, *(answer.body for answer in answers)]:
            assert PROJECT not in words, words
            assert TEAM not in words, words

    def _changing(self) -> int:
        return sum(one.method != "GET" for one in self._siege.here.friendli.requests)


@pytest.fixture
async def watch(siege: Siege, loot: Loot, stranger: Stranger) -> Watch:  # noqa: ARG001 - comes first
    """Begun once the first place is in full use."""
    begun = Watch(siege, stranger)
    await begun.begin()
    return begun


async def test_no_button_reaches_another_place(
    siege: Siege, loot: Loot, stranger: Stranger, watch: Watch
) -> None:
    """Every button there is, with every id of the first place in it."""
    values = [
        loot.public_id,
        f"{loot.public_id} {loot.endpoint_id}",
        f"{loot.endpoint_id} {loot.public_id}",
        loot.endpoint_id,
        loot.request_id,
        loot.agreement,
        loot.agreement.partition(" ")[2],
        "prod",
        f"prod {loot.public_id}",
    ]
    answers = []
    for action_id in registry().clicks:
        for value in values:
            click = siege.click(action_id, value, person=stranger.person, channel=stranger.channel)
            answers.append(await siege.interaction(stranger.disguise(click)))
    assert {answer.status for answer in answers} == {200}
    await watch.ends_well(answers)


# Who is in the channel may type there; what is theirs to do, clicks show.
@pytest.mark.parametrize("stranger", OUTSIDERS, indirect=True)
async def test_no_command_reaches_another_place(
    siege: Siege, loot: Loot, stranger: Stranger, watch: Watch
) -> None:
    """Every command there is, about every name of the first place."""
    payloads = stranger.person._slack.payloads
    names = ["", "prod", "theirs", loot.public_id, f"prod {loot.public_id}"]
    lines = [f"{command} {name}" for command in registry().commands for name in names]
    lines += ["", "org/model --gpu 1xH100 --yes", "org/model --gpu 1xH100 --to prod --yes"]
    answers = []
    for line in lines:
        form = payloads.command(stranger.person.user, stranger.channel, "/friendli-deploy", line)
        answers.append(await siege.signed(encoded(stranger.disguise(form))))
    assert {answer.status for answer in answers} == {200}
    await watch.ends_well(answers)


# A form is its channel's, wherever its person looks at it from.
@pytest.mark.parametrize("stranger", ["workspace", "organisation", *GUESTS], indirect=True)
async def test_no_form_reaches_another_place(
    siege: Siege, loot: Loot, stranger: Stranger, watch: Watch
) -> None:
    """A form of the first place, submitted from elsewhere, and every button in such a form."""
    answers = []
    for form in loot.forms:
        person = stranger.person.user
        payload = {
            **form,
            "user": {**form["user"], "id": person.id, "team_id": person.team_id},
            # In modals `team` is the person's own.
            "team": {**form["team"], "id": person.team_id},
        }
        answers.append(await siege.interaction(stranger.disguise(payload)))
        for action_id in registry().clicks:
            click = {
                **payload,
                "type": "block_actions",
                "container": {"type": "view", "view_id": form["view"]["id"]},
                "trigger_id": siege.here.admin._slack.payloads.triggers.mint(person.id),
                "actions": [
                    {
                        "type": "button",
                        "action_id": action_id,
                        "block_id": "b",
                        "action_ts": "1.2",
                        "value": loot.public_id,
                    }
                ],
            }
            answers.append(await siege.interaction(stranger.disguise(click)))
    assert {answer.status for answer in answers} == {200}
    await watch.ends_well(answers)


async def test_what_belongs_to_the_place_is_still_done_there(siege: Siege, loot: Loot) -> None:
    """Were nothing ever done, all of this would pass for the wrong reason."""
    here = siege.here
    before = await kept(here)
    click = siege.click("preview.deploy", loot.agreement)
    await siege.withstood(await siege.interaction(click))
    for form in loot.forms:
        await siege.withstood(await siege.interaction(form))
    cancel = siege.click("deployment.cancel", loot.public_id)
    await siege.withstood(await siege.interaction(cancel))
    await here.friendli.until(lambda: len(here.friendli.endpoints) == 3)
    assert len((await kept(here))["deployments"]) == len(before["deployments"]) + 2
