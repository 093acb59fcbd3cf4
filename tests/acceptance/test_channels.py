"""Stories of who and where: organisations, workspaces and channels keep to themselves."""

from pathlib import Path

import pytest

from bot.app import running
from bot.sandbox.environment import PROJECT, Environment, connect, open_environment
from bot.sandbox.slack.workspace import Content
from tests.acceptance.thread_assertions import root, roots, thread
from tests.conftest import NO_LIMITS, SHORT_WAITS, StartBot


@pytest.mark.parametrize("team_missing", [False, True], ids=["a workspace", "an organisation"])
async def test_a_deployment_in_an_organisation_is_told_in_its_channel(
    tmp_path: Path, *, team_missing: bool
) -> None:
    """On Enterprise Grid an install may leave the workspace out of its payloads."""
    async with (
        open_environment(
            f"sqlite:///{tmp_path / 'bot.sqlite3'}",
            speed=0,
            limits=NO_LIMITS,
            enterprise_id="E1",
            team_missing=team_missing,
        ) as env,
        running(env.settings(**SHORT_WAITS)) as bot,
    ):
        env.slack.events_url = bot.events_url
        await connect(env)
        await env.member.command(env.channel, "org/model --gpu 1xH100 --replicas 1 --name it --yes")
        await env.slack.until(lambda: thread(env) and "Cancel" in root(env).buttons)
        await env.member.click(root(env), "Cancel")
        await env.slack.until(lambda: "asked to terminate it" in " ".join(thread(env)))


async def test_a_button_reaches_nothing_of_another_channel(
    env: Environment, start_bot: StartBot
) -> None:
    """Whatever ids a payload carries, a click acts on its own channel's deployments only."""
    async with start_bot():
        await connect(env)
        await env.member.command(env.channel, "org/model --gpu 1xH100 --replicas 1 --name it --yes")
        await env.slack.until(lambda: thread(env) and "Cancel" in root(env).buttons)
        other = env.slack.add_channel("other", members=[env.member.user])
        stolen = env.slack.workspace.post(
            other,
            env.slack.workspace.bot,
            Content(text=root(env).text, blocks=root(env).blocks),
        )
        await env.member.click(stolen, "Cancel")
        await env.slack.until(lambda: env.member.ephemerals(other))
        assert "know this endpoint" in env.member.ephemerals(other)[0].text
        assert all(one.operation != "terminate_endpoint" for one in env.friendli.requests)


async def test_channels_don_t_share_targets(env: Environment, start_bot: StartBot) -> None:
    """A target of one channel is unknown in the next."""
    async with start_bot():
        await connect(env)
        other = env.slack.add_channel("other", members=[env.member.user])
        await env.member.command(other, "org/model --gpu 1xH100 --replicas 1 --to prod --yes")
        [said] = await env.slack.until(lambda: env.member.ephemerals(other))
        assert said.text.startswith("This channel isn't connected")
        assert not env.friendli.endpoints


async def test_few_watched_among_many_are_asked_one_by_one(
    env: Environment, start_bot: StartBot
) -> None:
    """When the list takes more requests than there are endpoints to watch, each is asked itself."""
    async with start_bot():
        await connect(env)
        for number in range(150):
            env.friendli.create(project_id=PROJECT, name=f"stranger-{number}")
        await env.member.command(env.channel, "org/model --gpu 1xH100 --replicas 1 --name it --yes")
        await env.slack.until(lambda: thread(env))
        await env.friendli.until(
            lambda: (
                [one.operation for one in env.friendli.requests[-4:]] == ["get_endpoint_status"] * 4
            )
        )
        [endpoint] = [id_ for id_, view in env.friendli.endpoints.items() if view.name == "it"]
        env.friendli.set_status(endpoint, "RUNNING")
        await env.slack.until(lambda: "live" in thread(env)[-1])
        assert len(roots(env)) == 1
