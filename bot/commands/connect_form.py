"""The modal that connects a channel to a Friendli project: build and parse."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, SecretStr

from bot.commands.modal_state import Modal
from bot.db.encryption import last_four
from bot.domain.actors import ChannelRef
from bot.domain.request.draft import LONGEST_TARGET
from bot.friendli.credentials import key_of_another_service
from bot.messages.blocks import Block, actions, button, input_block, option, section, text_input
from bot.messages.markup import escape
from bot.services.target_connections import Connection

CALLBACK_ID = "connect"
DEPLOY_ACTION = "connect.deploy"
BACK_ACTION = "connect.back"

NAME, TEAM, PROJECT, KEY, DEFAULT = "name", "team", "project", "key", "default"

_KEY_HINT = (
    "Create one under your own Friendli account: https://friendli.ai/suite/~/setting/keys."
    " The bot checks it, encrypts it, and shows only its last four characters."
)
_EMPTY_KEY_HINT = " Leave it empty to use the bot operator's key."
_BETA_NOTE = "Friendli's endpoint API is in beta: what it answers may change without notice."
_LONGEST_ID = 100
_LONGEST_ADDRESS = 300
_LONGEST_KEY = 500
_ADDRESS = re.compile(
    r"(?:https?://)?[\w.-]+(?::\d+)?/suite/(?P<team>[^/?#\s]+)(?:/(?P<project>[^/?#\s]+))?\S*",
    re.IGNORECASE,
)
_TARGET_NAME = re.compile(rf"[a-z0-9][a-z0-9_-]{{0,{LONGEST_TARGET - 1}}}")


class ConnectDraft(BaseModel):
    """The form, without the key, which stays in its field.

    Attributes:
        is_default: Make it the default target.
        key_is_optional: Whether the operator has a key for targets without one.
        address_team: The team in an address that was pasted as the project; '' for none.
        is_address: Whether an address was pasted as the project.
    """

    place: ChannelRef
    name: str = ""
    team_id: str = ""
    project_id: str = ""
    is_default: bool = False
    key_is_optional: bool = False
    address_team: str = ""
    is_address: bool = False


def build(draft: ConnectDraft) -> dict[str, Any]:
    """The key's field is always empty."""
    return {
        "type": "modal",
        "callback_id": CALLBACK_ID,
        "title": _plain("Connect a project"),
        "submit": _plain("Connect"),
        "close": _plain("Close"),
        "private_metadata": draft.model_dump_json(),
        "blocks": [
            input_block(
                "Target name",
                text_input(
                    NAME,
                    max_length=LONGEST_TARGET,
                    initial=draft.name or None,
                    placeholder="prod",
                ),
                block_id=NAME,
                hint="The target's name in this channel, such as staging or prod.",
            ),
            input_block(
                "Friendli project id",
                text_input(PROJECT, max_length=_LONGEST_ADDRESS, initial=draft.project_id or None),
                block_id=PROJECT,
                hint="Or paste the address of the project's page in Friendli Suite.",
            ),
            input_block(
                "Friendli team id",
                text_input(TEAM, max_length=_LONGEST_ADDRESS, initial=draft.team_id or None),
                block_id=TEAM,
                optional=True,
                hint="Only if the key's owner is in several teams.",
            ),
            input_block(
                "Personal API key (flp_…)",
                text_input(KEY, max_length=_LONGEST_KEY, placeholder="flp_…"),
                block_id=KEY,
                optional=draft.key_is_optional,
                hint=_KEY_HINT + (_EMPTY_KEY_HINT if draft.key_is_optional else ""),
            ),
            _default_input(draft),
        ],
    }


def read_back(view: Mapping[str, object]) -> ConnectDraft:
    return ConnectDraft.model_validate_json(Modal.model_validate(view).private_metadata)


def parse(view: Mapping[str, object]) -> tuple[ConnectDraft, SecretStr | None]:
    """Parse a submitted form; no key means the operator's."""
    shown = Modal.model_validate(view)
    before = read_back(view)
    team, project, address_team = _typed(shown, TEAM), _typed(shown, PROJECT), ""
    if in_team := _ADDRESS.fullmatch(team):
        team = in_team["team"]
    address = _ADDRESS.fullmatch(project)
    if address is not None:
        # In the address of a person's own pages, "~" stands for the team.
        address_team = address["team"].strip("~")
        project = (address["project"] or "") if address_team else ""
    draft = ConnectDraft(
        place=before.place,
        name=_typed(shown, NAME).lower(),
        team_id=team or address_team,
        project_id=project,
        address_team=address_team,
        is_address=address is not None,
        is_default=bool(shown.element(DEFAULT).selected_options),
        key_is_optional=before.key_is_optional,
    )
    typed = _typed(shown, KEY)
    return draft, SecretStr(typed) if typed else None


def clipped_name(typed: str) -> str:
    """The typed name, cut to what the field takes."""
    printable = "".join(char if char.isprintable() else " " for char in typed.lower())
    return " ".join(printable.split())[:LONGEST_TARGET]


def field_errors(draft: ConnectDraft, key: SecretStr | None) -> dict[str, str]:
    found: dict[str, str] = {}
    if not _TARGET_NAME.fullmatch(draft.name):
        found[NAME] = (
            "A target name has letters, digits, - and _, and starts with a letter or digit."
        )
    if draft.is_address and not draft.project_id:
        found[PROJECT] = (
            "This address names no project. Open the project in Friendli Suite, and copy the"
            " address of its page."
        )
    elif not draft.project_id or not _is_id(draft.project_id):
        found[PROJECT] = "A project id is one word, as in the address of the project's page."
    if not _is_id(draft.team_id):
        found[TEAM] = "A team id is one word. Leave it empty for the key's own team."
    elif draft.address_team not in ("", draft.team_id):
        found[TEAM] = f"The project's address names the team {draft.address_team}. Use one of them."
    other = key_of_another_service(key) if key is not None else None
    if other is not None:
        found[KEY] = (
            f"This looks like {other}, so it wasn't sent anywhere. Paste a Friendli key, which"
            " starts with flp_; revoke the other one if someone may have seen it."
        )
    elif not (draft.key_is_optional if key is None else _is_word(key.get_secret_value())):
        found[KEY] = "A key is one word without spaces. Paste it again."
    return found


def _is_id(typed: str) -> bool:
    # Slack lets nobody type more; what it doesn't hold back would break every later form.
    return len(typed) <= _LONGEST_ID and not any(char.isspace() for char in typed)


def _is_word(key: str) -> bool:
    return key.isascii() and key.isprintable() and " " not in key


def connection(draft: ConnectDraft, key: SecretStr | None) -> Connection:
    return Connection(draft.name, draft.team_id, draft.project_id, key, draft.is_default)


def checking(draft: ConnectDraft) -> dict[str, Any]:
    """Shown while checking the key takes longer than Slack waits."""
    return _notice(draft, "Checking the key with Friendli…")


def failed(draft: ConnectDraft, words: str) -> dict[str, Any]:
    return _notice(draft, escape(words), button("Back to the form", BACK_ACTION, style="primary"))


def connected(draft: ConnectDraft, key: SecretStr | None, *, was_empty: bool) -> dict[str, Any]:
    ending = escape(last_four(key))
    shown = f", with the key that ends in `{ending}`" if ending else ""
    if key is None:
        shown = ", with the bot operator's key"
    text = f"`{escape(draft.name)}` is connected to project `{escape(draft.project_id)}`{shown}."
    if was_empty:
        text += "\nThe project has no endpoints yet. If you expected some, check the project id."
    text += f"\n{_BETA_NOTE}"
    return _notice(draft, text, button("Deploy a model", DEPLOY_ACTION, style="primary"))


def _notice(draft: ConnectDraft, text: str, *buttons: Block) -> dict[str, Any]:
    return {
        "type": "modal",
        "callback_id": CALLBACK_ID,
        "title": _plain("Connect a project"),
        "close": _plain("Close"),
        "private_metadata": draft.model_dump_json(),
        "blocks": [section(text), *([actions(*buttons)] if buttons else [])],
    }


def _default_input(draft: ConnectDraft) -> Block:
    choice = option("Make it the default target", DEFAULT)
    element: Block = {"type": "checkboxes", "action_id": DEFAULT, "options": [choice]}
    if draft.is_default:
        element["initial_options"] = [choice]
    return input_block("Default", element, block_id=DEFAULT, optional=True)


def _typed(shown: Modal, field: str) -> str:
    return (shown.element(field).value or "").strip()


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text}
