"""Stories of looking at one endpoint."""

import re

import pytest
from inline_snapshot import snapshot

from bot.sandbox.environment import Environment, connect
from bot.sandbox.faults import Respond
from bot.sandbox.slack.conversations import Message
from tests.acceptance.endpoints import command_response, create_in_suite
from tests.acceptance.thread_assertions import message_text, root, thread

pytestmark = pytest.mark.usefixtures("bot")


def without_root(env: Environment, message: Message) -> str:
    """A message's words; the root's address, which differs from run to run, gets a name."""
    said = message_text(env, message).replace(root(env).ts.replace(".", ""), "ROOT")
    return re.sub(r"live for (under 1|\d+) s,", "live for MOMENTS,", said)


async def test_an_endpoint_that_was_asked_for_here(env: Environment) -> None:
    """How it is set up, what it costs, who asked, and the way to its thread."""
    await env.member.command(env.channel, "org/model --gpu 2xH100 --replicas 1 --name mine --yes")
    await env.slack.until(lambda: thread(env))
    env.clock.advance(60)
    starting = await command_response(env, "status mine")
    assert without_root(env, starting) == snapshot("""\
🟡 *mine* is starting (downloading the model) · since TIME
org/model · 2 × H100 · 1 replica · *$0.00/h* now, $10.00/h once live
endpoint `ENDPOINT-1` · target `prod` · created TIME · requested by @requester · no lifetime · not billed so far · <https://sandbox.slack.com/archives/C000000001/pROOT|mine's thread>
[Open in Friendli] [⋯ Terminate]\
""")
    env.clock.advance(600)
    await env.slack.until(lambda: "is live" in root(env).text)
    said = await command_response(env, "status MINE")
    assert without_root(env, said) == snapshot("""\
🟢 *mine* is live · since TIME
org/model · 2 × H100 · 1 replica · *$10.00/h* now
endpoint `ENDPOINT-1` · target `prod` · created TIME · requested by @requester · no lifetime · live for MOMENTS, $1.14 so far · <https://sandbox.slack.com/archives/C000000001/pROOT|mine's thread>
“So far” is what Friendli charged, read in the last minutes.
[Open in Friendli] [Update] [⋯ Sleep · Terminate]\
""")
    open_ = env.member.button(said, "Open in Friendli")
    [endpoint] = env.friendli.endpoints
    assert str(open_.element["url"]).endswith(f"/sandbox-project/dedicated-endpoints/{endpoint}")


async def test_a_failure_is_explained(env: Environment) -> None:
    """Cause, advice and the API's code; the model is named where we know it."""
    endpoint = create_in_suite(env, "theirs")
    code = "WORKLOAD_INIT_CANNOT_ACCESS_REPO_ERROR"
    env.friendli.set_status(endpoint, "FAILED", error_code=code)
    assert message_text(env, await command_response(env, "status theirs")) == snapshot("""\
🔴 *theirs* failed · since TIME
Friendli can't read its model: the repo is gated or private. Accept the licence on the model page, and check that the Hugging Face token under Friendli Suite → Personal settings → Integrations can read the repo. (`WORKLOAD_INIT_CANNOT_ACCESS_REPO_ERROR`)
1 × H100 · 1 replica · *$0.00/h* now
endpoint `ENDPOINT-1` · target `prod` · created TIME · created elsewhere
[Follow] [Open in Friendli]\
""")
    env.friendli.set_status(endpoint, "FAILED", error_code="<!here>")
    assert message_text(env, await command_response(env, "status theirs")) == snapshot("""\
🔴 *theirs* failed · since TIME
Friendli returned an error code that this bot doesn't know: `<!here>`. Restart it once. If it fails again, write to support@friendli.ai and mention endpoint `ENDPOINT-1`.
1 × H100 · 1 replica · *$0.00/h* now
endpoint `ENDPOINT-1` · target `prod` · created TIME · created elsewhere
[Follow] [Open in Friendli]\
""")
    await env.member.command(env.channel, "org/model --gpu 2xH100 --replicas 1 --name mine --yes")
    await env.slack.until(lambda: thread(env))
    env.friendli.set_status(list(env.friendli.endpoints)[1], "FAILED", error_code=code)
    said = message_text(env, await command_response(env, "status mine"))
    assert said.splitlines()[:2] == snapshot(
        [
            "🔴 *mine* failed · since TIME",
            "Friendli can't read `org/model`: the repo is gated or private. Accept the licence on the model page, and check that the Hugging Face token under Friendli Suite → Personal settings → Integrations can read the repo. (`WORKLOAD_INIT_CANNOT_ACCESS_REPO_ERROR`)",
        ]
    )


async def test_each_status_says_what_it_means(env: Environment) -> None:
    """And what it costs now."""
    endpoint = create_in_suite(env, "it")
    said = {}
    for status in ("SLEEPING", "AWAKING", "UPDATING", "STOPPING", "TERMINATED", "UNKNOWN"):
        env.friendli.set_status(endpoint, status)
        said[status] = message_text(env, await command_response(env, "status it")).splitlines()[:-2]
    assert said == snapshot(
        {
            "SLEEPING": [
                "😴 *it* is asleep · since TIME",
                "Any request wakes it.",
                "1 × H100 · 1 replica · *$0.00/h* now",
            ],
            "AWAKING": [
                "🟡 *it* is waking up · since TIME",
                "1 × H100 · 1 replica · *$0.00/h* now, $5.00/h once live",
            ],
            "UPDATING": [
                "🟠 *it* is updating · since TIME",
                "The previous version stays live until the new one is ready.",
                "1 × H100 · 1 replica · *$5.00/h* now",
            ],
            "STOPPING": [
                "🟠 *it* is stopping · since TIME",
                "1 × H100 · 1 replica · *$0.00/h* now",
            ],
            "TERMINATED": [
                "⚪ *it* is ended · since TIME",
                "Restarting starts billing again.",
                "1 × H100 · 1 replica · *$0.00/h* now",
            ],
            "UNKNOWN": [
                "❓ *it* is in an unknown state · since TIME",
                "Friendli reports an unknown state. It may be billed.",
                "1 × H100 · 1 replica · *price unknown*",
            ],
        }
    )


async def test_it_goes_by_name_id_or_how_either_begins(env: Environment) -> None:
    """In any case, quoted or not, with the target before a slash or as an option."""
    await connect(env, "staging")
    endpoint = create_in_suite(env, "llama chat/v2")
    create_in_suite(env, "other")
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
        said = message_text(env, await command_response(env, f"status {text}"))
        assert "*llama chat/v2* is live" in said, text
        assert "target `prod`" in said, text
    said = message_text(env, await command_response(env, "status staging/llama chat/v2"))
    assert "target `staging`" in said


async def test_a_name_that_isn_t_there_has_nearest_ones(env: Environment) -> None:
    """And the picker; what is nothing like any name has the picker alone."""
    create_in_suite(env, "llama-chat")
    create_in_suite(env, "llama-code")
    assert message_text(env, await command_response(env, "status lama-chatt")) == snapshot(
        "I don't know the endpoint `lama-chatt`. Did you mean `llama-chat` or `llama-code`?"
    )
    assert message_text(env, await command_response(env, "status `<!channel>` xyzzy")) == snapshot(
        "I don't know the endpoint `ˋ@channelˋ xyzzy`."
    )
    assert message_text(env, await command_response(env, "status ll")) == snapshot(
        "I don't know the endpoint `ll`."
    )
    said = await command_response(env, "status xyzzy")
    await env.member.choose(said, "endpoint.pick.status", "llama-code · live · 1 × H100")
    await env.slack.until(lambda: "*llama-code* is live" in message_text(env, said))


async def test_several_of_one_name_are_shown_to_choose_from(env: Environment) -> None:
    """Each with its id, and the choice goes on with the command."""
    create_in_suite(env, "twin")
    second = create_in_suite(env, "twin", "SLEEPING")
    said = await command_response(env, "status twin")
    assert message_text(env, said) == snapshot("""\
2 endpoints are called `twin`. Which one?
🟢 *twin* · live · $5.00/h
1 × H100 · 1 replica · created elsewhere under 1 s ago · `ENDPOINT-1`
😴 *twin* · asleep · $0.00/h
1 × H100 · 1 replica · created elsewhere under 1 s ago · `ENDPOINT-2`\
""")
    await env.member.choose(said, "endpoint.pick.status", f"prod {second}")
    await env.slack.until(lambda: "*twin* is asleep" in message_text(env, said))
    create_in_suite(env, "twine")
    assert message_text(env, await command_response(env, "status twi")).splitlines()[0] == snapshot(
        "3 endpoints begin with `twi`. Which one?"
    )


async def test_what_it_doesn_t_take_is_said(env: Environment) -> None:
    """Rather than left out in silence."""
    assert message_text(env, await command_response(env, "status it --verbose")) == snapshot("""\
`status` takes only the option `--target`.
`/friendli-deploy status [endpoint]`\
""")


async def test_a_target_that_can_t_be_read_hides_no_other(env: Environment) -> None:
    """What is found elsewhere is shown; what isn't is said with what is in the way."""
    create_in_suite(env, "up")
    await connect(env, "staging")
    env.friendli.faults.add(Respond(401), operation="list_endpoints")
    assert "*up* is live" in message_text(env, await command_response(env, "status up"))
    env.friendli.faults.add(Respond(401), operation="list_endpoints")
    said = message_text(env, await command_response(env, "status down"))
    # Both are asked at once, and either is the one that is refused.
    assert re.sub("`(prod|staging)`", "`TARGET`", said) == snapshot("""\
I found no endpoint `down`, and I can't list `TARGET` right now. Friendli refuses this target's API key.
An admin can connect a new key with `/friendli-deploy connect`.\
""")
    env.friendli.faults.add(Respond(401), operation="list_endpoints", times=None)
    assert message_text(env, await command_response(env, "status up")) == snapshot("""\
Friendli refuses this target's API key.
An admin can connect a new key with `/friendli-deploy connect`.\
""")


async def test_how_it_is_set_up_may_be_untold(env: Environment) -> None:
    """What the list tells is shown all the same."""
    endpoint = create_in_suite(env, "up")
    env.friendli.faults.add(
        Respond(404), operation="get_endpoint", when=lambda call: call.path.endswith(endpoint)
    )
    assert message_text(env, await command_response(env, f"status {endpoint}")) == snapshot("""\
🟢 *ENDPOINT-1* is live · since TIME
Friendli didn't return its configuration · *price unknown*
endpoint `ENDPOINT-1` · target `prod` · created TIME · created elsewhere
[Follow]\
""")
