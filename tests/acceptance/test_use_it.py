"""Stories of people who want to call an endpoint."""

import ast
import json
import os
import subprocess
from collections.abc import Sequence

import pytest
from inline_snapshot import snapshot

from bot.domain.inference import InferenceKind
from bot.messages.use_it import use_it
from bot.sandbox.environment import API_KEY, Environment, connect
from bot.sandbox.slack.conversations import Message
from tests.acceptance.deploying import serve
from tests.acceptance.endpoints import command_response, create_in_suite
from tests.acceptance.thread_assertions import rendered_text, root
from tests.conftest import StartBot


def snippets(blocks: Sequence[dict[str, object]]) -> list[str]:
    """The blocks that are there to be copied."""
    return [
        part["elements"][0]["text"]
        for block in blocks
        if block["type"] == "rich_text"
        for part in block["elements"]  # type: ignore[attr-defined]
    ]


def shown(env: Environment, message: Message) -> str:
    texts = [
        rendered_text(env, one).replace(env.friendli.url, "URL") for one in snippets(message.blocks)
    ]
    return "\n\n".join(texts)


@pytest.mark.usefixtures("bot")
async def test_how_an_endpoint_is_called(env: Environment) -> None:
    """With its own id and the real address; the key is a variable."""
    await serve(env)
    said = await command_response(env, "use it")
    assert shown(env, said) == snapshot("""\
export FRIENDLI_TOKEN="<your key>"

curl 'URL/dedicated/v1/chat/completions' \\
  -H "Authorization: Bearer $FRIENDLI_TOKEN" \\
  -H "Content-Type: application/json" \\
  -H 'X-Friendli-Team: sandbox-team' \\
  -d '{"model": "ENDPOINT-1", "messages": [{"role": "user", "content": "Hello"}]}'

import os

from openai import OpenAI

client = OpenAI(
    base_url="URL/dedicated/v1",
    api_key=os.environ["FRIENDLI_TOKEN"],
    default_headers={"X-Friendli-Team": "sandbox-team"},
)
answer = client.chat.completions.create(
    model="ENDPOINT-1",
    messages=[{"role": "user", "content": "Hello"}],
)
print(answer.choices[0].message.content)

import OpenAI from "openai";

const client = new OpenAI({
  baseURL: "URL/dedicated/v1",
  apiKey: process.env.FRIENDLI_TOKEN,
  defaultHeaders: { "X-Friendli-Team": "sandbox-team" },
});
const answer = await client.chat.completions.create({
  model: "ENDPOINT-1",
  messages: [{"role": "user", "content": "Hello"}],
});
console.log(answer.choices[0].message.content);\
""")
    assert API_KEY not in json.dumps(said.blocks)


async def test_an_endpoint_made_elsewhere(env: Environment, start_bot: StartBot) -> None:
    """It can be called too."""
    async with start_bot():
        await connect(env)
        endpoint = create_in_suite(env, "older")
        said = await command_response(env, "use older")
    assert endpoint in said.text


async def test_snippets_are_of_the_model_s_kind(env: Environment, start_bot: StartBot) -> None:
    """As its test request has shown."""
    async with start_bot(smoke_test=True):
        await connect(env)
        await env.member.command(
            env.channel, "sandbox/embedding --gpu 1xH100 --replicas 1 --name it --yes"
        )
        await env.slack.until(lambda: env.channel.replies(root(env).ts))
        env.friendli.set_status(next(iter(env.friendli.endpoints)), "RUNNING")
        await env.slack.until(lambda: "test embedding" in root(env).words)
        said = await command_response(env, "use it")
    assert "client.embeddings.create" in shown(env, said)


@pytest.mark.parametrize("kind", InferenceKind)
@pytest.mark.parametrize("name", ["dep1", """a'b"c$(d)`e\\ü<!channel>"""])
def test_snippets_can_be_pasted(kind: InferenceKind, name: str) -> None:
    """Whatever the endpoint is called, they are one command and valid Python."""
    said = use_it("it", name, "http://127.0.0.1:1/v1", team_id=name, kind=kind)
    _, curl, python, _ = snippets(said.blocks)
    ast.parse(python)
    printed = subprocess.run(  # noqa: S603 - what is pasted is the point
        ["/bin/sh", "-c", f'curl() {{ for one in "$@"; do printf "%s\\n" "$one"; done; }}\n{curl}'],
        capture_output=True,
        check=True,
        env={**os.environ, "FRIENDLI_TOKEN": "token"},
    ).stdout.decode()
    assert json.loads(printed.splitlines()[-1])["model"] == name
    assert "Authorization: Bearer token" in printed
