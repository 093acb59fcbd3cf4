"""The modals of a target's settings: build and parse side by side."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from bot.db.acts import SubjectKind
from bot.deployments.grants import Rules, Subject
from bot.deployments.place import Place
from bot.deployments.policy import Approval, LeaseEnd, Loudness, Policy
from bot.messages.markup import (
    Block,
    bold,
    button,
    input_block,
    number_input,
    option,
    plain,
    section,
)
from bot.messages.settings import APPROVALS, LEASE_ENDS, LOUDNESS, whom
from bot.permissions import ADMINS, DEFAULTS, DOING, EVERYONE, Permission

CALLBACK_ID = "settings"
WHO_CALLBACK_ID = "settings.who"
WHO_ACTION = "settings.who"
GROUPS_ACTION = "settings.groups"

_APPROVAL, _ABOVE, _WAIT, _ALSO = "approval", "above", "wait", "also"
_LEASE, _LEASE_END, _LOUDNESS = "lease", "lease_end", "loudness"
_WHO, _PEOPLE = "who", "people"
_OWN, _GUESTS = "own", "guests"
_MOST_WAIT, _MOST_LEASE, _MOST_DOLLARS = 24 * 7, 24 * 90, 1_000_000
# What the modal carries must fit into 3,000 characters.
_MOST_PEOPLE, _MOST_GROUPS = 25, 10

# Looking is everybody's.
GRANTABLE = tuple(permission for permission in Permission if permission is not Permission.LOOK)


class SettingsForm(BaseModel):
    """What an open modal is about.

    Attributes:
        shown: The policy that it was filled in with.
    """

    place: Place
    target: str
    shown: Policy


class WhoForm(BaseModel):
    """What the modal over it is about.

    Attributes:
        settings: Of the modal below.
        shown: To whom the permission was granted.
    """

    settings: SettingsForm
    permission: Permission
    shown: tuple[Subject, ...]


class _Who(StrEnum):
    EVERYONE = "everyone"
    ADMINS = "admins"
    THESE = "these"


_WHO_WORDS: Mapping[_Who, str] = {
    _Who.EVERYONE: "Everyone in the channel",
    _Who.ADMINS: "Workspace admins",
    _Who.THESE: "The people and groups below",
}


def build(form: SettingsForm, rules: Rules) -> dict[str, Any]:
    """The policy's fields, and who may do what, a line each."""
    policy = form.shown
    return {
        "type": "modal",
        "callback_id": CALLBACK_ID,
        "title": plain("Settings", 24),
        "submit": plain("Save", 24),
        "close": plain("Close", 24),
        "private_metadata": form.model_dump_json(),
        "blocks": [
            section(f"These hold for {bold(form.target)} in this channel."),
            _menu("Approval", _APPROVAL, APPROVALS, policy.approval),
            _number(
                "Price that needs approval",
                _ABOVE,
                _plainly(policy.approval_above) if policy.approval is Approval.ABOVE else None,
                hint="Above so many dollars an hour, with all replicas that a request allows.",
                decimal=True,
            ),
            _number(
                "Hours that a request waits for approval",
                _WAIT,
                str(policy.approval_hours),
                optional=False,
            ),
            _number(
                "Hours that an endpoint runs",
                _LEASE,
                None if policy.lease_hours is None else str(policy.lease_hours),
                hint="If nobody says otherwise when it is deployed. Empty for no end.",
            ),
            _menu("And then", _LEASE_END, LEASE_ENDS, policy.lease_end),
            _menu(
                "What reaches the channel",
                _LOUDNESS,
                LOUDNESS,
                policy.loudness,
                hint="All else stays in the thread. What waits for somebody always shows.",
            ),
            _also(policy),
            section("*Who may…* Workspace admins always may."),
            *(_line(permission, rules) for permission in GRANTABLE),
        ],
    }


def _line(permission: Permission, rules: Rules) -> Block:
    granted = granted_to(permission, rules)
    change = button("Change", WHO_ACTION, value=permission)
    return section(f"{DOING[permission]}: {whom(granted)}", accessory=change)


def granted_to(permission: Permission, rules: Rules) -> Sequence[Subject]:
    """Who may do something."""
    return rules.granted.get(permission) or [DEFAULTS[permission]]


def read(view: Mapping[str, Any]) -> SettingsForm:
    """What an open modal is about."""
    return SettingsForm.model_validate_json(view["private_metadata"])


def parse(view: Mapping[str, Any]) -> Policy | dict[str, str]:
    """The policy that a submitted form asks for, or what is wrong with it, by block id."""
    form = read(view)
    values = view["state"]["values"]
    errors: dict[str, str] = {}
    approval = Approval(_chosen(values, _APPROVAL) or form.shown.approval)
    above = _dollars(_typed(values, _ABOVE))
    if approval is Approval.ABOVE and above is None:
        errors[_ABOVE] = f"A number of dollars an hour, from 0 to {_MOST_DOLLARS:,}, such as 20."
    wait = _whole(_typed(values, _WAIT), _MOST_WAIT)
    if wait is None:
        errors[_WAIT] = f"A whole number of hours, from 1 to {_MOST_WAIT} (7 days)."
    typed_lease = _typed(values, _LEASE)
    lease = _whole(typed_lease, _MOST_LEASE)
    if typed_lease and lease is None:
        errors[_LEASE] = f"A whole number of hours, from 1 to {_MOST_LEASE:,} (90 days), or none."
    if errors:
        return errors
    ticked = {one["value"] for one in _state(values, _ALSO).get("selected_options") or ()}
    return Policy(
        approval=approval,
        # What doesn't count is left as it was.
        approval_above=form.shown.approval_above
        if approval is not Approval.ABOVE or above is None
        else above,
        requester_may_approve=_OWN in ticked,
        approval_hours=wait or form.shown.approval_hours,
        lease_hours=lease,
        lease_end=LeaseEnd(_chosen(values, _LEASE_END) or form.shown.lease_end),
        loudness=Loudness(_chosen(values, _LOUDNESS) or form.shown.loudness),
        guests_may_act=_GUESTS in ticked,
    )


def build_who(form: WhoForm, groups: Mapping[str, str]) -> dict[str, Any]:
    """Who may do one thing.

    Args:
        form: What it is about.
        groups: Names of user groups by id, as far as they are known.
    """
    people: Block = {
        "type": "multi_users_select",
        "action_id": _PEOPLE,
        "max_selected_items": _MOST_PEOPLE,
    }
    named = [one.id for one in form.shown if one.kind is SubjectKind.PERSON]
    if named:
        people["initial_users"] = named
    teams: Block = {
        "type": "multi_external_select",
        "action_id": GROUPS_ACTION,
        "min_query_length": 0,
        "max_selected_items": _MOST_GROUPS,
    }
    ids = [one.id for one in form.shown if one.kind is SubjectKind.GROUP]
    if ids:
        teams["initial_options"] = [group_option(id_, groups.get(id_, id_)) for id_ in ids]
    choices = {who: option(words, who) for who, words in _WHO_WORDS.items()}
    radio: Block = {
        "type": "radio_buttons",
        "action_id": _WHO,
        "options": list(choices.values()),
        "initial_option": choices[_kind(form.shown)],
    }
    return {
        "type": "modal",
        "callback_id": WHO_CALLBACK_ID,
        "title": plain("Who may", 24),
        "submit": plain("Save", 24),
        "close": plain("Back", 24),
        "private_metadata": form.model_dump_json(),
        "blocks": [
            input_block(
                f"{DOING[form.permission]} in {form.settings.target} is for",
                radio,
                block_id=_WHO,
            ),
            input_block("People", people, block_id=_PEOPLE, optional=True),
            input_block("User groups", teams, block_id=GROUPS_ACTION, optional=True),
        ],
    }


def group_option(group_id: str, name: str) -> Block:
    """A user group to choose."""
    return option(name, group_id)


def read_who(view: Mapping[str, Any]) -> WhoForm:
    """What the modal over the settings is about."""
    return WhoForm.model_validate_json(view["private_metadata"])


def parse_who(view: Mapping[str, Any]) -> Sequence[Subject] | dict[str, str]:
    """Who may from now on, or what is wrong with the form, by block id."""
    values = view["state"]["values"]
    shown = _kind(read_who(view).shown)
    chosen = _Who(_chosen(values, _WHO) or shown)
    people = _state(values, _PEOPLE).get("selected_users") or ()
    groups = _state(values, GROUPS_ACTION).get("selected_options") or ()
    named = [
        *(Subject(SubjectKind.PERSON, str(id_)) for id_ in people),
        *(Subject(SubjectKind.GROUP, str(one["value"])) for one in groups),
    ]
    if chosen is _Who.THESE:
        return named or {_PEOPLE: "Name at least one person or one group."}
    if named and chosen is shown:
        return {_WHO: f"Choose “{_WHO_WORDS[_Who.THESE]}”, or name nobody there."}
    return [EVERYONE if chosen is _Who.EVERYONE else ADMINS]


def _kind(subjects: Sequence[Subject]) -> _Who:
    if EVERYONE in subjects:
        return _Who.EVERYONE
    return _Who.ADMINS if list(subjects) == [ADMINS] else _Who.THESE


def _menu(
    label: str, name: str, choices: Mapping[Any, str], chosen: StrEnum, *, hint: str | None = None
) -> Block:
    options = {value: option(words, value) for value, words in choices.items()}
    element: Block = {
        "type": "static_select",
        "action_id": name,
        "options": list(options.values()),
        "initial_option": options[chosen],
    }
    return input_block(label, element, block_id=name, hint=hint)


def _number(
    label: str,
    name: str,
    initial: str | None,
    *,
    hint: str | None = None,
    decimal: bool = False,
    optional: bool = True,
) -> Block:
    element = number_input(name, decimal=decimal, initial=initial)
    return input_block(label, element, block_id=name, optional=optional, hint=hint)


def _also(policy: Policy) -> Block:
    choices = {
        _OWN: option("Whoever asks may approve it, if they may approve at all", _OWN),
        _GUESTS: option("People from other organisations may act, not only look", _GUESTS),
    }
    ticked = [_OWN] * policy.requester_may_approve + [_GUESTS] * policy.guests_may_act
    element: Block = {
        "type": "checkboxes",
        "action_id": _ALSO,
        "options": list(choices.values()),
    }
    if ticked:
        element["initial_options"] = [choices[one] for one in ticked]
    return input_block("Also", element, block_id=_ALSO, optional=True)


def _plainly(number: Decimal) -> str:
    return f"{number.normalize():f}"


def _state(values: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    state: Mapping[str, Any] = values.get(field, {}).get(field, {})
    return state


def _typed(values: Mapping[str, Any], field: str) -> str:
    return str(_state(values, field).get("value") or "").strip()


def _chosen(values: Mapping[str, Any], field: str) -> str:
    return str((_state(values, field).get("selected_option") or {}).get("value") or "")


def _whole(typed: str, most: int) -> int | None:
    is_number = typed.isascii() and typed.isdigit() and len(typed) < 10
    return int(typed) if is_number and 1 <= int(typed) <= most else None


def _dollars(typed: str) -> Decimal | None:
    try:
        number = Decimal(typed)
    except InvalidOperation:
        return None
    return number if number.is_finite() and 0 <= number <= _MOST_DOLLARS else None
