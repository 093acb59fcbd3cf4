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
# Fields whose change reveals or hides others.
APPROVAL_ACTION, LIFETIME_ACTION = "settings.approval", "settings.lifetime"

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
        approval: As chosen since; None for the one shown.
        has_lifetime: Whether a lifetime is typed; None for what was shown.
    """

    place: ChannelRef
    target: str
    shown: Policy
    approval: Approval | None = None
    has_lifetime: bool | None = None

    @property
    def chosen_approval(self) -> Approval:
        return self.shown.approval if self.approval is None else self.approval

    @property
    def shows_expiry(self) -> bool:
        if self.has_lifetime is None:
            return self.shown.lifetime_hours is not None
        return self.has_lifetime


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
            section(f"Settings of {bold(form.target)} in this channel."),
            _dispatched(
                _menu("Approval", _APPROVAL, APPROVALS, form.chosen_approval), APPROVAL_ACTION
            ),
            *_about_approvals(form),
            _dispatched(
                _number(
                    "Default lifetime (hours)",
                    _LIFETIME,
                    None if policy.lifetime_hours is None else str(policy.lifetime_hours),
                    hint="Of deployments that name none. Empty: they run until someone stops them.",
                ),
                LIFETIME_ACTION,
            ),
            *(
                [_menu("When it expires", _EXPIRY_ACTION, EXPIRY_ACTIONS, policy.expiry_action)]
                if form.shows_expiry
                else []
            ),
            _menu(
                "Default scaling",
                _SCALING,
                SCALINGS,
                policy.scaling,
                hint="Applies if a deployment sets none.",
            ),
            _menu(
                "Channel notifications",
                _NOTIFICATION_LEVEL,
                NOTIFICATION_LEVELS,
                policy.notification_level,
                hint="The rest stays in the thread. Requests that wait for someone always show.",
            ),
            _also(policy),
            section("*Who can…* Workspace admins always can."),
            *(_line(permission, rules) for permission in GRANTABLE),
        ],
    }


def _about_approvals(form: SettingsForm) -> list[Block]:
    """The fields that count with the chosen rule."""
    policy, fields = form.shown, []
    if form.chosen_approval is Approval.ABOVE:
        above = _plainly(policy.approval_above) if policy.approval is Approval.ABOVE else None
        hint = "Dollars per hour, at the maximum number of replicas."
        fields.append(_number("Price that needs approval", _ABOVE, above, hint=hint, decimal=True))
    if form.chosen_approval is not Approval.NEVER:
        hours = str(policy.approval_hours)
        fields.append(_number("Approval timeout in hours", _WAIT, hours, optional=False))
        choices = {_OWN: "Requesters can approve their own requests, if they can approve"}
        ticked = [_OWN] * policy.requester_may_approve
        fields.append(_checkboxes("Own requests", _OWN, choices, ticked))
    return fields


def react(view: Mapping[str, Any]) -> SettingsForm | None:
    """The form after a change in it; None if that reveals and hides nothing."""
    form, modal = read(view), Modal.model_validate(view)
    changed = form.model_copy(
        update={
            "approval": modal.element(_APPROVAL, APPROVAL_ACTION).chosen(form.chosen_approval),
            "has_lifetime": bool(modal.element(_LIFETIME, LIFETIME_ACTION).typed),
        }
    )
    is_same = (changed.chosen_approval, changed.shows_expiry) == (
        form.chosen_approval,
        form.shows_expiry,
    )
    return None if is_same else changed


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
    approval = modal.element(_APPROVAL, APPROVAL_ACTION).chosen(form.shown.approval)
    above = _dollars(modal.element(_ABOVE).typed)
    if approval is Approval.ABOVE and above is None:
        errors[_ABOVE] = f"Enter dollars per hour, from 0 to {_MOST_DOLLARS:,}, such as 20."
        if form.chosen_approval is not Approval.ABOVE:
            # Slack shows errors of fields that are there only.
            errors = {_APPROVAL: "This needs a price. Choose it again, and enter one below."}
    wait = _whole(modal.element(_WAIT).typed, _MOST_WAIT)
    asks = form.chosen_approval is not Approval.NEVER
    if wait is None and asks:
        errors[_WAIT] = f"Enter whole hours, from 1 to {_MOST_WAIT} (7 days)."
    typed_lifetime = modal.element(_LIFETIME, LIFETIME_ACTION).typed
    lifetime = _whole(typed_lifetime, _MAX_LIFETIME)
    if typed_lifetime and lifetime is None:
        errors[_LIFETIME] = f"Enter whole hours, from 1 to {_MAX_LIFETIME:,} (90 days), or nothing."
    if errors:
        return errors
    ticked = modal.element(_ALSO).ticked
    return Policy(
        approval=approval,
        # What doesn't count is left as it was.
        approval_above=form.shown.approval_above
        if approval is not Approval.ABOVE or above is None
        else above,
        requester_may_approve=_OWN in modal.element(_OWN).ticked
        if asks
        else form.shown.requester_may_approve,
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
        _GUESTS: "People from other organisations can act, not only look",
        _SMOKE_TEST: "Send a short test request when an endpoint starts (under $0.01)",
    }
    ticked = [_GUESTS] * policy.guests_may_act + [_SMOKE_TEST] * policy.smoke_test
    return _checkboxes("Also", _ALSO, choices, ticked)


def _checkboxes(label: str, name: str, choices: Mapping[str, str], ticked: Sequence[str]) -> Block:
    options = {value: option(words, value) for value, words in choices.items()}
    element: Block = {
        "type": "checkboxes",
        "action_id": name,
        "options": list(options.values()),
    }
    if ticked:
        element["initial_options"] = [options[one] for one in ticked]
    return input_block(label, element, block_id=name, optional=True)


def _dispatched(block: Block, action_id: str) -> Block:
    """The same field, whose changes are sent at once under an action id of its own."""
    element = block["element"]
    if not isinstance(element, dict):
        raise TypeError("an input block has an element")
    sent = {**element, "action_id": action_id}
    if element["type"] == "number_input":
        sent["dispatch_action_config"] = {"trigger_actions_on": ["on_character_entered"]}
    return {**block, "element": sent, "dispatch_action": True}


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
