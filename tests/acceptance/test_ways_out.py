"""Stories of failures that a click repairs, and of what the thread says then."""

import re

import pytest
from inline_snapshot import snapshot
from sqlalchemy import update

from bot.db.clock import now
from bot.db.deployment_tables import FitRecord
from bot.db.operation_tables import Schedule
from bot.db.session import Database
from bot.domain.fit_history import FitOutcome
from bot.sandbox.environment import Environment, connect
from bot.sandbox.faults import Respond
from bot.sandbox.slack.conversations import Message
from tests.acceptance.deploying import send_deploy
from tests.acceptance.settings_form import save_settings
from tests.acceptance.test_approval import ALWAYS
from tests.acceptance.thread_assertions import ephemeral_texts, rendered_text, root, roots
from tests.acceptance.update_form import modal_text
from tests.conftest import StartBot

OUT_OF_MEMORY = "INFERENCE_ENGINE_MEMORY_ERROR"
DOWNLOAD = "WORKLOAD_INIT_DOWNLOAD_ERROR"
LARGE = "meta-llama/Llama-3.1-70B-Instruct"
NO_MANIFEST = "WORKLOAD_INIT_MANIFEST_NOT_FOUND_ERROR"
ONE = "--gpu 1xH100 --replicas 1"


async def failed_with(
    env: Environment,
    code: str,
    options: str = "--gpu 1xH100 --replicas 1",
    name: str = "it",
    model: str = "org/model",
) -> Message:
    """A deployment that has failed, as its status message."""
    before = len(roots(env))
    await send_deploy(env, model, name, options)
    await env.slack.until(
        lambda: len(roots(env)) > before and env.channel.replies(roots(env)[-1].ts)
    )
    endpoint = list(env.friendli.endpoints)[-1]
    env.friendli.set_status(endpoint, "FAILED", error_code=code)
    return await env.slack.until(
        lambda: roots(env)[-1] if any("Delete" in one for one in roots(env)[-1].buttons) else None
    )


async def saw(
    env: Environment, url: str, model: str, outcome: FitOutcome, gpu: str, count: int
) -> None:
    """What this workspace has seen of the model before."""
    database = Database(url)
    async with database.write() as session:
        session.add(
            FitRecord(
                enterprise_id=env.slack.workspace.identity.enterprise_id or "",
                workspace_id=env.slack.workspace.identity.team_id,
                model=model,
                revision="",
                gpu=gpu,
                gpu_count=count,
                settings={
                    "max_batch_size": None,
                    "max_input_length": None,
                    "max_context_length": None,
                    "max_token_count": None,
                },
                outcome=outcome,
                deployment_public_id="earlier",
                at=now(),
            )
        )
    await database.close()


@pytest.mark.usefixtures("bot")
async def test_the_thread_says_what_a_repair_changed(env: Environment) -> None:
    """The failed one's, word for word, once the form was sent; the new one has its own."""
    failed = await failed_with(env, OUT_OF_MEMORY)
    await env.member.click(failed, "Retry on 1 × H200, $7.00/h")
    await env.slack.until(lambda: env.member.modal)
    await env.member.fill("Endpoint name", "larger")
    await env.member.submit()
    await env.slack.until(lambda: len(env.friendli.endpoints) == 2)

    def said() -> str:
        return rendered_text(env, env.channel.replies(failed.ts)[-1].text)

    await env.slack.until(lambda: "tries again" in said())
    assert said() == snapshot("""\
@requester tries again as *larger*, in its own thread.
Instance: `1 × H100` → `1 × H200`\
""")
    assert len(roots(env)) == 2


@pytest.mark.parametrize(
    ("model", "outcome", "gpu", "count", "offered"),
    [
        ("org/model", FitOutcome.OUT_OF_MEMORY, "H200", 1, "Retry on 2 × A100, $8.00/h"),
        # By its size alone it would be too small.
        (LARGE, FitOutcome.SERVED, "H200", 1, "Retry on 1 × H200, $7.00/h"),
    ],
)
@pytest.mark.usefixtures("bot")
async def test_what_was_seen_decides_what_is_tried_next(
    env: Environment,
    sqlite_url: str,
    model: str,
    outcome: FitOutcome,
    gpu: str,
    count: int,
    offered: str,
) -> None:
    """An option that ran out of memory here is skipped, one that served is taken."""
    await saw(env, sqlite_url, model, outcome, gpu, count)
    failed = await failed_with(env, OUT_OF_MEMORY, model=model)
    assert offered in failed.buttons


@pytest.mark.usefixtures("bot")
async def test_the_bot_learns_from_its_own_failures(env: Environment) -> None:
    """What ran out of memory is not offered again after the next smaller one failed too."""
    await failed_with(env, OUT_OF_MEMORY, "--gpu 1xH200 --replicas 1")
    failed = await failed_with(env, OUT_OF_MEMORY, name="second")
    assert "Retry on 2 × A100, $8.00/h" in failed.buttons


def thread_of(env: Environment, message: Message) -> list[str]:
    return [rendered_text(env, one.text) for one in env.channel.replies(message.ts)]


def restarts(env: Environment) -> int:
    return sum(one.operation == "restart_endpoint" for one in env.friendli.requests)


async def test_a_retry_is_left_to_the_bot_once(env: Environment, start_bot: StartBot) -> None:
    """A second click adds none; the one survives a restart of the bot; then the thread asks."""
    async with start_bot(retry_after=600.0):
        await connect(env)
        failed = await failed_with(env, DOWNLOAD)
        await env.member.click(failed, "Try again in 10 min")
        await env.slack.until(lambda: "once" in thread_of(env, failed)[-1])
        assert thread_of(env, failed)[-1] == snapshot(
            "Trying again at TIME, once, as @requester asked. If it fails again, I'll ask what to do. `/friendli-deploy schedules it` removes the retry."
        )
        await env.member.click(failed, "Try again in 10 min")
        await env.slack.until(lambda: env.member.ephemerals(env.channel))
        assert ephemeral_texts(env) == snapshot(["A retry is already planned for TIME."])
    await all_due(env)
    async with start_bot():
        await env.slack.until(lambda: restarts(env))
        [endpoint] = env.friendli.endpoints
        env.friendli.set_status(endpoint, "INITIALIZING")
        await env.slack.until(lambda: not any("Try again" in one for one in root(env).buttons))
        env.friendli.set_status(endpoint, "FAILED", error_code=DOWNLOAD)
        await env.slack.until(lambda: "Try again in 5 min" in root(env).buttons)
        assert restarts(env) == 1


async def all_due(env: Environment) -> None:
    """Let the time of every schedule come."""
    database = Database(env.database)
    async with database.write() as session:
        await session.execute(update(Schedule).values(next_at=now(), due_at=now()))
    await database.close()


@pytest.mark.usefixtures("bot")
async def test_a_revision_is_chosen_among_those_that_exist(env: Environment) -> None:
    """A menu of branches and tags leads to the form, filled in; the thread says what changed."""
    failed = await failed_with(env, NO_MANIFEST, f"{ONE} --revision {'0' * 40} --anyway")
    await env.member.click(failed, "Choose revision")
    view = await env.slack.until(
        lambda: env.member.modal if env.member.modal and env.member.modal.fields() else None
    )
    assert modal_text(env, view) == snapshot(
        "`org/model` has these branches and tags. `0000000000000000000000000000000000000000` was tried."
    )
    assert [one["text"]["text"] for one in view.fields()[0].element["options"]] == snapshot(
        ["main · branch · ffc8550", "v1 · tag · 514a172", "v1.0 · tag · 514a172"]
    )
    await env.member.fill("Revision", "main")
    await env.member.submit()
    await env.slack.until(
        lambda: env.member.modal and "Model" in [one.label for one in env.member.modal.fields()]
    )
    await env.member.fill("Endpoint name", "second")
    await env.member.submit()
    await env.slack.until(lambda: len(env.friendli.endpoints) == 2)
    await env.slack.until(lambda: "tries again" in thread_of(env, failed)[-1])
    assert thread_of(env, failed)[-1] == snapshot("""\
@requester tries again as *second*, in its own thread.
Revision: `0000000` → `ffc8550`\
""")


@pytest.mark.usefixtures("bot")
async def test_without_the_hub_the_form_opens_at_the_revision(env: Environment) -> None:
    """What was typed is kept, and the cursor is in the field."""
    failed = await failed_with(env, NO_MANIFEST, f"{ONE} --revision {'0' * 40} --anyway")
    env.hub.faults.add(Respond(503), operation="list_refs", times=None)
    await env.member.click(failed, "Choose revision")
    view = await env.slack.until(
        lambda: env.member.modal if env.member.modal and env.member.modal.fields() else None
    )
    assert [one.label for one in view.fields() if one.element.get("focus_on_load")] == ["Revision"]


@pytest.mark.usefixtures("bot")
async def test_after_a_restart_there_is_a_message_to_support(env: Environment) -> None:
    """With the endpoint's id, the code and the times, ready to copy."""
    failed = await failed_with(env, "WORKLOAD_INIT_GRPC_ERROR")
    await env.member.click(failed, "Restart ($5.00/h)")
    await env.slack.until(lambda: restarts(env))
    [endpoint] = env.friendli.endpoints
    env.friendli.set_status(endpoint, "INITIALIZING", phase="REQUESTING_VIRTUAL_MACHINE")
    await env.slack.until(lambda: "Cancel" in root(env).buttons)
    env.friendli.set_status(endpoint, "FAILED", error_code="WORKLOAD_INIT_GRPC_ERROR")
    await env.slack.until(lambda: "Write to support" in root(env).buttons)
    await env.member.click(root(env), "Write to support")
    view = await env.slack.until(lambda: env.member.modal)
    said = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "MOMENT", modal_text(env, view))
    assert said == snapshot("""\
Copy this into a mail to support@friendli.ai:
```Our dedicated endpoint ENDPOINT-1 fails.

Endpoint: ENDPOINT-1
Model: org/model on 1 × H100
Error code: WORKLOAD_INIT_GRPC_ERROR
Status changes (UTC):
MOMENT  INITIALIZING, REQUESTING_VIRTUAL_MACHINE
MOMENT  FAILED, WORKLOAD_INIT_GRPC_ERROR
MOMENT  INITIALIZING, REQUESTING_VIRTUAL_MACHINE
MOMENT  FAILED, WORKLOAD_INIT_GRPC_ERROR

It was restarted, and failed again.```
It contains no keys. Add what you changed before it failed.\
""")


@pytest.mark.usefixtures("bot")
async def test_a_retry_that_needs_approval_says_so(env: Environment) -> None:
    """The restart is asked for when its time has come, and waits."""
    failed = await failed_with(env, DOWNLOAD)
    await save_settings(env, approval=ALWAYS)
    await env.member.click(failed, "Try again in 5 min")
    await env.slack.until(lambda: "needs approval then" in thread_of(env, failed)[-1])
    await all_due(env)
    await env.slack.until(
        lambda: any("Approve" in one.buttons for one in env.channel.messages.values())
    )
    assert restarts(env) == 0


@pytest.mark.usefixtures("bot")
async def test_a_memory_error_says_what_was_too_large(env: Environment) -> None:
    """The weights as the Hub tells them, beside the memory of the instance."""
    failed = await failed_with(env, OUT_OF_MEMORY)
    assert "doesn't fit in the memory of these GPUs: weights 16 GB, memory 80 GB." in str(
        failed.blocks
    )
