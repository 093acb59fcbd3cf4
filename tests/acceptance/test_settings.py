"""Stories of a target's settings: who opens them, what they hold, who may do what."""

import pytest
from inline_snapshot import snapshot

from bot.domain.permissions import Permission
from bot.domain.policy import Approval, Policy
from bot.sandbox.environment import Environment
from bot.sandbox.faults import Respond
from bot.sandbox.slack.view import View
from tests.acceptance.due_times import set_policy
from tests.acceptance.settings_form import grant, open_permission, open_settings, save_settings
from tests.acceptance.thread_assertions import ephemeral_texts, rendered_text, root, thread

pytestmark = pytest.mark.usefixtures("bot")


def shown(env: Environment, view: View) -> list[str]:
    """The fields' labels and the texts between them."""
    lines = []
    for block in view.body["blocks"]:
        text = block.get("label") or block.get("text")
        lines.append(rendered_text(env, str(text["text"])))
    return lines


async def test_the_settings_are_one_form(env: Environment) -> None:
    """First what holds for all, then who may do what, a line each."""
    view = await open_settings(env)
    assert shown(env, view) == snapshot(
        [
            "Settings of *prod* in this channel.",
            "Approval",
            "Default lifetime (hours)",
            "Default scaling",
            "Channel notifications",
            "Also",
            "*Who can…* Workspace admins always can.",
            "Send prompts: everyone in the channel",
            "Deploy: everyone in the channel",
            "Sleep, wake and restart: everyone in the channel",
            "Update: everyone in the channel",
            "Terminate: everyone in the channel",
            "Delete: workspace admins",
            "Follow endpoints: everyone in the channel",
            "Extend lifetimes: everyone in the channel",
            "Approve: workspace admins",
            "Connect and disconnect projects: workspace admins",
            "Change the settings: workspace admins",
            "Read the audit: everyone in the channel",
        ]
    )


async def test_what_was_changed_is_saved_and_said(env: Environment) -> None:
    """Before and after, and nothing else."""
    await save_settings(env, approval="Requests above a price need approval", above=20, lifetime=72)
    assert ephemeral_texts(env, env.admin) == snapshot(
        [
            """\
The settings of *prod* are saved.
• approval: never → above $20.00/h
• lifetime: none → 3 d\
"""
        ]
    )
    view = await open_settings(env)
    values = {item.block_id: item.element.get("initial_value") for item in view.fields()}
    assert (values["above"], values["lifetime"], values["wait"]) == ("20", "72", "24")


async def test_saving_without_a_change_says_so(env: Environment) -> None:
    """Nothing is written then."""
    await save_settings(env)
    assert ephemeral_texts(env, env.admin) == snapshot(["The settings of *prod* didn't change."])


async def test_slips_are_said_on_their_fields(env: Environment) -> None:
    """All of them at once; what is typed stays."""
    await open_settings(env)
    await choose_approval(env, "Requests above a price need approval")
    await env.admin.fill("wait", 0)
    await env.admin.fill("lifetime", 100_000)
    await env.admin.submit()
    assert env.admin.field_errors == snapshot(
        {
            "Price that needs approval": "Enter dollars per hour, from 0 to 1,000,000, such as 20.",
            "Approval timeout in hours": "Enter whole hours, from 1 to 168 (7 days).",
            "Default lifetime (hours)": "Enter whole hours, from 1 to 2,160 (90 days), or nothing.",
        }
    )


async def choose_approval(env: Environment, words: str) -> None:
    """Choose when approval is needed, and see the form that follows."""
    modal = env.admin.modal
    assert modal is not None
    before = modal.hash
    await env.admin.fill("approval", words)
    await env.slack.until(lambda: modal.hash != before)


async def test_a_field_shows_up_when_it_applies(env: Environment) -> None:
    """With the choice that it belongs to; what was typed elsewhere stays, and counts."""
    view = await open_settings(env)
    always = set(names(view))
    assert not {"above", "wait", "own", "expiry_action"} & always
    await env.admin.fill("notification_level", "Only failures")
    await choose_approval(env, "Every request needs approval")
    assert set(names(view)) - always == {"wait", "own"}
    await choose_approval(env, "Requests above a price need approval")
    assert set(names(view)) - always == {"above", "wait", "own"}
    before = view.hash
    await env.admin.fill("lifetime", 5)
    await env.slack.until(lambda: view.hash != before)
    assert set(names(view)) - always == {"above", "wait", "own", "expiry_action"}
    await env.admin.fill("above", 20)
    await env.admin.submit()
    await env.slack.until(lambda: ephemeral_texts(env, env.admin))
    assert ephemeral_texts(env, env.admin) == snapshot(
        [
            """\
The settings of *prod* are saved.
• approval: never → above $20.00/h
• lifetime: none → 5 h
• channel notifications: endpoints that go live or fail → only failures\
"""
        ]
    )
    view = await open_settings(env)
    await choose_approval(env, "No approval needed")
    assert set(names(view)) - always == {"expiry_action"}


def names(view: View) -> list[str]:
    """The block ids of a form's fields."""
    return [item.block_id for item in view.fields() if item.is_input]


async def test_a_form_sent_before_its_field_showed_up_says_what_is_missing(
    env: Environment,
) -> None:
    """Slack shows errors of fields that are there only."""
    view = await open_settings(env)
    env.slack.faults.add(Respond(503), operation="views.update", times=None)
    await env.admin.fill("approval", "Requests above a price need approval")
    await env.admin.submit()
    assert env.admin.field_errors == snapshot(
        {"Approval": "This needs a price. Choose it again, and enter one below."}
    )
    assert "above" not in names(view)


async def test_no_bot_is_offered_a_permission(env: Environment) -> None:
    """Nor somebody who left; people are found by their names."""
    env.slack.workspace.add_user("robot", is_bot=True)
    env.slack.workspace.add_user("former", deleted=True)
    env.slack.workspace.add_user("ann", real_name="Ann Lee")
    await open_permission(env, Permission.DEPLOY)
    offered = await env.admin.suggest("People", "")
    assert offered == snapshot(["admin", "Ann Lee (@ann)", "requester"])
    assert await env.admin.suggest("People", "@ann") == ["Ann Lee (@ann)"]


async def test_two_who_change_different_things_both_get_theirs(env: Environment) -> None:
    """The later one is told that somebody was faster, and changes only what they changed."""
    await set_policy(env, Policy(approval=Approval.ALWAYS))
    await open_settings(env)
    second = env.slack.act_as(env.slack.add_user("second", is_admin=True))
    env.channel.member_ids.append(second.user.id)
    await open_settings(env, second)
    await second.fill("wait", 48)
    await second.submit()
    await env.slack.until(lambda: second.ephemerals(env.channel))
    await env.admin.fill("lifetime", 5)
    await env.admin.submit()
    await env.slack.until(lambda: ephemeral_texts(env, env.admin))
    assert ephemeral_texts(env, env.admin) == snapshot(
        [
            """\
The settings of *prod* are saved.
• lifetime: none → 5 h Someone else saved in the meantime; fields that you didn't change keep their values.\
"""
        ]
    )
    view = await open_settings(env)
    values = {item.block_id: item.element.get("initial_value") for item in view.fields()}
    assert (values["wait"], values["lifetime"]) == ("48", "5")


async def test_of_two_who_change_the_same_thing_the_later_says_what_it_replaces(
    env: Environment,
) -> None:
    """Not what was shown, but what was so."""
    await set_policy(env, Policy(approval=Approval.ALWAYS))
    await open_settings(env)
    second = env.slack.act_as(env.slack.add_user("second", is_admin=True))
    env.channel.member_ids.append(second.user.id)
    await open_settings(env, second)
    await second.fill("wait", 48)
    await second.submit()
    await env.slack.until(lambda: second.ephemerals(env.channel))
    await env.admin.fill("wait", 12)
    await env.admin.submit()
    await env.slack.until(lambda: ephemeral_texts(env, env.admin))
    assert ephemeral_texts(env, env.admin) == snapshot(
        [
            """\
The settings of *prod* are saved.
• approval timeout: 2 d → 12 h Someone else saved in the meantime; fields that you didn't change keep their values.\
"""
        ]
    )


async def test_a_permission_is_granted_to_people_and_groups(env: Environment) -> None:
    """From then on nobody else may, a refusal says who can, and the form shows it."""
    group = env.slack.add_usergroup("ml-oncall", [env.admin.user])
    view = await open_permission(env, Permission.TERMINATE)
    assert shown(env, view) == snapshot(["Who can terminate in prod", "People", "User groups"])
    await env.admin.fill("who", "The people and groups below")
    await env.admin.fill("User groups", "@ml-oncall")
    await env.admin.submit()
    settings = await env.slack.until(
        lambda: env.admin.modal if "subteam" in str(getattr(env.admin.modal, "body", "")) else None
    )
    line = [text for text in shown(env, settings) if text.startswith("Terminate")]
    assert line == [f"Terminate: <!subteam^{group.id}>"]
    await env.member.command(env.channel, "org/model --gpu 1xH100 --replicas 1 --name it --yes")
    await env.slack.until(lambda: thread(env) and "Cancel" in root(env).buttons)
    await env.member.click(root(env), "Cancel")
    await env.slack.until(lambda: ephemeral_texts(env))
    assert ephemeral_texts(env)[0].replace(group.id, "GROUP") == snapshot(
        "Only <!subteam^GROUP> can terminate in `prod`. *Ask them* posts your request in this thread."
    )


async def test_naming_nobody_is_a_slip(env: Environment) -> None:
    """And so is naming somebody while the choice says everyone."""
    await open_permission(env, Permission.DEPLOY)
    await env.admin.fill("who", "The people and groups below")
    await env.admin.submit()
    assert env.admin.field_errors == snapshot({"People": "Name at least one person or one group."})
    await env.admin.fill("who", "Everyone in the channel")
    await env.admin.fill("People", [env.member.user.id], query="requester")
    await env.admin.submit()
    assert env.admin.field_errors == snapshot(
        {
            "Who can deploy in prod": "Choose “The people and groups below”, or clear the people and groups."
        }
    )


async def test_a_default_that_is_granted_again_is_no_grant(env: Environment) -> None:
    """There and back."""
    await grant(env, Permission.DEPLOY, who="Workspace admins")
    await env.member.command(env.channel)
    await env.slack.until(lambda: ephemeral_texts(env))
    assert ephemeral_texts(env) == snapshot(["Only workspace admins can deploy. Ask @admin."])
    await grant(env, Permission.DEPLOY, who="Everyone in the channel")
    await env.member.command(env.channel)
    await env.slack.until(lambda: env.member.modal)


async def test_settings_are_for_admins(env: Environment) -> None:
    """Until they say otherwise."""
    await env.member.command(env.channel, "settings")
    await env.slack.until(lambda: ephemeral_texts(env))
    assert ephemeral_texts(env) == snapshot(
        ["Only workspace admins can change the settings in `prod`. Ask @admin."]
    )


async def test_a_target_that_is_gone_meanwhile_takes_no_settings(env: Environment) -> None:
    """The form says so in its place."""
    await open_settings(env)
    second = env.slack.act_as(env.slack.add_user("second", is_admin=True))
    env.channel.member_ids.append(second.user.id)
    await second.command(env.channel, "disconnect")
    [question] = await env.slack.until(lambda: second.ephemerals(env.channel))
    await second.click(question, "Disconnect")
    await env.slack.until(lambda: "is disconnected" in second.ephemerals(env.channel)[0].text)
    await env.admin.submit()
    modal = env.admin.modal
    assert modal is not None
    assert shown(env, modal) == snapshot(
        ["This target has been disconnected, so nothing was saved."]
    )


async def test_a_group_that_slack_does_not_tell_about_in_time_denies_nothing_for_good(
    env: Environment,
) -> None:
    """Nothing is done, and the person hears why; an admin isn't held up by it."""
    env.slack.add_usergroup("ml-oncall", [env.member.user])
    await grant(env, Permission.DEPLOY, who="The people and groups below", groups=["@ml-oncall"])
    outage = env.slack.faults.add(Respond(503), operation="usergroups.users.list", times=None)
    await env.member.command(env.channel)
    await env.slack.until(lambda: ephemeral_texts(env))
    assert ephemeral_texts(env) == snapshot(
        [
            "Slack didn't confirm your permissions in time, so nothing was done. Try again in a moment."
        ]
    )
    await env.admin.command(env.channel)
    await env.slack.until(lambda: env.admin.modal)
    env.slack.faults.remove(outage)
    await env.member.command(env.channel)
    await env.slack.until(lambda: env.member.modal)
