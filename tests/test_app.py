import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from io import BytesIO
from pathlib import Path

import aiohttp
import pytest

from bot.app import Running, running
from bot.domain.errors import ConfigError
from bot.sandbox.environment import (
    API_KEY,
    APP_TOKEN,
    SIGNING_SECRET,
    Environment,
    connect,
    open_environment,
)
from bot.sandbox.faults import Hang, Respond, Slow
from bot.sandbox.slack.changes import Change, RequestLogged
from bot.sandbox.slack.signing import signature
from tests.acceptance.thread_assertions import has_replies, roots
from tests.client import get, wait_for_response
from tests.conftest import SHORT_WAITS, StartBot
from tests.tcp_proxy import TcpProxy

SOCKET_MODE = {"slack_app_token": APP_TOKEN, "slack_signing_secret": None}


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


READY = (200, {"database": True, "slack": True, "schema": True, "friendli": True})
AWAY_DATABASE = (503, {"database": False, "slack": True, "schema": True, "friendli": None})
READY_ON_A_SOCKET = (
    200,
    {"database": True, "slack": True, "socket_mode": True, "schema": True, "friendli": True},
)


async def test_a_bot_in_http_mode_says_that_it_lives_and_is_ready(
    start_bot: StartBot, http: aiohttp.ClientSession
) -> None:
    """At the addresses that load balancers and orchestrators ask."""
    async with start_bot() as bot:
        assert await get(http, f"{bot.url}/healthz") == (200, {"ok": True})
        assert await get(http, f"{bot.url}/readyz") == READY


async def test_a_bot_in_socket_mode_says_so_too_and_takes_no_events_over_http(
    env: Environment, start_bot: StartBot, http: aiohttp.ClientSession
) -> None:
    """Requests come over its own connection, where commands work like everywhere."""
    async with start_bot(**SOCKET_MODE) as bot:
        assert await get(http, f"{bot.url}/healthz") == (200, {"ok": True})
        assert await get(http, f"{bot.url}/readyz") == READY_ON_A_SOCKET
        async with http.post(bot.events_url) as response:
            assert response.status == 404
        await env.member.command(env.channel, "help")
        await env.slack.until(lambda: env.member.ephemerals(env.channel))
    assert env.slack.protocol_errors == []


# What strangers send


def signed(body: bytes, *, secret: str = SIGNING_SECRET, age: float = 0) -> dict[str, str]:
    timestamp = str(int(time.time() - age))
    return {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": signature(secret, timestamp, body),
    }


COMMAND = (
    b"command=%2Ffriendli-deploy&text=help&channel_id=C000000001&user_id=U000000001&team_id=T1"
)
FORGED: dict[str, Callable[[], dict[str, str]]] = {
    "signed by somebody else": lambda: signed(COMMAND, secret="made-up"),
    "older than five minutes": lambda: signed(COMMAND, age=301),
    "from the future": lambda: signed(COMMAND, age=-310),
    "signed for another body": lambda: signed(b""),
    "unsigned": dict,
    "without a time": lambda: signed(COMMAND) | {"X-Slack-Request-Timestamp": ""},
    "at a time that is none": lambda: signed(COMMAND) | {"X-Slack-Request-Timestamp": "soon"},
    "with a signature that is none": lambda: signed(COMMAND) | {"X-Slack-Signature": "ж"},
    "in an encoding that is none": lambda: {"Content-Type": "application/json; charset=none"},
    "unsigned JSON that is none": lambda: {"Content-Type": "application/json"},
}


@pytest.fixture(scope="module")
async def bot_at_large(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[Environment, Running]]:
    """One bot for all that strangers send, since none of it may change anything."""
    database = f"sqlite:///{tmp_path_factory.mktemp('bot') / 'bot.sqlite3'}"
    async with open_environment(database) as env, running(env.settings(**SHORT_WAITS)) as bot:
        env.slack.events_url = bot.events_url
        yield env, bot


@pytest.mark.parametrize("headers", FORGED.values(), ids=FORGED)
async def test_a_request_that_isnt_slacks_is_refused(
    bot_at_large: tuple[Environment, Running],
    http: aiohttp.ClientSession,
    headers: Callable[[], dict[str, str]],
) -> None:
    """With 401 and not a word, before anything reads what it says."""
    env, bot = bot_at_large
    before = len(env.slack.requests.entries)
    async with http.post(bot.events_url, data=COMMAND, headers=headers()) as response:
        assert (response.status, await response.text()) == (401, "")
    assert len(env.slack.requests.entries) == before


async def test_requests_signed_with_an_old_secret_are_refused(
    env: Environment, start_bot: StartBot
) -> None:
    """As Slack's own are after somebody has made a new signing secret."""
    async with start_bot():
        env.slack.signing_secret = "another-secret"
        assert (await env.member.command(env.channel, "help")).status == 401


NONSENSE: dict[str, tuple[bytes, int]] = {
    "nothing": (b"", 404),
    "another event": (b'{"type":"event_callback","event":{"type":"message"}}', 200),
    "a list": (b"payload=[1]", 400),
    "null": (b"payload=null", 400),
    "cut off": (b'payload={"type":"block_actions","act', 400),
    "no payload": (b"payload", 400),
    "another command": (COMMAND.replace(b"friendli", b"other"), 404),
    "a command from nowhere": (b"command=%2Ffriendli-deploy", 400),
    "a click by nobody": (b'payload={"type":"block_actions","actions":[{"action_id":"x"}]}', 400),
    "a click on nothing": (
        b'payload={"type":"block_actions","user":{"id":"U1"},"actions":[{"type":"button"}]}',
        400,
    ),
    "a modal of no type": (
        b'payload={"type":"view_submission","user":{"id":"U1"},"view":{"callback_id":"connect"}}',
        400,
    ),
    "a modal that isn't ours": (
        b'payload={"type":"view_submission","user":{"id":"U"},"view":{"type":"","callback_id":""}}',
        200,
    ),
    "more than Slack sends": (b"a" * 2**21, 413),
}


@pytest.mark.parametrize(("body", "status"), NONSENSE.values(), ids=NONSENSE)
async def test_a_body_that_makes_no_sense_breaks_nothing(
    bot_at_large: tuple[Environment, Running], http: aiohttp.ClientSession, body: bytes, status: int
) -> None:
    """Even one that Slack has signed; the next command is answered as ever."""
    env, bot = bot_at_large
    async with http.post(bot.events_url, data=BytesIO(body), headers=signed(body)) as response:
        assert response.status == status
    said = len(env.member.ephemerals(env.channel))
    assert (await env.member.command(env.channel, "help")).status == 200
    await env.slack.until(lambda: len(env.member.ephemerals(env.channel)) == said + 1)


# What can't be reached, or refuses us


AWAY = Respond(200, {"ok": False, "error": "service_unavailable"})


async def refusal(start_bot: StartBot, **overrides: object) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        async with start_bot(**overrides):
            pass
    return list(caught.value.problems)


COPY_BOT_TOKEN = "Copy it from your Slack app: OAuth & Permissions → Bot User OAuth Token (xoxb-…)."
COPY_APP_TOKEN = (
    "Copy it from your Slack app: Basic Information → App-Level Tokens,"
    " one with the scope connections:write (xapp-…)."
)


async def test_a_bot_token_that_slack_refuses_is_told(
    env: Environment, start_bot: StartBot
) -> None:
    """In Slack's word for it."""
    assert await refusal(start_bot, slack_bot_token="another-token") == [
        f"SLACK_BOT_TOKEN is refused by Slack (invalid_auth). {COPY_BOT_TOKEN}"
    ]
    env.slack.revoke_token()
    assert await refusal(start_bot) == [
        f"SLACK_BOT_TOKEN is refused by Slack (token_revoked). {COPY_BOT_TOKEN}"
    ]


async def test_all_that_is_refused_is_told_at_once(start_bot: StartBot, tmp_path: Path) -> None:
    """Both tokens and the database, a line each; the SDK alone would try the second for ever."""
    (tmp_path / "letter").write_text("Dear reader,\n" * 100)
    database, bot_token, app_token = await refusal(
        start_bot,
        slack_bot_token="another-token",
        slack_app_token="another-token",
        database_url=f"sqlite:///{tmp_path}/letter",
    )
    assert database.startswith("DATABASE_URL leads to a database that can't be used: ")
    assert bot_token == f"SLACK_BOT_TOKEN is refused by Slack (invalid_auth). {COPY_BOT_TOKEN}"
    assert app_token == f"SLACK_APP_TOKEN is refused by Slack (invalid_auth). {COPY_APP_TOKEN}"


async def test_a_port_that_is_taken_is_told(start_bot: StartBot) -> None:
    """Most likely by another bot."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert await refusal(start_bot, port=port) == [
            f"PORT {port} is taken by another program. Write a free port, from 1 to 65535."
        ]


@pytest.mark.parametrize("host", ["192.0.2.1", "host.invalid"])
async def test_a_host_that_isnt_ours_is_told(start_bot: StartBot, host: str) -> None:
    """An address of another machine, or a name of none."""
    how = "Name one of its addresses, or 0.0.0.0 for all of them."
    assert await refusal(start_bot, host=host) == [
        f"HOST {host} isn't an address of this machine. {how}"
    ]


async def test_a_slack_that_cant_be_reached_is_waited_for(
    env: Environment, start_bot: StartBot, http: aiohttp.ClientSession
) -> None:
    """The bot comes up, answers, and takes deployments; it posts once Slack is there."""
    outage = env.slack.faults.add(AWAY, operation="auth.test", times=None)
    async with start_bot() as bot:
        assert await get(http, f"{bot.url}/healthz") == (200, {"ok": True})
        assert await get(http, f"{bot.url}/readyz") == (
            503,
            {"database": True, "slack": False, "schema": True, "friendli": True},
        )
        await connect(env, announced=False)
        await env.member.command(env.channel, "org/model --gpu H100 --replicas 1 --yes")
        assert not env.channel.messages
        env.slack.faults.remove(outage)
        await env.slack.until(lambda: roots(env))
        await wait_for_response(http, f"{bot.url}/readyz", READY)


REVOKED = Respond(200, {"ok": False, "error": "token_revoked"})


async def test_a_token_that_is_revoked_later_takes_the_bot_out_of_service(
    env: Environment, start_bot: StartBot, http: aiohttp.ClientSession
) -> None:
    """Noticed although nobody uses the bot; the metrics follow, and so does its return."""
    async with start_bot(unready_after=0.2) as bot:
        assert await get(http, f"{bot.url}/readyz") == READY
        revoked = env.slack.faults.add(REVOKED, operation="auth.test", times=None)
        away = (503, {"database": True, "slack": False, "schema": True, "friendli": True})
        await wait_for_response(http, f"{bot.url}/readyz", away)
        assert await metric(http, bot, "friendli_deploy_slack_up") == 0
        env.slack.faults.remove(revoked)
        await wait_for_response(http, f"{bot.url}/readyz", READY)
        assert await metric(http, bot, "friendli_deploy_slack_up") == 1


async def test_one_hiccup_of_slack_changes_nothing(
    env: Environment, start_bot: StartBot, http: aiohttp.ClientSession
) -> None:
    """Or a moment of Slack's would take every replica out of service at once."""
    async with start_bot(unready_after=0.2) as bot:
        env.slack.faults.add(AWAY, operation="auth.test", times=1)
        before = len(env.slack.requests.calls("auth.test"))
        while len(env.slack.requests.calls("auth.test")) < before + 3:
            assert await get(http, f"{bot.url}/readyz") == READY


async def test_a_friendli_that_is_away_is_shown_and_people_are_still_answered(
    env: Environment, start_bot: StartBot, http: aiohttp.ClientSession
) -> None:
    """Otherwise a load balancer would leave them with Slack's error message."""
    async with start_bot(unready_after=0.2) as bot:
        await connect(env)
        await env.member.command(env.channel, "org/model --gpu H100 --yes")
        await env.slack.until(lambda: has_replies(env, 1))
        assert await get(http, f"{bot.url}/readyz") == READY
        outage = env.friendli.faults.add(Respond(503), times=None)
        shown = (200, {"database": True, "slack": True, "schema": True, "friendli": False})
        await wait_for_response(http, f"{bot.url}/readyz", shown)
        assert await metric(http, bot, "friendli_deploy_friendli_up") == 0
        env.friendli.faults.remove(outage)
        await wait_for_response(http, f"{bot.url}/readyz", READY)
        assert await metric(http, bot, "friendli_deploy_friendli_up") == 1


async def test_a_key_that_friendli_refuses_is_one_targets_problem(
    env: Environment, start_bot: StartBot, http: aiohttp.ClientSession
) -> None:
    """Friendli answers, so it isn't away; the metrics count the project."""
    async with start_bot(unready_after=0.2) as bot:
        await connect(env)
        await env.member.command(env.channel, "org/model --gpu H100 --yes")
        await env.slack.until(lambda: has_replies(env, 1))
        env.friendli.revoke_key(API_KEY)
        refused = 'friendli_deploy_watched_projects{state="key_refused"}'
        async with asyncio.timeout(10):
            while await metric(http, bot, refused) != 1:
                pass
        assert await get(http, f"{bot.url}/readyz") == READY
        assert await metric(http, bot, "friendli_deploy_friendli_up") == 1


async def metric(http: aiohttp.ClientSession, bot: Running, sample: str) -> float:
    """The value of a sample as it is written."""
    async with http.get(f"{bot.url}/metrics") as response:
        [line] = [
            line for line in (await response.text()).splitlines() if line.startswith(f"{sample} ")
        ]
    return float(line.removeprefix(f"{sample} "))


async def test_socket_mode_waits_for_slack_too(
    env: Environment, start_bot: StartBot, http: aiohttp.ClientSession
) -> None:
    """Once Slack opens a connection, commands arrive."""
    outage = env.slack.faults.add(AWAY, operation="apps.connections.open", times=None)
    async with start_bot(**SOCKET_MODE) as bot:
        assert await get(http, f"{bot.url}/readyz") == (
            503,
            {
                "database": True,
                "slack": True,
                "socket_mode": False,
                "schema": True,
                "friendli": True,
            },
        )
        env.slack.faults.remove(outage)
        await wait_for_response(http, f"{bot.url}/readyz", READY_ON_A_SOCKET)
        assert (await env.member.command(env.channel, "help")).ok


async def test_a_connection_that_breaks_is_opened_anew(
    env: Environment, start_bot: StartBot, http: aiohttp.ClientSession
) -> None:
    """Also when the ticket to the new one is used up before it opens."""
    async with start_bot(**SOCKET_MODE) as bot:
        spoiled: list[int] = []

        def spoil(change: Change) -> None:
            """Use up the first tickets on their way to the bot."""
            if (
                isinstance(change, RequestLogged)
                and change.request.operation == "apps.connections.open"
                and change.request.status
                and len(spoiled) < 2
            ):
                spoiled.append(change.request.number)
                env.slack.sockets._tickets.clear()

        stop = env.slack.subscribe(spoil)
        await env.slack.drop_connections()
        await env.slack.until(lambda: len(spoiled) == 2 and env.slack.connections == 1)
        stop()
        await wait_for_response(http, f"{bot.url}/readyz", READY_ON_A_SOCKET)
        assert (await env.member.command(env.channel, "help")).ok


async def test_a_database_that_cant_be_reached_is_waited_for(
    env: Environment, start_bot: StartBot, http: aiohttp.ClientSession, postgresql_url: str
) -> None:
    """People are told meanwhile; when it goes away again, the bot outlasts that too."""
    door = TcpProxy(postgresql_url)
    async with start_bot(database_url=door.url) as bot:
        assert await get(http, f"{bot.url}/healthz") == (200, {"ok": True})
        assert await get(http, f"{bot.url}/readyz") == AWAY_DATABASE
        await env.member.command(env.channel, "targets")
        [has_replies] = await env.slack.until(lambda: env.member.ephemerals(env.channel))
        assert has_replies.text.startswith("I can't reach my database right now")
        async with door.open():
            await wait_for_response(http, f"{bot.url}/readyz", READY)
            await connect(env)
        await wait_for_response(http, f"{bot.url}/readyz", AWAY_DATABASE)
        async with door.open():
            await wait_for_response(http, f"{bot.url}/readyz", READY)
            await env.member.command(env.channel, "org/model --gpu H100 --replicas 1 --yes")
            await env.slack.until(lambda: env.friendli.endpoints)
        assert await get(http, f"{bot.url}/healthz") == (200, {"ok": True})


# The end


async def test_what_hangs_is_not_waited_for_longer_than_allowed(
    env: Environment, start_bot: StartBot, http: aiohttp.ClientSession
) -> None:
    """Neither a Friendli nor a Slack that doesn't answer holds up the end."""
    async with start_bot(shutdown_timeout=0.3) as bot:
        await connect(env)
        await env.member.command(env.channel, "org/model --gpu H100 --replicas 1 --yes")
        await env.slack.until(lambda: env.friendli.endpoints)
        friendli = env.friendli.faults.add(Hang(), times=None)
        slack = env.slack.faults.add(Hang(), operation="response_url", times=None)
        await env.member.command(env.channel, "help")
        await asked_until(lambda: friendli.taken and slack.taken, http, bot)
        ends = time.monotonic()
    assert time.monotonic() - ends < 2


async def test_requests_in_hand_are_answered_before_the_end(
    env: Environment, start_bot: StartBot, http: aiohttp.ClientSession
) -> None:
    """What was asked for is done, although nothing new is taken any more."""
    slow = env.friendli.faults.add(Slow(60))
    async with AsyncExitStack() as stack:
        bot = await stack.enter_async_context(start_bot())
        connecting = asyncio.create_task(connect(env, announced=False))
        await asked_until(lambda: slow.taken, http, bot)
        ending = asyncio.create_task(stack.pop_all().aclose())
        with pytest.raises(aiohttp.ClientConnectorError):
            await asked_until(lambda: False, http, bot)
        env.clock.advance(60)
        await asyncio.gather(connecting, ending)


async def asked_until(
    condition: Callable[[], object], http: aiohttp.ClientSession, bot: Running
) -> None:
    """Ask the bot whether it lives until something else has happened."""
    async with asyncio.timeout(10):
        while not condition():
            await get(http, f"{bot.url}/healthz")
