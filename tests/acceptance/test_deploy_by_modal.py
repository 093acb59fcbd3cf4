"""Stories of deployments by the form."""

import json

import pytest
from inline_snapshot import snapshot

from bot.sandbox.environment import Environment
from bot.sandbox.slack.view import View
from tests.acceptance.thread_assertions import ephemeral_texts, thread

pytestmark = pytest.mark.usefixtures("bot")


async def open_form(env: Environment) -> View:
    await env.member.command(env.channel)
    return await env.slack.until(lambda: env.member.modal)


def cost(view: View) -> str:
    """The form's line of money."""
    [line] = [b for b in view.body["blocks"] if b["block_id"] == "deploy.cost"]
    return str(line["elements"][0]["text"])


async def test_the_form_opens_before_anything_else_is_asked(env: Environment) -> None:
    """The command is acknowledged with an empty body, and the form shows what it wants to know."""
    ack = await env.member.command(env.channel)
    assert (ack.status, ack.body) == (200, "")
    view = await env.slack.until(lambda: env.member.modal)
    assert [item.label or item.text for item in view.fields()] == snapshot(
        [
            "Model",
            "Endpoint name",
            "Instance",
            "Scaling",
            "Minimum replicas",
            "Maximum replicas",
            "Cool-down",
            "Lifetime",
            "Advanced",
        ]
    )
    assert cost(view) == snapshot("Choose an instance to see its price.")


async def test_filling_the_form_deploys(env: Environment) -> None:
    """Model and instance are enough: the name is proposed, the price follows, Deploy deploys."""
    view = await open_form(env)
    await env.member.fill("Model", "meta-llama/Llama-3.1-8B-Instruct")
    await env.member.fill("Instance", "2xH100")
    await env.slack.until(lambda: "$10.00/h" in cost(view))
    assert cost(view) == snapshot("*$10.00/h* while live ($7,300/month), $0.00/h asleep")
    ack = await env.member.submit()
    assert (ack.status, ack.body) == (200, "")
    assert env.member.modal is None
    await env.slack.until(lambda: thread(env))
    [create] = [one for one in env.friendli.requests if one.operation == "create_endpoint"]
    assert isinstance(create.body, dict)
    assert str(create.body["name"]).startswith("llama-3-1-8b-instruct-")


async def test_the_price_follows_the_scaling(env: Environment) -> None:
    """Replicas and autoscaling change the line of money as they are typed."""
    view = await open_form(env)
    await env.member.fill("Instance", "4xB200")
    await env.slack.until(lambda: "$36.00" in cost(view))
    await env.member.fill("Scaling", "fixed")
    await env.slack.until(lambda: any(item.label == "Replicas" for item in view.fields()))
    await env.member.fill("Replicas", "3")
    await env.slack.until(lambda: "$108.00" in cost(view))
    assert cost(view) == snapshot("*$108.00/h* for 3 replicas while live ($78,840/month)")
    await env.member.fill("Scaling", "auto")
    await env.slack.until(lambda: any(item.label == "Maximum replicas" for item in view.fields()))
    await env.member.fill("Maximum replicas", "2")
    await env.slack.until(lambda: "$72.00" in cost(view))
    assert cost(view) == snapshot(
        "*$36.00/h–$72.00/h* while live ($26,280–$52,560/month), $0.00/h asleep"
    )


async def test_an_error_in_a_hidden_field_opens_advanced_beside_it(env: Environment) -> None:
    """What was typed stays, and the corrected form deploys."""
    view = await open_form(env)
    await env.member.fill("Model", "org/model", enter=False)
    await env.member.click(view, "Advanced")
    await env.slack.until(lambda: any(item.label == "Max batch size" for item in view.fields()))
    await env.member.fill("Max batch size", "0")
    await env.member.click(view, "Hide advanced")
    await env.slack.until(lambda: all(item.label != "Revision" for item in view.fields()))
    await env.member.fill("Instance", "1xA100")
    await env.member.submit()
    assert "✗ Max batch size must be 1 or more." in str(view.blocks)
    assert env.member.field_errors == {}
    await env.member.fill("Max batch size", "8")
    await env.member.submit()
    await env.slack.until(lambda: thread(env))
    [create] = [one for one in env.friendli.requests if one.operation == "create_endpoint"]
    assert '"max_batch_size": 8' in json.dumps(create.body)


async def test_what_was_typed_outlives_every_change_of_the_form(env: Environment) -> None:
    """Advanced fields and the other scaling's numbers come back as they were left."""
    view = await open_form(env)
    await env.member.fill("Model", "org/model", enter=False)
    await env.member.click(view, "Advanced")
    await env.slack.until(lambda: any(item.label == "Revision" for item in view.fields()))
    await env.member.fill("Revision", "v1")
    await env.member.fill("Version comment", 'it\'s "quoted" & <escaped>')
    await env.member.fill("Scaling", "fixed")
    await env.slack.until(lambda: any(item.label == "Replicas" for item in view.fields()))
    await env.member.fill("Replicas", "4")
    await env.member.fill("Scaling", "auto")
    await env.slack.until(lambda: any(item.label == "Cool-down" for item in view.fields()))
    await env.member.click(view, "Hide advanced")
    await env.slack.until(lambda: all(item.label != "Revision" for item in view.fields()))
    await env.member.fill("Scaling", "fixed")
    await env.slack.until(lambda: any(item.label == "Replicas" for item in view.fields()))
    await env.member.click(view, "Advanced")
    await env.slack.until(lambda: any(item.label == "Revision" for item in view.fields()))
    await env.member.fill("Instance", "1xA100")
    await env.member.submit()
    await env.slack.until(lambda: thread(env))
    [create] = [one for one in env.friendli.requests if one.operation == "create_endpoint"]
    assert isinstance(create.body, dict)
    assert {
        key: create.body[key]
        for key in ("hfModelRepo", "hfModelRepoRevision", "initialVersionComment", "simplescale")
    } == snapshot(
        {
            "hfModelRepo": "org/model",
            "hfModelRepoRevision": "514a17234f5d97dd8d0df0048855897cc68f25db",
            "initialVersionComment": 'it\'s "quoted" & <escaped>',
            "simplescale": {"replicas": 4},
        }
    )


async def test_errors_stand_under_their_fields(env: Environment) -> None:
    """All of them at once, and the form keeps what was typed."""
    view = await open_form(env)
    await env.member.fill("Model", "no-slash")
    await env.member.fill("Instance", "1xA100")
    await env.member.fill("Scaling", "fixed")
    await env.slack.until(lambda: any(item.label == "Replicas" for item in view.fields()))
    await env.member.fill("Replicas", "0")
    await env.member.submit()
    assert env.member.field_errors == snapshot(
        {
            "Model": "“no-slash” isn't a full model name. Write org/name, such as “meta-llama/Llama-3.1-8B-Instruct”.",
            "Replicas": "Replicas must be 1 or more. You wrote “0”.",
        }
    )
    assert not env.friendli.endpoints


async def test_a_form_that_is_submitted_twice_deploys_once(env: Environment) -> None:
    """The second submission does nothing and says so."""
    await open_form(env)
    await env.member.fill("Model", "org/model")
    await env.member.fill("Instance", "1xA100")
    await env.member.submit()
    await env.slack.until(lambda: thread(env))
    await env.slack.deliver_again()
    await env.slack.until(lambda: ephemeral_texts(env))
    assert ephemeral_texts(env) == snapshot(
        ["You already requested this; see its thread in this channel. Nothing was created twice."]
    )
    assert len(env.friendli.endpoints) == 1


async def test_a_taken_name_is_said_on_its_field(env: Environment) -> None:
    """The form stays open for another one."""
    await env.member.command(env.channel, "org/model --gpu 1xA100 --replicas 1 --name taken --yes")
    await env.slack.until(lambda: thread(env))
    view = await open_form(env)
    await env.member.fill("Model", "org/model")
    await env.member.fill("Instance", "1xA100")
    await env.slack.until(lambda: "$4.00" in cost(view))
    await env.member.fill("Endpoint name", "taken")
    await env.member.submit()
    assert env.member.field_errors == snapshot(
        {"Endpoint name": "taken is taken: another deployment has that name. Change it."}
    )


async def test_a_channel_without_the_bot_sees_how_to_invite_it(env: Environment) -> None:
    """The form gives way to what has to be done first."""
    env.slack.remove_bot(env.channel)
    await env.member.command(env.channel)
    view = await env.slack.until(
        lambda: env.member.modal if "Invite" in getattr(env.member.modal, "title", "") else None
    )
    assert view.body["blocks"][0]["text"]["text"].split(". ")[-1] == snapshot(
        "Nothing was created."
    )
