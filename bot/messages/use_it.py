"""How to call an endpoint: snippets that copy well, and never the key itself."""

import json

from bot.domain.inference import InferenceKind
from bot.messages.blocks import Block, context, section
from bot.messages.body import Body, body
from bot.messages.markup import bold, code, link

KEY_VARIABLE = "FRIENDLI_TOKEN"
_KEYS_PAGE = "https://friendli.ai/suite/~/setting/keys"


def use_it(
    name: str, endpoint_id: str, base_url: str, *, team_id: str, kind: InferenceKind | None
) -> Body:
    """Snippets for the kind of model; a chat if it isn't known.

    Args:
        team_id: '' for the team of the key.
    """
    kind = kind or InferenceKind.CHAT
    model = code(f'model: "{endpoint_id}"')
    said = f"Call {bold(name)} with {model} at {code(base_url)}."
    return body(
        said,
        section(said),
        *_snippet("The key, in your shell", f'export {KEY_VARIABLE}="<your key>"'),
        *_snippet("curl", _curl(endpoint_id, base_url, team_id, kind)),
        *_snippet("Python (pip install openai)", _python(endpoint_id, base_url, team_id, kind)),
        *_snippet(
            "JavaScript (npm install openai)", _javascript(endpoint_id, base_url, team_id, kind)
        ),
        context(
            f"Make a key of your own in {link(_KEYS_PAGE, 'Friendli Suite → Keys')}."
            " A request wakes a sleeping endpoint."
        ),
    )


def _snippet(title: str, text: str) -> list[Block]:
    lines: Block = {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": text}]}
    return [section(bold(title)), {"type": "rich_text", "elements": [lines]}]


def _request(endpoint_id: str, kind: InferenceKind) -> dict[str, object]:
    match kind:
        case InferenceKind.CHAT:
            message = {"role": "user", "content": "Hello"}
            return {"model": endpoint_id, "messages": [message]}
        case InferenceKind.COMPLETION:
            return {"model": endpoint_id, "prompt": "The capital of France is", "max_tokens": 64}
        case InferenceKind.EMBEDDING:
            return {"model": endpoint_id, "input": "Hello"}


_PATHS = {
    InferenceKind.CHAT: "chat/completions",
    InferenceKind.COMPLETION: "completions",
    InferenceKind.EMBEDDING: "embeddings",
}
# Of OpenAI's clients: the method, and what to print of the answer.
_CALLS = {
    InferenceKind.CHAT: ("chat.completions", "choices[0].message.content"),
    InferenceKind.COMPLETION: ("completions", "choices[0].text"),
    InferenceKind.EMBEDDING: ("embeddings", "data[0].embedding"),
}


def _curl(endpoint_id: str, base_url: str, team_id: str, kind: InferenceKind) -> str:
    data = json.dumps(_request(endpoint_id, kind), ensure_ascii=False)
    lines = [
        f"curl {_shell(f'{base_url}/{_PATHS[kind]}')}",
        f'-H "Authorization: Bearer ${KEY_VARIABLE}"',
        '-H "Content-Type: application/json"',
    ]
    if team_id:
        lines.append(f"-H {_shell(f'X-Friendli-Team: {team_id}')}")
    lines.append(f"-d {_shell(data)}")
    return " \\\n  ".join(lines)


def _python(endpoint_id: str, base_url: str, team_id: str, kind: InferenceKind) -> str:
    method, shown = _CALLS[kind]
    team = f"    default_headers={{{_json('X-Friendli-Team')}: {_json(team_id)}}},\n"
    arguments = "".join(
        f"    {name}={_json(value)},\n" for name, value in _request(endpoint_id, kind).items()
    )
    return (
        "import os\n\nfrom openai import OpenAI\n\n"
        "client = OpenAI(\n"
        f"    base_url={_json(base_url)},\n"
        f"    api_key=os.environ[{_json(KEY_VARIABLE)}],\n"
        f"{team if team_id else ''})\n"
        f"answer = client.{method}.create(\n{arguments})\n"
        f"print(answer.{shown})"
    )


def _javascript(endpoint_id: str, base_url: str, team_id: str, kind: InferenceKind) -> str:
    method, shown = _CALLS[kind]
    team = f"  defaultHeaders: {{ {_json('X-Friendli-Team')}: {_json(team_id)} }},\n"
    arguments = "".join(
        f"  {name}: {_json(value)},\n" for name, value in _request(endpoint_id, kind).items()
    )
    return (
        'import OpenAI from "openai";\n\n'
        "const client = new OpenAI({\n"
        f"  baseURL: {_json(base_url)},\n"
        f"  apiKey: process.env.{KEY_VARIABLE},\n"
        f"{team if team_id else ''}}});\n"
        f"const answer = await client.{method}.create({{\n{arguments}}});\n"
        f"console.log(answer.{shown});"
    )


def _json(value: object) -> str:
    """A literal of Python and of JavaScript."""
    return json.dumps(value, ensure_ascii=False)


def _shell(text: str) -> str:
    """A literal of a POSIX shell, as plain as may be."""
    return "'" + text.replace("'", "'\\''") + "'"
