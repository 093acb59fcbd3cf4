import json
from dataclasses import replace

import pytest
from inline_snapshot import snapshot
from slack_sdk.errors import SlackApiError

from bot.sandbox.clock import SandboxClock
from bot.sandbox.slack.base_client import NotPossibleError
from bot.sandbox.slack.changes import Change, ViewChanged
from bot.sandbox.slack.view import View
from bot.sandbox.slack.workspace import Content
from tests.sandbox.slack.bolt_app import (
    CHECKING,
    FORM,
    GPU,
    MODEL,
    NAME,
    actions,
    button,
    field,
    modal,
    plain,
    section,
)
from tests.sandbox.slack.scene import Scene, stage


async def opened(scene: Scene) -> View:
    """Let Ann open the form."""
    await scene.ann.command("ml", "form")
    return await scene.slack.until(lambda: scene.ann.modal)


async def trigger(scene: Scene) -> str:
    """Return a trigger_id that nobody has used."""
    await scene.ann.command("ml", "")
    return str(scene.seen[-1]["trigger_id"])


async def test_a_form_is_opened_filled_in_and_submitted(scene: Scene) -> None:
    """A submission carries the state of every field, and an empty answer closes the modal."""
    view = await opened(scene)
    await scene.ann.fill("Name", "llama")
    await scene.ann.fill("GPU", "2 × H100")
    await scene.slack.until(lambda: view.updates)
    await scene.ann.fill("Model", "Qwen/Qwen3-8B")
    assert (await scene.ann.submit()).ok
    assert scene.ann.modal is None
    assert scene.seen[-1]["view"]["state"]["values"] == snapshot(
        {
            "name": {"text": {"type": "plain_text_input", "value": "llama"}},
            "gpu": {
                "pick": {
                    "type": "static_select",
                    "selected_option": {
                        "text": {"type": "plain_text", "text": "2 × H100"},
                        "value": "h100-2",
                    },
                }
            },
            "model": {
                "search": {
                    "type": "external_select",
                    "selected_option": {
                        "text": {"type": "plain_text", "text": "Qwen/Qwen3-8B"},
                        "value": "Qwen/Qwen3-8B",
                    },
                }
            },
        }
    )


async def test_a_submission_carries_everything_that_slack_sends(scene: Scene) -> None:
    """Bolt's listener sees the person, the team, the app and the whole view."""
    view = await opened(scene)
    await scene.ann.fill("name", "llama")
    await scene.ann.fill("gpu", "h100-1")
    await scene.slack.until(lambda: view.updates)
    await scene.ann.submit()
    body = scene.seen[-1]
    sent = body.pop("view")
    del body["trigger_id"]
    assert body == snapshot(
        {
            "type": "view_submission",
            "user": {
                "id": "U000000002",
                "username": "ann",
                "name": "ann",
                "team_id": "T000000001",
            },
            "api_app_id": "A000000001",
            "token": "legacy-verification-token",
            "team": {"id": "T000000001", "domain": "sandbox"},
            "enterprise": None,
            "is_enterprise_install": False,
            "response_urls": [],
        }
    )
    assert sent.pop("hash") == view.hash
    assert [block["block_id"] for block in sent.pop("blocks")][:3] == ["name", "gpu", "model"]
    del sent["state"]
    assert sent == snapshot(
        {
            "id": "V000000001",
            "team_id": "T000000001",
            "type": "modal",
            "private_metadata": "kept",
            "callback_id": "deploy",
            "title": {"type": "plain_text", "text": "Deploy"},
            "clear_on_close": False,
            "notify_on_close": True,
            "close": None,
            "submit": {"type": "plain_text", "text": "Deploy"},
            "previous_view_id": None,
            "root_view_id": "V000000001",
            "app_id": "A000000001",
            "external_id": "",
            "app_installed_team_id": "T000000001",
            "bot_id": "B000000001",
            "submit_disabled": False,
        }
    )


async def test_typed_input_survives_an_update_that_keeps_both_ids(scene: Scene) -> None:
    """An update shows new blocks around what was typed; what lost its ids is gone."""
    view = await opened(scene)
    await scene.ann.fill("Name", "llama")
    renamed = {**GPU, "block_id": "gpu2"}
    await scene.client.views_update(view_id=view.id, view=modal(section("New"), NAME, renamed))
    assert view.values == snapshot(
        {
            "name": {"text": {"type": "plain_text_input", "value": "llama"}},
            "gpu2": {"pick": {"type": "static_select", "selected_option": None}},
        }
    )


async def test_a_field_that_asks_for_it_tells_the_app(scene: Scene) -> None:
    """dispatch_action sends block_actions with the view as it stands; others stay silent."""
    view = await opened(scene)
    assert await scene.ann.fill("Name", "llama") is None
    ack = await scene.ann.fill("GPU", "h100-2")
    assert ack is not None
    assert ack.ok
    await scene.slack.until(lambda: view.updates)
    assert view.blocks[-1]["text"]["text"] == "You picked h100-2"
    body = scene.seen[-1]
    (action,) = body["actions"]
    del action["action_ts"]
    assert (body["container"], action) == snapshot(
        (
            {"type": "view", "view_id": "V000000001"},
            {
                "type": "static_select",
                "block_id": "gpu",
                "action_id": "pick",
                "selected_option": {
                    "text": {"type": "plain_text", "text": "2 × H100"},
                    "value": "h100-2",
                },
            },
        )
    )
    assert body["view"]["state"]["values"]["name"]["text"]["value"] == "llama"


async def test_an_incomplete_form_is_stopped_by_the_client(scene: Scene) -> None:
    """Slack asks for required fields itself; the app hears nothing."""
    await opened(scene)
    heard = len(scene.seen)
    ack = await scene.ann.submit()
    assert (ack.error, ack.delivery) == ("incomplete", None)
    assert scene.ann.field_errors == {
        "Name": "Please complete this required field.",
        "GPU": "Please complete this required field.",
    }
    assert len(scene.seen) == heard


async def filled(scene: Scene, name: str) -> None:
    """Open the form and fill in all it needs."""
    view = await opened(scene)
    await scene.ann.fill("GPU", "h100-1")
    await scene.slack.until(lambda: view.updates)
    await scene.ann.fill("Name", name)


async def test_errors_in_the_answer_stand_under_their_fields(scene: Scene) -> None:
    """The modal stays, and the next submission clears the errors."""
    await filled(scene, "taken")
    changes: list[Change] = []
    scene.slack.subscribe(changes.append)
    assert (await scene.ann.submit()).ok
    assert isinstance(changes[-1], ViewChanged)
    assert scene.ann.field_errors == {"Name": "This name is taken."}
    await scene.ann.fill("Name", "free")
    assert scene.ann.field_errors == {}
    await scene.ann.submit()
    assert scene.ann.modal is None


async def test_errors_for_a_field_that_is_not_there_are_noticed(scene: Scene) -> None:
    """Slack shows such errors nowhere, so the sandbox says so."""
    await filled(scene, "nowhere")
    ack = await scene.ann.submit()
    assert ack.error.startswith("invalid_arguments: [ERROR] must be named like an input block")
    assert scene.ann.notices == [f"view_submission: {ack.error}"]
    assert scene.ann.modal is not None


async def test_an_answer_may_update_push_or_clear(scene: Scene) -> None:
    """The stack follows the response_action."""
    await filled(scene, "more")
    await scene.ann.submit()
    assert [view.previous_id for view in scene.ann.modals] == [None, "V000000001"]
    await scene.ann.fill("Name", "checking")
    await scene.ann.submit()
    top = scene.ann.modal
    assert top is not None
    assert (top.id, top.callback_id) == ("V000000002", "checking")
    await scene.ann.close_modal()
    assert [view.id for view in scene.ann.modals] == ["V000000001"]
    await scene.ann.fill("Name", "everything")
    await scene.ann.submit()
    assert scene.ann.modals == []


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("broken push", "invalid_arguments: [ERROR]"),
        ("broken update", "invalid_arguments: [ERROR]"),
        ("chatty", "invalid_response: Thanks"),
    ],
)
async def test_an_answer_that_slack_would_not_follow_is_noticed(
    scene: Scene, name: str, problem: str
) -> None:
    """Slack shows the person nothing but trouble, and the modal stays."""
    await filled(scene, name)
    ack = await scene.ann.submit()
    assert ack.error.startswith(problem)
    assert scene.ann.notices == [f"view_submission: {ack.error}"]
    assert len(scene.ann.modals) == 1


async def test_a_fourth_modal_is_not_pushed_by_an_answer(scene: Scene) -> None:
    """Three are the most, whichever way they come."""
    await filled(scene, "more")
    errors = []
    for _ in range(3):
        errors.append((await scene.ann.submit()).error)
        await scene.ann.fill("Name", "more")
    assert errors == ["", "", "push_limit_reached"]
    assert len(scene.ann.modals) == 3


async def test_a_text_field_may_tell_the_app_as_it_is_typed(scene: Scene) -> None:
    """On every character, or on Enter, as the field asks."""
    element = {"type": "plain_text_input", "action_id": "typed"}
    moments = {"dispatch_action_config": {"trigger_actions_on": ["on_character_entered"]}}
    on_enter = field("Enter", "enter", element, dispatch_action=True)
    on_typing = field("Typing", "typing", {**element, **moments}, dispatch_action=True)
    await scene.client.views_open(trigger_id=await trigger(scene), view=modal(on_enter, on_typing))
    assert await scene.ann.fill("Enter", "x", enter=False) is None
    assert await scene.ann.fill("Enter", "x") is not None
    typed = await scene.ann.fill("Typing", "x", enter=False)
    assert typed is not None
    assert typed.delivery is not None
    assert typed.delivery.payload["actions"][0]["value"] == "x"


async def test_a_menu_in_a_message_asks_the_app_too(scene: Scene) -> None:
    """What was offered can be chosen, and so can what typing it brings up."""
    row = actions(MODEL["element"])
    message = scene.slack.workspace.post(
        scene.channel, scene.slack.workspace.bot, Content("Which one?", [row])
    )
    name = "meta-llama/Llama-3.1-8B-Instruct"
    assert await scene.ann.suggest("search", "llama", message) == [name]
    payload = json.loads(scene.slack.requests.calls("block_suggestion")[-1].body)["payload"]
    assert payload["container"]["message_ts"] == message.ts
    assert (payload["value"], payload["action_id"]) == ("llama", "search")
    chosen = await scene.ann.choose(message, "search", name)
    assert chosen.delivery is not None
    assert chosen.delivery.payload["actions"][0]["selected_option"]["text"]["text"] == name
    assert len(scene.slack.requests.calls("block_suggestion")) == 1
    with pytest.raises(LookupError, match="no option 'mistral'; there is nothing"):
        await scene.ann.choose(message, "search", "mistral")


async def test_bad_suggestions_are_noticed(scene: Scene) -> None:
    """Slack shows no options if the answer is late, refused or malformed."""
    await opened(scene)
    assert await scene.ann.suggest("Model", "too long") == []
    (notice,) = scene.ann.notices
    assert notice.startswith("block_suggestion: invalid_arguments: [ERROR]")
    scene.slack.signing_secret = "somebody-else"
    assert await scene.ann.suggest("Model", "llama") == []
    assert scene.ann.notices[1:] == ["block_suggestion: dispatch_failed"]
    with pytest.raises(NotPossibleError, match="a static_select brings its own options"):
        await scene.ann.suggest("GPU", "H100")


async def test_what_is_not_on_the_screen_cannot_be_used(scene: Scene) -> None:
    """No modal, no submit button, or somebody else's modal: Slack offers nothing."""
    assert scene.ann.field_errors == {}
    with pytest.raises(NotPossibleError, match="ann has no modal open"):
        await scene.ann.submit()
    await scene.client.views_open(trigger_id=await trigger(scene), view=CHECKING)
    with pytest.raises(NotPossibleError, match="'Deploy' has no submit button"):
        await scene.ann.submit()
    view = scene.ann.modal
    assert view is not None
    ben = scene.slack.act_as(scene.slack.add_user("ben"))
    with pytest.raises(NotPossibleError, match="ben doesn't have 'Deploy' open"):
        await ben.click(view, "Anything")


async def test_a_conversation_in_a_modal_can_bring_a_response_url(scene: Scene) -> None:
    """response_url_enabled gives the submission an address for the channel that was chosen."""
    select = {
        "type": "conversations_select",
        "action_id": "pick_channel",
        "response_url_enabled": True,
    }
    where = field("Where", "where", select)
    also = field("Also", "also", select, optional=True)
    await scene.client.views_open(trigger_id=await trigger(scene), view=modal(NAME, where, also))
    await scene.ann.fill("Name", "llama")
    await scene.ann.fill("Where", scene.channel.id)
    await scene.ann.submit()
    (address,) = scene.seen[-1]["response_urls"]
    assert address.pop("response_url").startswith(scene.slack.url)
    assert address == {
        "block_id": "where",
        "action_id": "pick_channel",
        "channel_id": scene.channel.id,
    }


async def test_closing_a_modal_tells_an_app_that_wants_to_know(scene: Scene) -> None:
    """notify_on_close sends view_closed with what was typed."""
    await opened(scene)
    await scene.ann.fill("Name", "llama")
    ack = await scene.ann.close_modal()
    assert ack is not None
    assert ack.ok
    body = scene.seen[-1]
    assert (body["type"], body["is_cleared"]) == ("view_closed", False)
    assert body["view"]["state"]["values"]["name"]["text"]["value"] == "llama"


async def test_a_modal_may_clear_the_stack_when_it_is_closed(scene: Scene) -> None:
    """clear_on_close takes the views below along."""
    await filled(scene, "more")
    await scene.ann.submit()
    top = scene.ann.modal
    assert top is not None
    await scene.client.views_update(view_id=top.id, view=modal(NAME, clear_on_close=True))
    assert await scene.ann.close_modal() is None
    assert scene.ann.modals == []


async def test_suggestions_come_from_the_app(scene: Scene) -> None:
    """Typing asks the app for options, once there is enough to ask with."""
    await opened(scene)
    assert await scene.ann.suggest("Model", "llama") == ["meta-llama/Llama-3.1-8B-Instruct"]
    body = scene.seen[-1]
    assert (body["type"], body["value"], body["action_id"], body["block_id"]) == (
        "block_suggestion",
        "llama",
        "search",
        "model",
    )
    with pytest.raises(NotPossibleError, match="as little as 'l'"):
        await scene.ann.suggest("Model", "l")
    with pytest.raises(LookupError, match="no option 'mistral'; there is nothing"):
        await scene.ann.fill("Model", "mistral")
    await scene.ann.fill("Model", "Qwen/Qwen3-8B", query="qwen3")
    assert scene.seen[-1]["value"] == "qwen3"


async def test_a_trigger_opens_one_modal(scene: Scene) -> None:
    """A trigger_id is used up by the view it opens; a refused view leaves it."""
    trigger_id = await trigger(scene)
    broken = {**FORM, "title": plain("x" * 25)}
    assert await scene.refusal("views.open", trigger_id=trigger_id, view=broken) == (
        "invalid_arguments"
    )
    await scene.client.views_open(trigger_id=trigger_id, view=FORM)
    again = await scene.refusal("views.open", trigger_id=trigger_id, view=FORM)
    assert again == "exchanged_trigger_id"


async def test_a_trigger_lives_three_seconds() -> None:
    """A trigger_id works until three seconds have passed, and not after."""
    clock = SandboxClock(speed=0)
    async with stage(clock=clock) as scene:
        young, old = await trigger(scene), await trigger(scene)
        clock.advance(3)
        await scene.client.views_open(trigger_id=young, view=FORM)
        clock.advance(0.1)
        error = await scene.refusal("views.open", trigger_id=old, view=FORM)
        assert error == "expired_trigger_id"


async def test_a_stale_hash_is_a_conflict(scene: Scene) -> None:
    """Each update brings a new hash, and an old one is refused."""
    view = await opened(scene)
    first = view.hash
    answer = await scene.client.views_update(view_id=view.id, hash=first, view=FORM)
    assert answer["view"]["hash"] == view.hash != first
    error = await scene.refusal("views.update", view_id=view.id, hash=first, view=FORM)
    assert error == "hash_conflict"


async def test_an_update_is_checked_like_a_new_view(scene: Scene) -> None:
    """A refused update leaves the view as it is, and a modal stays a modal."""
    view = await opened(scene)
    home = {"type": "home", "blocks": [section("x")]}
    for body in ({**FORM, "blocks": []}, home):
        error = await scene.refusal("views.update", view_id=view.id, view=body)
        assert error == "invalid_arguments"
    assert view.updates == 0


async def test_a_closed_modal_is_not_found(scene: Scene) -> None:
    """What nobody sees can't be updated."""
    view = await opened(scene)
    await scene.ann.close_modal()
    assert await scene.refusal("views.update", view_id=view.id, view=FORM) == "not_found"


async def test_three_modals_are_the_most(scene: Scene) -> None:
    """views.push takes a trigger from within the modal, twice."""
    pushing = modal(actions(button("Next", "next")), NAME)
    trigger_ids: list[str] = []

    @scene.app.bolt.action("next")
    async def note(ack: object, body: dict[str, str]) -> None:
        assert callable(ack)
        await ack()
        trigger_ids.append(body["trigger_id"])

    await scene.client.views_open(trigger_id=await trigger(scene), view=pushing)
    for depth in (2, 3):
        assert scene.ann.modal is not None
        await scene.ann.click(scene.ann.modal, "Next")
        await scene.client.views_push(trigger_id=trigger_ids[-1], view=pushing)
        assert len(scene.ann.modals) == depth
    assert scene.ann.modal is not None
    await scene.ann.click(scene.ann.modal, "Next")
    error = await scene.refusal("views.push", trigger_id=trigger_ids[-1], view=pushing)
    assert error == "push_limit_reached"


async def test_a_modal_does_not_open_from_within_a_modal(scene: Scene) -> None:
    """Slack would say ok, and some clients show nothing: it is refused here."""
    await opened(scene)
    await scene.ann.fill("GPU", "h100-1")
    trigger_id = scene.seen[-1]["trigger_id"]
    error = await scene.refusal("views.open", trigger_id=trigger_id, view=FORM)
    assert error == "invalid_arguments"


async def test_only_the_modal_on_top_can_be_used(scene: Scene) -> None:
    """A view under another one is out of reach."""
    await filled(scene, "more")
    below = scene.ann.modal
    assert below is not None
    await scene.ann.submit()
    with pytest.raises(NotPossibleError, match="lies under another modal"):
        await scene.ann.choose(below, "GPU", "h100-2")
    await scene.ann.close_modal()
    assert (await scene.ann.choose(below, "GPU", "h100-2")).ok
    with pytest.raises(NotPossibleError, match="'pick' is a static_select, not a button"):
        await scene.ann.click(below, "GPU")


async def test_an_unknown_field_is_named_with_those_that_are_there(scene: Scene) -> None:
    """A slip in a test says what it could have meant."""
    await opened(scene)
    with pytest.raises(LookupError, match="nothing is called 'Nmae'") as field_error:
        await scene.ann.fill("Nmae", "llama")
    assert str(field_error.value) == snapshot(
        """\
nothing is called 'Nmae'; there is:
  plain_text_input 'Name' (block_id 'name', action_id 'text')
  static_select 'GPU' (block_id 'gpu', action_id 'pick')
  external_select 'Model' (block_id 'model', action_id 'search')\
"""
    )


async def test_a_home_tab_is_published_and_updated(scene: Scene) -> None:
    """views.publish shows one view per person, guarded by its hash."""
    home = {"type": "home", "blocks": [section("Nothing runs.")]}
    answer = await scene.client.views_publish(user_id=scene.ann.user.id, view=home)
    shown = scene.ann.home
    assert shown is not None
    assert shown.blocks[0]["text"]["text"] == "Nothing runs."
    await scene.client.views_publish(user_id=scene.ann.user.id, view=home)
    with pytest.raises(SlackApiError, match="hash_conflict"):
        await scene.client.views_publish(
            user_id=scene.ann.user.id, view=home, hash=answer["view"]["hash"]
        )


async def test_an_external_id_belongs_to_one_open_view(scene: Scene) -> None:
    """A view can be updated by the app's own id, which no other view may have."""
    named = {**CHECKING, "external_id": "ours"}
    await scene.client.views_open(trigger_id=await trigger(scene), view=named)
    await scene.client.views_update(external_id="ours", view={**FORM, "external_id": "ours"})
    assert scene.ann.modal is not None
    assert scene.ann.modal.callback_id == "deploy"
    error = await scene.refusal("views.open", trigger_id=await trigger(scene), view=named)
    assert error == "duplicate_external_id"


async def test_an_optional_field_may_be_left_empty(scene: Scene) -> None:
    """It is submitted with an empty state."""
    await filled(scene, "llama")
    await scene.ann.submit()
    values = scene.seen[-1]["view"]["state"]["values"]
    assert values["model"]["search"] == {"type": "external_select", "selected_option": None}
    assert MODEL["optional"]


async def test_an_offered_option_is_picked_without_asking_again(scene: Scene) -> None:
    """What the type-ahead shows can be taken, as in Slack, by a click alone."""
    await opened(scene)
    [offered] = await scene.ann.suggest("Model", "llama")
    asked = len(scene.slack.requests.calls("block_suggestion"))
    await scene.ann.fill("Model", offered)
    assert len(scene.slack.requests.calls("block_suggestion")) == asked == 1


async def test_an_element_stands_for_itself(scene: Scene) -> None:
    """Where two elements bear one name, the element tells which; one that is gone is refused."""
    view = await opened(scene)
    name, gpu, *_ = view.fields()
    await scene.ann.fill(name, "llama")
    assert view.values[name.block_id][name.action_id]["value"] == "llama"
    assert (await scene.ann.choose(view, gpu, "h100-2")).ok
    gone = replace(name, block_id="gone")
    with pytest.raises(LookupError, match="'text' isn't there any more"):
        await scene.ann.fill(gone, "llama")
