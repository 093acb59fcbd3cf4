"""Stories of what a person knows before a click that spends: the price, and how long it takes."""

from datetime import timedelta

import pytest
from inline_snapshot import snapshot
from sqlalchemy import update

from bot.db.claims import make_due
from bot.db.clock import after
from bot.db.deployment_tables import Deployment
from bot.db.session import Database
from bot.domain.deployment_state import DeploymentState
from bot.sandbox.environment import Environment
from bot.sandbox.slack.conversations import Message
from tests.acceptance.deploying import deploy, send_deploy
from tests.acceptance.settings_form import save_settings
from tests.acceptance.test_approval import ALWAYS
from tests.acceptance.thread_assertions import ephemeral_texts, message_text, root, roots, thread
from tests.services.test_phase_statistics import add

MODEL = "meta-llama/Llama-3.1-8B-Instruct"


@pytest.fixture
async def earlier_starts(sqlite_url: str) -> None:
    """Five starts of the model on two H100, of three to seven minutes."""
    database = Database(sqlite_url)
    for number in range(2, 7):
        await add(
            database,
            number,
            60.0 * number,
            option="zfTutSiLn0Hq",
            machine=40.0 + number,
            state=DeploymentState.ENDED,
        )
    await database.close()


@pytest.mark.usefixtures("earlier_starts", "bot")
async def test_the_preview_says_what_it_costs_and_how_long_it_takes(env: Environment) -> None:
    """In one line, from what this database has seen on the same GPUs."""
    await env.member.command(env.channel, f"{MODEL} --gpu 2xH100 --for 8h --name it")
    await env.slack.until(lambda: ephemeral_texts(env))
    assert ephemeral_texts(env)[-1].splitlines()[0] == (
        "*it* on 2 × H100, 0–1 replicas, in `prod`: *$10.00/h* while live ($7,300/month),"
        " $0.00/h asleep · at most $80.00 by TIME · usually live in 5–7 min"
    )


@pytest.mark.usefixtures("earlier_starts", "bot")
async def test_other_gpus_say_nothing_about_the_time(env: Environment) -> None:
    """Only the price is known there."""
    await env.member.command(env.channel, f"{MODEL} --gpu H200 --replicas 2 --name it")
    await env.slack.until(lambda: ephemeral_texts(env))
    assert ephemeral_texts(env)[-1].splitlines()[0] == (
        "*it* on 1 × H200, 2 replicas, in `prod`:"
        " *$14.00/h* for 2 replicas while live ($10,220/month)"
    )


@pytest.mark.usefixtures("earlier_starts", "bot")
async def test_the_form_says_it_too(env: Environment) -> None:
    """As soon as model and instance are chosen, and the lifetime once it is typed."""
    await env.member.command(env.channel)
    view = await env.slack.until(lambda: env.member.modal)

    def line() -> str:
        [block] = [one for one in view.blocks if one["block_id"] == "deploy.cost"]
        return str(block["elements"][0]["text"])

    await env.member.fill("Model", MODEL)
    await env.member.fill("Instance", "2xH100")
    await env.slack.until(lambda: "usually live" in line())
    assert line() == (
        "*$10.00/h* while live ($7,300/month), $0.00/h asleep · usually live in 5–7 min"
    )
    await env.member.fill("Lifetime", "8h")
    await env.slack.until(lambda: "at most $80.00 by <!date^" in line())


@pytest.mark.usefixtures("earlier_starts", "bot")
async def test_the_card_shows_what_is_left(env: Environment) -> None:
    """The usual time beside each phase to come, and when it is live, by the phase reached."""
    options = "--gpu 2xH100 --replicas 1"
    await deploy(env, model=MODEL, options=options)
    await env.slack.until(lambda: "live around" in root(env).text)
    assert message_text(env, root(env)).splitlines()[0] == snapshot(
        "🟡 *it* is starting · $10.00/h once live · live around TIME"
    )
    assert tasks(env) == snapshot(
        [
            "Create the endpoint",
            "Get a GPU machine · usually 44–46 s",
            "Download the model · usually 4–6 min",
            "Start the engine",
            "Live",
        ]
    )
    before = root(env).text
    [endpoint] = env.friendli.endpoints
    env.friendli.set_status(endpoint, "INITIALIZING", phase="DOWNLOADING_MODEL")
    await env.slack.until(lambda: "Download the model · usually" in str(tasks(env)[2]))
    assert "live around" in before
    env.friendli.set_status(endpoint, "RUNNING")
    await env.slack.until(lambda: "is live" in root(env).text)
    assert "around" not in root(env).text


@pytest.mark.usefixtures("earlier_starts", "bot")
async def test_approvers_see_price_total_and_time(env: Environment) -> None:
    """Per hour and month, asleep, over the lifetime, and how long the start usually takes."""
    await save_settings(env, approval=ALWAYS)
    await env.member.command(env.channel, f"{MODEL} --gpu 2xH100 --for 8h --name dear --yes")
    await env.slack.until(lambda: roots(env))
    assert message_text(env, root(env)).splitlines()[0] == snapshot(
        "🔵 *dear* is waiting for approval · *$10.00/h* while live ($7,300/month), $0.00/h asleep · 8 h lifetime: up to $80.00 · usually live in 5–7 min"
    )


def tasks(env: Environment) -> list[str]:
    [plan] = [block for block in root(env).blocks if block["type"] == "plan"]
    return [str(task["title"]) for task in plan["tasks"]]


@pytest.mark.usefixtures("bot")
async def test_what_was_seen_goes_before_what_was_computed(env: Environment) -> None:
    """In the form's instances, with the cheapest chosen by it, and in the preview."""
    endpoint = await deploy(env, "small")
    env.friendli.set_status(endpoint, "FAILED", error_code="INFERENCE_ENGINE_MEMORY_ERROR")
    await env.slack.until(lambda: "failed" in root(env).text)
    served = await deploy(env, "large", options="--gpu 1xB200 --replicas 1")
    env.friendli.set_status(served, "RUNNING")
    await env.slack.until(lambda: "is live" in roots(env)[-1].text)
    await env.member.command(env.channel)
    view = await env.slack.until(lambda: env.member.modal)
    await env.member.fill("Model", "org/model")

    def instances() -> list[str]:
        [menu] = [one for one in view.fields() if one.label == "Instance"]
        groups = menu.element["option_groups"]
        return [one["text"]["text"] for group in groups for one in group["options"]]

    await env.slack.until(lambda: "ran out of memory" in str(instances()))
    assert [one for one in instances() if "H100 ·" in one or "B200 ·" in one] == snapshot(
        [
            "1 × H100 · $5.00/h · ran out of memory here just now",
            "2 × H100 · $10.00/h · fits, room for 103 requests at 8k",
            "4 × H100 · $20.00/h · fits, room for 221 requests at 8k",
            "8 × H100 · $40.00/h · fits, room for 456 requests at 8k",
            "1 × B200 · $9.00/h · served on this GPU once",
            "2 × B200 · $18.00/h · served on 1 × B200 once",
            "4 × B200 · $36.00/h · served on 1 × B200 once",
            "8 × B200 · $72.00/h · served on 1 × B200 once",
        ]
    )
    await env.member.close_modal()
    await env.member.command(env.channel, "org/model --gpu 1xH100 --replicas 1 --name again")
    await env.slack.until(lambda: "ran out of memory" in str(previews(env)[-1].blocks).lower())
    assert fit_of(previews(env)[-1]) == snapshot(
        ["⚠ Ran out of memory here just now. Cheapest that fits: 1 × A100, $4.00/h."]
    )


def previews(env: Environment) -> list[Message]:
    return env.member.ephemerals(env.channel)


def fit_of(preview: Message) -> list[str]:
    """Of the blocks with a "Why?" beside them."""
    return [str(one["text"]["text"]) for one in preview.blocks if "accessory" in one]


@pytest.mark.usefixtures("bot")
async def test_approvers_see_what_was_seen(env: Environment) -> None:
    """In place of the computed fit."""
    endpoint = await deploy(env, "small")
    env.friendli.set_status(endpoint, "FAILED", error_code="INFERENCE_ENGINE_MEMORY_ERROR")
    await env.slack.until(lambda: "failed" in root(env).text)
    await save_settings(env, approval=ALWAYS)
    await send_deploy(env, name="again")
    await env.slack.until(lambda: len(roots(env)) == 2)
    assert fit_of(roots(env)[-1])[0].startswith("⚠ Ran out of memory here just now.")


@pytest.mark.usefixtures("earlier_starts", "bot")
async def test_the_stuck_notice_names_the_usual_time(env: Environment) -> None:
    """By the same numbers as everywhere else."""
    await deploy(env, model=MODEL, options="--gpu 2xH100 --replicas 1")
    database = Database(env.database)
    async with database.write() as session:
        row = await session.scalar(
            update(Deployment)
            .where(Deployment.name == "it")
            .values(stuck_at=after(timedelta(seconds=-1)))
            .returning(Deployment.id)
        )
        await make_due(session, Deployment, row or 0)
    await database.close()
    await env.slack.until(lambda: "unusually long" in thread(env)[-1])
    assert "(usually 44–46 s), which is unusually long." in thread(env)[-1]
