"""Whatever a click or a submitted modal carries is answered, and nothing of it is stored half."""

import json
import uuid

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.commands.features import registry
from bot.domain.request.draft import DeployDraft
from bot.sandbox.environment import API_KEY, PROJECT
from bot.sandbox.slack.wire import JsonObject, decode_object
from tests.attacks.harness import AttackHarness, are_errors_valid
from tests.attacks.strategies import Changes, changes, examples, mutated, odd_json, odd_text

CLICKS = tuple(registry().clicks)
SUBMISSIONS = tuple(registry().submissions)
DRAFT = DeployDraft(model="org/model", gpu="1xH100", target="prod", name="it")

GOOD = {
    "Model": "org/model",
    "Instance": "1xH100",
    "Target name": "prod",
    "Friendli project id": PROJECT,
    "Personal API key (flp_…)": API_KEY,
}

# What isn't Slack's may be refused as unreadable, or as something that nobody listens to.
REFUSED = frozenset({200, 400, 401, 404})


class Forms(dict[str, JsonObject]):
    """Submissions by callback id, too long to be shown."""

    def __repr__(self) -> str:
        return f"forms {sorted(self)}"

    def any(self, which: int) -> JsonObject:
        """One of them, as if it had just been opened."""
        payload: JsonObject = json.loads(json.dumps(self[sorted(self)[which % len(self)]]))
        kept = decode_object(payload["view"]["private_metadata"]) or {}
        if "request_id" in kept:
            kept["request_id"] = uuid.uuid4().hex
            payload["view"]["private_metadata"] = json.dumps(kept)
            for block in payload["view"]["state"]["values"].values():
                if "deploy.name" in block:
                    block["deploy.name"]["value"] = kept["request_id"]
        return payload


def button_values() -> st.SearchStrategy[str]:
    """What stands in a button, or could: ids, drafts, and text of any kind."""
    draft = DRAFT.model_dump(exclude_none=True, by_alias=True)
    odd = changes().map(lambda changed: mutated(draft, changed))
    drafts = st.one_of(st.just(draft), odd).map(json.dumps)
    return st.one_of(
        odd_text(),
        drafts,
        st.builds("{} {}".format, odd_text(), drafts),
        st.sampled_from(["PUBLIC", "PUBLIC other", "PUBLIC ENDPOINT", "prod", "prod PUBLIC"]),
    )


@pytest.fixture
async def deployed(attack: AttackHarness) -> dict[str, str]:
    """Names for the ids of a deployment that is on its way, for button values."""
    env = attack.env
    await attack.command("org/model --gpu 1xH100 --name first --yes")
    message = await env.slack.until(
        lambda: next(iter(m for m in env.channel.messages.values() if m.metadata), None)
    )
    assert message.metadata is not None
    public_id = str(message.metadata["event_payload"]["deployment"])
    await env.slack.until(lambda: env.friendli.endpoints)
    return {"PUBLIC": public_id, "ENDPOINT": next(iter(env.friendli.endpoints))}


@pytest.fixture
async def forms(attack: AttackHarness) -> Forms:
    """Every modal that a command opens, filled in so that it would be taken."""
    found = Forms()
    for name in ("", *registry().commands):
        try:
            view = await attack.open_modal(name, attack.env.admin)
        except LookupError:
            continue
        for label in {item.label for item in view.fields()} & GOOD.keys():
            await attack.env.admin.fill(label, GOOD[label])
        await attack.wait_until_idle()
        found[view.callback_id] = attack.submission(view, attack.env.admin)
    refused = [one.answer for one in attack.env.slack.requests.entries if one.error]
    assert {"deploy", "connect"} <= found.keys(), refused[-3:]
    return found


@examples(40)
@given(
    action_id=st.one_of(st.sampled_from(CLICKS), st.sampled_from(CLICKS).map("{}.1".format)),
    value=button_values(),
    as_admin=st.booleans(),
)
@example(action_id="preview.deploy", value='id {"m": "<!channel>"}', as_admin=False)
async def test_any_button_value_is_answered(
    attack: AttackHarness, deployed: dict[str, str], action_id: str, value: str, *, as_admin: bool
) -> None:
    """A button whose value is of another version, of another deployment or nonsense says so."""
    for name, id_ in deployed.items():
        value = value.replace(name, id_)
    person = attack.env.admin if as_admin else attack.env.member
    await attack.check_response(
        await attack.interaction(attack.click(action_id, value, person=person))
    )


@examples(25)
@given(action_id=odd_text(), value=odd_text())
async def test_any_action_id_is_answered(attack: AttackHarness, action_id: str, value: str) -> None:
    """A button that nobody knows any more is told to be an old one."""
    answer = await attack.interaction(attack.click(action_id, value))
    await attack.check_response(answer, REFUSED)


@examples(40)
@given(
    action_id=st.sampled_from(CLICKS),
    value=button_values(),
    changed=changes(),
    elsewhere=st.sampled_from(["/response/T1/none", "", "nonsense", "http://["]),
)
async def test_clicks_without_their_parts_are_answered(
    attack: AttackHarness, action_id: str, value: str, changed: Changes, elsewhere: str
) -> None:
    """Parts that are missing or of another type are refused or done without."""
    payload = attack.click(action_id, value)
    odd = mutated(payload, changed)
    if isinstance(odd.get("response_url"), str) and odd["response_url"] != payload["response_url"]:
        base = attack.env.slack.url if elsewhere.startswith("/") else ""
        odd["response_url"] = base + elsewhere
    await attack.check_response(await attack.interaction(odd), REFUSED, shapes_only=True)


@examples(40)
@given(which=st.integers(0, 9), state=st.one_of(changes(6), st.none(), odd_json()))
async def test_any_view_state_is_answered(
    attack: AttackHarness, forms: Forms, which: int, state: object
) -> None:
    """Fields may be missing, null, huge or of another type: errors stand on fields that exist."""
    payload = forms.any(which)
    odd = mutated(payload["view"]["state"], state) if isinstance(state, tuple) else state
    answer = await attack.interaction({**payload, "view": {**payload["view"], "state": odd}})
    await attack.check_response(answer)
    assert are_errors_valid(answer, payload["view"])


@examples(40)
@given(
    which=st.integers(0, 9),
    typed=st.lists(st.one_of(st.none(), st.none(), st.none(), odd_text()), min_size=8),
)
async def test_any_text_in_a_form_s_fields_is_answered(
    attack: AttackHarness, forms: Forms, which: int, typed: list[str | None]
) -> None:
    """Whatever is typed into the fields of a form is stored whole, or said to be wrong."""
    payload = forms.any(which)
    elements = [
        element
        for block in payload["view"]["state"]["values"].values()
        for element in block.values()
        if "value" in element
    ]
    for element, text in zip(elements, typed, strict=False):
        if text is not None:
            element["value"] = text
    answer = await attack.interaction(payload)
    await attack.check_response(answer)
    assert are_errors_valid(answer, payload["view"])


@pytest.mark.parametrize("field", ["name", "team", "project"])
async def test_more_than_a_field_takes_is_not_stored(
    attack: AttackHarness, forms: Forms, field: str
) -> None:
    """A target of such a name would break every later form that has to show it."""
    payload = forms.any(sorted(forms).index("connect"))
    payload["view"]["state"]["values"][field][field]["value"] = "a" * 200
    answer = await attack.interaction(payload)
    await attack.check_response(answer)
    assert list(answer.document["errors"]) == [field]


@examples(40)
@given(
    which=st.integers(0, 9),
    kept=st.one_of(
        changes(),
        odd_text(),
        odd_json().map(json.dumps),
        st.sampled_from([None, "[" * 100_000, '{"place":' * 500]),
    ),
)
async def test_any_private_metadata_is_answered(
    attack: AttackHarness, forms: Forms, which: int, kept: object
) -> None:
    """A form of an older version is told to be one."""
    payload = forms.any(which)
    if isinstance(kept, tuple):
        kept = json.dumps(mutated(decode_object(payload["view"]["private_metadata"]) or {}, kept))
    view = {**payload["view"], "private_metadata": kept}
    await attack.check_response(await attack.interaction({**payload, "view": view}), REFUSED)


@examples(25)
@given(
    callback_id=st.one_of(st.sampled_from(SUBMISSIONS), odd_text()),
    which=st.integers(0, 9),
    changed=changes(),
)
async def test_forms_of_any_kind_are_answered(
    attack: AttackHarness, forms: Forms, callback_id: str, which: int, changed: Changes
) -> None:
    """A form that was submitted under another's name, or with other blocks, does no harm."""
    payload = forms.any(which)
    view = mutated({**payload["view"], "callback_id": callback_id}, changed)
    await attack.check_response(
        await attack.interaction({**payload, "view": view}), REFUSED, shapes_only=True
    )


@examples(40)
@given(
    action_id=st.sampled_from(CLICKS),
    value=button_values(),
    which=st.integers(0, 9),
    part=st.sampled_from(["state", "private_metadata", None]),
    changed=changes(),
)
async def test_clicks_in_forms_are_answered(
    attack: AttackHarness,
    forms: Forms,
    action_id: str,
    value: str,
    which: int,
    part: str | None,
    changed: Changes,
) -> None:
    """A click in a form, whatever stands in the form, is followed by a form that Slack takes."""
    shown = forms.any(which)["view"]
    match part:
        case "state":
            odd = {**shown, "state": mutated(shown["state"], changed)}
        case "private_metadata":
            kept = mutated(decode_object(shown["private_metadata"]) or {}, changed)
            odd = {**shown, "private_metadata": json.dumps(kept)}
        case _:
            odd = mutated(shown, changed)
    click = attack.click(action_id, value, person=attack.env.admin)
    del click["channel"], click["response_url"]
    click |= {"container": {"type": "view", "view_id": shown["id"]}, "view": odd}
    await attack.check_response(await attack.interaction(click), REFUSED, shapes_only=True)
