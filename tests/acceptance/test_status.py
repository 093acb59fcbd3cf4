"""Stories of looking at one endpoint."""

import re

import pytest
from inline_snapshot import snapshot

from bot.sandbox.environment import Environment, connect
from bot.sandbox.faults import Answer
from bot.sandbox.slack.conversations import Message
from tests.acceptance.listing import asked, made_elsewhere
from tests.acceptance.thread_assertions import root, thread, words

pytestmark = pytest.mark.usefixtures("bot")


def without_root(here: Environment, message: Message) -> str:
    """A message's words; the root's address, which differs from run to run, gets a name."""
    return words(here, message).replace(root(here).ts.replace(".", ""), "ROOT")


async def test_an_endpoint_that_was_asked_for_here(here: Environment) -> None:
    """How it is set up, what it costs, who asked, and the way to its thread."""
    await here.member.command(here.channel, "org/model --gpu 2xH100 --replicas 1 --name mine --yes")
    await here.slack.until(lambda: thread(here))
    here.clock.advance(60)
    starting = await asked(here, "status mine")
    assert without_root(here, starting) == snapshot("""\
◐ *mine* is starting (downloading the model) · since TIME
org/model · 2 × H100 · 1 replica · *$0.00/h* now, $10.00/h once it serves
endpoint `ENDPOINT-1` · target `prod` · made TIME · asked for by @requester · <https://sandbox.slack.com/archives/C000000001/pROOT|its thread>
[Terminate] [Open in Friendli]\
""")
    here.clock.advance(600)
    await here.slack.until(lambda: "is serving" in root(here).text)
    said = await asked(here, "status MINE")
    assert without_root(here, said) == snapshot("""\
● *mine* is serving · since TIME
org/model · 2 × H100 · 1 replica · *$10.00/h* now
endpoint `ENDPOINT-1` · target `prod` · made TIME · asked for by @requester · <https://sandbox.slack.com/archives/C000000001/pROOT|its thread>
[Sleep] [Update] [Terminate] [Open in Friendli]\
""")
    open_ = here.member.button(said, "Open in Friendli")
    [endpoint] = here.friendli.endpoints
    assert str(open_.element["url"]).endswith(f"/sandbox-project/dedicated-endpoints/{endpoint}")


async def test_a_failure_is_explained(here: Environment) -> None:
    """Cause, advice and the API's code; the model is named where we know it."""
    endpoint = made_elsewhere(here, "theirs")
    code = "WORKLOAD_INIT_CANNOT_ACCESS_REPO_ERROR"
    here.friendli.set_status(endpoint, "FAILED", error_code=code)
    assert words(here, await asked(here, "status theirs")) == snapshot("""\
✗ *theirs* failed · since TIME
Friendli can't read its model: it is gated or private. Accept its licence on the model page. Then connect a Hugging Face token that may read it, under Friendli Suite → Personal settings → Integrations. (`WORKLOAD_INIT_CANNOT_ACCESS_REPO_ERROR`)
1 × H100 · 1 replica · *$0.00/h* now
endpoint `ENDPOINT-1` · target `prod` · made TIME · made elsewhere
[Follow] [Open in Friendli]\
""")
    here.friendli.set_status(endpoint, "FAILED", error_code="<!here>")
    assert words(here, await asked(here, "status theirs")) == snapshot("""\
✗ *theirs* failed · since TIME
Friendli names a cause that this bot doesn't know: `<!here>`. Restart it once. If it fails again, write to support@friendli.ai and name endpoint `ENDPOINT-1`.
1 × H100 · 1 replica · *$0.00/h* now
endpoint `ENDPOINT-1` · target `prod` · made TIME · made elsewhere
[Follow] [Open in Friendli]\
""")
    await here.member.command(here.channel, "org/model --gpu 2xH100 --replicas 1 --name mine --yes")
    await here.slack.until(lambda: thread(here))
    here.friendli.set_status(list(here.friendli.endpoints)[1], "FAILED", error_code=code)
    said = words(here, await asked(here, "status mine"))
    assert said.splitlines()[:2] == snapshot(
        [
            "✗ *mine* failed · since TIME",
            "Friendli can't read `org/model`: it is gated or private. Accept its licence on the model page. Then connect a Hugging Face token that may read it, under Friendli Suite → Personal settings → Integrations. (`WORKLOAD_INIT_CANNOT_ACCESS_REPO_ERROR`)",
        ]
    )


async def test_each_status_says_what_it_means(here: Environment) -> None:
    """And what it costs now."""
    endpoint = made_elsewhere(here, "it")
    said = {}
    for status in ("SLEEPING", "AWAKING", "UPDATING", "STOPPING", "TERMINATED", "UNKNOWN"):
        here.friendli.set_status(endpoint, status)
        said[status] = words(here, await asked(here, "status it")).splitlines()[:-2]
    assert said == snapshot(
        {
            "SLEEPING": [
                "○ *it* is sleeping · since TIME",
                "Any request wakes it.",
                "1 × H100 · 1 replica · *$0.00/h* now",
            ],
            "AWAKING": [
                "◐ *it* is waking up · since TIME",
                "1 × H100 · 1 replica · *$0.00/h* now, $5.00/h once it serves",
            ],
            "UPDATING": [
                "◐ *it* is updating · since TIME",
                "The version before it serves until the new one is ready.",
                "1 × H100 · 1 replica · *$5.00/h* now",
            ],
            "STOPPING": ["◐ *it* is stopping · since TIME", "1 × H100 · 1 replica · *$0.00/h* now"],
            "TERMINATED": [
                "– *it* is terminated · since TIME",
                "A restart bills again.",
                "1 × H100 · 1 replica · *$0.00/h* now",
            ],
            "UNKNOWN": [
                "? *it* is in an unknown state · since TIME",
                "Friendli can't say what it is doing. It may be billed.",
                "1 × H100 · 1 replica · *price unknown*",
            ],
        }
    )


async def test_it_goes_by_name_id_or_how_either_begins(here: Environment) -> None:
    """In any case, quoted or not, with the target before a slash or as an option."""
    await connect(here, "staging")
    endpoint = made_elsewhere(here, "llama chat/v2")
    made_elsewhere(here, "other")
    for text in (
        "llama chat/v2",
        '"LLAMA  chat/v2"',
        "lla",
        endpoint,
        endpoint[:7],
        "prod/llama chat/v2",
        "--target prod llama chat/v2",
        "llama chat/v2 --target=prod",
    ):
        said = words(here, await asked(here, f"status {text}"))
        assert "*llama chat/v2* is serving" in said, text
        assert "target `prod`" in said, text
    said = words(here, await asked(here, "status staging/llama chat/v2"))
    assert "target `staging`" in said


async def test_a_name_that_isn_t_there_has_nearest_ones(here: Environment) -> None:
    """And the picker; what is nothing like any name has the picker alone."""
    made_elsewhere(here, "llama-chat")
    made_elsewhere(here, "llama-code")
    assert words(here, await asked(here, "status lama-chatt")) == snapshot(
        "No endpoint here is called `lama-chatt`. Nearest: `llama-chat`, `llama-code`."
    )
    assert words(here, await asked(here, "status `<!channel>` xyzzy")) == snapshot(
        "No endpoint here is called `ˋ@channelˋ xyzzy`."
    )
    assert words(here, await asked(here, "status ll")) == snapshot(
        "No endpoint here is called `ll`."
    )
    said = await asked(here, "status xyzzy")
    await here.member.choose(said, "endpoint.pick.status", "llama-code · serving · 1 × H100")
    await here.slack.until(lambda: "*llama-code* is serving" in words(here, said))


async def test_several_of_one_name_are_shown_to_choose_from(here: Environment) -> None:
    """Each with its id, and the choice goes on with the command."""
    made_elsewhere(here, "twin")
    second = made_elsewhere(here, "twin", "SLEEPING")
    said = await asked(here, "status twin")
    assert words(here, said) == snapshot("""\
2 endpoints are called `twin`. Which one?
● *twin* · serving · $5.00/h
1 × H100 · 1 replica · made elsewhere under 1 s ago · `ENDPOINT-1`
○ *twin* · sleeping · $0.00/h
1 × H100 · 1 replica · made elsewhere under 1 s ago · `ENDPOINT-2`\
""")
    await here.member.choose(said, "endpoint.pick.status", f"prod {second}")
    await here.slack.until(lambda: "*twin* is sleeping" in words(here, said))
    made_elsewhere(here, "twine")
    assert words(here, await asked(here, "status twi")).splitlines()[0] == snapshot(
        "3 endpoints begin with `twi`. Which one?"
    )


async def test_what_it_doesn_t_take_is_said(here: Environment) -> None:
    """Rather than left out in silence."""
    assert words(here, await asked(here, "status it --verbose")) == snapshot("""\
`status` takes no options but `--target`.
`/friendli-deploy status [endpoint]`\
""")


async def test_a_target_that_can_t_be_read_hides_no_other(here: Environment) -> None:
    """What is found elsewhere is shown; what isn't is said with what is in the way."""
    made_elsewhere(here, "up")
    await connect(here, "staging")
    here.friendli.faults.add(Answer(401), operation="list_endpoints")
    assert "*up* is serving" in words(here, await asked(here, "status up"))
    here.friendli.faults.add(Answer(401), operation="list_endpoints")
    said = words(here, await asked(here, "status down"))
    # Both are asked at once, and either is the one that is refused.
    assert re.sub("`(prod|staging)`", "`TARGET`", said) == snapshot("""\
No endpoint that I can see is called `down`, and I can't see into `TARGET` now. Friendli refuses this target's API key.
An admin can connect a new key with `/friendli-deploy connect`.\
""")
    here.friendli.faults.add(Answer(401), operation="list_endpoints", times=None)
    assert words(here, await asked(here, "status up")) == snapshot("""\
Friendli refuses this target's API key.
An admin can connect a new key with `/friendli-deploy connect`.\
""")


async def test_how_it_is_set_up_may_be_untold(here: Environment) -> None:
    """What the list tells is shown all the same."""
    endpoint = made_elsewhere(here, "up")
    here.friendli.faults.add(
        Answer(404), operation="get_endpoint", when=lambda call: call.path.endswith(endpoint)
    )
    assert words(here, await asked(here, f"status {endpoint}")) == snapshot("""\
● *ENDPOINT-1* is serving · since TIME
Friendli didn't say how it is set up · *price unknown*
endpoint `ENDPOINT-1` · target `prod` · made TIME · made elsewhere
[Follow]\
""")
