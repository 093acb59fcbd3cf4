"""Menus that are typed into, shortcuts, events and whatever else Slack sends: all is answered."""

from hypothesis import given
from hypothesis import strategies as st

from bot.commands.features import registry
from bot.sandbox.slack.blocks import check_suggestions
from tests.attacks.harness import AttackHarness
from tests.attacks.strategies import Changes, changes, examples, mutated, odd_json, odd_text
from tests.attacks.test_fuzz_interactions import REFUSED, Forms, button_values, forms

__all__ = ["forms"]

MENUS = tuple(registry().suggestions)
SHORTCUTS = tuple(registry().shortcuts)
EVENTS = tuple(registry().events)
BLOCK_IDS = st.one_of(
    odd_text(),
    st.sampled_from(["ask  ", "ask prod ", "show prod x", "home.C000000001", "home.C0EVIL.note0"]),
    odd_text().map("ask prod {}".format),
)


@examples(20)
@given(
    action_id=st.one_of(st.sampled_from(MENUS), st.sampled_from(MENUS).map("{}.status".format)),
    block_id=BLOCK_IDS,
    typed=odd_text(),
)
async def test_whatever_is_typed_into_a_menu_has_options(
    attack: AttackHarness, action_id: str, block_id: str, typed: str
) -> None:
    """Often none, and never more, or longer ones, than Slack takes."""
    answer = await attack.interaction(attack.query(action_id, typed, block_id=block_id))
    await attack.check_response(answer)
    assert check_suggestions(answer.document) == []


@examples(20)
@given(action_id=st.sampled_from(MENUS), changed=changes(), which=st.integers(0, 9))
async def test_menus_without_their_parts_are_answered(
    attack: AttackHarness, forms: Forms, action_id: str, changed: Changes, which: int
) -> None:
    """In messages as in forms."""
    query = attack.query(action_id, "x")
    if which % 2:
        query |= {"view": forms.any(which)["view"], "container": {"type": "view"}}
        del query["channel"]
    await attack.check_response(await attack.interaction(mutated(query, changed)), REFUSED)


@examples(20)
@given(
    callback_id=st.one_of(st.sampled_from(SHORTCUTS), odd_text()),
    event_type=st.one_of(st.just("friendli_deployment"), odd_text()),
    carried=st.one_of(st.builds(lambda id_: {"deployment": id_}, odd_json()), odd_json()),
    changed=st.one_of(st.just(()), changes()),
)
async def test_any_message_s_menu_is_answered(
    attack: AttackHarness, callback_id: str, event_type: str, carried: object, changed: Changes
) -> None:
    """Any app may write any metadata into its messages, ours too."""
    payload = attack.shortcut(callback_id, {"event_type": event_type, "event_payload": carried})
    elsewhere = payload["response_url"]
    odd = mutated(payload, changed)
    if isinstance(odd.get("response_url"), str):
        odd["response_url"] = elsewhere
    await attack.check_response(await attack.interaction(odd), REFUSED, shapes_only=True)


@examples(30)
@given(
    kind=st.sampled_from(EVENTS),
    words=st.one_of(
        odd_text(),
        st.builds("{} {}".format, st.sampled_from(tuple(registry().commands)), odd_text()),
    ),
    thread_ts=st.one_of(st.none(), st.just("1700000000.000100"), odd_text()),
    tab=st.one_of(st.none(), st.sampled_from(["home", "messages"]), odd_text()),
    changed=st.one_of(st.just(()), changes()),
)
async def test_any_event_is_acknowledged(
    attack: AttackHarness,
    kind: str,
    words: str,
    thread_ts: str | None,
    tab: str | None,
    changed: Changes,
) -> None:
    """What a mention says reads like a command, and pings nobody either."""
    given_ = {"text": f"<@U0BOT> {words}", "thread_ts": thread_ts, "tab": tab}
    fields = {name: value for name, value in given_.items() if value is not None}
    odd = mutated(attack.event(kind, fields), changed)
    await attack.check_response(await attack.send_event(odd), REFUSED, shapes_only=True)


@examples(20)
@given(
    kind=st.one_of(
        st.sampled_from(["message", "team_join", "tokens_revoked", "app_uninstalled"]), odd_text()
    ),
    happened=odd_json(),
)
async def test_events_that_nobody_listens_to_are_acknowledged(
    attack: AttackHarness, kind: str, happened: object
) -> None:
    """Otherwise Slack would tell of them three times more."""
    event = attack.event(kind)
    event["event"] |= {"item": happened}
    await attack.check_response(await attack.send_event(event))


@examples(30)
@given(
    kind=st.one_of(
        st.sampled_from(
            [
                "view_closed",
                "shortcut",
                "dialog_submission",
                "interactive_message",
                "workflow_step_edit",
                "block_actions",
                "block_suggestion",
                "message_action",
                "view_submission",
            ]
        ),
        odd_text(),
    ),
    value=button_values(),
    which=st.integers(0, 9),
    changed=st.one_of(st.just(()), changes()),
)
async def test_interactions_of_any_kind_are_answered(
    attack: AttackHarness, forms: Forms, kind: str, value: str, which: int, changed: Changes
) -> None:
    """Also those that are none of ours, or that have the parts of another kind."""
    payload = attack.click("deploy", value) | {"view": forms.any(which)["view"], "type": kind}
    elsewhere = payload["response_url"]
    odd = mutated(payload, changed)
    if isinstance(odd.get("response_url"), str):
        odd["response_url"] = elsewhere
    await attack.check_response(await attack.interaction(odd), REFUSED, shapes_only=True)
