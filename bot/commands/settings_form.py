"""The modal of a target's settings: build and parse."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from bot.commands.modal_state import Modal
from bot.domain.actors import ChannelRef
from bot.domain.grants import Rules, Subject
from bot.domain.permission_words import VERBS
from bot.domain.permissions import DEFAULTS, Permission
from bot.domain.policy import Approval, Policy
from bot.messages.blocks import Block, button, input_block, number_input, option, plain, section
from bot.messages.markup import bold
from bot.messages.settings import APPROVALS, EXPIRY_ACTIONS, NOTIFICATION_LEVELS, SCALINGS, whom

CALLBACK_ID = "settings"
WHO_ACTION = "settings.who"

_APPROVAL, _ABOVE, _WAIT, _ALSO = "approval", "above", "wait", "also"
_LIFETIME, _EXPIRY_ACTION, _NOTIFICATION_LEVEL = "lifetime", "expiry_action", "notification_level"
_SCALING = "scaling"
_OWN, _GUESTS, _SMOKE_TEST = "own", "guests", "smoke_test"
_MOST_WAIT, _MAX_LIFETIME, _MOST_DOLLARS = 24 * 7, 24 * 90, 1_000_000

# Looking is everybody's.
GRANTABLE = tuple(permission for permission in Permission if permission is not Permission.LOOK)


class SettingsForm(BaseModel):
    """The modal's state.

    Attributes:
        shown: The policy that it was filled in with.
    """

    place: ChannelRef
    target: str
    shown: Policy


def build(form: SettingsForm, rules: Rules) -> dict[str, Any]:
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
                _LIFETIME,
                None if policy.lifetime_hours is None else str(policy.lifetime_hours),
                hint="If nobody says otherwise when it is deployed. Empty for no end.",
            ),
            _menu("And then", _EXPIRY_ACTION, EXPIRY_ACTIONS, policy.expiry_action),
            _menu(
                "Default scaling",
                _SCALING,
                SCALINGS,
                policy.scaling,
                hint="If nobody says otherwise when it is deployed.",
            ),
            _menu(
                "What reaches the channel",
                _NOTIFICATION_LEVEL,
                NOTIFICATION_LEVELS,
                policy.notification_level,
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
    return section(f"{VERBS[permission].capitalize()}: {whom(granted)}", accessory=change)


def granted_to(permission: Permission, rules: Rules) -> Sequence[Subject]:
    return rules.granted.get(permission) or [DEFAULTS[permission]]


def read(view: Mapping[str, Any]) -> SettingsForm:
    return SettingsForm.model_validate_json(Modal.model_validate(view).private_metadata)


def parse(view: Mapping[str, Any]) -> Policy | dict[str, str]:
    """The policy, or errors by block id."""
    form, modal = read(view), Modal.model_validate(view)
    errors: dict[str, str] = {}
    approval = modal.element(_APPROVAL).chosen(form.shown.approval)
    above = _dollars(modal.element(_ABOVE).typed)
    if approval is Approval.ABOVE and above is None:
        errors[_ABOVE] = f"A number of dollars an hour, from 0 to {_MOST_DOLLARS:,}, such as 20."
    wait = _whole(modal.element(_WAIT).typed, _MOST_WAIT)
    if wait is None:
        errors[_WAIT] = f"A whole number of hours, from 1 to {_MOST_WAIT} (7 days)."
    typed_lifetime = modal.element(_LIFETIME).typed
    lifetime = _whole(typed_lifetime, _MAX_LIFETIME)
    if typed_lifetime and lifetime is None:
        errors[_LIFETIME] = (
            f"A whole number of hours, from 1 to {_MAX_LIFETIME:,} (90 days), or none."
        )
    if errors:
        return errors
    ticked = modal.element(_ALSO).ticked
    return Policy(
        approval=approval,
        # What doesn't count is left as it was.
        approval_above=form.shown.approval_above
        if approval is not Approval.ABOVE or above is None
        else above,
        requester_may_approve=_OWN in ticked,
        approval_hours=wait or form.shown.approval_hours,
        lifetime_hours=lifetime,
        expiry_action=modal.element(_EXPIRY_ACTION).chosen(form.shown.expiry_action),
        scaling=modal.element(_SCALING).chosen(form.shown.scaling),
        notification_level=modal.element(_NOTIFICATION_LEVEL).chosen(form.shown.notification_level),
        guests_may_act=_GUESTS in ticked,
        smoke_test=_SMOKE_TEST in ticked,
    )


def _menu(
    label: str, name: str, choices: Mapping[Any, str], initial: StrEnum, *, hint: str | None = None
) -> Block:
    options = {value: option(words, value) for value, words in choices.items()}
    element: Block = {
        "type": "static_select",
        "action_id": name,
        "options": list(options.values()),
        "initial_option": options[initial],
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
        _SMOKE_TEST: option(
            "Send a short test request when an endpoint starts (under $0.01)", _SMOKE_TEST
        ),
    }
    ticked = [_OWN] * policy.requester_may_approve + [_GUESTS] * policy.guests_may_act
    ticked += [_SMOKE_TEST] * policy.smoke_test
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


def _whole(typed: str, most: int) -> int | None:
    is_number = typed.isascii() and typed.isdigit() and len(typed) < 10
    return int(typed) if is_number and 1 <= int(typed) <= most else None


def _dollars(typed: str) -> Decimal | None:
    try:
        number = Decimal(typed)
    except InvalidOperation:
        return None
    return number if number.is_finite() and 0 <= number <= _MOST_DOLLARS else None
