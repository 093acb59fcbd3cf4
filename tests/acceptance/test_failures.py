"""Stories of deployments that fail: each way, in plain words, with a way out."""

import re

import pytest
from inline_snapshot import snapshot
from pydantic import JsonValue
from sqlalchemy import select

from bot.db.operation_tables import Operation
from bot.db.session import Database
from bot.domain.schemas import InferenceDeploymentErrorCode
from bot.sandbox.environment import API_KEY, Environment
from bot.sandbox.faults import Respond
from bot.sandbox.slack.view import View
from tests.acceptance.deploying import send_deploy, serve
from tests.acceptance.test_imported_endpoints import follow
from tests.acceptance.thread_assertions import card_with, message_text, root, thread

AGES = 3600


def prefilled(view: View) -> dict[str, object]:
    """What each field is filled in with, by its label."""
    return {
        item.label: (item.element.get("initial_option") or {}).get("value")
        or item.element.get("initial_value")
        for item in view.fields()
    }


@pytest.mark.usefixtures("bot")
async def test_a_gated_model_fails_with_what_to_do(env: Environment) -> None:
    """The root and a loud reply say why, and the buttons lead to the way out."""
    await send_deploy(env, "sandbox/gated")
    await env.slack.until(lambda: thread(env))
    env.clock.advance(50)
    await env.slack.until(lambda: "Downloading" in thread(env)[-1])
    env.clock.advance(AGES)
    await env.slack.until(lambda: "failed" in root(env).text and len(thread(env)) > 1)
    assert thread(env) == snapshot(
        [
            "Endpoint created: `ENDPOINT-1`. Getting a GPU machine.",
            "A GPU machine is ready (48 s). Downloading the model.",
            "# 🔴 *it* failed while downloading the model at TIME. Friendli can't read `sandbox/gated`: the repo is gated or private.",
        ]
    )
    assert message_text(env, root(env)) == snapshot("""\
🔴 *it* failed while downloading the model
Friendli can't read `sandbox/gated`: the repo is gated or private. Accept the licence on the model page, and check that the Hugging Face token under Friendli Suite → Personal settings → Integrations can read the repo. (`WORKLOAD_INIT_CANNOT_ACCESS_REPO_ERROR`)
Deploying
✓ Create the endpoint
✓ Get a GPU machine · 48 s
✗ Download the model
○ Start the engine
○ Live
sandbox/gated@3d56210 · 1 × H100 · 1 replica · endpoint `ENDPOINT-1` · requested by @requester at TIME
[Model page] [Integrations] [Try again] [Open in Friendli] [⋯ Delete · Copy as command]\
""")


@pytest.mark.usefixtures("bot")
async def test_try_again_opens_the_form_with_everything_filled_in(env: Environment) -> None:
    """A failure's button leads to a form that only wants to be sent, and a new thread."""
    await send_deploy(env, "sandbox/out-of-memory")
    await env.slack.until(lambda: thread(env))
    env.clock.advance(AGES)
    await env.slack.until(lambda: "Try again" in root(env).buttons)
    failed = root(env)
    await env.member.click(failed, "Try again")
    view = await env.slack.until(lambda: env.member.modal)
    values = prefilled(view)
    assert values["Model"] == "sandbox/out-of-memory"
    await env.member.fill("Model", "org/smaller")
    await env.member.fill("Endpoint name", "second")
    await env.member.submit()
    await env.slack.until(lambda: len(env.friendli.endpoints) == 2)


async def failed_with(env: Environment, code: str, model: str = "org/model") -> None:
    """An endpoint that was made here has failed, and its root shows it."""
    await send_deploy(env, model)
    await env.slack.until(lambda: thread(env))
    [endpoint] = env.friendli.endpoints
    env.friendli.set_status(endpoint, "FAILED", error_code=code)
    await env.slack.until(lambda: "Try again" in root(env).buttons)
    # It would fail again.
    assert "Restart ($5.00/h)" not in root(env).buttons


def cursor(view: View) -> list[str]:
    """The labels of the fields that the cursor stands in when the form opens."""
    return [item.label for item in view.fields() if item.element.get("focus_on_load")]


@pytest.mark.usefixtures("bot")
async def test_a_larger_instance_is_a_click_away(env: Environment) -> None:
    """The button says its price; the form has it chosen, and makes a second endpoint."""
    await failed_with(env, "INFERENCE_ENGINE_MEMORY_ERROR")
    await env.member.click(root(env), "Retry on 1 × H200, $7.00/h")
    view = await env.slack.until(lambda: env.member.modal)
    [instance] = [item for item in view.fields() if item.label == "Instance"]
    assert instance.element["initial_option"]["value"] == "1xH200"
    await env.member.fill("Endpoint name", "larger")
    await env.member.submit()
    await env.slack.until(lambda: len(env.friendli.endpoints) == 2)
    assert [one.name for one in env.friendli.endpoints.values()][1:] == ["larger"]


@pytest.mark.parametrize(
    ("code", "field"),
    [
        ("WORKLOAD_INIT_MANIFEST_NOT_FOUND_ERROR", "Revision"),
        ("WORKLOAD_INIT_MANIFEST_TYPE_ERROR", "Model"),
        ("WORKLOAD_INIT_INSUFFICIENT_DISK_ERROR", "Model"),
        ("WORKLOAD_INIT_SETTINGS_ERROR", "Max batch size"),
        ("INFERENCE_ENGINE_INVALID_ARGUMENT_ERROR", "Max batch size"),
        ("INFERENCE_ENGINE_MEMORY_ERROR", "Max batch size"),
    ],
)
@pytest.mark.usefixtures("bot")
async def test_the_form_opens_at_the_setting_in_question(
    env: Environment, code: str, field: str
) -> None:
    """With what was typed, Advanced open where the field stands there, the cursor in it."""
    await failed_with(env, code)
    await env.member.click(root(env), "Edit settings")
    view = await env.slack.until(lambda: env.member.modal)
    assert cursor(view) == [field]
    values = prefilled(view)
    assert values["Model"] == "org/model"
    await env.member.click(view, "Hide advanced" if "Revision" in values else "Advanced")
    redrawn = await env.slack.until(
        lambda: env.member.modal if env.member.modal and env.member.modal.updates else None
    )
    assert cursor(redrawn) == []


@pytest.mark.usefixtures("bot")
async def test_an_endpoint_made_elsewhere_is_updated_instead(env: Environment) -> None:
    """Nobody knows what it was asked for with, so that its own form opens."""
    endpoint = await follow(env)
    env.friendli.set_status(endpoint, "FAILED", error_code="INFERENCE_ENGINE_MEMORY_ERROR")
    await env.slack.until(lambda: "Edit settings" in root(env).buttons)
    larger = next(one for one in root(env).buttons if one.startswith("Update to "))
    await env.member.click(root(env), larger)
    view = await env.slack.until(lambda: env.member.modal)
    await env.slack.until(lambda: [one for one in view.fields() if one.label == "Instance"])
    [instance] = [item for item in view.fields() if item.label == "Instance"]
    chosen = instance.element["initial_option"]["text"]["text"]
    assert larger.removeprefix("Update to ").split(", ")[0] in chosen
    await env.member.close_modal()
    await env.member.click(root(env), "Edit settings")
    form = await env.slack.until(lambda: env.member.modal)
    await env.slack.until(lambda: cursor(form) == ["Max batch size"])


@pytest.mark.parametrize("code", list(InferenceDeploymentErrorCode))
@pytest.mark.usefixtures("bot")
async def test_every_error_code_is_told_in_words_with_the_code(
    env: Environment, code: InferenceDeploymentErrorCode
) -> None:
    """Whatever the code, the thread says what happened and names it."""
    await send_deploy(env, "org/model")
    await env.slack.until(lambda: thread(env))
    [endpoint] = env.friendli.endpoints
    env.friendli.set_status(endpoint, "FAILED", error_code=code)
    await env.slack.until(lambda: code in root(env).text)
    assert "Try again" in root(env).buttons or await env.slack.until(
        lambda: "Try again" in root(env).buttons
    )


@pytest.mark.usefixtures("bot")
async def test_an_error_code_that_nobody_knows_is_shown_as_it_came(env: Environment) -> None:
    """A code of tomorrow, with characters that would ping everyone, stays text."""
    await send_deploy(env, "org/model")
    await env.slack.until(lambda: thread(env))
    [endpoint] = env.friendli.endpoints
    env.friendli.set_status(endpoint, "FAILED", error_code="<!channel>_ERROR")
    await env.slack.until(lambda: len(thread(env)) == 2)
    assert thread(env)[-1] == snapshot(
        "# 🔴 *it* failed while getting a GPU machine at TIME. Friendli returned an error code that this bot doesn't know: `<!channel>_ERROR`."
    )
    assert "&lt;!channel&gt;" in env.channel.replies(root(env).ts)[-1].text


@pytest.mark.parametrize(
    ("status", "said"),
    [
        pytest.param(
            400,
            snapshot("""\
🔴 *it* wasn't created
Friendli said: “<no> & never”. Friendli refused the request (status 400). Change it and try again.
org/model@ffc8550 · 1 × H100 · 1 replica · requested by @requester at TIME
[Try again]\
"""),
            id="400",
        ),
        pytest.param(
            401,
            snapshot("""\
🔴 *it* wasn't created
Friendli refuses this target's API key. An admin can connect a new key with `/friendli-deploy connect`.
Friendli said: “<no> & never”
org/model@ffc8550 · 1 × H100 · 1 replica · requested by @requester at TIME
[Try again] [Connect again]\
"""),
            id="401",
        ),
        pytest.param(
            402,
            snapshot("""\
🔴 *it* wasn't created
The team's billing at Friendli doesn't allow this. Check Billing in Friendli Suite.
Friendli said: “<no> & never”
org/model@ffc8550 · 1 × H100 · 1 replica · requested by @requester at TIME
[Try again]\
"""),
            id="402",
        ),
        pytest.param(
            404,
            snapshot("""\
🔴 *it* wasn't created
Friendli doesn't know this target's project. An admin can connect another one with `/friendli-deploy connect`.
Friendli said: “<no> & never”
org/model@ffc8550 · 1 × H100 · 1 replica · requested by @requester at TIME
[Try again] [Connect again]\
"""),
            id="404",
        ),
        pytest.param(
            422,
            snapshot("""\
🔴 *it* wasn't created
Friendli said: “<no> & never”. Friendli refused the request (status 422). Change it and try again.
org/model@ffc8550 · 1 × H100 · 1 replica · requested by @requester at TIME
[Try again]\
"""),
            id="422",
        ),
    ],
)
@pytest.mark.usefixtures("bot")
async def test_a_refusal_is_told_with_the_apis_own_words(
    env: Environment, status: int, said: str
) -> None:
    """Nothing is made, the person knows why, and can try again."""
    env.friendli.faults.add(
        Respond(status, {"detail": "<no> & never"}, headers={"Retry-After": "90"}),
        operation="create_endpoint",
    )
    await send_deploy(env, "org/model")
    await env.slack.until(lambda: "wasn't created" in root(env).text)
    assert message_text(env, root(env)) == said
    creates = [one for one in env.friendli.requests if one.operation == "create_endpoint"]
    assert len(creates) == 1


TOO_LARGE: JsonValue = {
    "loc": ["body", "advanced", "max_batch_size"],
    "msg": "<!channel> is too large",
}
UNPROCESSABLE: list[JsonValue] = [
    TOO_LARGE,
    {"loc": ["body", "autoscalingPolicy", "maxReplica"], "msg": "must be at most 10"},
    {"loc": ["body", "somethingNew"], "msg": "Field required"},
    {"loc": ["body", "name"], "msg": "is taken & " + "x" * 1_000},
]


def below(view: View) -> dict[str, str]:
    """What stands right below each field, and at the top of the form as ""."""
    said, label = {}, ""
    for block in view.blocks:
        if block["type"] == "input":
            label = block["label"]["text"]
        elif block["type"] == "context" and "✗" in block["elements"][0]["text"]:
            said[label] = " ".join(element["text"] for element in block["elements"])
    return said


@pytest.mark.usefixtures("bot")
async def test_what_friendli_refuses_of_single_fields_is_told_field_by_field(
    env: Environment,
) -> None:
    """By the form's names in the thread, and below them in the form that opens again."""
    env.friendli.faults.add(Respond(422, {"detail": UNPROCESSABLE}), operation="create_endpoint")
    await env.member.command(
        env.channel,
        "org/model --gpu 1xH100 --name it --max-batch-size 999 --max-replicas 9 --yes",
    )
    await env.slack.until(lambda: "wasn't created" in root(env).text)
    assert message_text(env, root(env)).replace("x" * 189, "…") == snapshot(
        """\
🔴 *it* wasn't created
Friendli refused some of the settings. Change these and try again:
• Max batch size: <!channel> is too large
• Maximum replicas: must be at most 10
• Something new: Field required
• Endpoint name: is taken & xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
Max batch size: `999`
org/model@ffc8550 · 1 × H100 · 0–9 replicas · requested by @requester at TIME
[Try again]\
"""
    )
    await env.slack.until(lambda: "wasn't created" in root(env).text)
    for message in (root(env), root(env)):
        await env.member.click(message, "Try again")
        view = await env.slack.until(lambda: env.member.modal)
        assert {at: said[:60] for at, said in below(view).items()} == snapshot(
            {
                "": "✗ Friendli refused this: Something new: Field required",
                "Endpoint name": "✗ Friendli refused this: is taken &amp; xxxxxxxxxxxxxxxxxxxx",
                "Maximum replicas": "✗ Friendli refused this: must be at most 10",
                "Max batch size": "✗ Friendli refused this: &lt;!channel&gt; is too large",
            }
        )
        values = prefilled(view)
        assert (values["Model"], values["Max batch size"]) == ("org/model", "999")
        assert cursor(view) == ["Max batch size"]
        await env.member.fill("Maximum replicas", "8")
        await env.slack.until(lambda: env.member.modal and env.member.modal.updates)
        assert env.member.modal is not None
        assert set(below(env.member.modal)) == set(below(view))
        await env.member.close_modal()
    creates = [one for one in env.friendli.requests if one.operation == "create_endpoint"]
    assert len(creates) == 1


@pytest.mark.parametrize(
    "detail",
    [
        pytest.param([{"loc": "body", "msg": "no"}], id="a place that is no list"),
        pytest.param([{"loc": ["body"], "msg": {"a": 1}}], id="words that are none"),
        pytest.param([None, 1, [], {}], id="nothing"),
        pytest.param({"loc": ["body", "name"], "msg": "no"}, id="no list"),
    ],
)
@pytest.mark.usefixtures("bot")
async def test_a_refusal_in_any_other_shape_is_told_as_it_came(
    env: Environment, detail: JsonValue
) -> None:
    """Nothing of it stops the refusal from being told."""
    answer = Respond(422, {"detail": detail})
    env.friendli.faults.add(answer, operation="create_endpoint")
    await send_deploy(env, "org/model")
    await env.slack.until(lambda: thread(env))
    assert "Friendli refused the request (status 422)." in thread(env)[-1]


@pytest.mark.usefixtures("bot")
async def test_an_update_that_is_refused_opens_again_with_what_it_was_to_change(
    env: Environment,
) -> None:
    """Field by field, as typed, and nothing is sent twice."""
    await serve(env)
    answer = Respond(422, {"detail": [TOO_LARGE]})
    env.friendli.faults.add(answer, operation="update_endpoint")
    await env.member.command(env.channel, "update it --max-batch-size 999")
    [question] = await env.slack.until(lambda: env.member.ephemerals(env.channel))
    await env.member.click(question, "Update")
    await env.slack.until(lambda: "didn't update" in thread(env)[-1])
    reply = env.channel.replies(root(env).ts)[-1]
    assert message_text(env, reply) == snapshot("""\
Friendli didn't update it. Friendli refused some of the settings. Change these and try again:
• Max batch size: <!channel> is too large
It stays as it is.\
""")
    await env.member.click(await card_with(env, "Change"), "Change")
    view = await env.slack.until(lambda: env.member.modal)
    await env.slack.until(lambda: below(view))
    assert below(view) == snapshot(
        {"Max batch size": "✗ Friendli refused this: &lt;!channel&gt; is too large"}
    )
    values = prefilled(view)
    assert values["Max batch size"] == "999"
    assert sum(one.operation == "update_endpoint" for one in env.friendli.requests) == 1


@pytest.mark.usefixtures("bot")
async def test_a_key_that_was_revoked_before_the_click_refuses(env: Environment) -> None:
    """The list before the create request is refused, so nothing is sent."""
    env.friendli.revoke_key(API_KEY)
    await send_deploy(env, "org/model")
    await env.slack.until(lambda: thread(env))
    assert thread(env) == snapshot(
        ["# 🔴 *it* wasn't created. Friendli refuses this target's API key."]
    )
    assert all(one.operation != "create_endpoint" for one in env.friendli.requests)


@pytest.mark.usefixtures("short_timeout_bot")
async def test_an_api_that_is_down_before_the_click_gives_up_in_the_end(env: Environment) -> None:
    """Nothing was sent, and after a while the person is told so."""
    env.friendli.faults.add(Respond(503), times=None)
    await send_deploy(env, "org/model")
    await env.slack.until(lambda: thread(env), timeout=20)
    [said] = thread(env)
    assert re.sub(r"for .*, so", "for A WHILE, so", said) == snapshot(
        "# 🔴 *it* wasn't created. Friendli's API couldn't be reached for A WHILE, so nothing was sent."
    )
    assert not env.friendli.endpoints


@pytest.mark.usefixtures("bot")
async def test_cancelling_on_the_way_terminates(env: Environment) -> None:
    """Cancel is carried out, told, and the root says that it is over."""
    await send_deploy(env, "org/model")
    await env.slack.until(lambda: thread(env) and "Cancel" in root(env).buttons)
    await env.member.click(root(env), "Cancel")
    await env.slack.until(lambda: "Terminating" in thread(env)[-1])
    env.clock.advance(AGES)
    await env.slack.until(lambda: "was terminated" in root(env).text)
    await env.slack.until(lambda: "Terminated" in thread(env)[-1])
    assert thread(env) == snapshot(
        [
            "Endpoint created: `ENDPOINT-1`. Getting a GPU machine.",
            "@requester asked to terminate it.",
            "🟠 Terminating.",
            "⚪ Terminated. $0.00/h; a restart in Friendli Suite shows up here.",
        ]
    )
    assert message_text(env, root(env)) == snapshot("""\
⚪ *it* was terminated
$0.00/h. Restarting starts billing again.
org/model@ffc8550 · 1 × H100 · 1 replica · endpoint `ENDPOINT-1` · requested by @requester at TIME
[Restart ($5.00/h)] [Open in Friendli] [⋯ Delete · Deploy another like this · Copy as command]\
""")


@pytest.mark.usefixtures("bot")
async def test_a_second_click_on_cancel_is_told_that_it_is_under_way(env: Environment) -> None:
    """Two people who press it at once make one request."""
    await send_deploy(env, "org/model")
    await env.slack.until(lambda: thread(env) and "Cancel" in root(env).buttons)
    await env.member.double_click(root(env), "Cancel")
    await env.slack.until(lambda: env.member.ephemerals(env.channel))
    [said] = env.member.ephemerals(env.channel)
    assert message_text(env, said) == snapshot("Someone already requested this; see the thread.")
    await env.friendli.until(
        lambda: [one for one in env.friendli.requests if one.operation == "terminate_endpoint"]
    )
    ends = [one for one in env.friendli.requests if one.operation == "terminate_endpoint"]
    assert len(ends) == 1


@pytest.mark.usefixtures("bot")
async def test_a_wish_to_end_it_is_written_before_slack_hears_back(env: Environment) -> None:
    """A bot that dies right after its answer leaves nothing billing that somebody has ended."""
    await send_deploy(env, "org/model")
    await env.slack.until(lambda: thread(env) and "Cancel" in root(env).buttons)
    database = Database(env.database)
    await env.member.click(root(env), "Cancel")
    async with database.read() as session:
        requested_by = (await session.scalars(select(Operation.requested_by))).all()
    await database.close()
    assert requested_by == [env.member.user.id]


@pytest.mark.usefixtures("bot")
async def test_guests_from_elsewhere_look_but_don_t_act(env: Environment) -> None:
    """Someone of another organisation in a shared channel can't end an endpoint."""
    guest = env.slack.act_as(env.slack.add_user("guest", team_id="T0ELSEWHERE"))
    env.slack.workspace.set_member(env.channel, guest.user, member=True)
    await send_deploy(env, "org/model")
    await env.slack.until(lambda: thread(env) and "Cancel" in root(env).buttons)
    await guest.click(root(env), "Cancel")
    [said] = await env.slack.until(lambda: guest.ephemerals(env.channel))
    assert message_text(env, said) == snapshot("""\
You belong to another organisation, so you can look here but not act.
Ask someone in this workspace to do it.\
""")
