"""The page's server and controls, asked directly."""

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from inline_snapshot import snapshot

from bot.domain.errors import ConfigError
from bot.sandbox.environment import API_KEY, BOT_TOKEN, Environment
from bot.sandbox.page.context import PageContext
from bot.sandbox.page.server import page_server
from bot.sandbox.slack.rate_limits import Limits
from bot.sandbox.terminal import page_context

JSON = dict[str, object]


@pytest.fixture
async def served(env: Environment) -> AsyncIterator[str]:
    """The page of a world in which no bot runs."""
    async with page_server(page_context(env, None), port=0) as address:
        yield address.rstrip("/")


@pytest.fixture
async def http(served: str) -> AsyncIterator[aiohttp.ClientSession]:
    """A client that says, as the page does, where it comes from."""
    async with aiohttp.ClientSession(served, headers={"Origin": served}) as client:
        yield client


async def told(http: aiohttp.ClientSession, path: str, **body: object) -> tuple[int, JSON]:
    """Post to the server; its status and what it says."""
    async with http.post(path, json=body) as answer:
        return answer.status, await answer.json()


@pytest.mark.parametrize("path", ["/", "/page.css", "/page.js", "/tour.js", "/markdown.js"])
async def test_the_files_come_with_a_strict_policy(http: aiohttp.ClientSession, path: str) -> None:
    """Nothing from elsewhere, nothing inline, no frames, no markup made from text."""
    async with http.get(path) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Security-Policy"] == snapshot(
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
            " img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
            " require-trusted-types-for 'script'; trusted-types 'none'"
        )
        text = await answer.text()
    assert "innerHTML" not in text
    addresses = {urlsplit(word).netloc for word in text.split('"') if word.startswith("http")}
    assert addresses == set()


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"Origin": "https://elsewhere.example"}, "only the page itself may do this"),
        ({"Origin": ""}, "only the page itself may do this"),
        ({"Host": "elsewhere.example"}, "this page is served on loopback only"),
        ({"Content-Type": "text/plain"}, "this takes JSON"),
    ],
)
async def test_other_websites_may_do_nothing(
    http: aiohttp.ClientSession, headers: dict[str, str], words: str
) -> None:
    """A website that a person visits meanwhile can't reach the page's server."""
    body = json.dumps({"control": "speed", "speed": 2})
    sent = {"Content-Type": "application/json", **headers}
    async with http.post("/control", data=body, headers=sent) as answer:
        assert answer.status in {403, 415}
        assert await answer.json() == {"problem": words}
    if "Origin" in headers:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await http.ws_connect("/live", headers=headers)


async def test_an_impossible_act_is_refused(env: Environment, http: aiohttp.ClientSession) -> None:
    """What isn't there can't be used, and what makes no sense isn't tried."""
    person = env.member.user.id
    assert await told(http, "/act", act="submit", person=person) == (
        409,
        {"problem": "requester has no modal open"},
    )
    gone = {"channel": env.channel.id, "ts": "1.000001"}
    click = {"act": "click", "person": person, "place": gone, "block": "a", "action": "b"}
    status, answer = await told(http, "/act", **click)
    assert (status, answer) == (409, {"problem": "this message isn't there any more"})
    status, answer = await told(http, "/act", act="submit", person="U0")
    assert (status, answer) == (409, {"problem": "nobody here has the id U0"})
    status, answer = await told(http, "/act", act="dance", person=person)
    assert status == 400
    assert "'dance' found using 'act' does not match any" in str(answer["problem"])


async def test_secrets_are_masked_in_requests(
    env: Environment, http: aiohttp.ClientSession
) -> None:
    """What travels with a request is shown, but for tokens and keys."""
    async with http.ws_connect("/live") as live:
        [first] = await live.receive_json()
        assert first["type"] == "snapshot"
        headers = {"Authorization": f"Bearer {API_KEY}"}
        await http.get(f"{env.friendli.url}/dedicated/beta/endpoint", headers=headers)
        await http.post(f"{env.slack.url}/api/auth.test", data={"token": BOT_TOKEN})
        rows: list[dict[str, Any]] = []
        while not rows or not rows[-1]["done"] or rows[-1]["target"] != "Slack":
            events = await live.receive_json()
            rows += [event["request"] for event in events if event["type"] == "request"]
    bodies = []
    for row in {row["id"]: row for row in rows}.values():
        async with http.get(f"/requests/{row['id']}") as answer:
            bodies.append(await answer.text())
    assert len(bodies) == 2
    assert API_KEY not in "".join(bodies)
    assert BOT_TOKEN not in "".join(bodies)
    assert "…cret" in bodies[0]
    async with http.get("/requests/999") as answer:
        assert (answer.status, await answer.json()) == (
            404,
            {"problem": "request 999 isn't kept any more"},
        )


async def test_controls_say_what_follows(env: Environment, http: aiohttp.ClientSession) -> None:
    """Each control acts at once, and says what to expect in a sentence."""
    code = "INFERENCE_ENGINE_MEMORY_ERROR"
    said = []
    for control in (
        {"control": "speed", "speed": 10},
        {"control": "speed", "speed": 0},
        {"control": "fail", "code": code},
        {"control": "lose"},
        {"control": "condition", "service": "slack", "condition": "down"},
        {"control": "condition", "service": "friendli", "condition": "rate-limited"},
        {"control": "condition", "service": "friendli", "condition": "works"},
        {"control": "condition", "service": "hub", "condition": "slow"},
        {"control": "condition", "service": "hub", "condition": "rate-limited"},
        {"control": "wording", "wording": "usage-gpu"},
    ):
        status, answer = await told(http, "/control", **control)
        assert status == 200
        said.append(answer["said"])
    assert said == snapshot(
        [
            "Endpoints start 10 times as fast as in life.",
            "Endpoints stay as they are.",
            "The next endpoint that starts fails with INFERENCE_ENGINE_MEMORY_ERROR.",
            "The next endpoint is made, and Friendli's answer gets lost.",
            "Slack's API answers 503 to every request.",
            "Friendli's API answers 429 to every request: wait 3 s.",
            "Friendli's API works again.",
            "The Hugging Face Hub takes 5 s for every answer.",
            "The Hugging Face Hub answers 429 to every request: wait 60 s.",
            "Friendli's API words endpoints so: GPU types are worded as in the usage API.",
        ]
    )
    assert env.friendli.start_speed == 0
    async with http.post(f"{env.slack.url}/api/auth.test") as refused:
        assert refused.status == 503
    async with http.get(f"{env.hub.url}/api/models/gpt2") as refused:
        assert (refused.status, refused.headers["RateLimit"]) == (429, '"api";r=0;t=60')


async def test_an_endpoint_on_its_way_fails_at_once(
    env: Environment, http: aiohttp.ClientSession
) -> None:
    """The next step fails: of what is starting, if anything is."""
    endpoint = env.friendli.create(project_id="sandbox-project", name="mine")
    _, answer = await told(http, "/control", control="fail", code="WORKLOAD_INIT_DOWNLOAD_ERROR")
    assert answer == {"said": "mine fails now with WORKLOAD_INIT_DOWNLOAD_ERROR."}
    assert env.friendli.endpoints[endpoint].error_code == "WORKLOAD_INIT_DOWNLOAD_ERROR"


async def test_what_there_is_not_cant_be_steered(
    http: aiohttp.ClientSession,
) -> None:
    """Without a click there is nothing to replay; what is real or runs elsewhere is left alone."""
    assert await told(http, "/control", control="replay") == (
        409,
        {"problem": "nothing was delivered yet"},
    )
    assert await told(http, "/control", control="bot", do="kill") == (
        409,
        {"problem": "the bot runs elsewhere"},
    )
    bare = PageContext(None, None, None)
    async with (
        page_server(bare, port=0) as address,
        aiohttp.ClientSession(address, headers={"Origin": address.rstrip("/")}) as other,
    ):
        assert await told(other, "/control", control="lose") == (
            409,
            {"problem": "Friendli is the real one here"},
        )


async def test_a_replay_says_how_it_went(env: Environment, http: aiohttp.ClientSession) -> None:
    """The last delivery is sent once more; without a bot, it arrives nowhere again."""
    env.slack.limits = Limits(ack=0.2)
    await env.member.command(env.channel, "help")
    _, answer = await told(http, "/control", control="replay")
    assert answer == snapshot(
        {"said": "/friendli-deploy was sent once more, byte by byte: dispatch_failed."}
    )


async def test_a_port_in_use_is_said_with_a_way_out(env: Environment, served: str) -> None:
    """The words name the port and two ways to another."""
    port = urlsplit(served).port or 0
    with pytest.raises(ConfigError) as refused:
        async with page_server(page_context(env, None), port=port):
            raise AssertionError("two servers share a port")
    [words] = refused.value.problems
    assert words == (
        f"Port {port} can't be used (address already in use): choose another one with"
        " `--port N`, or any free one with `--port 0`"
    )
