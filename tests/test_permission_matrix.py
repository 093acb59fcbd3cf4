"""Who may do what: every permission and every person, every command and every button.

What a handler needs is stated here, and held against the audit of what it denies; who has it is
stated here too, and held against the one place that decides.
"""

from collections.abc import AsyncIterator, Mapping
from copy import deepcopy
from dataclasses import dataclass

import pytest
from sqlalchemy import select, update

from bot.app import Running
from bot.commands.features import registry
from bot.db.acts import (
    AuditEntry,
    Effect,
    Grant,
    OperationKind,
    Schedule,
    ScheduleDays,
    SubjectKind,
)
from bot.db.clock import now
from bot.db.models import Deployment, Target
from bot.db.session import Database
from bot.deployments.audit import Audit
from bot.deployments.place import Person, Place
from bot.deployments.policy import Policy
from bot.deployments.target_views import TargetViews
from bot.errors import UserError
from bot.messages.markup import actions, button
from bot.permissions import ADMINS, DEFAULTS, Authorizer, Permission
from bot.sandbox.slack.view import View
from bot.sandbox.slack.wire import JsonObject
from bot.sandbox.slack.workspace import Content
from bot.sandbox.world import API_KEY, PROJECT, World
from bot.slack.people import People
from bot.slack.workspaces import Workspaces
from tests.stories.configuring import configure, open_settings
from tests.stories.telling import root
from tests.stories.test_watching import serve

pytestmark = pytest.mark.usefixtures("bot")

P = Permission
# None: it only looks, or shows a form whose submission asks.
COMMANDS: Mapping[str, Permission | None] = {
    "": P.DEPLOY,
    "org/model --gpu 1xH100 --yes": P.DEPLOY,
    "connect": P.CONNECT,
    "disconnect": P.CONNECT,
    "targets": None,
    "settings": P.CONFIGURE,
    "audit": P.AUDIT,
    "list": None,
    "status": None,
    "sleep": P.OPERATE,
    "wake": P.OPERATE,
    "restart": P.OPERATE,
    "terminate": P.TERMINATE,
    "delete": P.DELETE,
    "follow": P.FOLLOW,
    "unfollow": P.FOLLOW,
    "update": P.UPDATE,
    "rollback": P.UPDATE,
    "versions": None,
    "extend": P.EXTEND,
    "keep": P.EXTEND,
    "schedules": None,
    "help": None,
}
# Commands about an endpoint ask once it is named.
NEEDS_ENDPOINT = {
    "sleep",
    "wake",
    "restart",
    "terminate",
    "delete",
    "follow",
    "unfollow",
    "update",
    "rollback",
    "extend",
    "keep",
}
CLICKS: Mapping[str, Permission | None] = {
    "deploy": None,
    "preview.deploy": P.DEPLOY,
    "preview.change": P.DEPLOY,
    "preview.cancel": None,
    "target.connect": P.CONNECT,
    "connect.back": None,
    "connect.deploy": None,
    "target.disconnect": P.CONNECT,
    "target.keep": None,
    "settings.who": P.CONFIGURE,
    "audit.older": P.AUDIT,
    "audit.newest": P.AUDIT,
    "endpoint.more": None,
    "endpoint.back": None,
    "endpoint.pick.status": None,
    "endpoint.pick.sleep": P.OPERATE,
    "endpoint.pick.wake": P.OPERATE,
    "endpoint.pick.restart": P.OPERATE,
    "endpoint.pick.terminate": P.TERMINATE,
    "endpoint.pick.delete": P.DELETE,
    "endpoint.pick.follow": P.FOLLOW,
    "endpoint.pick.unfollow": P.FOLLOW,
    "endpoint.pick.update": P.UPDATE,
    "endpoint.pick.rollback": P.UPDATE,
    "endpoint.pick.versions": None,
    "endpoint.pick.extend": P.EXTEND,
    "endpoint.pick.keep": P.EXTEND,
    "endpoint.follow": P.FOLLOW,
    "endpoint.update": P.UPDATE,
    "update.agree": P.UPDATE,
    "update.change": P.UPDATE,
    "update.cancel": None,
    "lease.extend": P.EXTEND,
    "lease.keep": P.EXTEND,
    "schedule.remove": P.OPERATE,
    "endpoint.sleep": P.OPERATE,
    "endpoint.wake": P.OPERATE,
    "endpoint.restart": P.OPERATE,
    "endpoint.terminate": P.TERMINATE,
    "endpoint.delete": P.DELETE,
    "deployment.cancel": P.TERMINATE,
    "deployment.try_again": P.DEPLOY,
    "deployment.choose": P.DEPLOY,
    "deployment.choose_none": P.DEPLOY,
    "approval.approve": P.APPROVE,
    "approval.reject": P.APPROVE,
    # Of somebody else's request; one's own needs none.
    "approval.withdraw": P.TERMINATE,
    # Whoever may not, asks.
    "permission.ask": None,
    "home.refresh": None,
    "home.deploy": P.DEPLOY,
    "deployment.open": None,
    "deployment.model_page": None,
    "deployment.integrations": None,
}
SUBMISSIONS: Mapping[str, Permission] = {
    "deploy": P.DEPLOY,
    "connect": P.CONNECT,
    "settings": P.CONFIGURE,
    "settings.who": P.CONFIGURE,
    "reject": P.APPROVE,
    "delete": P.DELETE,
    "update": P.UPDATE,
    "update.review": P.UPDATE,
}
# Slack's menus are told what anybody in the channel may see.
SUGGESTIONS = {"settings.groups", "endpoint.pick"}


def test_nothing_is_missing_here() -> None:
    """Whatever can be done stands in the tables above."""
    known = registry()
    assert {word.split()[0] for word in COMMANDS if word} - {"org/model"} == set(known.commands)
    assert set(CLICKS) == set(known.clicks)
    assert set(SUBMISSIONS) == set(known.submissions)
    assert set(known.suggestions) == SUGGESTIONS


@dataclass
class Denials:
    """What was denied so far, as the audit tells it."""

    database: Database

    async def take(self) -> list[tuple[str, str]]:
        """Who, and what for."""
        async with self.database.read() as session:
            rows = await session.execute(
                select(AuditEntry.person_id, AuditEntry.action)
                .where(AuditEntry.effect == Effect.DENIED)
                .order_by(AuditEntry.id)
            )
            return [(person, action) for person, action in rows]


@pytest.fixture
async def database(here: World) -> AsyncIterator[Database]:
    """The bot's."""
    opened = Database(here.database)
    yield opened
    await opened.close()


async def grant_all(
    database: Database, *subjects: tuple[SubjectKind, str], policy: Policy | None = None
) -> None:
    """Let only these do anything at all."""
    async with database.write() as session:
        target = (await session.scalars(select(Target.id))).one()
        session.add_all(
            Grant(target_id=target, permission=permission, kind=kind, subject_id=id_)
            for permission in Permission
            for kind, id_ in subjects
        )
        if policy is not None:
            await session.execute(update(Target).values(policy=policy.model_dump(mode="json")))


async def test_every_permission_and_every_person(here: World, database: Database) -> None:
    """Admins always, who was named, who is in a named group; others neither here nor elsewhere."""
    users = {
        name: here.slack.add_user(name, team_id=team)
        for name, team in {
            "named": None,
            "grouped": None,
            "stranger": "T000000002",
            "named-stranger": "T000000002",
        }.items()
    }
    users |= {"admin": here.admin.user, "member": here.member.user}
    group = here.slack.add_usergroup("ml-oncall", [users["grouped"]])
    workspaces = Workspaces(
        here.settings().slack_bot_token, here.settings().slack_api_url, timeout=2
    )
    people = People(workspaces, frozenset())
    authorizer = Authorizer(TargetViews(database), Audit(database), people)
    place = Place("", "T000000001", here.channel.id)

    async def allowed() -> dict[str, set[Permission]]:
        """Asked both ways, which must agree."""
        found: dict[str, set[Permission]] = {name: set() for name in users}
        for name, user in users.items():
            person = Person(user.id, user.team_id)
            for permission in Permission:
                may = await authorizer.may(permission, person, place, "prod")
                try:
                    await authorizer.authorize(permission, person, place, target="prod")
                except UserError:
                    assert not may, (name, permission)
                else:
                    assert may, (name, permission)
                    found[name].add(permission)
        return found

    everything, looking = set(Permission), {Permission.LOOK}
    for_admins = {permission for permission in Permission if DEFAULTS[permission] == ADMINS}
    assert for_admins == {P.DELETE, P.APPROVE, P.CONNECT, P.CONFIGURE}
    by_default = everything - for_admins
    assert await allowed() == {
        "admin": everything,
        "member": by_default,
        "named": by_default,
        "grouped": by_default,
        "stranger": looking,
        "named-stranger": looking,
    }
    named = [(SubjectKind.PERSON, users[name].id) for name in ("named", "named-stranger")]
    await grant_all(database, *named, (SubjectKind.GROUP, group.id))
    narrowed = {
        "admin": everything,
        "member": looking,
        "named": everything,
        "grouped": everything,
        "stranger": looking,
        "named-stranger": looking,
    }
    assert await allowed() == narrowed
    async with database.write() as session:
        acting = Policy(guests_may_act=True).model_dump(mode="json")
        await session.execute(update(Target).values(policy=acting))
    assert await allowed() == {**narrowed, "named-stranger": everything}
    await workspaces.close()


@pytest.fixture
async def denied(here: World, bot: Running, database: Database) -> Denials:  # noqa: ARG001 - it has to run
    """An endpoint serves, and the member may do nothing."""
    await serve(here)
    await grant_all(database, (SubjectKind.ADMINS, ""))
    async with database.write() as session:
        # Whoever asked may take it back; here it was somebody else.
        await session.execute(update(Deployment).values(requester_id=here.admin.user.id))
    # Forms may show what was known before another hand than the bot's wrote that.
    await configure(here, wait=25)
    return Denials(database)


async def test_every_command_asks_for_its_permission(here: World, denied: Denials) -> None:
    """Whoever may not is told so, and the audit says what was denied."""
    for word, permission in COMMANDS.items():
        if permission is None:
            continue
        before = await denied.take()
        seen = len(here.member.ephemerals(here.channel))
        text = f"{word} it" if word in NEEDS_ENDPOINT else word
        await here.member.command(here.channel, text)
        await here.slack.until(
            lambda seen=seen: len(here.member.ephemerals(here.channel)) > seen  # type: ignore[misc] # bound in the loop
        )
        assert await denied.take() == [*before, (here.member.user.id, permission)], word
        assert here.member.modal is None


async def test_every_button_asks_for_its_permission(here: World, denied: Denials) -> None:
    """Also where it is shown to somebody for whom it isn't."""
    async with denied.database.write() as session:
        deployment = (await session.scalars(select(Deployment))).one()
        public_id = deployment.public_id
        session.add(
            Schedule(
                public_id="a-schedule",
                deployment_id=deployment.id,
                kind=OperationKind.SLEEP,
                days=ScheduleDays.DAILY,
                time_of_day="18:00",
                zone="UTC",
                asked_by=here.admin.user.id,
                asked_at=now(),
            )
        )
    await here.admin.command(here.channel, "update it --gpu 2xH100")
    question = await here.slack.until(
        lambda: next(
            (one for one in here.admin.ephemerals(here.channel) if "Change" in one.buttons), None
        )
    )
    agree = str(here.admin.button(question, "update.agree").element["value"])
    [endpoint] = here.friendli.endpoints
    draft = '{"m":"org/model","g":"1xH100","n":"other"}'
    values = {
        "preview.deploy": f"request {draft}",
        "preview.change": draft,
        "target.disconnect": "prod",
        "audit.older": "1",
        "endpoint.follow": f"prod {endpoint}",
        "update.agree": agree,
        "update.change": agree,
        "lease.extend": f"{public_id} 0",
        "schedule.remove": "a-schedule",
        "deployment.choose": f"{public_id} {endpoint}",
        **{name: f"prod {endpoint}" for name in CLICKS if name.startswith("endpoint.pick.")},
    }
    for name, permission in CLICKS.items():
        if permission is None or name == "settings.who":
            continue
        before = await denied.take()
        shown = here.slack.workspace.post(
            here.channel,
            here.slack.workspace.bot,
            Content(
                text="a button",
                blocks=here.slack.workspace.with_block_ids(
                    [actions(button("It", name, value=values.get(name, public_id)))]
                ),
            ),
            ephemeral_to=here.member.user.id,
        )
        seen = len(here.member.ephemerals(here.channel))
        await here.member.click(shown, "It")
        await here.slack.until(
            lambda seen=seen: len(here.member.ephemerals(here.channel)) > seen  # type: ignore[misc] # bound in the loop
        )
        assert await denied.take() == [*before, (here.member.user.id, permission)], name
        assert here.member.modal is None


async def test_every_form_asks_for_its_permission(here: World, denied: Denials) -> None:
    """Whoever lost it while the form was open is refused as it is submitted."""
    forms = await admins_forms(here)
    assert set(forms) == set(SUBMISSIONS)
    for name, form in forms.items():
        before = await denied.take()
        body = deepcopy(form)
        view = here.slack.modals.open(here.member.user.id, body)
        if name == "settings":
            await here.member.click(view, P.DEPLOY.value)
            await here.slack.until(lambda view=view: "is for" in str(view.body))  # type: ignore[misc] # bound in the loop
            before.append((here.member.user.id, P.CONFIGURE))
            assert await denied.take() == before
            view = here.slack.modals.open(here.member.user.id, body)
        await fill(here, name)
        await here.member.submit()
        await here.slack.until(lambda view=view: "is for" in str(view.body))  # type: ignore[misc] # bound in the loop
        expected = (here.member.user.id, SUBMISSIONS[name])
        assert await denied.take() == [*before, expected], name


async def fill(here: World, name: str) -> None:
    """Fill in what a form needs before it asks whether one may."""
    fields = {
        "deploy": {"Model": "org/model", "Instance": "1xH100"},
        "connect": {
            "Target name": "prod",
            "Friendli project id": PROJECT,
            "Friendli API key": API_KEY,
        },
        "delete": {"Type it to confirm": "it"},
        "reject": {"Reason": "no"},
    }
    for label, value in fields.get(name, {}).items():
        await here.member.fill(label, value, enter=False)


async def admins_forms(here: World) -> dict[str, JsonObject]:
    """Each form as an admin gets it."""
    forms: dict[str, JsonObject] = {}

    def open_form(name: str) -> View | None:
        view = here.admin.modal
        return view if view is not None and view.callback_id == name else None

    async def keep(name: str) -> None:
        view = await here.slack.until(lambda: open_form(name))
        forms[name] = deepcopy(view.body)

    await here.admin.command(here.channel)
    await keep("deploy")
    await here.admin.close_modal()
    await here.admin.command(here.channel, "connect")
    await keep("connect")
    await here.admin.close_modal()
    settings = await open_settings(here)
    await keep("settings")
    await here.admin.click(settings, P.DEPLOY.value)
    await here.slack.until(lambda: here.admin.modal is not settings)
    await keep("settings.who")
    await here.admin.close_modal()
    await here.admin.close_modal()
    await here.admin.click(root(here), "Update")
    await keep("update")
    await here.admin.fill("Instance", "2xH100")
    await here.admin.submit()
    await keep("update.review")
    await here.admin.close_modal()
    endpoint = next(iter(here.friendli.endpoints))
    here.friendli.set_status(endpoint, "TERMINATED")
    await here.slack.until(lambda: "Delete" in root(here).buttons)
    await here.admin.click(root(here), "Delete")
    await keep("delete")
    await here.admin.close_modal()
    database = Database(here.database)
    async with database.write() as session:
        policy = Policy.model_validate({"approval": "always"}).model_dump(mode="json")
        await session.execute(update(Target).values(policy=policy))
    await database.close()
    await here.admin.command(here.channel, "org/model --gpu 1xH100 --name waits --yes")
    waiting = await here.slack.until(
        lambda: next(
            (one for one in here.channel.messages.values() if "Reject" in one.buttons), None
        )
    )
    await here.admin.click(waiting, "Reject")
    await keep("reject")
    await here.admin.close_modal()
    return forms
