"""Stories of the test request that an endpoint gets when it starts."""

import re
from collections.abc import AsyncIterator

import pytest
from inline_snapshot import snapshot

from bot.app import Running
from bot.sandbox.environment import Environment, connect
from bot.sandbox.faults import GarbageBody, Hang, Respond, TruncateBody
from tests.acceptance.deploying import deploy
from tests.acceptance.endpoints import create_in_suite, request_count
from tests.acceptance.settings_form import open_settings
from tests.acceptance.thread_assertions import message_text, root, roots, thread
from tests.conftest import StartBot

EXPLAINED = "A test request of at most 64 tokens"


@pytest.fixture
async def testing_bot(env: Environment, start_bot: StartBot) -> AsyncIterator[Running]:
    """A bot that sends test requests, and gives up soon."""
    async with start_bot(smoke_test=True, smoke_test_give_up_after=0.2) as started:
        await connect(env)
        yield started


async def start(env: Environment, model: str = "org/model") -> str:
    """Deploy a model, and let its endpoint serve."""
    endpoint = await deploy(env, model=model)
    env.friendli.set_status(endpoint, "RUNNING")
    return endpoint


def card(env: Environment) -> str:
    """The status message, with numbers that differ from run to run replaced."""
    text = message_text(env, root(env))
    text = re.sub(r"after \d+ ms|after \d\.\d s", "after 180 ms", text)
    return re.sub(r"[\d,.]+ tokens/s", "142 tokens/s", text)


async def edited(env: Environment, revisions: int) -> None:
    """Wait until the status message was edited more often than that."""
    await env.slack.until(lambda: root(env).revisions > revisions)


def request_total(env: Environment) -> int:
    return sum(request_count(env, one) for one in ("chat_completions", "completions", "embeddings"))


@pytest.mark.usefixtures("testing_bot")
@pytest.mark.parametrize(
    ("model", "shown", "requests"),
    [
        (
            "org/model",
            'First token after 180 ms, 142 tokens/s: "Hello! How can I help you today?"',
            ["chat_completions"],
        ),
        (
            "sandbox/reasoning",
            'First token after 180 ms, 142 tokens/s: "Hello! How can I help you today?"',
            ["chat_completions"],
        ),
        (
            "sandbox/only-reasoning",
            (
                "First token after 180 ms, 142 tokens/s (it only reasoned: 64 tokens are too few for"
                " its answer)"
            ),
            ["chat_completions"],
        ),
        (
            "sandbox/no-usage",
            'First token after 180 ms, 142 tokens/s: "Hello! How can I help you today?"',
            ["chat_completions"],
        ),
        (
            "sandbox/base",
            (
                'First token after 180 ms, 142 tokens/s: "You said “The capital of France is”. I am'
                ' sandbox/base in t…"'
            ),
            ["chat_completions", "completions"],
        ),
        (
            "sandbox/embedding",
            "Answered a test embedding in",
            ["chat_completions", "completions", "embeddings"],
        ),
        (
            "sandbox/shouts",
            (
                'First token after 180 ms, 142 tokens/s: "<!channel> *hello* <@U000> &'
                ' <https://evil.test|bank>"'
            ),
            ["chat_completions"],
        ),
    ],
)
async def test_the_status_message_shows_that_it_answers(
    env: Environment, model: str, shown: str, requests: list[str]
) -> None:
    """Time to the first token, speed and first words, by one request of the model's kind."""
    env.friendli.pace.tokens_per_second = 2_000
    await start(env, model)
    await env.slack.until(lambda: shown in card(env))
    operations = [
        one.operation for one in env.friendli.requests if one.path.startswith("/dedicated/v1")
    ]
    assert operations[-len(requests) :] == requests
    assert "<!channel>" not in root(env).blocks[0]["text"]["text"]
    assert "<@U000>" not in root(env).blocks[0]["text"]["text"]


@pytest.mark.usefixtures("testing_bot")
async def test_it_says_once_what_it_costs(env: Environment) -> None:
    """In the thread of the first endpoint of a target."""
    await start(env)
    await env.slack.until(lambda: EXPLAINED in thread(env)[-1])
    assert thread(env)[-1] == snapshot(
        "A test request of at most 64 tokens showed that it answers, for less than $0.01. I send"
        " one whenever an endpoint starts. `/friendli-deploy settings` turns this off."
    )
    second = await deploy(env, "second")
    env.friendli.set_status(second, "RUNNING")
    [_, other] = roots(env)
    await env.slack.until(lambda: "First token" in other.words)
    assert not any(EXPLAINED in one.text for one in env.channel.replies(other.ts))


@pytest.mark.usefixtures("testing_bot")
async def test_a_wake_is_no_start(env: Environment) -> None:
    """An update and a restart are."""
    endpoint = await start(env)
    await env.slack.until(lambda: "First token" in card(env))
    for statuses, requests in (
        (("SLEEPING", "AWAKING", "RUNNING"), 1),
        (("UPDATING", "RUNNING"), 2),
        (("TERMINATED", "INITIALIZING", "RUNNING"), 3),
        (("UNKNOWN", "RUNNING"), 3),
    ):
        for status in statuses:
            before = root(env).revisions
            env.friendli.set_status(endpoint, status)
            await edited(env, before)
        await env.slack.until(lambda: "First token" in card(env))
        assert request_total(env) == requests


@pytest.mark.usefixtures("testing_bot")
@pytest.mark.parametrize(
    ("model", "said"),
    [
        (
            "sandbox/never-available",
            snapshot("""\
# *it* is live, but a test request failed: Friendli answered 503 ("Endpoint is unavailable"). Try a prompt in a minute. If that fails too, restart it.\
"""),
        ),
        (
            "sandbox/rate-limited",
            snapshot("""\
# *it* is live, but a test request failed: Friendli answered 429 ("Too many requests for this endpoint."). Other requests may use up its limit: try a prompt later.\
"""),
        ),
        (
            "sandbox/cut-stream",
            snapshot("""\
# *it* is live, but a test request failed: the answer can't be used ("the stream broke off"). Try a prompt in a minute. If that fails too, restart it.\
"""),
        ),
        (
            "sandbox/garbage-stream",
            snapshot("""\
# *it* is live, but a test request failed: the answer can't be used ("unreadable answer"). Try a prompt in a minute. If that fails too, restart it.\
"""),
        ),
    ],
)
async def test_a_failing_request_is_told_with_the_api_s_words(
    env: Environment, model: str, said: str
) -> None:
    """After it was repeated for a while."""
    await start(env, model)
    await env.slack.until(lambda: "test request failed" in thread(env)[-1])
    assert thread(env)[-1] == said
    await env.slack.until(lambda: "Live, but a test request failed" in card(env))
    assert request_total(env) > 1


async def test_a_late_answer_is_no_failure(env: Environment, start_bot: StartBot) -> None:
    """Right after the start, an endpoint may be unavailable for a moment."""
    async with start_bot(smoke_test=True):
        await connect(env)
        await start(env, "sandbox/unavailable")
        await env.slack.until(lambda: "First token" in card(env))
    assert request_total(env) == 4
    assert not any("failed" in line for line in thread(env))


@pytest.mark.usefixtures("testing_bot")
@pytest.mark.parametrize(
    "fault", [Respond(401, {"detail": "No."}), GarbageBody(), TruncateBody(20)]
)
async def test_other_failures(
    env: Environment, fault: Respond | GarbageBody | TruncateBody
) -> None:
    """They are told too."""
    env.friendli.faults.add(fault, operation="chat_completions", times=None)
    await start(env)
    await env.slack.until(lambda: "test request failed" in thread(env)[-1])


@pytest.mark.usefixtures("testing_bot")
async def test_a_setting_switches_it_off(env: Environment) -> None:
    """Per target."""
    await open_settings(env)
    await env.admin.fill("Also", [])
    await env.admin.submit()
    await env.slack.until(lambda: env.admin.modal is None)
    endpoint = await start(env)
    await env.slack.until(lambda: "live" in root(env).text or "serving" in root(env).text)
    env.friendli.set_status(endpoint, "TERMINATED")
    await env.slack.until(lambda: "terminated" in root(env).text)
    assert request_total(env) == 0


@pytest.mark.usefixtures("testing_bot")
async def test_an_endpoint_that_is_followed_did_not_start(env: Environment) -> None:
    """It serves already."""
    create_in_suite(env, "older")
    await env.member.command(env.channel, "follow older")
    await env.slack.until(lambda: "older" in root(env).text)
    assert request_total(env) == 0


async def test_a_crash_never_sends_it_twice(env: Environment, start_bot: StartBot) -> None:
    """A request without a recorded answer isn't repeated: the status message says so."""
    env.friendli.faults.add(Hang(acts=True), operation="chat_completions")
    async with start_bot(smoke_test=True, shutdown_timeout=0.1):
        await connect(env)
        await start(env)
        await env.friendli.until(lambda: request_total(env) == 1)
    # Stopped in the middle of it: the row says that it is being sent.
    async with start_bot(smoke_test=True):
        await env.slack.until(lambda: "was lost when this bot restarted" in card(env))
    assert request_total(env) == 1


async def test_it_wakes_nothing(env: Environment, start_bot: StartBot) -> None:
    """Asleep since the last poll: nothing is sent."""
    async with start_bot(smoke_test=True):
        await connect(env)
        # Its first status request after the poll that shows it serving finds it asleep.
        env.friendli.on_request(
            lambda record: (
                env.friendli.set_status(record.path.split("/")[-2], "SLEEPING")
                if record.operation == "get_endpoint_status" and not record.done
                else None
            )
        )
        await start(env)
        await env.slack.until(lambda: "asleep" in root(env).text)
    assert request_count(env, "get_endpoint_status") == 1
    assert request_total(env) == 0
