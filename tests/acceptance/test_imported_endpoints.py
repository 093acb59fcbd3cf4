"""Stories of endpoints that were made elsewhere and are followed in a channel."""

import pytest
from inline_snapshot import snapshot

from bot.sandbox.environment import PROJECT, Environment
from tests.acceptance.listing import asked
from tests.acceptance.thread_assertions import root, roots, thread, told, whispers, words


def made_elsewhere(here: Environment, name: str = "elsewhere", status: str = "RUNNING") -> str:
    """Make an endpoint as Friendli Suite would; returns its id."""
    endpoint = here.friendli.create(project_id=PROJECT, name=name)
    here.friendli.set_status(endpoint, status)
    return endpoint


async def follow(here: Environment) -> str:
    """Follow an endpoint that serves."""
    endpoint = made_elsewhere(here)
    await here.member.command(here.channel, "follow elsewhere")
    await here.slack.until(lambda: roots(here) and whispers(here))
    return endpoint


@pytest.mark.usefixtures("bot")
async def test_a_followed_endpoint_has_a_thread_with_buttons(here: Environment) -> None:
    """It is watched, and can be put to sleep, like one that was deployed here."""
    await follow(here)
    assert whispers(here) == snapshot(
        ["*elsewhere* is followed from now on; its thread is in this channel."]
    )
    assert words(here, root(here)) == snapshot("""\
● *elsewhere* is serving
$5.00/h, until it sleeps or ends
1 × H100 · 1 replica · endpoint `ENDPOINT-1`
followed by @requester at TIME · target `prod`
[Sleep] [Open in Friendli] [Update] [Terminate]\
""")
    await here.member.click(root(here), "Sleep")
    await here.slack.until(lambda: "is sleeping" in root(here).text)
    await here.slack.until(lambda: told(here, 2))
    assert thread(here) == snapshot(
        [
            "@requester asked to put it to sleep.",
            "Asleep, as asked. $0.00/h while it sleeps; any request wakes it.",
        ]
    )


@pytest.mark.usefixtures("bot")
async def test_it_is_followed_once(here: Environment) -> None:
    """Who asks again is told where it is watched."""
    await follow(here)
    await here.member.command(here.channel, "follow elsewhere")
    await here.slack.until(lambda: len(whispers(here)) > 1)
    assert whispers(here)[1] == snapshot(
        "*elsewhere* is watched already in #ml-deploys; its thread tells how it is going."
    )
    assert len(roots(here)) == 1


@pytest.mark.usefixtures("bot")
async def test_it_is_let_go_and_followed_again(here: Environment) -> None:
    """The old thread says that nothing more is told; following again opens a new one."""
    endpoint = await follow(here)
    await here.member.command(here.channel, "unfollow elsewhere")
    await here.slack.until(lambda: len(whispers(here)) > 1)
    await here.slack.until(lambda: "no longer watched" in root(here).text)
    await here.slack.until(lambda: told(here, 1))
    assert (whispers(here)[1], thread(here)) == snapshot(
        (
            "*elsewhere* isn't followed any more. It runs on as it is.",
            [
                "@requester unfollowed it. It runs on as it is, and is billed while it serves; nothing more is told here."
            ],
        )
    )
    assert words(here, root(here)) == snapshot("""\
*elsewhere* is no longer watched
It may run on, and be billed, until it is ended in Friendli Suite.
1 × H100 · 1 replica · endpoint `ENDPOINT-1`
followed by @requester at TIME · target `prod`
[Open in Friendli]\
""")
    here.friendli.set_status(endpoint, "SLEEPING")
    await here.member.command(here.channel, "follow elsewhere")
    await here.slack.until(lambda: len(roots(here)) > 1)
    assert "is sleeping" in roots(here)[1].text
    assert len(here.channel.replies(roots(here)[0].ts)) == 1


@pytest.mark.usefixtures("bot")
async def test_two_of_one_name_are_both_followed(here: Environment) -> None:
    """Nobody keeps names apart in Friendli Suite; each has its own thread."""
    for endpoint in (made_elsewhere(here), made_elsewhere(here)):
        await here.member.command(here.channel, f"follow {endpoint}")
    await here.slack.until(lambda: len(roots(here)) == 2)


@pytest.mark.usefixtures("bot")
async def test_what_was_deployed_here_isn_t_unfollowed(here: Environment) -> None:
    """Its thread stays until it is gone."""
    await here.member.command(here.channel, "org/model --gpu 1xH100 --replicas 1 --name it --yes")
    await here.slack.until(lambda: roots(here) and thread(here))
    await here.member.command(here.channel, "unfollow it")
    await here.slack.until(lambda: whispers(here))
    assert whispers(here) == snapshot(
        ["*it* was deployed from here, so its thread stays until it is gone."]
    )


@pytest.mark.usefixtures("bot")
async def test_a_stranger_s_endpoint_is_followed_before_anything_is_done(here: Environment) -> None:
    """What is done with an endpoint is told in a thread, so it needs one first."""
    made_elsewhere(here)
    await here.member.command(here.channel, "sleep elsewhere")
    await here.slack.until(lambda: whispers(here))
    assert whispers(here) == snapshot(
        [
            "*elsewhere* was made elsewhere. Follow it first: what is done with it is then told in its thread."
        ]
    )
    [said] = here.member.ephemerals(here.channel)
    await here.member.click(said, "Follow")
    await here.slack.until(lambda: roots(here))


@pytest.mark.usefixtures("bot")
async def test_a_name_with_markup_pings_nobody(here: Environment) -> None:
    """What others typed in Friendli Suite stays text."""
    endpoint = made_elsewhere(here, name="<!channel> & *bold*")
    await here.member.command(here.channel, f"follow {endpoint}")
    await here.slack.until(lambda: roots(here) and whispers(here))
    assert "<!channel>" not in root(here).words + "".join(
        message.words for message in here.member.ephemerals(here.channel)
    )


@pytest.mark.usefixtures("bot")
async def test_what_is_set_from_here_is_known_until_somebody_sets_it_elsewhere(
    here: Environment,
) -> None:
    """Friendli doesn't tell the model of a stranger's endpoint; who updates it here has said it."""
    endpoint = made_elsewhere(here, "theirs")
    await asked(here, "follow theirs")
    await here.slack.until(lambda: roots(here))
    question = await asked(here, "update theirs org/other --max-token-count 64")
    await here.member.click(question, "Update")
    await here.slack.until(lambda: "org/other" in words(here, root(here)))
    here.clock.advance(300)
    await here.slack.until(lambda: "is serving" in root(here).text)
    assert words(here, await asked(here, "list")) == snapshot("""\
*prod* · 1 endpoint · *$5.00/h* now
● *theirs* · serving · $5.00/h
org/other · 1 × H100 · 1 replica · made elsewhere 4 min 59 s ago, followed by @requester\
""")
    assert words(here, await asked(here, "update theirs --max-token-count 32")) == snapshot("""\
Update *theirs*? Version `1` runs now.
Max token count: `64` → `32`
Sent again as it is: Max batch size: `256` · Skip special tokens: `on` · Add special tokens: `on`
It costs $5.00/h, as before. The version that runs serves until the new one is ready; until then both may be billed, up to $10.00/h.
Friendli doesn't tell the logging and queue settings of what was made elsewhere. They stay as they are unless you set them.
The engine's settings go together: those that nobody here knows may return to Friendli's defaults.
Nothing is sent before you agree.
[Update] [Change] [Cancel]\
""")
    here.friendli.update(endpoint, replicas=2)
    assert "Max token count: not known → `32`" in words(
        here, await asked(here, "update theirs --max-token-count 32")
    )
    await here.slack.until(lambda: "org/other" not in words(here, root(here)))
