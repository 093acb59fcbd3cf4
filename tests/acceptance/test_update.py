"""Stories of updates: what runs is changed after a look at before and after, and followed."""

import pytest
from inline_snapshot import snapshot

from bot.sandbox.environment import PROJECT, Environment
from bot.sandbox.faults import Call, DropRequest, LoseReply, Respond
from tests.acceptance.thread_assertions import (
    card_with,
    ephemeral_texts,
    has_replies,
    message_text,
    root,
    roots,
    thread,
)
from tests.acceptance.update_form import (
    command_response,
    deploy_until_serving,
    modal_text,
    open_update_form,
    update_bodies,
)

pytestmark = pytest.mark.usefixtures("bot")

BIGGER = "update it --replicas 2 --gpu 2xH100"


async def agree(env: Environment, line: str = BIGGER) -> None:
    """Ask for an update by text, agree to it, and wait until Friendli was asked."""
    question = await command_response(env, line)
    before = len(update_bodies(env))
    await env.member.click(question, "Update")
    await env.friendli.until(lambda: len(update_bodies(env)) > before)


async def test_a_line_shows_before_and_after_and_the_thread_follows_the_rollout(
    env: Environment,
) -> None:
    """Nothing is sent before the person agrees; then only what changes is, and the root follows."""
    await deploy_until_serving(env)
    question = await command_response(env, BIGGER)
    assert message_text(env, question) == snapshot("""\
Update *it*? Version `0` runs now.
Instance: `1 × H100` → `2 × H100`
Replicas: `1 replica` → `2 replicas`
$5.00/h → *$20.00/h* (up to $25.00/h during the rollout). The current version stays live until the new one is ready.
Nothing is sent until you confirm.
[Update] [Change] [Cancel]\
""")
    assert update_bodies(env) == []
    await env.member.click(question, "Update")
    await env.slack.until(lambda: "updating" in root(env).text)
    assert update_bodies(env) == snapshot(
        [{"simplescale": {"replicas": 2}, "instanceOptionId": "zfTutSiLn0Hq"}]
    )
    env.clock.advance(180)
    await env.slack.until(lambda: "is live" in root(env).text)
    await env.slack.until(lambda: has_replies(env, 5))
    assert thread(env)[2:] == snapshot(
        [
            """\
@requester asked to update it.
Instance: `1 × H100` → `2 × H100`
Replicas: `1 replica` → `2 replicas`
$5.00/h → *$20.00/h*\
""",
            "🟠 Rolling out a new version. The previous one stays live until it is ready.",
            "🟢 The new version is live (took 3 min).",
        ]
    )
    assert message_text(env, root(env)) == snapshot("""\
🟢 *it* is live · $20.00/h while live
Call it with `model: "ENDPOINT-1"`
org/model@ffc8550 · 2 × H100 · 2 replicas · endpoint `ENDPOINT-1` · requested by @requester at TIME
[Use it] [Try a prompt] [Open in Friendli] [Update] [⋯ Sleep · Terminate · Deploy another like this · Copy as command]\
""")
    assert ephemeral_texts(env) == snapshot(["*it* is being updated; see its thread."])


async def test_the_form_is_filled_in_from_what_runs(env: Environment) -> None:
    """The button opens it, Review shows before and after, Update sends."""
    await deploy_until_serving(
        env, "org/model --gpu 1xH100 --autoscale 1..3 --cooldown 600 --max-batch-size 64"
    )
    view = await open_update_form(env)
    filled = {
        item.label: view.values[item.block_id][item.action_id]
        for item in view.fields()
        if item.is_input
    }
    assert {
        label: state.get("value") or (state.get("selected_option") or {}).get("value")
        for label, state in filled.items()
    } == snapshot(
        {
            "Model": "org/model",
            "Endpoint name": "it",
            "Instance": "1xH100",
            "Scaling": "auto",
            "Minimum replicas": "1",
            "Maximum replicas": "3",
            "Cool-down": "600",
        }
    )
    await env.member.fill("Maximum replicas", "2")
    await env.member.submit()
    assert modal_text(env, env.member.modal) == snapshot("""\
Update *it*? Version `0` runs now.
Replicas: `1–3 replicas, cool-down 600 s` → `1–2 replicas, cool-down 600 s`
$5.00/h per replica, $15.00/h at most → *$5.00/h per replica, $10.00/h at most* (up to $25.00/h during the rollout). The current version stays live until the new one is ready.
Nothing is sent until you confirm.\
""")
    assert update_bodies(env) == []
    await env.member.submit()
    assert env.member.modal is None
    await env.friendli.until(lambda: update_bodies(env))
    assert update_bodies(env) == snapshot(
        [{"autoscalingPolicy": {"minReplica": 1, "maxReplica": 2, "cooldownPeriod": 600}}]
    )


async def test_review_can_go_back_to_the_form(env: Environment) -> None:
    """Change shows the form again with everything that was typed, and what is wrong stands in it."""
    await deploy_until_serving(env)
    await open_update_form(env)
    await env.member.fill("Replicas", "0")
    await env.member.submit()
    assert env.member.field_errors == snapshot(
        {"Replicas": "Replicas must be 1 or more. You wrote “0”."}
    )
    await env.member.fill("Replicas", "3")
    await env.member.submit()
    review = env.member.modal
    assert review is not None
    await env.member.click(review, "Change")
    view = await env.slack.until(
        lambda: env.member.modal if env.member.modal and env.member.modal.fields()[1:] else None
    )
    [replicas] = [item for item in view.fields() if item.label == "Replicas"]
    assert replicas.element["initial_value"] == "3"
    assert update_bodies(env) == []


async def test_a_form_in_which_nothing_was_changed_sends_nothing(env: Environment) -> None:
    """It says so, and so does a line that says what runs already."""
    await deploy_until_serving(env)
    await open_update_form(env)
    await env.member.submit()
    assert modal_text(env, env.member.modal) == snapshot(
        "Nothing would change, so nothing is sent."
    )
    await env.member.close_modal()
    answer = await command_response(env, "update it --gpu 1xH100")
    assert message_text(env, answer) == snapshot(
        "*it* already runs like this. Nothing would change, so nothing is sent."
    )
    assert update_bodies(env) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        pytest.param(
            "--gpu 1xA100",
            snapshot("""\
Update *it*? Version `0` runs now.
Instance: `1 × H100` → `1 × A100`
$5.00/h → *$4.00/h* (up to $9.00/h during the rollout). The current version stays live until the new one is ready.
Nothing is sent until you confirm.
[Update] [Change] [Cancel]\
"""),
            id="down",
        ),
        pytest.param(
            "--autoscale 0..4",
            snapshot("""\
Update *it*? Version `0` runs now.
Replicas: `1 replica` → `0–4 replicas, cool-down 300 s`
$5.00/h → *$5.00/h per replica, $20.00/h at most* (up to $25.00/h during the rollout). The current version stays live until the new one is ready.
Nothing is sent until you confirm.
[Update] [Change] [Cancel]\
"""),
            id="up to",
        ),
        pytest.param(
            "org/other --max-batch-size 8",
            snapshot("""\
Update *it*? Version `0` runs now.
Model: `org/model @ ffc8550` → `org/other`
Max batch size: `Friendli's default` → `8`
Sent unchanged: Skip special tokens: `on` · Add special tokens: `on`
$5.00/h, unchanged (up to $10.00/h during the rollout). The current version stays live until the new one is ready.
Nothing is sent until you confirm.
[Update] [Change] [Cancel]\
"""),
            id="the same",
        ),
        pytest.param(
            "--name '<!channel> *b* `c`' --comment '<@U1>'",
            snapshot("""\
Update *it*? Version `0` runs now.
Endpoint name: `it` → `@channel *b* ˋcˋ`
Comment: “@U1”
$5.00/h, unchanged (up to $10.00/h during the rollout). The current version stays live until the new one is ready.
Nothing is sent until you confirm.
[Update] [Change] [Cancel]\
"""),
            id="hostile",
        ),
        pytest.param(
            "--replicas 0",
            snapshot("""\
Replicas must be 1 or more. You wrote `0`.
```/friendli-deploy update it --replicas 1```
[Run this] [Open in form]\
"""),
            id="a wrong value",
        ),
        pytest.param(
            "--replica 2",
            snapshot("""\
I don't know the option `--replica`. Did you mean `--replicas`?
```/friendli-deploy update it --replicas 2```
[Run this] [Open in form]\
"""),
            id="an option that isn't",
        ),
        pytest.param(
            "--to staging --replicas 2",
            snapshot("""\
I don't know the target `staging`.
This channel deploys to `prod`.\
"""),
            id="another target",
        ),
        pytest.param(
            "--for 8h --replicas 2",
            snapshot("""\
An update can't change the lifetime; `extend` can. Leave out `--for`.
[Open in form]\
"""),
            id="another end",
        ),
        pytest.param(
            "--yes --replicas 2",
            snapshot("""\
An update always needs a confirmation. Leave out `--yes`.
```/friendli-deploy update it --replicas 2```
[Run this] [Open in form]\
"""),
            id="without asking",
        ),
    ],
)
async def test_before_and_after_in_words(env: Environment, line: str, said: str) -> None:
    """Each change is named with its old value, its new one, and what it costs."""
    await deploy_until_serving(env)
    answer = await command_response(env, f"update it {line}")
    assert message_text(env, answer) == said
    assert update_bodies(env) == []


async def test_an_endpoint_that_sleeps_gets_the_version_for_when_it_wakes(
    env: Environment,
) -> None:
    """Nothing rolls out, so the thread says when the new version serves."""
    endpoint = await deploy_until_serving(env)
    env.friendli.set_status(endpoint, "SLEEPING")
    await env.slack.until(lambda: "is asleep" in root(env).text)
    await agree(env)
    await env.slack.until(lambda: "when the endpoint wakes" in thread(env)[-1])
    assert thread(env)[3:] == snapshot(
        [
            """\
@requester asked to update it.
Instance: `1 × H100` → `2 × H100`
Replicas: `1 replica` → `2 replicas`
$5.00/h → *$20.00/h*\
""",
            "Friendli has version `1`. It goes live when the endpoint wakes.",
        ]
    )
    await env.slack.until(lambda: "2 × H100 · 2 replicas" in message_text(env, root(env)))


async def test_a_rollout_that_fails_is_told(env: Environment) -> None:
    """The channel hears that the new version failed, why, and the way back."""
    await deploy_until_serving(env)
    env.friendli.fail_next("INFERENCE_ENGINE_MEMORY_ERROR")
    await agree(env, "update it --max-batch-size 512")
    await env.slack.until(lambda: "updating" in root(env).text)
    env.clock.advance(180)
    await env.slack.until(lambda: "failed" in root(env).text and "#" in thread(env)[-1])
    assert thread(env)[3:] == snapshot(
        [
            "🟠 Rolling out a new version. The previous one stays live until it is ready.",
            "# 🔴 *it* failed while rolling out a new version at TIME. `org/model` doesn't fit in the memory of these GPUs.",
        ]
    )
    assert message_text(env, root(env)) == snapshot("""\
🔴 *it* failed while rolling out a new version
`org/model` doesn't fit in the memory of these GPUs: weights 16 GB, memory 80 GB. Use a larger instance, or lower the max batch size or the max input length. (`INFERENCE_ENGINE_MEMORY_ERROR`) `/friendli-deploy versions it` lists the versions it can roll back to.
Max batch size: `512`
org/model@ffc8550 · 1 × H100 · 1 replica · endpoint `ENDPOINT-1` · requested by @requester at TIME
[Update to 4 × B200, $36.00/h] [Edit settings] [Versions] [Try again] [Open in Friendli] [⋯ Delete · Copy as command]\
""")
    question = await command_response(env, "rollback it 0")
    assert message_text(env, question) == snapshot("""\
Roll back *it* to version `0`?
Max batch size: `512` → `256`
Sent unchanged: Skip special tokens: `on` · Add special tokens: `on`
$5.00/h, unchanged. Failed: the new version runs after a restart.
Nothing is sent until you confirm.
[Roll back] [Change] [Cancel]\
""")
    await env.member.click(question, "Roll back")
    await env.slack.until(lambda: "after a restart" in thread(env)[-1])
    assert thread(env)[5:] == snapshot(
        [
            """\
@requester asked to update it.
Rolls back to version `0`.
Max batch size: `512` → `256`
Sent unchanged: Skip special tokens: `on` · Add special tokens: `on`
$5.00/h, unchanged\
""",
            "Friendli has version `2`. It goes live after a restart.",
        ]
    )
    await card_with(env, "Restart ($5.00/h)")


async def test_a_refusal_is_told_in_friendli_s_words(env: Environment) -> None:
    """What runs stays as it is, in the thread's root too."""
    await deploy_until_serving(env)
    refusal = Respond(422, {"detail": "max_batch_size <!here> is too large"})
    env.friendli.faults.add(refusal, operation="update_endpoint")
    await agree(env)
    await env.slack.until(lambda: "didn't" in thread(env)[-1])
    assert thread(env)[2:] == snapshot(
        [
            """\
@requester asked to update it.
Instance: `1 × H100` → `2 × H100`
Replicas: `1 replica` → `2 replicas`
$5.00/h → *$20.00/h*\
""",
            """\
# Friendli didn't update it. Friendli said: “max_batch_size <!here> is too large”. Friendli refused the request (status 422). Change it and try again.
It stays as it is.\
""",
        ]
    )
    assert "1 × H100 · 1 replica" in message_text(env, root(env))


async def test_an_update_whose_answer_is_lost_is_sent_once(env: Environment) -> None:
    """The new version shows in the endpoint's history, so that it is known to be made."""
    await deploy_until_serving(env)
    env.friendli.faults.add(LoseReply(), operation="update_endpoint")
    await agree(env)
    await env.slack.until(lambda: "2 × H100 · 2 replicas" in message_text(env, root(env)))
    assert len(update_bodies(env)) == 1
    answer = await command_response(env, "versions it")
    assert "has 2 versions" in answer.text


async def test_an_update_is_sent_once_though_friendli_asks_to_wait(env: Environment) -> None:
    """Being told to come again later, when looking what became of it, is no leave to repeat it."""
    await deploy_until_serving(env)
    wait = Respond(429, {"detail": "slow down"}, headers={"Retry-After": "0"})

    def has_left(_: Call) -> bool:
        return bool(update_bodies(env))

    env.friendli.faults.add(LoseReply(), operation="update_endpoint")
    env.friendli.faults.add(wait, operation="get_endpoint_version_history", when=has_left, times=4)
    await agree(env)
    await env.slack.until(lambda: "2 × H100 · 2 replicas" in message_text(env, root(env)))
    assert len(update_bodies(env)) == 1


async def test_an_update_that_got_lost_is_not_sent_again(env: Environment) -> None:
    """Nobody can say whether it arrives late, so the person decides."""
    await deploy_until_serving(env)
    env.friendli.faults.add(DropRequest(), operation="update_endpoint")
    await agree(env)
    await env.slack.until(lambda: "didn't confirm" in thread(env)[-1])
    assert thread(env)[-1] == snapshot(
        "# Friendli didn't confirm the update, and no new version shows. Nothing is sent twice: request it again if you still want it."
    )
    assert len(update_bodies(env)) == 1


async def test_a_double_click_updates_once(env: Environment) -> None:
    """The second one is told that it was asked for already."""
    await deploy_until_serving(env)
    question = await command_response(env, BIGGER)
    await env.member.double_click(question, "Update")
    await env.slack.until(lambda: any("already" in said for said in ephemeral_texts(env)))
    await env.slack.until(lambda: "updating" in root(env).text)
    assert len(update_bodies(env)) == 1
    assert sorted(ephemeral_texts(env)) == snapshot(
        [
            "*it* is being updated; see its thread.",
            "You already requested this; see the thread.",
        ]
    )


async def test_who_comes_second_sees_what_is_so_now(env: Environment) -> None:
    """An update that was compared with an older version isn't sent; Change compares anew."""
    await deploy_until_serving(env)
    late = await command_response(env, "update it --max-batch-size 8")
    opened = await open_update_form(env)
    await env.member.click(opened, "Advanced")
    await agree(env)
    await env.slack.until(lambda: "updating" in root(env).text)
    env.clock.advance(180)
    await env.slack.until(lambda: "is live" in root(env).text)
    await env.member.fill("Max batch size", "5")
    await env.member.submit()
    await env.slack.until(lambda: "was updated while" in modal_text(env, env.member.modal))
    assert modal_text(env, env.member.modal).split("\n$")[0] == snapshot("""\
*it* was updated while the form was open, so nothing was sent. Version `1` runs now:
Instance: `1 × H100` → `2 × H100`
Replicas: `1 replica` → `2 replicas`
Your changes are kept below.
8.2 B parameters, 16 GB bf16 · Qwen3ForCausalLM · 40k context · revision `ffc8550`
*$20.00/h* for 2 replicas while live ($14,600/month)\
""")
    await env.member.submit()
    assert modal_text(env, env.member.modal) == snapshot("""\
Update *it*? Version `1` runs now.
Max batch size: `Friendli's default` → `5`
Sent unchanged: Skip special tokens: `on` · Add special tokens: `on`
$20.00/h, unchanged (up to $40.00/h during the rollout). The current version stays live until the new one is ready.
Nothing is sent until you confirm.\
""")
    await env.member.close_modal()
    await env.member.click(late, "Update")
    await env.slack.until(lambda: "in the meantime" in ephemeral_texts(env)[-1])
    assert ephemeral_texts(env)[-1] == snapshot(
        "@requester updated it in the meantime: version `1` runs now. Nothing was sent; *Change* shows the current settings."
    )
    await env.member.click(late, "Change")
    await env.slack.until(lambda: env.member.modal and env.member.modal.callback_id == "update")
    await env.member.submit()
    assert modal_text(env, env.member.modal) == snapshot("""\
Update *it*? Version `1` runs now.
Max batch size: `Friendli's default` → `8`
Sent unchanged: Skip special tokens: `on` · Add special tokens: `on`
$20.00/h, unchanged (up to $40.00/h during the rollout). The current version stays live until the new one is ready.
Nothing is sent until you confirm.\
""")
    assert len(update_bodies(env)) == 1


async def test_a_version_that_was_made_elsewhere_meanwhile_stops_an_update(
    env: Environment,
) -> None:
    """It is looked for right before the update is sent, and what runs is shown the next time."""
    endpoint = await deploy_until_serving(env)
    question = await command_response(env, BIGGER)
    env.friendli.update(endpoint, replicas=4)
    env.friendli.set_status(endpoint, "RUNNING")
    await env.member.click(question, "Update")
    await env.slack.until(lambda: "in the meantime" in thread(env)[-1])
    assert thread(env)[-1] == snapshot(
        "# Version `1` was created outside this channel in the meantime, so the update wasn't sent. Request it again to see what it would change now."
    )
    assert update_bodies(env) == []
    answer = await command_response(env, BIGGER)
    assert message_text(env, answer) == snapshot("""\
Update *it*? Version `1` runs now.
Instance: `1 × H100` → `2 × H100`
Replicas: `4 replicas` → `2 replicas`
$20.00/h, unchanged (up to $40.00/h during the rollout). The current version stays live until the new one is ready.
Version `1` was created outside this channel. Its model, revision, token count, logging and queue settings may differ from what was set here; they stay unchanged unless you change them.
Nothing is sent until you confirm.
[Update] [Change] [Cancel]\
""")


async def test_an_endpoint_that_is_gone_isn_t_updated(env: Environment) -> None:
    """Whoever agrees too late is told what is so."""
    endpoint = await deploy_until_serving(env)
    question = await command_response(env, BIGGER)
    env.friendli.set_status(endpoint, "TERMINATED")
    await env.slack.until(lambda: "was terminated" in root(env).text)
    await env.member.click(question, "Update")
    await env.slack.until(lambda: len(ephemeral_texts(env)) > 1)
    env.friendli.delete(endpoint)
    await env.slack.until(lambda: "isn't listed" in root(env).text)
    await env.member.click(question, "Update")
    await env.slack.until(lambda: len(ephemeral_texts(env)) > 2)
    assert ephemeral_texts(env)[1:] == snapshot(
        [
            "It is ended, so it can't be updated.",
            "It is ended, so it can't be updated.",
        ]
    )
    assert update_bodies(env) == []


async def test_of_an_endpoint_made_elsewhere_only_what_is_named_is_sent(env: Environment) -> None:
    """The question says what nobody here knows; the root follows what changed."""
    env.friendli.create(project_id=PROJECT, name="elsewhere")
    env.clock.advance(300)
    await env.member.command(env.channel, "follow elsewhere")
    await env.slack.until(lambda: roots(env) and ephemeral_texts(env))
    question = await command_response(env, "update elsewhere --autoscale 0..2")
    assert message_text(env, question) == snapshot("""\
Update *elsewhere*? Version `0` runs now.
Replicas: `1 replica` → `0–2 replicas, cool-down 300 s`
$5.00/h → *$5.00/h per replica, $10.00/h at most* (up to $15.00/h during the rollout). The current version stays live until the new one is ready.
Friendli doesn't return the model, revision, token count, logging and queue settings of endpoints created elsewhere. They stay unchanged unless you set them.
Nothing is sent until you confirm.
[Update] [Change] [Cancel]\
""")
    await env.member.click(question, "Update")
    await env.slack.until(lambda: "updating" in root(env).text)
    assert update_bodies(env) == snapshot(
        [{"autoscalingPolicy": {"minReplica": 0, "maxReplica": 2, "cooldownPeriod": 300}}]
    )
    await env.slack.until(lambda: "0–2 replicas" in message_text(env, root(env)))
    await env.slack.until(lambda: has_replies(env, 2))
    assert thread(env) == snapshot(
        [
            """\
@requester asked to update it.
Replicas: `1 replica` → `0–2 replicas, cool-down 300 s`
$5.00/h → *$5.00/h per replica, $10.00/h at most*\
""",
            "🟠 Rolling out a new version. The previous one stays live until it is ready.",
        ]
    )


async def test_the_form_of_an_endpoint_made_elsewhere_says_what_it_can_t_know(
    env: Environment,
) -> None:
    """Its model may stay empty, and then stays what it is."""
    env.friendli.create(project_id=PROJECT, name="elsewhere")
    env.clock.advance(300)
    await env.member.command(env.channel, "follow elsewhere")
    await env.slack.until(lambda: roots(env) and ephemeral_texts(env))
    view = await open_update_form(env)
    assert modal_text(env, view) == snapshot("""\
This endpoint was created elsewhere: Friendli doesn't return its model, revision, token count, logging and queue settings. Fields that you leave empty stay unchanged.
*$5.00/h* while live ($3,650/month)\
""")
    await env.member.fill("Instance", "1xB200")
    await env.member.submit()
    assert modal_text(env, env.member.modal) == snapshot("""\
Update *elsewhere*? Version `0` runs now.
Instance: `1 × H100` → `1 × B200`
$5.00/h → *$9.00/h* (up to $14.00/h during the rollout). The current version stays live until the new one is ready.
Friendli doesn't return the model, revision, token count, logging and queue settings of endpoints created elsewhere. They stay unchanged unless you set them. Nothing is sent until you confirm.\
""")
    await env.member.submit()
    await env.friendli.until(lambda: update_bodies(env))
    assert update_bodies(env) == snapshot([{"instanceOptionId": "8GiQTLKfJNOr"}])


async def test_an_endpoint_gets_another_name(env: Environment) -> None:
    """Its root and the commands about it use it from then on; one that is taken is refused."""
    await deploy_until_serving(env)
    await agree(env, "update it --name renamed")
    await env.slack.until(lambda: "renamed" in root(env).text)
    await env.member.command(env.channel, "org/model --gpu 1xA100 --replicas 1 --name it --yes")
    await env.friendli.until(lambda: len(env.friendli.endpoints) == 2)
    await env.slack.until(lambda: "is updating" in roots(env)[0].text)
    env.clock.advance(300)
    await env.slack.until(lambda: "is live" in roots(env)[0].text)
    question = await command_response(env, "update renamed --name it")
    await env.member.click(question, "Update")
    await env.slack.until(lambda: "taken" in ephemeral_texts(env)[-1])
    assert ephemeral_texts(env)[-1] == snapshot(
        "*it* is taken by another endpoint. Nothing was sent."
    )
    assert len(update_bodies(env)) == 1


async def test_an_endpoint_that_nobody_follows_can_t_be_updated(env: Environment) -> None:
    """There would be no thread to tell how it goes."""
    env.friendli.create(project_id=PROJECT, name="elsewhere")
    answer = await command_response(env, "update elsewhere --replicas 2")
    assert message_text(env, answer) == snapshot("""\
*elsewhere* was created elsewhere and has no thread here.
Follow it first: `/friendli-deploy follow ENDPOINT-1`\
""")


async def test_an_api_that_doesn_t_answer_is_said(env: Environment) -> None:
    """Nothing is compared with what may be outdated."""
    await deploy_until_serving(env)
    env.friendli.faults.add(Respond(403, {"detail": "no"}), operation="get_endpoint", times=9)
    await env.member.click(root(env), "Update")
    await env.slack.until(lambda: "Friendli didn't" in modal_text(env, env.member.modal))
    assert modal_text(env, env.member.modal) == snapshot(
        "Friendli didn't return the current version. It said: “no”. Nothing was changed. Try again in a moment."
    )
