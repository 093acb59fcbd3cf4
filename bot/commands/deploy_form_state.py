"""The state of the deploy modal, and how the modal is parsed."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from bot.commands.modal_state import Modal
from bot.domain.actors import ChannelRef
from bot.domain.instances import ID_PREFIX
from bot.domain.model_facts import is_commit
from bot.domain.request.draft import DeployDraft, Scaling
from bot.domain.request.proposed_name import new_tag, propose_name

ACTION_PREFIX = "deploy"
ADVANCED_ACTION = f"{ACTION_PREFIX}.advanced"
FLAGS_ACTION = f"{ACTION_PREFIX}.flags"
ANYWAY_ACTION = f"{ACTION_PREFIX}.anyway"
FLAGS = ("skip_special_tokens", "add_special_tokens")
INSTANCE_ID = "instance_id"
FRIENDLIS_CHOICE = "friendli"
NO_METRIC = "none"


def action_id(field: str) -> str:
    return f"{ACTION_PREFIX}.{field}"


class Updating(BaseModel):
    """The endpoint that a form updates.

    Attributes:
        number: The version that the form was filled in from.
        is_partial: Whether its model and some other settings are unknown.
        elsewhere: Whether a version was made outside of this channel.
        meanwhile: What was changed while an earlier form was open, as mrkdwn.
    """

    model_config = ConfigDict(frozen=True)

    public_id: str
    number: str | None = None
    is_partial: bool = False
    elsewhere: bool = False
    meanwhile: str = ""


class FormState(BaseModel):
    """The modal's private_metadata.

    Attributes:
        draft: Hidden fields included.
        tag: The end of the proposed name.
        generation: Counts proposed names: a field keeps its content in Slack while its block id
            stays the same.
        default_scaling: Shown while the person hasn't chosen another one.
        preselected: The instance that was chosen for the person, the cheapest that fits.
        commit: Of the model's revision as last checked, and what that was.
        unchecked: Whether the form said that the model isn't checked.
        dropped: Counts commits that were left out because another model was chosen.
        updating: The existing endpoint; None for a new one.
        repairs: The public id of the failed deployment that the form was opened for.
        refused: Friendli's error messages: field → plain text.
        wrong: The errors of a submission, shown once: field → plain text.
        focus: The field that gets the cursor when the form opens.
        agreed: Dollars per hour that the person agrees to by submitting; only of a confirmation.
    """

    model_config = ConfigDict(frozen=True)

    request_id: str
    place: ChannelRef
    draft: DeployDraft = Field(default_factory=DeployDraft)
    advanced_open: bool = False
    tag: str = Field(default_factory=new_tag)
    proposed_name: str | None = None
    generation: int = 0
    default_scaling: Scaling | None = None
    preselected: str | None = None
    commit: str | None = None
    commit_of: str = ""
    unchecked: bool = False
    dropped: int = 0
    updating: Updating | None = None
    repairs: str = ""
    refused: Mapping[str, str] = Field(default_factory=dict)
    wrong: Mapping[str, str] = Field(default_factory=dict, exclude=True)
    focus: str | None = Field(default=None, exclude=True)
    agreed: Decimal | None = None

    @property
    def is_untouched(self) -> bool:
        return self.updating is None and not self.advanced_open and self.draft == DeployDraft()

    def settled(self) -> Self:
        """Propose a name for the model.

        A name that the person typed or emptied is kept until the model changes.
        """
        if self.updating is not None:
            return self
        model, name = self.draft.model, self.draft.name
        proposal = propose_name(model, self.tag) if model and model.strip() else None
        if proposal is None or proposal == self.proposed_name:
            return self
        if name not in {None, self.proposed_name}:
            return self.model_copy(update={"proposed_name": proposal})
        return self.model_copy(
            update={
                "draft": self.draft.model_copy(update={"name": proposal}),
                "proposed_name": proposal,
                "generation": self.generation + 1,
            }
        )


class _Named(BaseModel):
    action_id: str = ""


class _Block(BaseModel):
    block_id: str = ""
    element: _Named | None = None


class _Drawn(BaseModel):
    blocks: tuple[_Block, ...]


def parse(view: Mapping[str, object]) -> FormState:
    """Parse a submitted or changed form.

    A hidden field keeps its value, and so does one that Slack leaves out: an untouched initial
    value, in some views.

    Raises:
        pydantic.ValidationError: The view wasn't built by this form.
    """
    shown = Modal.model_validate(view)
    state = FormState.model_validate_json(shown.private_metadata)
    typed: dict[str, str | bool | None] = {}
    instance_id = ""
    blocks = shown.state.values.values() if shown.state else ()
    for action, element in (pair for block in blocks for pair in block.items()):
        field = action.removeprefix(f"{ACTION_PREFIX}.")
        if action == FLAGS_ACTION and element.selected_options is not None:
            typed |= _flags(state.draft, {choice.value for choice in element.selected_options})
        elif action == ANYWAY_ACTION:
            typed["anyway"] = True if element.selected_options else None
        elif field in DeployDraft.model_fields and field not in FLAGS:
            chosen = element.selected_option
            typed[field] = chosen.value if chosen else element.value
        elif field == INSTANCE_ID:
            instance_id = element.typed
    if typed.get("gpu") == ID_PREFIX:
        typed["gpu"] = f"{ID_PREFIX}{instance_id}"
    if typed.get("queue_backpressure_metric") == NO_METRIC:
        typed["queue_backpressure_metric"] = None
    if typed.get("content_logging") == FRIENDLIS_CHOICE:
        typed["content_logging"] = None
    draft = DeployDraft.model_validate({**state.draft.model_dump(by_alias=False), **typed})
    return _without_foreign_commit(state, draft).settled()


def _without_foreign_commit(state: FormState, draft: DeployDraft) -> FormState:
    """A commit belongs to one repo: another model is taken from its own branch."""
    before = state.draft
    if (
        before.model is not None
        and draft.model != before.model
        and is_commit((draft.revision or "").strip())
    ):
        draft = draft.model_copy(update={"revision": None})
        return state.model_copy(update={"draft": draft, "dropped": state.dropped + 1})
    return state.model_copy(update={"draft": draft})


def _flags(draft: DeployDraft, ticked: set[str]) -> dict[str, str | bool | None]:
    """An untouched default stays unset."""
    flags: dict[str, str | bool | None] = {}
    for field in FLAGS:
        before: bool | None = getattr(draft, field)
        untouched = before is None and field in ticked
        flags[field] = None if untouched else field in ticked
    return flags


def react(state: FormState, action: str) -> FormState:
    """Apply an action to the state; most only redraw the form."""
    if action == ADVANCED_ACTION:
        return state.model_copy(update={"advanced_open": not state.advanced_open})
    return state


def blocks_by_field(view: Mapping[str, object]) -> dict[str, str]:
    """Field → id of its block; pydantic.ValidationError if the view has no blocks."""
    return {
        block.element.action_id.removeprefix(f"{ACTION_PREFIX}."): block.block_id
        for block in _Drawn.model_validate(view).blocks
        if block.element is not None
    }
