"""Stories of the help: six lines, and a button for each topic."""

import pytest
from inline_snapshot import snapshot

from bot.commands import help as help_command
from bot.commands.features import registry
from bot.messages.markup import code
from bot.sandbox.environment import Environment
from tests.acceptance.endpoints import command_response
from tests.acceptance.thread_assertions import message_text

COMMANDS = registry().commands


@pytest.mark.usefixtures("bot")
async def test_help_is_six_lines_and_topics_that_open_in_place(env: Environment) -> None:
    """One message, which shows the topic whose button is pressed, and goes back."""
    shown = await command_response(env, "help")
    assert message_text(env, shown) == snapshot("""\
`/friendli-deploy`  Opens the form to deploy a model.
`/friendli-deploy meta-llama/Llama-3.1-8B-Instruct --gpu 2xH100`  Deploys from text, after showing the price.
`/friendli-deploy list`, `status [endpoint]`  Show what runs and what it costs.
`/friendli-deploy sleep [endpoint]`, `wake`, `terminate`  Do what its buttons do.
`/friendli-deploy extend [endpoint] 8h`, `keep`, `schedules`  Change its lifetime.
`/friendli-deploy connect`, `settings`, `audit`  Set up this channel.
[Deploy options] [See what runs] [Operate] [Lifetime and schedules] [Change] [Set up the channel]\
""")
    overview = message_text(env, shown)
    await env.member.click(shown, "Lifetime and schedules")
    await env.slack.until(lambda: shown.revisions)
    assert message_text(env, shown) == snapshot("""\
*Lifetime and schedules*
`/friendli-deploy extend [endpoint] [8h]`  Extends an endpoint's lifetime.
`/friendli-deploy keep [endpoint]`  Removes an endpoint's lifetime: it runs until someone stops it.
`/friendli-deploy schedules [endpoint]`  Lists the schedules of endpoints.
[Overview] [Deploy options] [See what runs] [Operate] [Change] [Set up the channel]\
""")
    await env.member.click(shown, "Overview")
    await env.slack.until(lambda: shown.revisions > 1)
    assert message_text(env, shown) == overview
    assert len(env.member.ephemerals(env.channel)) == 1


@pytest.mark.usefixtures("bot")
async def test_help_of_a_command_opens_its_topic(env: Environment) -> None:
    """By its name or the topic's; what nobody knows shows the overview."""
    overview = message_text(env, await command_response(env, "help"))
    assert "`/friendli-deploy wake [endpoint]" in (await command_response(env, "help wake")).text
    assert "`--autoscale MIN..MAX`" in (await command_response(env, "help deploy")).text
    assert message_text(env, await command_response(env, "help me")) == overview


@pytest.mark.usefixtures("bot")
async def test_every_line_takes_the_help_option(env: Environment) -> None:
    """After a command, in the middle of a line, and in a mention; not as somebody's comment."""
    for typed, shown in (
        ("--help", "Opens the form to deploy a model."),
        ("sleep --help", "`/friendli-deploy wake [endpoint]"),
        ("rollback it —help 0", "`/friendli-deploy rollback [endpoint]"),
        ("deploy -h", "`--autoscale MIN..MAX`"),
        ("org/model --gpu 1xH100 --help --yes", "`--autoscale MIN..MAX`"),
    ):
        assert shown in (await command_response(env, typed)).text, typed
    before = len(env.member.ephemerals(env.channel))
    await env.member.mention(env.channel, "extend --help")
    await env.slack.until(lambda: len(env.member.ephemerals(env.channel)) > before)
    assert "schedules" in env.member.ephemerals(env.channel)[-1].text
    preview = await command_response(env, "org/model --gpu 1xH100 --name 'the --help'")
    assert "Deploy" in preview.buttons


@pytest.mark.usefixtures("bot")
async def test_deploy_is_a_verb(env: Environment) -> None:
    """With a model as without the word; alone it opens the form."""
    preview = await command_response(env, "deploy org/model --gpu 1xH100 --name it")
    assert preview.text.startswith("*it* on 1 × H100")
    corrected = await command_response(env, "Deploy org/model --gpu 1xh10")
    assert "/friendli-deploy org/model --gpu 1xH100" in corrected.text
    await env.member.command(env.channel, "deploy")
    await env.slack.until(lambda: env.member.modal and env.member.modal.callback_id == "deploy")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_explained_in_one_topic(name: str) -> None:
    """Made from what is registered."""
    usage = code(COMMANDS[name].usage)
    texts = [help_command.page(topic, COMMANDS).text for topic in help_command.TOPICS]
    assert sum(usage in text for text in texts) == 1


def test_the_overview_has_six_lines() -> None:
    """As many as are read at a glance."""
    first = help_command.page("", COMMANDS).blocks[0]
    assert len(first["text"]["text"].splitlines()) == 6
