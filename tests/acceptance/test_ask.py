"""Stories of people who send a prompt to an endpoint."""

import asyncio
import json
import re
from collections.abc import Callable

import pytest
from inline_snapshot import snapshot

from bot.domain.text import unescape
from bot.sandbox.environment import Environment, connect
from bot.sandbox.faults import Hang, LoseReply, Respond
from bot.sandbox.slack.conversations import Message
from bot.sandbox.slack.rate_limits import Limits
from tests.acceptance.deploying import deploy
from tests.acceptance.endpoints import create_in_suite, request_count
from tests.acceptance.thread_assertions import ephemeral_texts, rendered_text, root
from tests.conftest import StartBot

STATS = re.compile(r"first token after [\d.]+ m?s(?: · [\d,.]+ tokens/s)?")


async def live(env: Environment, model: str = "org/model") -> str:
    """An endpoint that is live."""
    endpoint = await deploy(env, model=model)
    env.friendli.set_status(endpoint, "RUNNING")
    await env.slack.until(lambda: "Try a prompt" in root(env).buttons)
    return endpoint


def replies(env: Environment) -> list[Message]:
    """What the thread has of prompts: questions and answers."""
    found = [one for one in env.channel.replies(root(env).ts) if one.by_app]
    return [one for one in found if "went live" not in one.text][1:]


def shown(env: Environment, message: Message) -> str:
    """A message as people read it, without the figures of this run."""
    markdown = [one["text"] for one in message.blocks if one["type"] == "markdown"]
    text = markdown[0] if markdown else message.words
    return rendered_text(env, STATS.sub("first token after 180 ms · 98 tokens/s", text))


def ended(env: Environment) -> Callable[[], bool]:
    """Whether the last answer is complete."""
    return lambda: "tokens/s" in replies(env)[-1].words and not replies(env)[-1].is_streaming


async def answered(env: Environment, prompt: str) -> None:
    """Wait until the answer to a prompt is complete."""
    await env.slack.until(
        lambda: f"“{prompt}”" in unescape(replies(env)[-1].words) and ended(env)()
    )


async def more_replies(env: Environment, least: int) -> None:
    """Wait until the thread has more replies about prompts than that."""
    await env.slack.until(lambda: len(replies(env)) > least)


async def ask(env: Environment, prompt: str, **fields: str) -> None:
    """Send a prompt by the form."""
    await env.member.click(root(env), "Try a prompt")
    await env.slack.until(lambda: env.member.modal)
    await env.member.fill("Prompt", prompt)
    for label, value in fields.items():
        await env.member.fill(label.replace("_", " "), value)
    await env.member.submit()


@pytest.mark.usefixtures("bot")
async def test_an_answer_streams_into_the_thread(env: Environment) -> None:
    """Below its question, with tokens, time to the first token and speed; Stop is gone then."""
    env.friendli.pace.tokens_per_second = 40
    await live(env)
    await ask(env, "Hello *you* <!channel>", System_prompt="Be kind.", Temperature="0.5")
    await env.slack.until(ended(env))
    await env.slack.until(lambda: not replies(env)[0].buttons)
    question, answer = replies(env)
    assert shown(env, question) == snapshot("""\
@requester asks *it*:
Hello *you* <!channel>
System prompt:
Be kind.\
""")
    assert shown(env, answer) == snapshot("""\
Hello! How can I help you today?

_7 tokens · first token after 180 ms · 98 tokens/s_\
""")
    assert answer.revisions >= 3
    sent = next(one for one in env.friendli.requests if one.operation == "chat_completions")
    assert isinstance(sent.body, dict)
    assert sent.body["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Hello *you* <!channel>"},
    ]
    assert (sent.body["max_tokens"], sent.body["temperature"]) == (512, 0.5)


@pytest.mark.usefixtures("bot")
async def test_a_typed_prompt_is_sent_at_once(env: Environment) -> None:
    """Quotes and apostrophes are part of it; without a prompt, the form opens."""
    await live(env)
    await env.member.command(env.channel, "ask it What's up?")
    await env.slack.until(ended(env))
    assert "You said “What's up?”" in replies(env)[-1].words
    await env.member.command(env.channel, "ask it")
    form = await env.slack.until(lambda: env.member.modal)
    assert form.title == "Try a prompt"


@pytest.mark.usefixtures("bot")
async def test_a_mention_goes_on_with_the_conversation(env: Environment) -> None:
    """With what was said in the thread before as context."""
    await live(env)
    await ask(env, "Hello")
    await env.slack.until(ended(env))
    for text in ("What is 1 < 2?", "And <then>?"):
        await env.member.mention(env.channel, text, thread=root(env))
        await answered(env, text)
    bodies = [one.body for one in env.friendli.requests if one.operation == "chat_completions"]
    assert isinstance(bodies[-1], dict)
    assert bodies[-1]["messages"] == snapshot(
        [
            {"role": "user", "content": "Hello"},
            {"role": "assistant", "content": "Hello! How can I help you today?"},
            {"role": "user", "content": "What is 1 < 2?"},
            {
                "role": "assistant",
                "content": "You said “What is 1 < 2?”, and before that “Hello” (1 in all).",
            },
            {"role": "user", "content": "And <then>?"},
        ]
    )
    # The message with the Stop button is gone.
    await env.slack.until(lambda: not any(one.buttons for one in replies(env)))


@pytest.mark.usefixtures("bot")
async def test_an_answer_can_be_stopped(env: Environment) -> None:
    """The request ends, and what came stays."""
    env.friendli.pace.tokens_per_second = 200
    await live(env, "sandbox/endless")
    await ask(env, "Hello")
    await env.slack.until(lambda: len(replies(env)) == 2 and replies(env)[1].text)
    await env.member.click(replies(env)[0], "Stop")
    await env.slack.until(ended(env))
    assert "_Stopped._" in replies(env)[-1].words
    async with asyncio.timeout(5):
        while not env.friendli.requests[-1].done:
            await env.friendli.changed()


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize(
    ("model", "said"),
    [
        (
            "sandbox/base",
            snapshot("""\
 Hello! How can I help you today?

_7 tokens · first token after 180 ms · 98 tokens/s_\
"""),
        ),
        (
            "sandbox/only-reasoning",
            snapshot("""\
_No answer: all its tokens went into reasoning. Ask again with more tokens._
_512 tokens · first token after 180 ms · 98 tokens/s_\
"""),
        ),
        (
            "sandbox/shouts",
            snapshot("""\
<!channel> *hello* <@U000> & <https://evil.test|bank>

_5 tokens · first token after 180 ms · 98 tokens/s_\
"""),
        ),
        (
            "sandbox/cut-stream",
            snapshot("""\
Hello! How can

_The answer broke off: the connection was lost._
_first token after 180 ms · 98 tokens/s_\
"""),
        ),
        (
            "sandbox/never-available",
            snapshot(
                '*it* didn\'t answer: Friendli answered 503 ("Endpoint is unavailable"). Try a prompt in a minute. If that fails too, restart it.'
            ),
        ),
        (
            "sandbox/rate-limited",
            snapshot(
                '*it* didn\'t answer: Friendli answered 429 ("Too many requests for this endpoint."). Other requests may use up its limit: try a prompt later.'
            ),
        ),
        (
            "sandbox/garbage-stream",
            snapshot(
                "*it* didn't answer: the answer can't be used. Try a prompt in a minute. If that fails too, restart it."
            ),
        ),
    ],
)
async def test_models_that_answer_oddly(env: Environment, model: str, said: str) -> None:
    """Nothing they say mentions anybody, and each failure is told."""
    await live(env, model)
    await ask(env, "Hello")
    await env.slack.until(lambda: len(replies(env)) == 2 and not replies(env)[0].buttons)
    answer = replies(env)[-1]
    assert shown(env, answer) == said
    assert not answer.is_streaming
    assert "<!channel>" not in answer.text + json.dumps(answer.blocks)
    assert "<@U000>" not in answer.text + json.dumps(answer.blocks)


async def test_where_slack_refuses_streams_a_message_is_edited(
    env: Environment, start_bot: StartBot
) -> None:
    """With the same text in the end; Slack is asked once."""
    env.slack.limits = Limits(enabled=False, refuse_streams=True)
    env.friendli.pace.tokens_per_second = 400
    async with start_bot():
        await connect(env)
        await live(env)
        await ask(env, "Hello")
        await env.slack.until(ended(env))
        assert shown(env, replies(env)[-1]) == snapshot("""\
Hello! How can I help you today?

_7 tokens · first token after 180 ms · 98 tokens/s_\
""")
        await env.member.mention(env.channel, "Go on please", thread=root(env))
        await env.slack.until(lambda: len(replies(env)) == 3 and ended(env)())
    assert len(env.slack.requests.calls("chat.startStream")) == 1
    assert "before that “Hello”" in replies(env)[-1].blocks[0]["text"]


@pytest.mark.usefixtures("bot")
async def test_what_is_asked_too_often_is_refused(env: Environment) -> None:
    """One at a time, and six a minute."""
    env.friendli.pace.tokens_per_second = 100
    await live(env, "sandbox/endless")
    await ask(env, "Hello")
    await env.slack.until(lambda: len(replies(env)) == 2)
    await env.member.command(env.channel, "ask it again")
    await env.slack.until(lambda: "still answering you" in ephemeral_texts(env)[-1])
    await env.member.click(replies(env)[0], "Stop")
    await env.slack.until(ended(env))
    env.friendli.pace.tokens_per_second = 10_000
    for _ in range(5):
        before = len(replies(env))
        await env.member.command(env.channel, "ask it Hello")
        await more_replies(env, before + 1)
        await env.slack.until(lambda: replies(env)[-2].buttons)
        await env.member.click(replies(env)[-2], "Stop")
        await env.slack.until(ended(env))
    await env.member.command(env.channel, "ask it Hello")
    await env.slack.until(lambda: "6 prompts to *it* within a minute" in ephemeral_texts(env)[-1])


@pytest.mark.usefixtures("bot")
async def test_a_sleeping_endpoint_is_not_woken(env: Environment) -> None:
    """A prompt would cost; so it isn't sent."""
    endpoint = await live(env)
    env.friendli.sleep(endpoint)
    await env.slack.until(lambda: "Try a prompt" not in root(env).buttons)
    await env.member.command(env.channel, "ask it Hello")
    await env.slack.until(lambda: "so nothing was sent" in ephemeral_texts(env)[-1])
    assert env.friendli.endpoints[endpoint].status == "SLEEPING"


@pytest.mark.usefixtures("bot")
async def test_an_endpoint_without_a_thread_is_followed_first(env: Environment) -> None:
    """It has no place to answer."""
    create_in_suite(env, "older")
    await env.member.command(env.channel, "ask older Hello")
    await env.slack.until(lambda: "has no thread yet" in ephemeral_texts(env)[-1])


@pytest.mark.usefixtures("bot")
async def test_a_form_that_arrives_twice_asks_once(env: Environment) -> None:
    """Slack repeats what it thinks was lost."""
    await live(env)
    await env.member.click(root(env), "Try a prompt")
    await env.slack.until(lambda: env.member.modal)
    await env.member.fill("Prompt", "Hello")
    await env.member.fill("Max tokens", "0")
    await env.member.submit()
    assert env.member.modal is not None
    assert "whole number" in str(env.member.modal.errors)
    await env.member.fill("Max tokens", "9")
    await env.member.submit()
    await env.slack.until(ended(env))
    assert request_count(env, "chat_completions") == 1


async def test_killed_in_the_middle(env: Environment, start_bot: StartBot) -> None:
    """The next process ends the stream and says so; nothing is asked twice."""
    env.friendli.pace.tokens_per_second = 50
    async with start_bot(shutdown_timeout=0.1, lease=2.5):
        await connect(env)
        await live(env, "sandbox/endless")
        await ask(env, "Hello")
        await env.slack.until(lambda: len(replies(env)) == 2 and len(replies(env)[1].text) > 10)
    assert replies(env)[-1].is_streaming
    async with start_bot():
        await env.slack.until(lambda: "this bot restarted" in replies(env)[-1].words)
        await env.slack.until(lambda: not replies(env)[0].buttons)
    assert not replies(env)[-1].is_streaming
    assert request_count(env, "chat_completions") == 1


async def test_killed_before_the_first_token(env: Environment, start_bot: StartBot) -> None:
    """The thread says that there is no answer."""
    env.friendli.faults.add(Hang(), operation="chat_completions")
    async with start_bot(shutdown_timeout=0.1, lease=2.5):
        await connect(env)
        await live(env)
        await ask(env, "Hello")
        await env.friendli.until(lambda: request_count(env, "chat_completions") == 1)
    async with start_bot():
        await env.slack.until(lambda: "this bot restarted" in replies(env)[-1].words)
    assert request_count(env, "chat_completions") == 1


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize(
    "method", ["chat.startStream", "chat.appendStream", "chat.stopStream", "chat.postMessage"]
)
@pytest.mark.parametrize(
    "fault",
    [
        LoseReply(),
        Respond(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "1"}),
        Respond(503),
    ],
    ids=["lost", "limited", "down"],
)
async def test_a_slack_that_falters(
    env: Environment, method: str, fault: LoseReply | Respond
) -> None:
    """The answer is whole in the end, once."""
    env.friendli.pace.tokens_per_second = 100
    await live(env)
    env.slack.faults.add(fault, operation=method)
    await ask(env, "Hello")
    if method == "chat.postMessage" and fault != Respond(
        429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "1"}
    ):
        # Nobody knows whether the question is in the thread, so nothing is asked, and that is said.
        await env.slack.until(lambda: "nothing was sent" in replies(env)[-1].words)
        assert request_count(env, "chat_completions") == 0
        return
    whole = "Hello! How can I help you today?\n\n_7 tokens"
    await env.slack.until(lambda: ended(env)() and shown(env, replies(env)[-1]).startswith(whole))
    assert sum(one.text.startswith("Hello!") for one in replies(env)) == 1
    assert request_count(env, "chat_completions") == 1
