"""Stories of failures that a click repairs, and of what the thread says then."""

import pytest
from inline_snapshot import snapshot

from bot.db.clock import now
from bot.db.deployment_tables import FitRecord
from bot.db.session import Database
from bot.domain.fit_history import FitOutcome
from bot.sandbox.environment import Environment
from bot.sandbox.slack.conversations import Message
from tests.acceptance.deploying import send_deploy
from tests.acceptance.thread_assertions import rendered_text, roots

OUT_OF_MEMORY = "INFERENCE_ENGINE_MEMORY_ERROR"


async def failed_with(
    env: Environment, code: str, options: str = "--gpu 1xH100 --replicas 1", name: str = "it"
) -> Message:
    """A deployment that has failed, as its status message."""
    before = len(roots(env))
    await send_deploy(env, name=name, options=options)
    await env.slack.until(
        lambda: len(roots(env)) > before and env.channel.replies(roots(env)[-1].ts)
    )
    endpoint = list(env.friendli.endpoints)[-1]
    env.friendli.set_status(endpoint, "FAILED", error_code=code)
    return await env.slack.until(
        lambda: roots(env)[-1] if any("Delete" in one for one in roots(env)[-1].buttons) else None
    )


async def saw(env: Environment, url: str, outcome: FitOutcome, gpu: str, count: int) -> None:
    """What this workspace has seen of the model before."""
    database = Database(url)
    async with database.write() as session:
        session.add(
            FitRecord(
                enterprise_id=env.slack.workspace.identity.enterprise_id or "",
                workspace_id=env.slack.workspace.identity.team_id,
                model="org/model",
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
    ("outcome", "gpu", "count", "offered"),
    [
        (FitOutcome.OUT_OF_MEMORY, "H200", 1, "Retry on 2 × A100, $8.00/h"),
        (FitOutcome.SERVED, "B200", 1, "Retry on 1 × B200, $9.00/h"),
    ],
)
@pytest.mark.usefixtures("bot")
async def test_what_was_seen_decides_what_is_tried_next(
    env: Environment, sqlite_url: str, outcome: FitOutcome, gpu: str, count: int, offered: str
) -> None:
    """An option that ran out of memory here is skipped, one that served is taken."""
    await saw(env, sqlite_url, outcome, gpu, count)
    failed = await failed_with(env, OUT_OF_MEMORY)
    assert offered in failed.buttons


@pytest.mark.usefixtures("bot")
async def test_the_bot_learns_from_its_own_failures(env: Environment) -> None:
    """What ran out of memory is not offered again after the next smaller one failed too."""
    await failed_with(env, OUT_OF_MEMORY, "--gpu 1xH200 --replicas 1")
    failed = await failed_with(env, OUT_OF_MEMORY, name="second")
    assert "Retry on 2 × A100, $8.00/h" in failed.buttons
