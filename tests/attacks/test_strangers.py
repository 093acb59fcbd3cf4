"""Whatever ids a payload carries, it reaches no target, deployment or key of another place."""

from collections.abc import AsyncIterator
from copy import deepcopy

import pytest
from sqlalchemy import select

from bot.commands.features import registry
from bot.commands.registry import SLASH
from bot.db.clock import now
from bot.db.deployment_tables import Deployment, Target
from bot.db.operation_tables import Grant, Schedule
from bot.db.session import Database
from bot.domain.operations import OperationKind
from bot.domain.permissions import Permission
from bot.domain.policy import Policy
from bot.domain.schedule_days import ScheduleDays
from bot.domain.subjects import SubjectKind
from bot.sandbox.slack.conversations import User
from bot.sandbox.slack.wire import JsonObject
from tests.acceptance.deploying import serve
from tests.acceptance.thread_assertions import roots
from tests.attacks.conftest import SharedBot
from tests.attacks.harness import AttackHarness
from tests.attacks.strangers import LeakCheck, StolenIds, Stranger, stored_rows
from tests.attacks.surfaces import CLICKS, COMMANDS, EVENTS, SHORTCUTS, SUBMISSIONS, SUGGESTIONS
from tests.permission_matrix.forms import admins_forms, fill

OTHER_TEAM, OTHER_ENTERPRISE = "T0ELSEWHERE", "E0ELSEWHERE"


def test_nothing_is_missing_here() -> None:
    """Whatever can be sent stands in the tables above."""
    known = registry()
    assert set(COMMANDS) - {""} == set(known.commands)
    assert set(CLICKS) == set(known.clicks)
    assert set(SUBMISSIONS) == set(known.submissions)
    assert set(SUGGESTIONS) == set(known.suggestions)
    assert set(known.shortcuts) == SHORTCUTS
    assert set(EVENTS) == set(known.events)


@pytest.fixture(scope="module")
def shared_database_url(shared_sqlite_url: str) -> str:
    """Whose a row is, is asked in the same words of databases of either kind."""
    return shared_sqlite_url


@pytest.fixture(scope="module")
def settings_overrides() -> dict[str, object]:
    """What happens to the place's endpoints is told at once."""
    return {}


@pytest.fixture(scope="module")
async def stolen_ids(shared_bot: SharedBot) -> StolenIds:
    """A place in full use: it serves, something waits, all forms are open."""
    env = shared_bot.env
    isolated_attack = AttackHarness(env, shared_bot.bot, shared_bot.http, [], [])
    env.slack.add_usergroup("theirs-oncall", [env.admin.user])
    await serve(env)
    forms: dict[str, JsonObject] = {}
    for name, body in (await admins_forms(env)).items():
        view = env.slack.modals.open(env.member.user.id, deepcopy(body))
        await fill(env, name)
        forms[name] = isolated_attack.submission(view, env.admin)
        await env.member.close_modal()
    database = Database(env.database)
    async with database.write() as session:
        target = (await session.scalars(select(Target))).one()
        target.policy = Policy().model_dump(mode="json")
    before = len(roots(env))
    await isolated_attack.command("org/model --gpu 1xH100 --name theirs --yes")
    await env.slack.until(
        lambda: len(roots(env)) > before and env.channel.replies(roots(env)[-1].ts)
    )
    thread = roots(env)[-1]
    endpoint = list(env.friendli.endpoints)[-1]
    env.friendli.set_status(endpoint, "RUNNING")
    await env.slack.until(lambda: "is live" in thread.text)
    await isolated_attack.command("update theirs --gpu 2xH100")
    question = await env.slack.until(
        lambda: next(
            (one for one in env.member.ephemerals(env.channel) if "Change" in one.buttons), None
        )
    )
    update = str(env.member.button(question, "update.agree").element["value"])
    await isolated_attack.command("org/model --gpu 1xH100 --name wanted")
    preview = await env.slack.until(
        lambda: next(
            (one for one in env.member.ephemerals(env.channel) if "Deploy" in one.buttons), None
        )
    )
    agreement = str(env.member.button(preview, "preview.deploy").element["value"])
    async with database.write() as session:
        serving, waiting = [
            (await session.scalars(select(Deployment).where(Deployment.name == name))).one()
            for name in ("theirs", "waits")
        ]
        session.add(
            Schedule(
                public_id="a-schedule",
                deployment_id=serving.id,
                kind=OperationKind.SLEEP,
                days=ScheduleDays.DAILY,
                time_of_day="18:00",
                zone="UTC",
                requested_by=env.admin.user.id,
                requested_at=now(),
            )
        )
        session.add(
            Grant(
                target_id=target.id,
                permission=Permission.AUDIT,
                kind=SubjectKind.EVERYONE,
                subject_id="",
            )
        )
    await database.close()
    return StolenIds(
        ids={
            "PUBLIC": serving.public_id,
            "WAITING": waiting.public_id,
            "ENDPOINT": endpoint,
            "TARGET": "prod",
            "CHANNEL": env.channel.id,
            "AGREEMENT": agreement,
            "DRAFT": agreement.partition(" ")[2],
            "UPDATE": update,
            "TERMINATE": Permission.TERMINATE,
        },
        forms=forms,
        thread_ts=thread.ts,
    )


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
    if "event" in payload:
        installed = {**payload["authorizations"][0], "enterprise_id": OTHER_ENTERPRISE}
        return {**payload, "authorizations": [installed]}
    return {**payload, "enterprise": {"id": OTHER_ENTERPRISE, "name": "Elsewhere"}}


def _unnamed(payload: JsonObject) -> JsonObject:
    """A payload that leaves out to which workspace the person belongs, where another part says."""
    if "view" not in payload:
        return payload
    user = {key: value for key, value in payload["user"].items() if key != "team_id"}
    return {**payload, "user": user}


@pytest.fixture(params=["workspace", "organisation", "channel", "guest", "nameless guest"])
def stranger(request: pytest.FixtureRequest, shared_bot: SharedBot) -> Stranger:
    """People of other workspaces, organisations and channels, and guests of this channel."""
    env = shared_bot.env
    match request.param:
        case "workspace":
            return Stranger(env.admin, env.channel, _of_another_workspace)
        case "organisation":
            return Stranger(env.admin, env.channel, _of_another_organisation)
        case "channel":
            outsider = env.slack.add_user("outsider", is_admin=True)
            other = env.slack.add_channel("other", members=[outsider])
            return Stranger(env.slack.act_as(outsider), other, _same)
        case kind:
            user: User = env.slack.add_user("guest", is_admin=True, team_id=OTHER_TEAM)
            env.slack.workspace.set_member(env.channel, user, member=True)
            rewrite = _unnamed if kind == "nameless guest" else _same
            return Stranger(env.slack.act_as(user), env.channel, rewrite, can_read_channel=True)


@pytest.fixture
async def watch(
    attack: AttackHarness, stolen_ids: StolenIds, stranger: Stranger
) -> AsyncIterator[LeakCheck]:
    """Begun once the first place is in full use, and the stranger asked an admin of their own."""
    asked = attack.click("target.ask", person=stranger.person, channel=stranger.channel)
    await attack.interaction(stranger.rewrite(asked))
    await attack.wait_until_idle()
    begun = LeakCheck(attack, stranger, stolen_ids)
    await begun.begin()
    yield begun
    await begun.check_nothing_changed()


async def test_no_button_reaches_another_place(
    attack: AttackHarness, stolen_ids: StolenIds, stranger: Stranger, watch: LeakCheck
) -> None:
    """Every button there is, with the ids that it would carry in the first place."""
    person, channel = stranger.person, stranger.channel
    for action_id, values in CLICKS.items():
        for value in values:
            carried = stolen_ids.filled_in(value)
            await watch.send(attack.click(action_id, carried, person=person, channel=channel))


async def test_no_button_of_a_home_tab_reaches_another_place(
    attack: AttackHarness, stolen_ids: StolenIds, stranger: Stranger, watch: LeakCheck
) -> None:
    """In the Home tab, a block's id says which channel a button is about."""
    home = {"id": "V1", "type": "home", "app_installed_team_id": "T000000001", "blocks": []}
    for action_id, values in CLICKS.items():
        click = attack.click(action_id, stolen_ids.filled_in(values[0]), person=stranger.person)
        [action] = click["actions"]
        block_id = f"home.{stolen_ids.ids['CHANNEL']}.{stolen_ids.ids['PUBLIC']}"
        del click["channel"], click["response_url"]
        about = {"view": home, "container": {"type": "view", "view_id": "V1"}}
        # As in modals.
        about["team"] = {**click["team"], "id": stranger.person.user.team_id}
        await watch.send(click | about | {"actions": [{**action, "block_id": block_id}]})


async def test_no_command_reaches_another_place(
    stolen_ids: StolenIds, stranger: Stranger, watch: LeakCheck
) -> None:
    """Every command there is, about every name of the first place."""
    payloads = stranger.person._slack.payloads
    for command, endings in COMMANDS.items():
        for ending in endings:
            line = stolen_ids.filled_in(f"{command} {ending}".strip())
            user = stranger.person.user
            await watch.send(payloads.command(user, stranger.channel, SLASH, line))


# A form is its channel's, wherever its person looks at it from.
@pytest.mark.parametrize(
    "stranger", ["workspace", "organisation", "guest", "nameless guest"], indirect=True
)
async def test_no_form_reaches_another_place(
    attack: AttackHarness, stolen_ids: StolenIds, stranger: Stranger, watch: LeakCheck
) -> None:
    """A form of the first place, submitted from elsewhere, and every button in such a form."""
    assert set(stolen_ids.forms) == SUBMISSIONS
    person = stranger.person.user
    whose = {
        name: {
            **form,
            "user": {**form["user"], "id": person.id, "team_id": person.team_id},
            # In modals `team` is the person's own.
            "team": {**form["team"], "id": person.team_id},
        }
        for name, form in stolen_ids.forms.items()
    }
    await watch.send(*whose.values())
    names = sorted(whose)
    for number, (action_id, values) in enumerate(CLICKS.items()):
        form = whose[names[number % len(names)]]
        click = attack.click(action_id, stolen_ids.filled_in(values[0]), person=stranger.person)
        del click["channel"], click["response_url"]
        container = {"type": "view", "view_id": form["view"]["id"]}
        about = {name: form[name] for name in ("user", "team", "view")}
        await watch.send(click | about | {"container": container})


async def test_no_menu_tells_of_another_place(
    attack: AttackHarness, stolen_ids: StolenIds, stranger: Stranger, watch: LeakCheck
) -> None:
    """In messages, and in the forms of the first place."""
    for action_id, block_ids in SUGGESTIONS.items():
        for block_id in block_ids:
            query = attack.query(
                f"{action_id}.status" if action_id == "endpoint.pick" else action_id,
                "",
                block_id=stolen_ids.filled_in(block_id),
                person=stranger.person,
                channel=stranger.channel,
            )
            await watch.send(query)
            if stranger.channel is attack.env.channel:
                form = stolen_ids.forms["settings.who"]
                await watch.send({**query, "channel": None, "view": form["view"]})


async def test_no_message_reaches_another_place(
    attack: AttackHarness, stolen_ids: StolenIds, stranger: Stranger, watch: LeakCheck
) -> None:
    """Copied into a channel of theirs, a message names the first place's deployment."""
    for callback_id in SHORTCUTS:
        for public_id in ("PUBLIC", "WAITING"):
            metadata = {
                "event_type": "friendli_deployment",
                "event_payload": {"deployment": stolen_ids.ids[public_id]},
            }
            used = attack.shortcut(
                callback_id, metadata, person=stranger.person, channel=stranger.channel
            )
            in_thread = {**used["message"], "thread_ts": stolen_ids.thread_ts}
            await watch.send(used, {**used, "message": in_thread})


async def test_no_event_reaches_another_place(
    attack: AttackHarness, stolen_ids: StolenIds, stranger: Stranger, watch: LeakCheck
) -> None:
    """A mention in the first place's thread, as it would be told of from elsewhere."""
    for kind, texts in EVENTS.items():
        for text in texts:
            fields = {
                "text": f"<@U0BOT> {stolen_ids.filled_in(text)}",
                "channel": stranger.channel.id,
                "thread_ts": stolen_ids.thread_ts,
                "tab": "home" if kind == "app_home_opened" else "",
                "user_team": stranger.person.user.team_id,
            }
            told = attack.event(kind, fields, person=stranger.person)
            await watch.send({**told, "is_ext_shared_channel": stranger.can_read_channel})


async def test_what_belongs_to_the_place_is_still_done_there(
    attack: AttackHarness, stolen_ids: StolenIds
) -> None:
    """Were nothing ever done, all of this would pass for the wrong reason."""
    env = attack.env
    before = await stored_rows(env)
    for action_id in ("preview.deploy", "endpoint.sleep", "schedule.remove", "update.agree"):
        value = stolen_ids.filled_in(CLICKS[action_id][0])
        await attack.check_response(await attack.interaction(attack.click(action_id, value)))
    for name in ("deploy", "connect", "settings"):
        answer = await attack.interaction(stolen_ids.forms[name])
        assert "errors" not in answer.document, (name, answer)
    after = await stored_rows(env)
    assert len(after["deployments"]) == len(before["deployments"]) + 2
    assert len(after["operations"]) == len(before["operations"]) + 2
    assert len(after["schedules"]) == len(before["schedules"]) - 1
    assert len(after["targets"]) == len(before["targets"])
    shown = await attack.interaction(attack.query("endpoint.pick.status", ""))
    assert stolen_ids.ids["ENDPOINT"] in shown.body
