"""Stories of listing what runs in a target, whoever created it."""

import re
from functools import partial

import pytest
from inline_snapshot import snapshot
from pydantic import JsonValue, SecretStr

from bot.domain.permissions import Permission
from bot.domain.schemas import DedicatedEndpointUpdateBody
from bot.friendli.client import FriendliClient
from bot.friendli.credentials import Credentials
from bot.sandbox.environment import API_KEY, PROJECT, Environment, connect
from bot.sandbox.faults import Effect, Hang, Respond
from bot.sandbox.slack.conversations import Message
from bot.sandbox.slack.fields import Field, fields
from tests.acceptance.deploying import serve
from tests.acceptance.endpoints import (
    RequestCounter,
    command_response,
    create_in_suite,
    request_count,
)
from tests.acceptance.settings_form import grant
from tests.acceptance.thread_assertions import message_text, root, roots, thread
from tests.conftest import StartBot


@pytest.mark.usefixtures("bot")
async def test_everything_in_the_project_is_listed(env: Environment) -> None:
    """Whoever made it: what moves or serves first, then what rests, failed, or was terminated."""
    for name, status in (
        ("gone", "TERMINATED"),
        ("broken", "FAILED"),
        ("asleep", "SLEEPING"),
        ("odd", "HIBERNATING"),
        ("going", "STOPPING"),
        ("changing", "UPDATING"),
    ):
        create_in_suite(env, name, status)
        env.clock.advance(1)
    create_in_suite(env, "up", replicas=3)
    env.friendli.create(project_id=PROJECT, name="scales", sleeps_after=300)
    await env.member.command(env.channel, "org/model --gpu 2xH100 --replicas 1 --name mine --yes")
    await env.slack.until(lambda: thread(env))
    env.clock.advance(100)
    assert message_text(env, await command_response(env, "list")) == snapshot("""\
*prod* · 9 endpoints · *$20.00/h and 1 of unknown price* now
🟡 *mine* · starting (downloading the model) · $0.00/h
org/model · 2 × H100 · 1 replica · requested by @requester · no lifetime · not billed so far
🟡 *scales* · starting (downloading the model) · $0.00/h
1 × H100 · 0–1 replicas · created elsewhere 1 min 39 s ago
🟢 *up* · live · $15.00/h
1 × H100 · 3 replicas · created elsewhere 1 min 39 s ago
🟠 *changing* · updating · $5.00/h
1 × H100 · 1 replica · created elsewhere 1 min 40 s ago
🟠 *going* · stopping · $0.00/h
1 × H100 · 1 replica · created elsewhere 1 min 41 s ago
❓ *odd* · HIBERNATING · price unknown
1 × H100 · 1 replica · created elsewhere 1 min 42 s ago
😴 *asleep* · asleep · $0.00/h
1 × H100 · 1 replica · created elsewhere 1 min 43 s ago
🔴 *broken* · failed · $0.00/h
1 × H100 · 1 replica · created elsewhere 1 min 44 s ago
⚪ *gone* · ended · $0.00/h
1 × H100 · 1 replica · created elsewhere 1 min 45 s ago\
""")


@pytest.mark.usefixtures("bot")
async def test_what_isn_t_told_apart_yet_is_not_called_a_strangers(env: Environment) -> None:
    """Either of two endpoints may be the one that somebody here asked for."""
    await env.member.command(env.channel, "sandbox/twins --gpu H100 --replicas 1 --name it --yes")
    await env.slack.until(lambda: "Neither" in root(env).buttons)
    assert message_text(env, await command_response(env, "list")) == snapshot("""\
*prod* · 2 endpoints · *$0.00/h* now
🟡 *it* · starting (getting a GPU machine) · $0.00/h
1 × H100 · 1 replica · created under 1 s ago, perhaps by @requester
🟡 *it* · starting (getting a GPU machine) · $0.00/h
1 × H100 · 1 replica · created under 1 s ago, perhaps by @requester\
""")


@pytest.mark.usefixtures("bot")
async def test_names_can_t_ping_or_draw_anything(env: Environment) -> None:
    """Markup in a name, and in a GPU or a status that the API invents, is shown as it is."""
    endpoint = create_in_suite(env, "<!channel> *bold* & <https://x.test|link>", "<!here>")
    spec: JsonValue = {
        "name": "<!channel> *bold* & <https://x.test|link>",
        "gpuType": "<@U000000002> L40S",
        "numGpu": 3,
        "projectId": PROJECT,
        "autoscalingMin": 1,
        "autoscalingMax": 1,
        "autoscalingCooldown": 0,
        "currReplicaCnt": 1,
    }
    env.friendli.faults.add(Respond(200, spec), operation="get_endpoint", times=None)
    said = await command_response(env, "list")
    assert message_text(env, said) == snapshot("""\
*prod* · 1 endpoint · *$0.00/h and 1 of unknown price* now
❓ *<!channel> ∗bold∗ & <https://x.test|link>* · <!here> · price unknown
3 × <@U000000002> L40S · 1 replica · created elsewhere under 1 s ago\
""")
    raw = str(said.blocks) + said.text
    assert "<!" not in raw
    assert "<@" not in raw
    assert "<http" not in raw
    assert message_text(env, await command_response(env, f"status {endpoint}")) == snapshot("""\
❓ *<!channel> ∗bold∗ & <https://x.test|link>* is <!here> · since TIME
3 × <@U000000002> L40S · 1 replica · *price unknown*
endpoint `ENDPOINT-1` · target `prod` · created TIME · created elsewhere
[Follow]\
""")


@pytest.mark.usefixtures("bot")
async def test_an_empty_project_says_how_to_begin(env: Environment) -> None:
    """Nothing runs, and nothing is billed."""
    assert message_text(env, await command_response(env, "list")) == snapshot("""\
*prod* has no endpoints.
`/friendli-deploy` deploys a model.\
""")


async def test_a_channel_without_a_target_says_who_can_connect_one(
    env: Environment, start_bot: StartBot
) -> None:
    """As everywhere."""
    async with start_bot():
        assert message_text(env, await command_response(env, "list")) == snapshot("""\
This channel isn't connected to a Friendli project yet.
Workspace admins can connect one.
[Ask an admin]\
""")


@pytest.mark.usefixtures("bot")
async def test_a_target_is_named(env: Environment) -> None:
    """By its name alone or as an option; one that isn't there is said, with those that are."""
    await connect(env, "staging")
    create_in_suite(env, "up")
    for text in ("list Staging", "list --target staging", "list \N{EM DASH}target=staging"):
        assert message_text(env, await command_response(env, text)) == snapshot("""\
*staging* · 1 endpoint · *$5.00/h* now
🟢 *up* · live · $5.00/h
1 × H100 · 1 replica · created elsewhere under 1 s ago\
""")
    assert message_text(env, await command_response(env, "list prdo")) == snapshot("""\
I don't know the target `prdo`. Did you mean `prod`?
This channel deploys to `prod`, `staging`.\
""")
    assert message_text(env, await command_response(env, "list prod staging")) == snapshot("""\
`list` takes one target and one of `all`, `mine`, `live`, `asleep`, `failed`.
`/friendli-deploy list prod mine`\
""")
    assert message_text(env, await command_response(env, "list --target")) == snapshot(
        "Which target? This channel deploys to `prod`, `staging`."
    )
    assert message_text(env, await command_response(env, 'list "prod')) == snapshot(
        'A quote is never closed: `"prod`.'
    )


async def test_what_friendli_refuses_is_said_with_a_way_out(
    env: Environment, start_bot: StartBot
) -> None:
    """Whatever is in the way; who is silent is not waited for long."""
    effects: dict[str, Effect] = {
        "key": Respond(401, {"detail": "no <!here>"}),
        "forbidden": Respond(403),
        "project": Respond(404, {"detail": "Project not found."}),
        "refused": Respond(422, {"detail": "so it is"}),
        "too many": Respond(429, headers={"Retry-After": "90"}),
        "down": Respond(503),
        "silent": Hang(),
    }
    async with start_bot(list_timeout=0.3):
        await connect(env)
        said = {}
        for trouble, effect in effects.items():
            fault = env.friendli.faults.add(effect, operation="list_endpoints", times=None)
            message = await command_response(env, "list")
            assert "<!" not in message.text
            said[trouble] = message_text(env, message)
            env.friendli.faults.remove(fault)
        assert said == snapshot(
            {
                "key": """\
Friendli refuses this target's API key. It said: no <!here>
An admin can connect a new key with `/friendli-deploy connect`.\
""",
                "forbidden": """\
Friendli refuses this target's API key.
An admin can connect a new key with `/friendli-deploy connect`.\
""",
                "project": """\
Friendli doesn't know this target's project. It said: Project not found.
An admin can connect another one with `/friendli-deploy connect`.\
""",
                "refused": """\
Friendli refused to list the endpoints in `prod` (status 422). It said: so it is
An admin can check the project with `/friendli-deploy connect`.\
""",
                "too many": """\
Friendli is rate-limiting this team.
Try again in 1 min 30 s.\
""",
                "down": """\
Friendli isn't answering, so I can't list the endpoints in `prod`. They keep running.
Try again in a minute.\
""",
                "silent": """\
Friendli isn't answering, so I can't list the endpoints in `prod`. They keep running.
Try again in a minute.\
""",
            }
        )
        assert "no endpoints" in message_text(env, await command_response(env, "list"))


@pytest.mark.usefixtures("bot")
async def test_hundreds_are_named_once_and_turned_page_by_page(env: Environment) -> None:
    """Twenty at a time. Their specs are read once: listing again costs a request per hundred."""
    for number in range(250):
        create_in_suite(env, f"number-{number:03}", "RUNNING" if number % 10 else "FAILED")
    first = RequestCounter(env)
    page = await command_response(env, "list")
    assert first.of("get_endpoint") == 250
    again = RequestCounter(env)
    shown = message_text(env, page).splitlines()
    assert [*shown[:3], *shown[39:]] == snapshot(
        [
            "*prod* · 250 endpoints · *$1,125.00/h* now · 1–20",
            "🟢 *number-001* · live · $5.00/h",
            "1 × H100 · 1 replica · created elsewhere under 1 s ago",
            "🟢 *number-022* · live · $5.00/h",
            "1 × H100 · 1 replica · created elsewhere under 1 s ago",
            "[Next]",
        ]
    )
    pages = 1
    while "Next" in page.buttons:
        before = page.revisions
        await env.member.click(page, "Next")
        await env.slack.until(partial(_was_changed, page, before))
        pages += 1
    assert pages == 13
    assert message_text(env, page).splitlines()[0] == snapshot(
        "*prod* · 250 endpoints · *$1,125.00/h* now · 241–250"
    )
    assert message_text(env, page).splitlines()[-3:] == snapshot(
        [
            "🔴 *number-240* · failed · $0.00/h",
            "1 × H100 · 1 replica · created elsewhere under 1 s ago",
            "[Previous]",
        ]
    )
    await env.member.click(page, "Previous")
    await env.slack.until(lambda: "221–240" in page.text.splitlines()[0])
    assert again.of("list_endpoints") == 0
    await command_response(env, "list")
    assert again.of("list_endpoints") == 3
    assert again.of("get_endpoint") == 0


def _was_changed(message: Message, before: int) -> bool:
    return message.revisions > before


@pytest.mark.usefixtures("bot")
async def test_a_filter_is_typed_or_chosen(env: Environment) -> None:
    """What is mine, live, asleep or failed; the menu of the message does the same."""
    for name, status in (("up", "RUNNING"), ("changing", "UPDATING"), ("rests", "SLEEPING")):
        create_in_suite(env, name, status)
    create_in_suite(env, "broken", "FAILED")
    await env.member.command(env.channel, "org/model --gpu H100 --replicas 1 --name own --yes")
    await env.slack.until(lambda: thread(env))
    listed = {}
    for words in ("mine", "live", "prod asleep", "failed prod", "all"):
        lines = message_text(env, await command_response(env, f"list {words}")).splitlines()
        listed[words] = [lines[0], *re.findall(r"\*([a-z]+)\* · [a-z]+ ", "\n".join(lines[1:]))]
    assert listed == snapshot(
        {
            "mine": ["*prod* · 1 yours of 5 endpoints · *$0.00/h* now", "own"],
            "live": ["*prod* · 2 live of 5 endpoints · *$10.00/h* now", "changing", "up"],
            "prod asleep": ["*prod* · 1 asleep of 5 endpoints · *$0.00/h* now", "rests"],
            "failed prod": ["*prod* · 1 failed of 5 endpoints · *$0.00/h* now", "broken"],
            "all": [
                "*prod* · 5 endpoints · *$10.00/h* now",
                "changing",
                "own",
                "up",
                "rests",
                "broken",
            ],
        }
    )
    page = await command_response(env, "list")
    await env.member.choose(page, "list.filter", "Failed")
    await env.slack.until(lambda: "failed" in page.text.splitlines()[0])
    assert message_text(env, page).splitlines()[0] == listed["failed prod"][0]


@pytest.mark.usefixtures("bot")
async def test_a_filter_that_lets_nothing_through_says_so(env: Environment) -> None:
    """With the menu to choose another; what can't be known isn't listed."""
    create_in_suite(env, "up")
    said = await command_response(env, "list failed")
    assert message_text(env, said) == snapshot("*prod* · 0 failed of 1 endpoint")
    assert "list.filter" in [one.action_id for one in fields(said.blocks)]
    assert message_text(env, await command_response(env, "list idle")) == snapshot("""\
I can't see whether a live endpoint is used, so I can't list idle ones.
`/friendli-deploy list asleep` lists what sleeps, `/friendli-deploy list live` what is billed now.\
""")
    assert message_text(env, await command_response(env, "list mine live")) == snapshot("""\
`list` takes one target and one of `all`, `mine`, `live`, `asleep`, `failed`.
`/friendli-deploy list prod mine`\
""")


@pytest.mark.usefixtures("bot")
async def test_each_row_has_a_menu_of_its_actions(env: Environment) -> None:
    """They do what the typed commands do, and ask what those ask."""
    theirs = create_in_suite(env, "theirs")
    endpoint = await serve(env)
    page = await command_response(env, "list")
    menus = {
        name: [choice["text"]["text"] for choice in row_menu(page, id_).element["options"]]
        for name, id_ in (("it", endpoint), ("theirs", theirs))
    }
    assert menus == snapshot(
        {"it": ["Details", "Sleep", "Update", "Terminate"], "theirs": ["Details", "Follow"]}
    )
    before = len(env.member.ephemerals(env.channel))
    await env.member.choose(page, row_menu(page, endpoint), "terminate")
    said = await env.slack.until(lambda: env.member.ephemerals(env.channel)[before:][-1])
    assert message_text(env, said) == snapshot("""\
Terminate *it*? Requests to it will fail. You can restart it later.
[Terminate] [Cancel]\
""")
    assert "*theirs*" in page.text
    await env.member.choose(page, row_menu(page, theirs), "follow")
    await env.slack.until(lambda: len(roots(env)) == 2)
    await env.member.choose(page, row_menu(page, endpoint), "sleep")
    await env.slack.until(lambda: request_count(env, "sleep_endpoint") == 1)


def row_menu(page: Message, endpoint_id: str) -> Field:
    """The menu in an endpoint's row."""
    [menu] = [one for one in fields(page.blocks) if one.block_id == f"row prod {endpoint_id}"]
    return menu


@pytest.mark.usefixtures("bot")
async def test_a_menu_of_what_is_gone_or_forbidden_is_answered(env: Environment) -> None:
    """The row may be old, and who looks may not act."""
    endpoint = await serve(env)
    page = await command_response(env, "list")
    await grant(env, Permission.OPERATE, who="admins")
    before = len(env.member.ephemerals(env.channel))
    await env.member.choose(page, row_menu(page, endpoint), "sleep")
    refused = await env.slack.until(lambda: env.member.ephemerals(env.channel)[before:][-1])
    assert "admins" in refused.text
    env.friendli.delete(endpoint)
    await env.member.choose(page, row_menu(page, endpoint), "status")
    gone = await env.slack.until(lambda: env.member.ephemerals(env.channel)[before + 1 :][-1])
    assert "doesn't exist any more" in gone.text
    assert request_count(env, "sleep_endpoint") == 0


@pytest.mark.usefixtures("bot")
async def test_long_names_leave_a_page_within_slack_s_limits(env: Environment) -> None:
    """The menus get shorter, then the page; nothing is left out between two pages."""
    for number in range(40):
        create_in_suite(env, f"{number:02}-{'长' * 56}")
    page = await command_response(env, "list")
    seen = set(re.findall(r"\*(\d\d)-", message_text(env, page)))
    assert len(page.blocks) > 10
    while "Next" in page.buttons:
        before = page.revisions
        await env.member.click(page, "Next")
        await env.slack.until(partial(_was_changed, page, before))
        seen |= set(re.findall(r"\*(\d\d)-", message_text(env, page)))
    assert len(seen) == 40


@pytest.mark.usefixtures("bot")
async def test_what_is_changed_in_suite_shows(env: Environment) -> None:
    """A changed endpoint has another status or another moment of change, and is read anew."""
    endpoint = create_in_suite(env, "before")
    assert "before" in message_text(env, await command_response(env, "list"))
    env.clock.advance(10)
    async with FriendliClient(env.friendli.url) as suite:
        await suite.update_endpoint(
            Credentials(SecretStr(API_KEY)), endpoint, DedicatedEndpointUpdateBody(name="after")
        )
    assert "after" in message_text(env, await command_response(env, "list"))


@pytest.mark.parametrize(
    "effect",
    [Hang(), Respond(429, headers={"Retry-After": "90"}), Respond(503)],
    ids=["silent", "too many", "down"],
)
async def test_a_name_that_isn_t_told_in_time_is_left_out(
    env: Environment, start_bot: StartBot, effect: Effect
) -> None:
    """The list comes without it, says so, and has it the next time."""
    async with start_bot(list_timeout=0.6):
        await connect(env)
        slow = create_in_suite(env, "slow")
        fault = env.friendli.faults.add(effect, operation="get_endpoint", times=None)
        assert message_text(env, await command_response(env, "list")) == snapshot("""\
*prod* · 1 endpoint · *$0.00/h and 1 of unknown price* now
🟢 *ENDPOINT-1* · live · price unknown
created elsewhere under 1 s ago
Friendli didn't return the configuration of 1; list again.\
""")
        env.friendli.faults.remove(fault)
        assert "*slow*" in message_text(env, await command_response(env, "list"))
        assert slow in env.friendli.endpoints


@pytest.mark.usefixtures("bot")
async def test_an_endpoint_that_goes_away_meanwhile_does_no_harm(env: Environment) -> None:
    """Its spec answers 404, and the others are listed with their names."""
    gone = create_in_suite(env, "gone")
    create_in_suite(env, "stays")
    env.friendli.faults.add(
        Respond(404, {"detail": "Endpoint not found."}),
        operation="get_endpoint",
        when=lambda call: call.path.endswith(gone),
    )
    assert message_text(env, await command_response(env, "list")) == snapshot("""\
*prod* · 2 endpoints · *$5.00/h and 1 of unknown price* now
🟢 *ENDPOINT-1* · live · price unknown
created elsewhere under 1 s ago
🟢 *stays* · live · $5.00/h
1 × H100 · 1 replica · created elsewhere under 1 s ago
Friendli didn't return the configuration of 1; list again.\
""")


@pytest.mark.usefixtures("bot")
async def test_a_spec_that_makes_no_sense_is_no_obstacle(env: Environment) -> None:
    """The endpoint is listed by its id, with what its status tells."""
    create_in_suite(env, "odd")
    body: JsonValue = {"name": "odd"}
    env.friendli.faults.add(Respond(200, body), operation="get_endpoint", times=None)
    assert "of unknown price" in message_text(env, await command_response(env, "list"))
