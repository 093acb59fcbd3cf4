"""Stories of connecting a channel to a Friendli project, and of letting it go."""

from functools import partial

import pytest
from inline_snapshot import snapshot
from sqlalchemy import select

from bot.db.deployment_tables import WatchedProject
from bot.db.session import Database
from bot.sandbox.environment import API_KEY, PROJECT, TEAM, Environment, connect
from bot.sandbox.faults import Hang, Respond
from bot.sandbox.slack.conversations import ChannelKind
from bot.sandbox.slack.user_client import UserClient
from tests.acceptance.deploying import serve
from tests.acceptance.thread_assertions import (
    ephemeral_texts,
    message_text,
    rendered_text,
    root,
    thread,
)
from tests.conftest import StartBot


async def open_form(env: Environment, person: UserClient, text: str = "connect prod") -> None:
    await person.command(env.channel, text)
    await env.slack.until(lambda: person.modal)


async def fill(
    env: Environment, *, name: str = "prod", project: str = PROJECT, key: str = API_KEY
) -> None:
    await env.admin.fill("Target name", name)
    await env.admin.fill("Friendli project id", project)
    await env.admin.fill("Personal API key (flp_…)", key)


def has_more_than(env: Environment, person: UserClient, seen: list[str]) -> bool:
    """Whether a person has got another answer."""
    return len(ephemeral_texts(env, person)) > len(seen)


def modal_words(env: Environment) -> str:
    """What the admin's modal says."""
    view = env.admin.modal
    assert view is not None
    return rendered_text(
        env, "\n".join(str(b["text"]["text"]) for b in view.body["blocks"] if "text" in b)
    )


async def test_an_admin_connects_a_channel(env: Environment, start_bot: StartBot) -> None:
    """The key is checked, stored, and shown as its last four characters from then on."""
    async with start_bot():
        await open_form(env, env.admin)
        await fill(env)
        await env.admin.submit()
        assert modal_words(env) == snapshot("""\
`prod` is connected to project `sandbox-project`, with the key that ends in `cret`.
The project has no endpoints yet. If you expected some, check the project id.
Friendli's endpoint API is in beta: what it answers may change without notice.\
""")
        await env.admin.close_modal()
        await env.member.command(env.channel, "targets")
        await env.slack.until(lambda: ephemeral_texts(env))
        assert ephemeral_texts(env) == snapshot(
            ["*prod* · project `sandbox-project` · key …`cret` · connected by @admin · default"]
        )


async def test_a_wrong_key_is_said_on_its_field_and_nothing_is_stored(
    env: Environment, start_bot: StartBot
) -> None:
    """Friendli answers 401 to the one list request, and the form stays open."""
    async with start_bot():
        await open_form(env, env.admin)
        await fill(env, key="sandbox-wrong-key")
        await env.admin.submit()
        assert env.admin.field_errors == snapshot(
            {
                "Personal API key (flp_…)": "Friendli rejected this key. Check that it wasn't revoked."
            }
        )
        await env.admin.close_modal()
        await env.admin.command(env.channel, "targets")
        [said] = await env.slack.until(lambda: env.admin.ephemerals(env.channel))
        assert message_text(env, said) == snapshot("""\
This channel isn't connected to a Friendli project yet.
[Connect a project]\
""")


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        ("xoxb-", "a Slack bot token"),
        ("xapp-", "a Slack app-level token"),
        ("xoxp-", "a Slack user token"),
        ("hf_", "a Hugging Face token"),
        ("sk-", "a key of another model provider"),
        ("ghp_", "a GitHub token"),
    ],
)
async def test_a_key_of_another_service_goes_nowhere(
    env: Environment, start_bot: StartBot, start: str, kind: str
) -> None:
    """It is refused on its field, and neither Friendli nor a message gets to see it."""
    async with start_bot():
        await open_form(env, env.admin)
        key = f"{start}made-up-for-this-test"
        await fill(env, key=key)
        await env.admin.submit()
        assert env.admin.field_errors == {
            "Personal API key (flp_…)": f"This looks like {kind}, so it wasn't sent anywhere."
            " Paste a Friendli key, which starts with flp_; revoke the other one if someone may have seen it."
        }
        assert not env.friendli.requests
        assert "made-up-for-this-test" not in str(env.admin.field_errors)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (
            403,
            snapshot(
                {
                    "Personal API key (flp_…)": "This key can't see that project. Check the project id and the team id."
                }
            ),
        ),
        (
            404,
            snapshot(
                {"Friendli project id": "Friendli has no such project for this key and team."}
            ),
        ),
        (
            422,
            snapshot(
                {"Friendli project id": "Friendli refused to list this project. It said: so it is"}
            ),
        ),
        (
            429,
            snapshot(
                {
                    "Personal API key (flp_…)": "Friendli is rate-limiting requests. Try again in a minute."
                }
            ),
        ),
    ],
)
async def test_each_refusal_stands_on_the_right_field(
    env: Environment, start_bot: StartBot, status: int, said: dict[str, str]
) -> None:
    """What Friendli says against the project or the key is said where it can be mended."""
    async with start_bot():
        # Longer than the bot may wait, so that it doesn't come back by itself.
        env.friendli.faults.add(
            Respond(status, {"detail": "so it is"}, headers={"Retry-After": "600"}), times=None
        )
        await open_form(env, env.admin)
        await fill(env)
        await env.admin.submit()
        assert env.admin.field_errors == said


async def test_a_friendli_that_does_not_answer_in_time_is_told_later(
    env: Environment, start_bot: StartBot
) -> None:
    """The modal says that it checks, then that it couldn't, and the way back keeps what was typed."""
    async with start_bot():
        outage = env.friendli.faults.add(Hang(), times=None)
        await open_form(env, env.admin)
        await fill(env)
        await env.admin.submit()
        assert modal_words(env) == snapshot("Checking the key with Friendli…")
        env.friendli.faults.remove(outage)
        env.friendli.faults.add(Respond(503), times=None)
        await env.slack.until(lambda: "Checking" not in modal_words(env))
        assert modal_words(env) == snapshot(
            "Friendli couldn't be reached, so the key wasn't checked or stored. Try again in a minute."
        )
        view = env.admin.modal
        assert view is not None
        await env.admin.click(view, "Back to the form")
        await env.slack.until(
            lambda: any(item.label == "Personal API key (flp_…)" for item in view.fields())
        )
        typed = {item.label: item.element.get("initial_value") for item in view.fields()}
        assert typed["Friendli project id"] == PROJECT
        assert typed["Personal API key (flp_…)"] is None


async def test_slips_in_the_form_are_found_before_anything_is_asked(
    env: Environment, start_bot: StartBot
) -> None:
    """What can't be right is said at once."""
    async with start_bot():
        await open_form(env, env.admin)
        await fill(env, name="Prod team", project="my project", key="two words")
        await env.admin.submit()
        assert env.admin.field_errors == snapshot(
            {
                "Target name": "A target name has letters, digits, - and _, and starts with a letter or digit.",
                "Friendli project id": "A project id is one word, as in the address of the project's page.",
                "Personal API key (flp_…)": "A key is one word without spaces. Paste it again.",
            }
        )
        assert not env.friendli.requests


async def test_a_project_with_endpoints_is_not_called_empty(
    env: Environment, start_bot: StartBot
) -> None:
    """Only a project that lists nothing is said to have looked empty."""
    env.friendli.create(project_id=PROJECT, name="there-already")
    async with start_bot():
        await open_form(env, env.admin)
        await fill(env)
        await env.admin.submit()
        assert "empty" not in modal_words(env)


async def test_only_admins_connect(env: Environment, start_bot: StartBot) -> None:
    """A refusal names whom to ask."""
    async with start_bot():
        await env.member.command(env.channel, "connect prod")
        await env.slack.until(lambda: ephemeral_texts(env))
        assert ephemeral_texts(env) == snapshot(
            ["Only workspace admins can connect and disconnect projects. Ask @admin."]
        )
        assert env.member.modal is None


async def test_people_named_in_the_settings_connect_too(
    env: Environment, start_bot: StartBot
) -> None:
    """ADMINS lets someone connect who doesn't administer the workspace."""
    async with start_bot(admins=env.member.user.id):
        await open_form(env, env.member)
        assert env.member.modal is not None


@pytest.mark.parametrize(
    ("field", "pasted"),
    [
        ("project", "https://friendli.ai/suite/{team}/{project}/dedicated-endpoints"),
        ("project", " friendli.ai/suite/{team}/{project}?tab=x#y "),
        ("team", "https://friendli.ai/suite/{team}/{project}/dedicated-endpoints/dep123"),
    ],
)
async def test_a_pasted_address_of_friendli_suite_names_team_and_project(
    env: Environment, start_bot: StartBot, field: str, pasted: str
) -> None:
    """Nobody cuts ids out of an address by hand."""
    async with start_bot():
        await open_form(env, env.admin)
        address = pasted.format(team=TEAM, project=PROJECT)
        await fill(env, project=address if field == "project" else PROJECT)
        if field == "team":
            await env.admin.fill("Friendli team id", address)
        await env.admin.submit()
        assert f"`prod` is connected to project `{PROJECT}`" in modal_words(env)
        assert await connected_to(env) == (TEAM, PROJECT)


async def connected_to(env: Environment) -> tuple[str, str]:
    """Team and project of the only target."""
    database = Database(env.database)
    async with database.read() as session:
        found = (
            await session.execute(select(WatchedProject.team_id, WatchedProject.project_id))
        ).one()
    await database.close()
    return found[0], found[1]


@pytest.mark.parametrize(
    ("team", "project", "error"),
    [
        (
            "",
            "https://friendli.ai/suite/~/setting/keys",
            {"Friendli project id": "names no project"},
        ),
        (
            "other-team",
            f"https://friendli.ai/suite/{TEAM}/{PROJECT}",
            {"Friendli team id": f"names the team {TEAM}"},
        ),
    ],
)
async def test_an_address_that_does_not_say_it_is_refused_at_its_field(
    env: Environment, start_bot: StartBot, team: str, project: str, error: dict[str, str]
) -> None:
    """Nothing is guessed."""
    async with start_bot():
        await open_form(env, env.admin)
        await fill(env, project=project)
        await env.admin.fill("Friendli team id", team)
        await env.admin.submit()
        assert env.admin.field_errors.keys() == error.keys()
        [(field, words)] = error.items()
        assert words in env.admin.field_errors[field]


async def test_from_connecting_one_goes_on_to_deploying(
    env: Environment, start_bot: StartBot
) -> None:
    """The modal that says that it is connected leads to the deploy form."""
    async with start_bot():
        await open_form(env, env.admin)
        await fill(env)
        await env.admin.submit()
        view = env.admin.modal
        assert view is not None
        await env.admin.click(view, "Deploy a model")
        await env.slack.until(lambda: env.admin.modal and env.admin.modal.title == "Deploy a model")


@pytest.mark.usefixtures("bot")
async def test_disconnecting_lists_what_runs_asks_and_deletes_the_key(env: Environment) -> None:
    """What runs on is named with its price; after the click nobody watches it any more."""
    await env.member.command(env.channel, "org/model --gpu 1xH100 --replicas 1 --name left --yes")
    await env.slack.until(lambda: thread(env))
    await env.admin.command(env.channel, "disconnect")
    [question] = await env.slack.until(lambda: env.admin.ephemerals(env.channel))
    assert message_text(env, question) == snapshot("""\
Disconnect *prod* (project `sandbox-project`)?
These were deployed through it. They keep running and are billed, but their threads no longer follow them:
• *left* · `ENDPOINT-1` · starting · $5.00/h per replica
Its API key is deleted.
[Disconnect] [Cancel]\
""")
    await env.admin.click(question, "Disconnect")
    await env.slack.until(lambda: "no longer watched" in thread(env)[-1])
    assert thread(env)[-1] == snapshot(
        "@admin disconnected `prod`, so this endpoint is no longer watched. It keeps running and is billed until someone stops it in Friendli Suite."
    )
    await env.slack.until(lambda: "key is deleted" in env.admin.ephemerals(env.channel)[-1].text)
    await env.member.command(env.channel, "targets")
    await env.slack.until(lambda: ephemeral_texts(env))
    assert ephemeral_texts(env) == snapshot(
        [
            "This channel isn't connected to a Friendli project yet. Workspace admins can connect one."
        ]
    )


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("elsewhere", [False, True])
async def test_disconnecting_says_what_stays_where_another_target_has_the_project(
    env: Environment, *, elsewhere: bool
) -> None:
    """The key and the watch stay; nobody uses the buttons until the target is connected again."""
    await serve(env, "left")
    channel = env.channel
    if elsewhere:
        channel = env.slack.workspace.add_channel("elsewhere", ChannelKind.PUBLIC, [env.admin.user])
    await connect(env, "other", channel=channel)
    await env.admin.command(env.channel, "disconnect prod")
    question = await env.slack.until(lambda: env.admin.ephemerals(env.channel)[-1])
    other = "#elsewhere" if elsewhere else "`other`"
    assert rendered_text(env, question.text) == (
        "Disconnect *prod* (project `sandbox-project`)?\n"
        "These were deployed through it. They keep running and stay watched, and their buttons stop"
        " working:\n"
        "• *left* · `ENDPOINT-1` · live · $5.00/h per replica"
        f" Its API key stays stored: {other} uses the same project."
    )
    await env.admin.click(question, "Disconnect")
    said = f"*prod* is disconnected. Its key stays stored: {other} uses the same project."
    await env.slack.until(lambda: ephemeral_texts(env, env.admin)[-1] == said)
    assert "no longer watched" not in thread(env)[-1]
    for label, person in (("Sleep", env.member), ("Terminate", env.admin)):
        seen = list(ephemeral_texts(env, person))
        await person.click(root(env), label)
        await env.slack.until(partial(has_more_than, env, person, seen))
        assert message_text(env, person.ephemerals(env.channel)[-1]) == snapshot("""\
`prod` is disconnected from this channel, so nothing was done.
An admin can connect it again; until then, use Friendli Suite.
[Connect again]\
""")
    counted = {one.operation for one in env.friendli.requests}
    assert not counted & {"sleep_endpoint", "terminate_endpoint"}
    await connect(env)
    await env.member.click(root(env), "Sleep")
    await env.friendli.until(
        lambda: any(one.operation == "sleep_endpoint" for one in env.friendli.requests)
    )


@pytest.mark.usefixtures("bot")
async def test_a_target_that_is_shared_meanwhile_is_told_as_it_is(env: Environment) -> None:
    """What is said after the click is what was done, not what the question expected."""
    await env.admin.command(env.channel, "disconnect prod")
    question = await env.slack.until(lambda: env.admin.ephemerals(env.channel)[-1])
    assert "key is deleted" in question.text
    await connect(env, "other")
    await env.admin.click(question, "Disconnect")
    await env.slack.until(lambda: "stays stored" in ephemeral_texts(env, env.admin)[-1])


@pytest.mark.usefixtures("bot")
async def test_keeping_changes_nothing(env: Environment) -> None:
    """The question goes away and the target stays."""
    await env.admin.command(env.channel, "disconnect prod")
    [question] = await env.slack.until(lambda: env.admin.ephemerals(env.channel))
    await env.admin.click(question, "Cancel")
    await env.slack.until(lambda: not env.admin.ephemerals(env.channel))
    await env.member.command(env.channel, "targets")
    await env.slack.until(lambda: ephemeral_texts(env))
    assert "prod" in ephemeral_texts(env)[0]


@pytest.mark.usefixtures("bot")
async def test_only_admins_disconnect(env: Environment) -> None:
    """A member is refused before anything is asked."""
    await env.member.command(env.channel, "disconnect prod")
    await env.slack.until(lambda: ephemeral_texts(env))
    assert ephemeral_texts(env)[0].startswith(
        "Only workspace admins can connect and disconnect projects."
    )


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("status", [429, 503])
async def test_nobody_is_refused_because_slack_does_not_answer(
    env: Environment, status: int
) -> None:
    """Who is an admin isn't told that only admins may, but that Slack doesn't say who is."""
    env.slack.faults.add(Respond(status), operation="users.info", times=None)
    await env.admin.command(env.channel, "connect other")
    [said] = await env.slack.until(lambda: env.admin.ephemerals(env.channel))
    assert message_text(env, said) == snapshot("""\
Slack didn't confirm your permissions in time, so nothing was done.
Try again in a moment.\
""")


@pytest.mark.usefixtures("bot")
async def test_another_project_is_another_target_while_something_runs(env: Environment) -> None:
    """A target that something was deployed through keeps its project."""
    env.friendli.add_project("other-project", TEAM)
    await env.member.command(env.channel, "org/model --gpu 1xH100 --replicas 1 --name stays --yes")
    await env.slack.until(lambda: thread(env))
    await open_form(env, env.admin)
    await fill(env, project="other-project")
    await env.admin.submit()
    assert env.admin.field_errors == snapshot(
        {
            "Target name": "prod is connected to project sandbox-project, where endpoints may still run. Choose another name, or disconnect it first."
        }
    )


@pytest.mark.usefixtures("bot")
async def test_a_second_target_is_offered_in_the_form(env: Environment) -> None:
    """With several targets the form asks which, and a line names one with --to."""
    env.friendli.add_project("staging-project", TEAM)
    await open_form(env, env.admin, "connect staging")
    await fill(env, name="staging", project="staging-project")
    await env.admin.submit()
    await env.admin.close_modal()
    await env.member.command(env.channel)
    modal = await env.slack.until(lambda: env.member.modal)
    assert modal.fields()[0].label == "Target"
    await connect(env, "prod")
    await env.member.command(env.channel, "targets")
    await env.slack.until(lambda: ephemeral_texts(env))
    assert ephemeral_texts(env) == snapshot(
        [
            """\
*prod* · project `sandbox-project` · key …`cret` · connected by @admin · default
*staging* · project `staging-project` · key …`cret` · connected by @admin\
"""
        ]
    )
