"""Every permission and every kind of person, against the one place that decides."""

import pytest
from pydantic import JsonValue
from sqlalchemy import update

from bot.db.deployment_tables import Target
from bot.db.session import Database
from bot.domain.actors import Actor, ChannelRef
from bot.domain.errors import UserError
from bot.domain.permissions import ADMINS, DEFAULTS, Permission
from bot.domain.policy import Policy
from bot.domain.subjects import SubjectKind
from bot.sandbox.environment import Environment
from bot.sandbox.faults import Respond
from bot.services.audit import Audit
from bot.services.authorization import Authorizer
from bot.services.targets import Targets
from bot.slack.clients import SlackClients
from bot.slack.people import People
from tests.permission_matrix.denials import grant_all
from tests.permission_matrix.tables import P

pytestmark = pytest.mark.usefixtures("bot")


async def test_every_permission_and_every_person(env: Environment, database: Database) -> None:
    """Admins, people named and members of named groups; guests only if the policy says so."""
    users = {
        name: env.slack.add_user(name, team_id=team)
        for name, team in {
            "named": None,
            "grouped": None,
            "stranger": "T000000002",
            "named-stranger": "T000000002",
        }.items()
    }
    users |= {"admin": env.admin.user, "member": env.member.user}
    group = env.slack.add_usergroup("ml-oncall", [users["grouped"]])
    clients = SlackClients(env.settings().slack_bot_token, env.settings().slack_api_url, timeout=2)
    people = People(clients, frozenset())
    authorizer = Authorizer(Targets(database), Audit(database), people)
    place = ChannelRef("", "T000000001", env.channel.id)

    async def allowed() -> dict[str, set[Permission]]:
        """By both methods, which must agree."""
        found: dict[str, set[Permission]] = {name: set() for name in users}
        for name, user in users.items():
            person = Actor(user.id, user.team_id)
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
    await clients.close()


async def test_whoever_left_a_group_may_approve_for_a_minute_at_most(
    env: Environment, database: Database
) -> None:
    """Afterwards Slack is asked again; without an answer nobody may."""
    ann = env.slack.add_user("ann")
    group = env.slack.add_usergroup("ml-leads", [ann])
    settings, present = env.settings(), [0.0]
    clients = SlackClients(settings.slack_bot_token, settings.slack_api_url, timeout=2)
    people = People(clients, frozenset(), clock=lambda: present[0])
    authorizer = Authorizer(Targets(database), Audit(database), people)
    place, person = ChannelRef("", "T000000001", env.channel.id), Actor(ann.id, ann.team_id)
    await grant_all(database, (SubjectKind.GROUP, group.id))
    assert await authorizer.may(P.APPROVE, person, place, "prod")
    group.user_ids.remove(ann.id)
    present[0] = 59.9
    assert await authorizer.may(P.APPROVE, person, place, "prod")
    present[0] = 60.0
    fault = env.slack.faults.add(
        Respond(503, {}), when=lambda call: "usergroups" in call.path, times=None
    )
    with pytest.raises(UserError, match="confirm your permissions"):
        await authorizer.may(P.APPROVE, person, place, "prod")
    env.slack.faults.remove(fault)
    assert not await authorizer.may(P.APPROVE, person, place, "prod")
    await clients.close()


async def test_a_slack_that_does_not_answer_denies_nobody_for_good(
    env: Environment, database: Database
) -> None:
    """Whether a person is an admin isn't known then, and the refusal says so."""
    settings = env.settings()
    clients = SlackClients(settings.slack_bot_token, settings.slack_api_url, timeout=2)
    authorizer = Authorizer(Targets(database), Audit(database), People(clients, frozenset()))
    place = ChannelRef("", "T000000001", env.channel.id)
    admin = Actor(env.admin.user.id, env.admin.user.team_id)
    env.slack.faults.add(Respond(503, {}), when=lambda call: "users.info" in call.path, times=None)
    with pytest.raises(UserError, match="confirm your permissions"):
        await authorizer.may(P.DELETE, admin, place, "prod")
    await clients.close()


async def test_an_admin_of_another_organisation_is_no_admin_here(
    env: Environment, database: Database
) -> None:
    """However a Slack words it that shows a stranger's own role."""
    settings = env.settings()
    clients = SlackClients(settings.slack_bot_token, settings.slack_api_url, timeout=2)
    authorizer = Authorizer(Targets(database), Audit(database), People(clients, frozenset()))
    place = ChannelRef("", "T000000001", env.channel.id)
    member = env.member.user
    user: dict[str, JsonValue] = {"id": member.id, "is_admin": True, "is_stranger": True}
    env.slack.faults.add(
        Respond(200, {"ok": True, "user": user}),
        when=lambda call: "users.info" in call.path,
        times=None,
    )
    assert not await authorizer.may(P.DELETE, Actor(member.id), place, "prod")
    await clients.close()
