"""Stories of an endpoint's versions: what each changed, and who asked for it."""

import pytest
from inline_snapshot import snapshot

from bot.sandbox.world import PROJECT, World
from tests.stories.telling import root, roots, whispers, words
from tests.stories.updating import asked, serve, updates

pytestmark = pytest.mark.usefixtures("bot")


async def test_versions_are_listed_with_what_changed(here: World) -> None:
    """Of those made here with who and why, of those made elsewhere with what Friendli tells."""
    endpoint = await serve(here, "org/model --gpu 1xH100 --comment 'the first'")
    question = await asked(here, "update it --max-batch-size 8 org/other --comment 'a <b> try'")
    await here.member.click(question, "Update")
    await here.slack.until(lambda: updates(here) and "updating" in root(here).text)
    here.clock.advance(180)
    await here.slack.until(lambda: "is serving" in root(here).text)
    here.friendli.update(endpoint, replicas=3)
    answer = await asked(here, "versions it")
    assert words(here, answer) == snapshot()


async def test_an_endpoint_with_one_version(here: World) -> None:
    """There is nothing to go back to."""
    await serve(here)
    answer = await asked(here, "versions it")
    assert words(here, answer) == snapshot()


async def test_versions_of_an_endpoint_made_elsewhere(here: World) -> None:
    """The newest are listed, and how many older ones there are."""
    endpoint = here.friendli.create(project_id=PROJECT, name="elsewhere")
    here.clock.advance(300)
    for replicas in range(2, 23):
        here.friendli.update(endpoint, replicas=replicas)
        here.clock.advance(180)
    await here.member.command(here.channel, "follow elsewhere")
    await here.slack.until(lambda: roots(here) and whispers(here))
    answer = await asked(here, "versions elsewhere")
    lines = words(here, answer).split("\n")
    assert [*lines[:5], *lines[-3:]] == snapshot()
