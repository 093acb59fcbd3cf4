"""Stories of the model field: type-ahead, the check on the Hub, and where the model fits."""

from typing import Any

import pytest
from inline_snapshot import snapshot

from bot.sandbox.environment import Environment
from bot.sandbox.faults import DropRequest, Hang, Respond
from bot.sandbox.slack.view import View
from tests.acceptance.deploying import deploy, serve
from tests.acceptance.test_deploy_by_modal import cost, open_form
from tests.acceptance.thread_assertions import ephemeral_texts, root, thread

pytestmark = pytest.mark.usefixtures("bot")

LLAMA = "meta-llama/Llama-3.1-8B-Instruct"
LARGE = "meta-llama/Llama-3.1-70B-Instruct"


def check(view: View) -> str:
    """What the form says about the model."""
    lines = [
        element["text"]
        for block in view.body["blocks"]
        if block["block_id"] == "deploy.check"
        for element in block["elements"]
    ]
    return "\n".join(lines)


def instance(view: View) -> dict[str, Any]:
    """The block of the instance field."""
    [block] = [b for b in view.body["blocks"] if (b.get("label") or {}).get("text") == "Instance"]
    return dict(block)


def instances(view: View) -> dict[str, str]:
    """The text of each instance option by its value."""
    groups = instance(view)["element"]["option_groups"]
    return {each["value"]: each["text"]["text"] for group in groups for each in group["options"]}


def instance_chosen(view: View) -> str | None:
    """The chosen instance option's text."""
    [field] = [item for item in view.fields() if item.label == "Instance"]
    chosen = (view.value(field) or {}).get("selected_option")
    return chosen["text"]["text"] if chosen else None


async def checked(env: Environment, model: str, words: str) -> View:
    """Open the form, choose a model, and wait for words of its check."""
    view = await open_form(env)
    await env.member.fill("Model", model)
    await env.slack.until(lambda: words in check(view))
    return view


def sent(env: Environment) -> list[dict[str, Any]]:
    """The bodies of all create requests."""
    return [
        one.body
        for one in env.friendli.requests
        if one.operation == "create_endpoint" and isinstance(one.body, dict)
    ]


async def test_the_hub_is_not_asked_for_a_form_to_open(env: Environment) -> None:
    """Opening takes what it took before."""
    await open_form(env)
    assert env.hub.requests == []


async def test_typing_searches_the_hub_by_downloads(env: Environment) -> None:
    """Each with its size, its gate and its pipeline."""
    await open_form(env)
    offered = await env.member.suggest("Model", "llama-3.1 instruct")
    assert offered[:3] == snapshot(
        [
            "meta-llama/Llama-3.1-8B-Instruct",
            "meta-llama/Llama-3.1-70B-Instruct",
            "hugging-quants/Meta-Llama-3.1-8B-Instruct-AWQ-INT4",
        ]
    )
    assert len(env.hub.requests) == 1
    again = await env.member.suggest("Model", "Llama-3.1  Instruct")
    assert again[:-1] == offered[:-1]
    assert len(env.hub.requests) == 1


async def test_recent_models_of_the_channel_come_first(env: Environment) -> None:
    """With how their newest deployment stands, and without asking the Hub."""
    endpoint = await deploy(env, model="org/first", name="first")
    env.friendli.set_status(endpoint, "RUNNING")
    await env.slack.until(lambda: "went live" in str(thread(env)))
    await deploy(env, model="org/second", name="second")
    await open_form(env)
    before = len(env.hub.requests)
    offered = await env.member.suggest("Model", "")
    assert offered == ["org/second", "org/first"]
    assert len(env.hub.requests) == before
    assert (await env.member.suggest("Model", "first"))[0] == "org/first"


@pytest.mark.parametrize(
    "fault", [Respond(500, {}), Respond(429, {}), DropRequest(), Hang()], ids=str
)
async def test_without_the_hub_recent_models_and_typed_text_remain(
    env: Environment, fault: Respond | DropRequest | Hang
) -> None:
    """Within Slack's three seconds; what was typed can be deployed."""
    await deploy(env, model="org/first", name="first")
    env.hub.faults.add(fault, times=None)
    view = await open_form(env)
    assert await env.member.suggest("Model", "") == ["org/first"]
    assert await env.member.suggest("Model", "org/new") == ["org/new"]
    await env.member.fill("Model", "org/new")
    await env.member.fill("Instance", "1xH100")
    await env.slack.until(lambda: "$5.00" in cost(view))
    await env.member.submit()
    await env.friendli.until(lambda: len(env.friendli.endpoints) == 2)
    assert sent(env)[-1]["hfModelRepo"] == "org/new"
    assert "hfModelRepoRevision" not in sent(env)[-1]
    await env.slack.until(
        lambda: "Not checked" in check(view) or "is not checked" in str(ephemeral_texts(env))
    )


async def test_the_address_of_a_page_can_be_pasted(env: Environment) -> None:
    """Its revision is checked, and counts."""
    view = await checked(env, "https://huggingface.co/org/model/tree/v1", "revision v1")
    await env.member.submit()
    await env.friendli.until(lambda: env.friendli.endpoints)
    assert sent(env)[0]["hfModelRepoRevision"] == env.hub.repo("org/model").commit("v1")
    assert view.closed


async def test_a_model_that_fits_is_checked_beside_the_money(env: Environment) -> None:
    """Its facts, its commit, the cheapest instance that fits, and the price of that."""
    view = await checked(env, "Qwen/Qwen3-8B", "parameters")
    assert check(view) == snapshot(
        "8.2 B parameters, 16 GB bf16 · Qwen3ForCausalLM · 40k context · revision main = `29645e6`"
    )
    assert instance(view)["hint"]["text"] == snapshot("1 × A100 is the cheapest that fits.")
    assert instance_chosen(view) == snapshot(
        "1 × A100 · $4.00/h · fits, room for 44 requests at 8k"
    )
    assert "$4.00/h" in cost(view)
    await env.member.submit()
    await env.friendli.until(lambda: env.friendli.endpoints)
    commit = env.hub.repo("Qwen/Qwen3-8B").commit("main")
    assert sent(env)[0]["hfModelRepoRevision"] == commit


async def test_what_the_form_showed_is_deployed_though_the_branch_moved_on(
    env: Environment,
) -> None:
    """What was checked is what runs."""
    await checked(env, "org/model", "parameters")
    shown = env.hub.repo("org/model").commit("main")
    env.hub.remove("org/model")
    await env.member.submit()
    await env.friendli.until(lambda: env.friendli.endpoints)
    assert sent(env)[0]["hfModelRepoRevision"] == shown


async def test_each_instance_says_whether_a_large_model_fits(env: Environment) -> None:
    """How much is missing, and how much room there is."""
    view = await checked(env, LARGE, "parameters")
    texts = instances(view)
    assert [texts[key] for key in ("1xA100", "2xA100", "4xH100", "1xH200", "8xB200")] == snapshot(
        [
            "1 × A100 · $4.00/h · too small by 67 GB",
            "2 × A100 · $8.00/h · tight",
            "4 × H100 · $20.00/h · fits, room for 52 requests at 8k",
            "1 × H200 · $7.00/h · too small by 7.2 GB",
            "8 × B200 · $72.00/h · fits, room for 426 requests at 8k",
        ]
    )
    assert instance_chosen(view) == snapshot("1 × B200 · $9.00/h · fits, room for 7 requests at 8k")


async def test_the_answer_follows_batch_size_and_input_length(env: Environment) -> None:
    """And so does the instance, until the person chooses one."""
    view = await checked(env, "Qwen/Qwen3-8B", "parameters")
    await env.member.click(view, "Advanced")
    await env.slack.until(lambda: any(item.label == "Max batch size" for item in view.fields()))
    await env.member.fill("Max input length", 32_768)
    await env.member.fill("Max batch size", 64)
    await env.slack.until(lambda: "4 × " in str(instance_chosen(view)))
    assert instance(view)["hint"]["text"] == snapshot("4 × H200 is the cheapest that fits.")
    await env.member.fill("Instance", "1xH100")
    await env.member.fill("Max batch size", 32)
    await env.slack.until(lambda: "$5.00/h" in cost(view))
    assert instance_chosen(view) == snapshot(
        "1 × H100 · $5.00/h · tight, room for 11 requests at 32k"
    )


async def test_where_nothing_fits_for_sure_nothing_is_chosen(env: Environment) -> None:
    """A person may go on all the same."""
    view = await checked(env, "Qwen/Qwen3-8B", "parameters")
    await env.member.click(view, "Advanced")
    await env.slack.until(lambda: any(item.label == "Max batch size" for item in view.fields()))
    await env.member.fill("Max batch size", 999_999)
    await env.slack.until(lambda: instance_chosen(view) is None)
    assert instance(view)["hint"]["text"] == snapshot(
        "No instance fits it for sure at 8k; tight ones may."
    )
    await env.member.fill("Instance", "8xB200")
    await env.member.submit()
    await env.friendli.until(lambda: env.friendli.endpoints)


@pytest.mark.parametrize(
    ("model", "why"),
    [
        ("sandbox/gguf-only", "only GGUF files"),
        ("sandbox/lora-adapter", "LoRA adapter"),
        ("sandbox/diffusers", "diffusers pipeline"),
        ("sandbox/no-config", "no config.json"),
        ("sandbox/no-safetensors", "no safetensors"),
        ("sandbox/missing-shard", "which is missing"),
        ("sandbox/missing", "doesn't exist, or it is private"),
        ("sandbox/private", "doesn't exist, or it is private"),
    ],
)
async def test_what_will_surely_fail_is_stopped(env: Environment, model: str, why: str) -> None:
    """In the form as soon as it is chosen, and beside the field when it is submitted."""
    await checked(env, model, why)
    await env.member.fill("Instance", "1xH100")
    await env.member.submit()
    assert why in env.member.field_errors["Model"]
    assert "Deploy anyway" in env.member.field_errors["Model"]
    assert not env.friendli.endpoints


async def test_a_stopped_model_is_deployed_anyway_with_a_tick(env: Environment) -> None:
    """Friendli's own token may read what the bot's may not."""
    view = await checked(env, "sandbox/private", "private")
    await env.member.fill("Instance", "1xH100")
    await env.member.click(view, "Advanced")
    await env.slack.until(lambda: any(item.label == "Failed checks" for item in view.fields()))
    await env.member.fill("Failed checks", ["Deploy anyway"])
    await env.member.submit()
    await env.friendli.until(lambda: env.friendli.endpoints)
    assert sent(env)[0]["hfModelRepo"] == "sandbox/private"


@pytest.mark.parametrize(
    ("model", "warning"),
    [
        ("sandbox/gated", "gated"),
        ("sandbox/no-chat-template", "no chat template"),
        ("sandbox/unsupported", "Memory per request is unknown"),
    ],
)
async def test_what_might_fail_is_a_warning(env: Environment, model: str, warning: str) -> None:
    """And can be deployed."""
    await checked(env, model, warning)
    await env.member.fill("Instance", "1xH100")
    await env.member.submit()
    await env.friendli.until(lambda: env.friendli.endpoints)


async def test_a_revision_that_does_not_exist_is_said_at_its_field(env: Environment) -> None:
    """With Advanced closed, at the nearest one."""
    view = await checked(env, "org/model", "parameters")
    await env.member.click(view, "Advanced")
    await env.slack.until(lambda: any(item.label == "Revision" for item in view.fields()))
    await env.member.fill("Revision", "nope")
    await env.member.submit()
    assert env.member.field_errors == snapshot(
        {
            "Revision": "The repo has no revision nope. To deploy it all the same, tick “Deploy anyway” under Advanced."
        }
    )


async def test_another_model_drops_the_commit_of_the_last(env: Environment) -> None:
    """A commit belongs to one repo."""
    view = await checked(env, "org/model", "parameters")
    await env.member.click(view, "Advanced")
    await env.slack.until(lambda: any(item.label == "Revision" for item in view.fields()))
    await env.member.fill("Revision", env.hub.repo("org/model").commit("v1"))
    await env.member.fill("Model", "org/other")
    await env.slack.until(lambda: "revision main" in check(view))
    await env.member.submit()
    await env.friendli.until(lambda: env.friendli.endpoints)
    assert sent(env)[0]["hfModelRepoRevision"] == env.hub.repo("org/other").commit("main")


async def test_what_was_seen_goes_before_what_was_computed(env: Environment) -> None:
    """Where it served, and where it ran out of memory; the instance is chosen by that too."""
    await deploy(env, model="sandbox/out-of-memory", name="first", options="--gpu 1xB200")
    env.clock.advance(3600)
    await env.slack.until(lambda: "`INFERENCE_ENGINE_MEMORY_ERROR`" in root(env).text)
    view = await checked(env, "sandbox/out-of-memory", "parameters")
    texts = instances(view)
    assert texts["1xB200"] == "1 × B200 · $9.00/h · ran out of memory here just now"
    assert texts["1xA100"].endswith("too small by 67 GB")
    assert instance_chosen(view) != texts["1xB200"]


async def test_an_instance_that_served_the_model_says_so(env: Environment) -> None:
    """Of the same revision, with the same settings."""
    await serve(env)
    view = await checked(env, "org/model", "parameters")
    assert instances(view)["1xH100"] == "1 × H100 · $5.00/h · served on this GPU once"
