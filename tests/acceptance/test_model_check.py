"""Stories of the check of a model that is deployed from text, and of why it fits."""

import pytest
from inline_snapshot import snapshot

from bot.sandbox.environment import Environment
from bot.sandbox.faults import Hang, Respond
from bot.sandbox.slack.conversations import Message
from tests.acceptance.settings_form import save_settings
from tests.acceptance.test_approval import ALWAYS
from tests.acceptance.test_model_field import sent
from tests.acceptance.thread_assertions import ephemeral_texts, message_text, root
from tests.acceptance.update_form import modal_text

pytestmark = pytest.mark.usefixtures("bot")

LARGE = "meta-llama/Llama-3.1-70B-Instruct"


async def answer(env: Environment, line: str) -> Message:
    """What only the member sees after a line."""
    seen = len(env.member.ephemerals(env.channel))
    await env.member.command(env.channel, line)
    await env.slack.until(lambda: len(env.member.ephemerals(env.channel)) > seen)
    return env.member.ephemerals(env.channel)[-1]


async def test_the_preview_says_what_the_model_is_and_whether_it_fits(env: Environment) -> None:
    """With the commit that Deploy will send."""
    preview = await answer(env, f"{LARGE} --gpu 2xH200 --name it")
    assert message_text(env, preview) == snapshot("""\
*it* on 2 × H200, 0–1 replicas, in `prod`: *$14.00/h* while live ($10,220/month), $0.00/h asleep
Fits, room for 40 requests at 8k.
Why?
Skip special tokens: `on` · Add special tokens: `on` · Cool-down: `300 s`
meta-llama/Llama-3.1-70B-Instruct@4f20938
70.6 B parameters, 141 GB bf16 · LlamaForCausalLM · 128k context
⚠ The repo is gated: its owners decide about requests on the model page. The Hugging Face account connected to Friendli needs access, whatever this bot's token may read.
Sleeps after 5 min without requests ($0.00/h); any request wakes it.
[Why?] [Deploy] [Change] [Cancel]\
""")
    await env.member.click(preview, "Deploy")
    await env.friendli.until(lambda: env.friendli.endpoints)
    assert sent(env)[0]["hfModelRepoRevision"] == env.hub.repo(LARGE).commit("main")


async def test_a_model_that_does_not_fit_names_the_cheapest_that_does(env: Environment) -> None:
    """A person may go on all the same."""
    preview = await answer(env, f"{LARGE} --gpu 1xA100 --name it")
    assert "Too small by 67 GB. Cheapest that fits: 1 × B200, $9.00/h." in message_text(
        env, preview
    )
    await env.member.click(preview, "Deploy")
    await env.friendli.until(lambda: env.friendli.endpoints)


async def test_why_shows_the_arithmetic(env: Environment) -> None:
    """In a modal, from the preview and from the thread alike."""
    preview = await answer(env, "org/model --gpu 2xH100 --max-batch-size 8 --name it")
    await env.member.click(preview, "Why?")
    view = await env.slack.until(lambda: env.member.modal)
    assert modal_text(env, view) == snapshot("""\
org/model on 2 × H100: Fits, room for 103 requests at 8k.
*On each GPU*
Usable: 72.0 GB (90% of 80 GB)
At best: 78.7 GB (92% of 85.5 GB)
Weights: 8.2 GB (16 GB as they load, over 2 GPUs)
Processing 8k of prompt at a time: 0.27 GB
Engine's reserve: 1.0 GB (CUDA context and graphs)
*Left for requests: 62.5 GB*
One request at 8k: 0.60 GB (KV cache of 144 KiB per token over all layers and GPUs)
Room: 62.5 GB ÷ 0.60 GB = 103 requests at once, 8 needed
8.2 B parameters, 16 GB bf16 · Qwen3ForCausalLM · 40k context
Friendli doesn't publish what its engine keeps for itself, so this is an estimate: from the safe share of a GPU to the best one, an answer is “tight”. You can deploy it either way.\
""")
    await env.member.close_modal()
    await env.member.click(preview, "Deploy")
    await env.slack.until(lambda: "Why?" in root(env).buttons)
    await env.admin.click(root(env), "Why?")
    again = await env.slack.until(lambda: env.admin.modal)
    assert modal_text(env, again) == modal_text(env, view)


@pytest.mark.parametrize("yes", ["", " --yes"])
async def test_what_will_surely_fail_is_stopped(env: Environment, yes: str) -> None:
    """With the line that deploys it all the same."""
    stopped = await answer(env, f"sandbox/gguf-only --gpu 1xH100 --name it{yes}")
    assert message_text(env, stopped) == snapshot("""\
sandbox/gguf-only would fail. It has only GGUF files; Friendli needs safetensors. `--anyway` deploys it all the same:
```/friendli-deploy sandbox/gguf-only --gpu 1xH100 --name it --anyway```
[Run this] [Open in form]\
""")
    assert not env.friendli.endpoints
    preview = await answer(env, "sandbox/gguf-only --gpu 1xH100 --name it --anyway")
    await env.member.click(preview, "Deploy")
    await env.friendli.until(lambda: env.friendli.endpoints)


async def test_a_line_with_yes_deploys_the_commit_that_was_checked(env: Environment) -> None:
    """A branch is resolved, and the thread shows the commit."""
    commit = env.hub.repo("org/model").commit("v1")
    assert commit is not None
    await env.member.command(env.channel, "org/model --gpu 1xH100 --revision v1 --name it --yes")
    await env.friendli.until(lambda: env.friendli.endpoints)
    assert sent(env)[0]["hfModelRepoRevision"] == commit
    await env.slack.until(lambda: f"org/model@{commit[:7]}" in message_text(env, root(env)))


@pytest.mark.parametrize("fault", [Respond(500, {}), Hang()], ids=str)
async def test_nothing_waits_for_a_hub_that_is_away(
    env: Environment, fault: Respond | Hang
) -> None:
    """It says once that the model isn't checked, and sends the revision as typed."""
    env.hub.faults.add(fault, times=None)
    await env.member.command(env.channel, "org/model --gpu 1xH100 --revision v1 --name it --yes")
    await env.friendli.until(lambda: env.friendli.endpoints)
    assert sent(env)[0]["hfModelRepoRevision"] == "v1"
    await env.slack.until(lambda: ephemeral_texts(env))
    [said] = ephemeral_texts(env)
    assert "`org/model` is not checked" in said


async def test_approvers_see_whether_it_fits(env: Environment) -> None:
    """Before they spend on it."""
    await save_settings(env, approval=ALWAYS)
    await env.member.command(env.channel, f"{LARGE} --gpu 1xA100 --name it --yes")
    await env.slack.until(lambda: "Too small by 67 GB" in message_text(env, root(env)))
