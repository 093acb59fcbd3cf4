"""Stories of updates: what runs is changed after a look at before and after, and followed."""

import pytest
from inline_snapshot import snapshot

from bot.sandbox.faults import Answer, DropRequest, LoseReply
from bot.sandbox.world import PROJECT, World
from tests.stories.telling import root, roots, thread, told, whispers, words
from tests.stories.updating import asked, form, serve, shown, updates

pytestmark = pytest.mark.usefixtures("bot")

BIGGER = "update it --replicas 2 --gpu 2xH100"


async def agree(here: World, line: str = BIGGER) -> None:
    """Ask for an update by text, agree to it, and wait until Friendli was asked."""
    question = await asked(here, line)
    before = len(updates(here))
    await here.member.click(question, "Update")
    await here.friendli.until(lambda: len(updates(here)) > before)


async def test_a_line_shows_before_and_after_and_the_thread_follows_the_rollout(
    here: World,
) -> None:
    """Nothing is sent before the person agrees; then only what changes is, and the root follows."""
    await serve(here)
    question = await asked(here, BIGGER)
    assert words(here, question) == snapshot()
    assert updates(here) == []
    await here.member.click(question, "Update")
    await here.slack.until(lambda: "updating" in root(here).text)
    assert updates(here) == snapshot()
    here.clock.advance(180)
    await here.slack.until(lambda: "is serving" in root(here).text)
    await here.slack.until(lambda: told(here, 5))
    assert thread(here)[2:] == snapshot()
    assert words(here, root(here)) == snapshot()
    assert whispers(here) == snapshot()


async def test_the_form_is_filled_in_from_what_runs(here: World) -> None:
    """The button opens it, Review shows before and after, Update sends."""
    await serve(here, "org/model --gpu 1xH100 --autoscale 1..3 --cooldown 600 --max-batch-size 64")
    view = await form(here)
    filled = {
        item.label: view.values[item.block_id][item.action_id]
        for item in view.fields()
        if item.is_input
    }
    assert {
        label: state.get("value") or (state.get("selected_option") or {}).get("value")
        for label, state in filled.items()
    } == snapshot()
    await here.member.fill("Maximum replicas", "2")
    await here.member.submit()
    assert shown(here, here.member.modal) == snapshot()
    assert updates(here) == []
    await here.member.submit()
    assert here.member.modal is None
    await here.friendli.until(lambda: updates(here))
    assert updates(here) == snapshot()


async def test_review_can_go_back_to_the_form(here: World) -> None:
    """Change shows the form again with everything that was typed, and what is wrong stands in it."""
    await serve(here)
    await form(here)
    await here.member.fill("Replicas", "0")
    await here.member.submit()
    assert here.member.field_errors == snapshot()
    await here.member.fill("Replicas", "3")
    await here.member.submit()
    review = here.member.modal
    assert review is not None
    await here.member.click(review, "Change")
    view = await here.slack.until(
        lambda: here.member.modal if here.member.modal and here.member.modal.fields()[1:] else None
    )
    [replicas] = [item for item in view.fields() if item.label == "Replicas"]
    assert replicas.element["initial_value"] == "3"
    assert updates(here) == []


async def test_a_form_in_which_nothing_was_changed_sends_nothing(here: World) -> None:
    """It says so, and so does a line that says what runs already."""
    await serve(here)
    await form(here)
    await here.member.submit()
    assert shown(here, here.member.modal) == snapshot()
    await here.member.close_modal()
    answer = await asked(here, "update it --gpu 1xH100")
    assert words(here, answer) == snapshot()
    assert updates(here) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        pytest.param("--gpu 1xA100", snapshot(), id="down"),
        pytest.param("--autoscale 0..4", snapshot(), id="up to"),
        pytest.param("org/other --max-batch-size 8", snapshot(), id="the same"),
        pytest.param("--name '<!channel> *b* `c`' --comment '<@U1>'", snapshot(), id="hostile"),
        pytest.param("--replicas 0", snapshot(), id="a wrong value"),
        pytest.param("--replica 2", snapshot(), id="an option that isn't"),
        pytest.param("--to staging --replicas 2", snapshot(), id="another target"),
        pytest.param("--yes --replicas 2", snapshot(), id="without asking"),
    ],
)
async def test_before_and_after_in_words(here: World, line: str, said: str) -> None:
    """Each change is named with its old value, its new one, and what it costs."""
    await serve(here)
    answer = await asked(here, f"update it {line}")
    assert words(here, answer) == said
    assert updates(here) == []


async def test_an_endpoint_that_sleeps_gets_the_version_for_when_it_wakes(here: World) -> None:
    """Nothing rolls out, so the thread says when the new version serves."""
    endpoint = await serve(here)
    here.friendli.set_status(endpoint, "SLEEPING")
    await here.slack.until(lambda: "is sleeping" in root(here).text)
    await agree(here)
    await here.slack.until(lambda: "next time" in thread(here)[-1])
    assert thread(here)[3:] == snapshot()
    assert "2 × H100 · 2 replicas" in words(here, root(here))


async def test_a_rollout_that_fails_is_told(here: World) -> None:
    """The channel hears that the new version failed, why, and the way back."""
    await serve(here)
    here.friendli.fail_next("INFERENCE_ENGINE_MEMORY_ERROR")
    await agree(here, "update it --max-batch-size 512")
    await here.slack.until(lambda: "updating" in root(here).text)
    here.clock.advance(180)
    await here.slack.until(lambda: "failed" in root(here).text and "#" in thread(here)[-1])
    assert thread(here)[3:] == snapshot()
    assert words(here, root(here)) == snapshot()


async def test_a_refusal_is_told_in_friendli_s_words(here: World) -> None:
    """What runs stays as it is, in the thread's root too."""
    await serve(here)
    refusal = Answer(422, {"detail": "max_batch_size <!here> is too large"})
    here.friendli.faults.add(refusal, operation="update_endpoint")
    await agree(here)
    await here.slack.until(lambda: "didn't" in thread(here)[-1])
    assert thread(here)[2:] == snapshot()
    assert "1 × H100 · 1 replica" in words(here, root(here))


async def test_an_update_whose_answer_is_lost_is_sent_once(here: World) -> None:
    """The new version shows in the endpoint's history, so that it is known to be made."""
    await serve(here)
    here.friendli.faults.add(LoseReply(), operation="update_endpoint")
    await agree(here)
    await here.slack.until(lambda: "2 × H100 · 2 replicas" in words(here, root(here)))
    assert len(updates(here)) == 1
    answer = await asked(here, "versions it")
    assert "has 2 versions" in answer.text


async def test_an_update_that_got_lost_is_not_sent_again(here: World) -> None:
    """Nobody can say whether it arrives late, so the person decides."""
    await serve(here)
    here.friendli.faults.add(DropRequest(), operation="update_endpoint")
    await agree(here)
    await here.slack.until(lambda: "didn't confirm" in thread(here)[-1])
    assert thread(here)[-1] == snapshot()
    assert len(updates(here)) == 1


async def test_a_double_click_updates_once(here: World) -> None:
    """The second one is told that it was asked for already."""
    await serve(here)
    question = await asked(here, BIGGER)
    await here.member.double_click(question, "Update")
    await here.slack.until(lambda: any("already" in said for said in whispers(here)))
    await here.slack.until(lambda: "updating" in root(here).text)
    assert len(updates(here)) == 1
    assert sorted(whispers(here)) == snapshot()


async def test_who_comes_second_sees_what_is_so_now(here: World) -> None:
    """An update that was compared with an older version isn't sent; Change compares anew."""
    await serve(here)
    late = await asked(here, "update it --max-batch-size 8")
    await form(here)
    await agree(here)
    await here.slack.until(lambda: "updating" in root(here).text)
    here.clock.advance(180)
    await here.slack.until(lambda: "is serving" in root(here).text)
    await here.member.fill("Replicas", "5")
    await here.member.submit()
    assert shown(here, here.member.modal) == snapshot()
    await here.member.close_modal()
    await here.member.click(late, "Update")
    await here.slack.until(lambda: "meanwhile" in whispers(here)[-1])
    assert whispers(here)[-1] == snapshot()
    await here.member.click(late, "Change")
    await here.slack.until(lambda: here.member.modal and here.member.modal.callback_id == "update")
    await here.member.submit()
    assert shown(here, here.member.modal) == snapshot()
    assert len(updates(here)) == 1


async def test_a_version_that_was_made_elsewhere_meanwhile_stops_an_update(here: World) -> None:
    """It is looked for right before the update is sent, and what runs is shown the next time."""
    endpoint = await serve(here)
    question = await asked(here, BIGGER)
    here.friendli.update(endpoint, replicas=4)
    here.friendli.set_status(endpoint, "RUNNING")
    await here.member.click(question, "Update")
    await here.slack.until(lambda: "meanwhile" in thread(here)[-1])
    assert thread(here)[-1] == snapshot()
    assert updates(here) == []
    answer = await asked(here, BIGGER)
    assert words(here, answer) == snapshot()


async def test_an_endpoint_that_is_gone_isn_t_updated(here: World) -> None:
    """Whoever agrees too late is told what is so."""
    endpoint = await serve(here)
    question = await asked(here, BIGGER)
    here.friendli.set_status(endpoint, "TERMINATED")
    await here.slack.until(lambda: "is terminated" in root(here).text)
    await here.member.click(question, "Update")
    await here.slack.until(lambda: len(whispers(here)) > 1)
    here.friendli.delete(endpoint)
    await here.slack.until(lambda: "is gone" in root(here).text)
    await here.member.click(question, "Update")
    await here.slack.until(lambda: len(whispers(here)) > 2)
    assert whispers(here)[1:] == snapshot()
    assert updates(here) == []


async def test_of_an_endpoint_made_elsewhere_only_what_is_named_is_sent(here: World) -> None:
    """The question says what nobody here knows; the root follows what changed."""
    here.friendli.create(project_id=PROJECT, name="elsewhere")
    here.clock.advance(300)
    await here.member.command(here.channel, "follow elsewhere")
    await here.slack.until(lambda: roots(here) and whispers(here))
    question = await asked(here, "update elsewhere --autoscale 0..2")
    assert words(here, question) == snapshot()
    await here.member.click(question, "Update")
    await here.slack.until(lambda: "updating" in root(here).text)
    assert updates(here) == snapshot()
    await here.slack.until(lambda: "0–2 replicas" in words(here, root(here)))
    await here.slack.until(lambda: told(here, 2))
    assert thread(here) == snapshot()


async def test_the_form_of_an_endpoint_made_elsewhere_says_what_it_can_t_know(here: World) -> None:
    """Its model may stay empty, and then stays what it is."""
    here.friendli.create(project_id=PROJECT, name="elsewhere")
    here.clock.advance(300)
    await here.member.command(here.channel, "follow elsewhere")
    await here.slack.until(lambda: roots(here) and whispers(here))
    view = await form(here)
    assert shown(here, view) == snapshot()
    await here.member.fill("Instance", "1xB200")
    await here.member.submit()
    assert shown(here, here.member.modal) == snapshot()
    await here.member.submit()
    await here.friendli.until(lambda: updates(here))
    assert updates(here) == snapshot()


async def test_an_endpoint_that_nobody_follows_can_t_be_updated(here: World) -> None:
    """There would be no thread to tell how it goes."""
    here.friendli.create(project_id=PROJECT, name="elsewhere")
    answer = await asked(here, "update elsewhere --replicas 2")
    assert words(here, answer) == snapshot()


async def test_an_api_that_doesn_t_answer_is_said(here: World) -> None:
    """Nothing is compared with what may be outdated."""
    await serve(here)
    here.friendli.faults.add(Answer(403, {"detail": "no"}), operation="get_endpoint", times=9)
    await here.member.click(root(here), "Update")
    await here.slack.until(lambda: "Friendli doesn't" in shown(here, here.member.modal))
    assert shown(here, here.member.modal) == snapshot()
