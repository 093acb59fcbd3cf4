"""Stories of who and where: organisations, workspaces and channels keep to themselves."""

from pathlib import Path

import pytest

from bot.app import running
from bot.sandbox.environment import PROJECT, Environment, connect, world
from bot.sandbox.slack.workspace import Content
from tests.acceptance.thread_assertions import root, roots, thread
from tests.conftest import QUICK, UNHURRIED, StartBot


@pytest.mark.parametrize("team_missing", [False, True], ids=["a workspace", "an organisation"])
async def test_a_deployment_in_an_organisation_is_told_in_its_channel(
    tmp_path: Path, *, team_missing: bool
) -> None:
    """On Enterprise Grid an install may leave the workspace out of its payloads."""
    async with (
        world(
            f"sqlite:///{tmp_path / 'bot.sqlite3'}",
            speed=0,
            limits=UNHURRIED,
            enterprise_id="E1",
            team_missing=team_missing,
        ) as here,
        running(here.settings(**QUICK)) as bot,
    ):
        here.slack.events_url = bot.events_url
        await connect(here)
        await here.member.command(
            here.channel, "org/model --gpu 1xH100 --replicas 1 --name it --yes"
        )
        await here.slack.until(lambda: thread(here) and "Cancel" in root(here).buttons)
        await here.member.click(root(here), "Cancel")
        await here.slack.until(lambda: "asked to terminate it" in " ".join(thread(here)))


async def test_a_button_reaches_nothing_of_another_channel(
    here: Environment, start_bot: StartBot
) -> None:
    """Whatever ids a payload carries, a click acts on its own channel's deployments only."""
    async with start_bot():
        await connect(here)
        await here.member.command(
            here.channel, "org/model --gpu 1xH100 --replicas 1 --name it --yes"
        )
        await here.slack.until(lambda: thread(here) and "Cancel" in root(here).buttons)
        other = here.slack.add_channel("other", members=[here.member.user])
        stolen = here.slack.workspace.post(
            other,
            here.slack.workspace.bot,
            Content(text=root(here).text, blocks=root(here).blocks),
        )
        await here.member.click(stolen, "Cancel")
        await here.slack.until(lambda: here.member.ephemerals(other))
        assert "know this endpoint" in here.member.ephemerals(other)[0].text
        assert all(one.operation != "terminate_endpoint" for one in here.friendli.requests)


async def test_channels_don_t_share_targets(here: Environment, start_bot: StartBot) -> None:
    """A target of one channel is unknown in the next."""
    async with start_bot():
        await connect(here)
        other = here.slack.add_channel("other", members=[here.member.user])
        await here.member.command(other, "org/model --gpu 1xH100 --replicas 1 --to prod --yes")
        [said] = await here.slack.until(lambda: here.member.ephemerals(other))
        assert said.text.startswith("This channel isn't connected")
        assert not here.friendli.endpoints


async def test_few_watched_among_many_are_asked_one_by_one(
    here: Environment, start_bot: StartBot
) -> None:
    """When the list takes more requests than there are endpoints to watch, each is asked itself."""
    async with start_bot():
        await connect(here)
        for number in range(150):
            here.friendli.create(project_id=PROJECT, name=f"stranger-{number}")
        await here.member.command(
            here.channel, "org/model --gpu 1xH100 --replicas 1 --name it --yes"
        )
        await here.slack.until(lambda: thread(here))
        await here.friendli.until(
            lambda: (
                [one.operation for one in here.friendli.requests[-4:]]
                == ["get_endpoint_status"] * 4
            )
        )
        [endpoint] = [id_ for id_, view in here.friendli.endpoints.items() if view.name == "it"]
        here.friendli.set_status(endpoint, "RUNNING")
        await here.slack.until(lambda: "is serving" in thread(here)[-1])
        assert len(roots(here)) == 1
