"""Stories of going back to an earlier version."""

import pytest
from inline_snapshot import snapshot

from bot.sandbox.world import World
from tests.stories.telling import root, thread, told, words
from tests.stories.updating import asked, serve, updates

pytestmark = pytest.mark.usefixtures("bot")


async def updated(here: World, line: str) -> None:
    """Update the endpoint and let the rollout end."""
    question = await asked(here, f"update it {line}")
    before = len(updates(here))
    await here.member.click(question, "Update")
    await here.slack.until(lambda: len(updates(here)) > before and "is updating" in root(here).text)
    here.clock.advance(180)
    await here.slack.until(lambda: "is serving" in root(here).text)


async def test_a_version_made_here_comes_back_whole(here: World) -> None:
    """Model, revision and queue settings too; asked before, followed after."""
    await serve(here, "org/model --gpu 1xH100 --revision v1 --queue-timeout-ms 500")
    await updated(here, "org/other --gpu 2xH100 --max-batch-size 8 --queue-timeout-ms 900")
    await here.slack.until(lambda: told(here, 5))
    question = await asked(here, "rollback it 0")
    assert words(here, question) == snapshot()
    await here.member.click(question, "Roll back")
    await here.slack.until(lambda: len(updates(here)) == 2 and "updating" in root(here).text)
    assert updates(here)[-1] == snapshot()
    here.clock.advance(180)
    await here.slack.until(lambda: "is serving" in root(here).text)
    await here.slack.until(lambda: told(here, 8))
    assert thread(here)[5:] == snapshot()


async def test_a_version_made_elsewhere_comes_back_as_far_as_it_is_known(here: World) -> None:
    """What Friendli doesn't tell stays as it runs, and the question says so."""
    endpoint = await serve(here)
    here.friendli.update(endpoint, replicas=3)
    here.friendli.set_status(endpoint, "RUNNING")
    await updated(here, "--replicas 1 org/other")
    question = await asked(here, "rollback it 1")
    assert words(here, question) == snapshot()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        pytest.param("rollback it", snapshot(), id="no version"),
        pytest.param("rollback it 7", snapshot(), id="a version that isn't"),
        pytest.param("rollback it <!channel>", snapshot(), id="hostile"),
        pytest.param("rollback it 0", snapshot(), id="what runs"),
    ],
)
async def test_a_version_that_can_t_be_gone_back_to(here: World, line: str, said: str) -> None:
    """The answer says why, and where the versions are listed."""
    await serve(here)
    answer = await asked(here, line)
    assert words(here, answer) == said
    assert updates(here) == []
