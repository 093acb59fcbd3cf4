"""The modal of one permission, over the settings: build and parse."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, TypeAdapter, computed_field

from bot.commands.modal_state import Modal
from bot.commands.settings_form import SettingsForm
from bot.domain.actors import ChannelRef, SlackId
from bot.domain.grants import Subject
from bot.domain.permission_words import VERBS
from bot.domain.permissions import ADMINS, EVERYONE, Permission
from bot.domain.subjects import SubjectKind
from bot.messages.blocks import Block, input_block, option, plain

CALLBACK_ID = "settings.who"
GROUPS_ACTION = "settings.groups"
PEOPLE_ACTION = "settings.people"
_WHO = "who"
# What the modal carries must fit into 3,000 characters.
_MOST_PEOPLE, _MOST_GROUPS = 25, 10
_IDS = TypeAdapter(tuple[SlackId, ...])


class WhoForm(BaseModel):
    """The modal's state.

    Attributes:
        settings: The modal below.
        shown: To whom the permission was granted.
    """

    settings: SettingsForm
    permission: Permission
    shown: tuple[Subject, ...]

    @computed_field  # type: ignore[prop-decorator] # as pydantic documents it
    @property
    def place(self) -> ChannelRef:
        """Every modal names its channel like this."""
        return self.settings.place


class _Who(StrEnum):
    EVERYONE = "everyone"
    ADMINS = "admins"
    THESE = "these"


_WHO_WORDS: Mapping[_Who, str] = {
    _Who.EVERYONE: "Everyone in the channel",
    _Who.ADMINS: "Workspace admins",
    _Who.THESE: "The people and groups below",
}


def build(form: WhoForm, groups: Mapping[str, str], everyone: Mapping[str, str]) -> dict[str, Any]:
    """The modal; names of groups and people by their ids."""
    # Slack's own menu of users lists bots, and can't be told not to.
    people = _search(PEOPLE_ACTION, _MOST_PEOPLE)
    named = [one.id for one in form.shown if one.kind is SubjectKind.PERSON]
    if named:
        people["initial_options"] = [person_option(id_, everyone.get(id_, id_)) for id_ in named]
    teams = _search(GROUPS_ACTION, _MOST_GROUPS)
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
        "callback_id": CALLBACK_ID,
        "title": plain("Who can", 24),
        "submit": plain("Save", 24),
        "close": plain("Back", 24),
        "private_metadata": form.model_dump_json(),
        "blocks": [
            input_block(
                f"Who can {VERBS[form.permission]} in {form.settings.target}",
                radio,
                block_id=_WHO,
            ),
            input_block("People", people, block_id=PEOPLE_ACTION, optional=True),
            input_block("User groups", teams, block_id=GROUPS_ACTION, optional=True),
        ],
    }


def _search(action_id: str, most: int) -> Block:
    return {
        "type": "multi_external_select",
        "action_id": action_id,
        "min_query_length": 0,
        "max_selected_items": most,
    }


def person_option(person_id: str, name: str) -> Block:
    return option(name, person_id)


def group_option(group_id: str, name: str) -> Block:
    return option(name, group_id)


def read(view: Mapping[str, Any]) -> WhoForm:
    return WhoForm.model_validate_json(Modal.model_validate(view).private_metadata)


def parse(view: Mapping[str, Any]) -> Sequence[Subject] | dict[str, str]:
    """To whom the permission is granted, or errors by block id."""
    modal = Modal.model_validate(view)
    shown = _kind(read(view).shown)
    choice = modal.element(_WHO).chosen(shown)
    groups, people = modal.element(GROUPS_ACTION).ticked, modal.element(PEOPLE_ACTION).ticked
    named = [
        *(Subject(SubjectKind.PERSON, id_) for id_ in _IDS.validate_python(people)),
        *(Subject(SubjectKind.GROUP, id_) for id_ in _IDS.validate_python(groups)),
    ]
    if choice is _Who.THESE:
        return named or {PEOPLE_ACTION: "Name at least one person or one group."}
    if named and choice is shown:
        return {_WHO: f"Choose “{_WHO_WORDS[_Who.THESE]}”, or clear the people and groups."}
    return [EVERYONE if choice is _Who.EVERYONE else ADMINS]


def _kind(subjects: Sequence[Subject]) -> _Who:
    if EVERYONE in subjects:
        return _Who.EVERYONE
    return _Who.ADMINS if list(subjects) == [ADMINS] else _Who.THESE
