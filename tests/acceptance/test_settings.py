"""Stories of a target's settings: who opens them, what they hold, who may do what."""

import pytest
from inline_snapshot import snapshot

from bot.domain.permissions import Permission
from bot.sandbox.environment import Environment
from bot.sandbox.faults import Answer
from bot.sandbox.slack.view import View
from tests.acceptance.configuring import configure, grant, open_settings, open_who
from tests.acceptance.thread_assertions import plain, root, thread, whispers

pytestmark = pytest.mark.usefixtures("bot")


def shown(here: Environment, view: View) -> list[str]:
    """The fields' labels and the texts between them."""
    lines = []
    for block in view.body["blocks"]:
        text = block.get("label") or block.get("text")
        lines.append(plain(here, str(text["text"])))
    return lines


def told(here: Environment) -> list[str]:
    """What only the admin sees."""
    return [plain(here, message.text) for message in here.admin.ephemerals(here.channel)]


async def test_the_settings_are_one_form(here: Environment) -> None:
    """First what holds for all, then who may do what, a line each."""
    view = await open_settings(here)
    assert shown(here, view) == snapshot(
        [
            "These hold for *prod* in this channel.",
            "Approval",
            "Price that needs approval",
            "Hours that a request waits for approval",
            "Hours that an endpoint runs",
            "And then",
            "Default scaling",
            "What reaches the channel",
            "Also",
            "*Who may…* Workspace admins always may.",
            "Deploying: everyone in the channel",
            "Putting to sleep, waking and restarting: everyone in the channel",
            "Updating: everyone in the channel",
            "Terminating: everyone in the channel",
            "Deleting: workspace admins",
            "Following endpoints: everyone in the channel",
            "Extending how long endpoints run: everyone in the channel",
            "Approving: workspace admins",
            "Connecting and disconnecting: workspace admins",
            "Changing the settings: workspace admins",
            "Reading the audit: everyone in the channel",
        ]
    )


async def test_what_was_changed_is_saved_and_said(here: Environment) -> None:
    """Before and after, and nothing else."""
    await configure(here, approval="Requests above a price need approval", above=20, lifetime=72)
    assert told(here) == snapshot(
        [
            """\
The settings of *prod* are saved.
• approval: never → above $20.00/h
• time to live: no end → 3 d\
"""
        ]
    )
    view = await open_settings(here)
    values = {item.block_id: item.element.get("initial_value") for item in view.fields()}
    assert (values["above"], values["lifetime"], values["wait"]) == ("20", "72", "24")


async def test_saving_without_a_change_says_so(here: Environment) -> None:
    """Nothing is written then."""
    await configure(here)
    assert told(here) == snapshot(["The settings of *prod* were so already."])


async def test_slips_are_said_on_their_fields(here: Environment) -> None:
    """All of them at once; what is typed stays."""
    await open_settings(here)
    await here.admin.fill("approval", "Requests above a price need approval")
    await here.admin.fill("wait", 0)
    await here.admin.fill("lifetime", 100_000)
    await here.admin.submit()
    assert here.admin.field_errors == snapshot(
        {
            "Price that needs approval": "A number of dollars an hour, from 0 to 1,000,000, such as 20.",
            "Hours that a request waits for approval": "A whole number of hours, from 1 to 168 (7 days).",
            "Hours that an endpoint runs": "A whole number of hours, from 1 to 2,160 (90 days), or none.",
        }
    )


async def test_two_who_change_different_things_both_get_theirs(here: Environment) -> None:
    """The later one is told that somebody was faster, and changes only what they changed."""
    await open_settings(here)
    second = here.slack.act_as(here.slack.add_user("second", is_admin=True))
    here.channel.member_ids.append(second.user.id)
    await open_settings(here, second)
    await second.fill("wait", 48)
    await second.submit()
    await here.slack.until(lambda: second.ephemerals(here.channel))
    await here.admin.fill("lifetime", 5)
    await here.admin.submit()
    await here.slack.until(lambda: told(here))
    assert told(here) == snapshot(
        [
            """\
The settings of *prod* are saved.
• time to live: no end → 5 h Somebody else saved meanwhile; what you left alone stays as they set it.\
"""
        ]
    )
    view = await open_settings(here)
    values = {item.block_id: item.element.get("initial_value") for item in view.fields()}
    assert (values["wait"], values["lifetime"]) == ("48", "5")


async def test_of_two_who_change_the_same_thing_the_later_says_what_it_replaces(
    here: Environment,
) -> None:
    """Not what was shown, but what was so."""
    await open_settings(here)
    second = here.slack.act_as(here.slack.add_user("second", is_admin=True))
    here.channel.member_ids.append(second.user.id)
    await open_settings(here, second)
    await second.fill("wait", 48)
    await second.submit()
    await here.slack.until(lambda: second.ephemerals(here.channel))
    await here.admin.fill("wait", 12)
    await here.admin.submit()
    await here.slack.until(lambda: told(here))
    assert told(here) == snapshot(
        [
            """\
The settings of *prod* are saved.
• requests wait: 2 d → 12 h Somebody else saved meanwhile; what you left alone stays as they set it.\
"""
        ]
    )


async def test_a_permission_is_granted_to_people_and_groups(here: Environment) -> None:
    """From then on nobody else may, a refusal says who can, and the form shows it."""
    group = here.slack.add_usergroup("ml-oncall", [here.admin.user])
    view = await open_who(here, Permission.TERMINATE)
    assert shown(here, view) == snapshot(["Terminating in prod is for", "People", "User groups"])
    await here.admin.fill("who", "The people and groups below")
    await here.admin.fill("User groups", "@ml-oncall")
    await here.admin.submit()
    settings = await here.slack.until(
        lambda: (
            here.admin.modal if "subteam" in str(getattr(here.admin.modal, "body", "")) else None
        )
    )
    line = [text for text in shown(here, settings) if text.startswith("Terminating")]
    assert line == [f"Terminating: <!subteam^{group.id}>"]
    await here.member.command(here.channel, "org/model --gpu 1xH100 --replicas 1 --name it --yes")
    await here.slack.until(lambda: thread(here) and "Cancel" in root(here).buttons)
    await here.member.click(root(here), "Cancel")
    await here.slack.until(lambda: whispers(here))
    assert whispers(here)[0].replace(group.id, "GROUP") == snapshot(
        "Terminating in `prod` is for <!subteam^GROUP>. Ask them posts your request in this thread."
    )


async def test_naming_nobody_is_a_slip(here: Environment) -> None:
    """And so is naming somebody while the choice says everyone."""
    await open_who(here, Permission.DEPLOY)
    await here.admin.fill("who", "The people and groups below")
    await here.admin.submit()
    assert here.admin.field_errors == snapshot({"People": "Name at least one person or one group."})
    await here.admin.fill("who", "Everyone in the channel")
    await here.admin.fill("People", [here.member.user.id])
    await here.admin.submit()
    assert here.admin.field_errors == snapshot(
        {"Deploying in prod is for": "Choose “The people and groups below”, or name nobody there."}
    )


async def test_a_default_that_is_granted_again_is_no_grant(here: Environment) -> None:
    """There and back."""
    await grant(here, Permission.DEPLOY, who="Workspace admins")
    await here.member.command(here.channel)
    await here.slack.until(lambda: whispers(here))
    assert whispers(here) == snapshot(["Deploying is for workspace admins. Ask @admin."])
    await grant(here, Permission.DEPLOY, who="Everyone in the channel")
    await here.member.command(here.channel)
    await here.slack.until(lambda: here.member.modal)


async def test_settings_are_for_admins(here: Environment) -> None:
    """Until they say otherwise."""
    await here.member.command(here.channel, "settings")
    await here.slack.until(lambda: whispers(here))
    assert whispers(here) == snapshot(
        ["Changing the settings in `prod` is for workspace admins. Ask @admin."]
    )


async def test_a_target_that_is_gone_meanwhile_takes_no_settings(here: Environment) -> None:
    """The form says so in its place."""
    await open_settings(here)
    second = here.slack.act_as(here.slack.add_user("second", is_admin=True))
    here.channel.member_ids.append(second.user.id)
    await second.command(here.channel, "disconnect")
    [question] = await here.slack.until(lambda: second.ephemerals(here.channel))
    await second.click(question, "Disconnect")
    await here.slack.until(lambda: "is disconnected" in second.ephemerals(here.channel)[0].text)
    await here.admin.submit()
    modal = here.admin.modal
    assert modal is not None
    assert shown(here, modal) == snapshot(
        ["This target was disconnected meanwhile, so nothing was saved."]
    )


async def test_a_group_that_slack_does_not_tell_about_in_time_denies_nothing_for_good(
    here: Environment,
) -> None:
    """Nothing is done, and the person hears why; an admin isn't held up by it."""
    here.slack.add_usergroup("ml-oncall", [here.member.user])
    await grant(here, Permission.DEPLOY, who="The people and groups below", groups=["@ml-oncall"])
    outage = here.slack.faults.add(Answer(503), operation="usergroups.users.list", times=None)
    await here.member.command(here.channel)
    await here.slack.until(lambda: whispers(here))
    assert whispers(here) == snapshot(
        [
            "Slack doesn't say in time whether you may do this, so nothing was done. Try again in a moment."
        ]
    )
    await here.admin.command(here.channel)
    await here.slack.until(lambda: here.admin.modal)
    here.slack.faults.remove(outage)
    await here.member.command(here.channel)
    await here.slack.until(lambda: here.member.modal)
