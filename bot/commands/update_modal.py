"""The modals of an update: the form, filled in with what runs, and the review of a change."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.commands import deploy_form as form
from bot.commands import update_review as review
from bot.commands.deployment_access import DeploymentAccess, unknown_endpoint
from bot.commands.model_lookup import PATIENT_SECONDS, ModelLookup
from bot.commands.registry import Feature, ViewResponse, deferred
from bot.commands.update_state import UpdateState, approval_of
from bot.domain.actors import ChannelRef
from bot.domain.errors import UserError
from bot.domain.instances import Prices
from bot.domain.model_facts import CheckedModel
from bot.domain.operations import OperationKind
from bot.domain.permissions import Permission
from bot.domain.request.draft import DeployDraft
from bot.domain.update import body, edits, next_version, with_edits
from bot.domain.version import Version
from bot.domain.version_history import RunningVersion
from bot.messages import update_diff
from bot.messages.blocks import section
from bot.messages.buttons import ActionId
from bot.services.authorization import Authorizer
from bot.services.updates import Updates
from bot.slack.modals import Modals
from bot.slack.requests import BlockAction, Request, ViewSubmission

_ASKING = "Reading the current version from Friendli…"
NOTHING = "Nothing would change, so nothing is sent."


@dataclass(frozen=True, slots=True)
class UpdateForm:
    """The form with what runs."""

    updates: Updates
    modals: Modals
    prices: Prices
    models: ModelLookup

    async def open(
        self,
        request: Request,
        trigger_id: str,
        public_id: str,
        edited: DeployDraft | None = None,
        *,
        refused: Mapping[str, str] | None = None,
        focus: str | None = None,
    ) -> None:
        """Open the form.

        Args:
            request: Whose channel the endpoint is in.
            trigger_id: Opens the modal.
            public_id: The deployment.
            edited: Changes to what runs.
            refused: Friendli's error messages: field of the draft → plain text.
            focus: The field that gets the cursor.
        """
        # The trigger dies after three seconds, and reading what runs may take longer.
        view_id = await self.modals.open(trigger_id, review.message(_ASKING))
        await self.fill(view_id, request.place, public_id, edited, refused=refused, focus=focus)

    async def fill(
        self,
        view_id: str,
        place: ChannelRef,
        public_id: str,
        edited: DeployDraft | None,
        *,
        refused: Mapping[str, str] | None = None,
        focus: str | None = None,
    ) -> None:
        try:
            runs = await self.updates.refresh(place, public_id)
            await self._show(view_id, place, runs, edited, refused=refused, focus=focus)
        except UserError as error:
            await self._show_error(view_id, error)

    async def compare_anew(
        self, view_id: str, place: ChannelRef, state: form.FormState, updating: form.Updating
    ) -> None:
        """Redraw a form whose endpoint was updated meanwhile, with the person's edits kept."""
        try:
            runs, past = await self.updates.past(place, updating.public_id)
        except UserError as error:
            await self._show_error(view_id, error)
            return
        then = next((one.requested for one in past if one.number == updating.number), None)
        typed = state.draft
        wanted = next_version(then, typed) if then is not None else None
        await self._show(
            view_id,
            place,
            runs,
            edits(then, wanted) if then is not None and isinstance(wanted, Version) else typed,
            meanwhile=review.updated_meanwhile(runs, then),
            advanced_open=state.advanced_open,
        )

    async def _show(
        self,
        view_id: str,
        place: ChannelRef,
        runs: RunningVersion,
        edited: DeployDraft | None,
        *,
        meanwhile: str = "",
        advanced_open: bool = False,
        refused: Mapping[str, str] | None = None,
        focus: str | None = None,
    ) -> None:
        version = runs.version
        state = form.FormState(
            request_id="",
            place=place,
            draft=with_edits(version, edited) if edited is not None else version.draft(),
            advanced_open=advanced_open,
            updating=form.Updating(
                public_id=runs.public_id,
                number=runs.number,
                is_partial="model" in version.unknown,
                elsewhere=runs.elsewhere is not None,
                meanwhile=meanwhile,
            ),
        )
        state = form.opened(state, refused or {}, focus)
        known = self.models.cached(state.draft)
        await self.modals.replace(view_id, self._view(state, known))
        if known is None:
            checked = await self.models.check(state.draft, within=PATIENT_SECONDS)
            if checked is not None:
                await self.modals.replace_after({"id": view_id}, self._view(state, checked), "")

    def view(self, state: form.FormState) -> Mapping[str, object]:
        """The form with what is known of the model already."""
        return self._view(state, self.models.cached(state.draft))

    def _view(self, state: form.FormState, checked: CheckedModel | None) -> Mapping[str, object]:
        return form.build(state, targets=(), prices=self.prices, checked=checked)

    async def _show_error(self, view_id: str, error: UserError) -> None:
        view = review.message(f"{error.message} {error.hint}".strip())
        await self.modals.replace(view_id, view)


@dataclass(frozen=True, slots=True)
class UpdateButtons:
    """What the buttons that open the form share."""

    access: DeploymentAccess
    form: UpdateForm

    async def open(
        self,
        click: BlockAction,
        public_id: str,
        edited: DeployDraft | None = None,
        *,
        focus: str | None = None,
    ) -> None:
        deployment = await self.access.require(Permission.UPDATE, click, public_id)
        await self.form.open(click, click.trigger_id, deployment.public_id, edited, focus=focus)


@deferred
async def clicked(click: BlockAction, buttons: UpdateButtons) -> None:
    await buttons.open(click, click.value)


@deferred
async def edit(click: BlockAction, buttons: UpdateButtons) -> None:
    public_id, _, field = click.value.partition(" ")
    await buttons.open(click, public_id, focus=field)


@deferred
async def larger(click: BlockAction, buttons: UpdateButtons) -> None:
    public_id, _, key = click.value.partition(" ")
    await buttons.open(click, public_id, DeployDraft(gpu=key))


@deferred
async def again(
    click: BlockAction, access: DeploymentAccess, updates: Updates, update_form: UpdateForm
) -> None:
    public_id, _, operation_id = click.value.partition(" ")
    runs = await updates.known(click.place, public_id)
    await access.authorize(Permission.UPDATE, click, runs.target, public_id)
    refused = await updates.refused(click.place, public_id, operation_id)
    await update_form.open(
        click, click.trigger_id, public_id, refused.edits, refused=refused.fields
    )


@deferred
async def change(
    click: BlockAction, access: DeploymentAccess, updates: Updates, update_form: UpdateForm
) -> None:
    state = UpdateState.model_validate_json(click.value)
    runs = await updates.known(click.place, state.public_id)
    await access.authorize(Permission.UPDATE, click, runs.target, runs.public_id)
    if click.view is None:
        await update_form.open(click, click.trigger_id, state.public_id, state.edits)
    else:
        await update_form.fill(click.view["id"], click.place, state.public_id, state.edits)


async def submitted(
    submission: ViewSubmission,
    access: DeploymentAccess,
    updates: Updates,
    update_form: UpdateForm,
    authorizer: Authorizer,
    prices: Prices,
) -> ViewResponse:
    place = submission.place
    filled = form.parse(submission.view)
    if filled.updating is None:
        raise unknown_endpoint()
    runs = await updates.known(place, filled.updating.public_id)
    await access.authorize(Permission.UPDATE, submission, runs.target, runs.public_id)
    if runs.number != filled.updating.number:
        view_id = str(submission.view["id"])
        return ViewResponse(
            view=review.message(_ASKING),
            work=update_form.compare_anew(view_id, place, filled, filled.updating),
        )
    after = next_version(runs.version, filled.draft)
    if isinstance(after, tuple) and form.has_hidden(after, submission.view):
        # Slack shows errors only at fields that are there.
        return ViewResponse(view=update_form.view(form.with_errors(filled, after)))
    if isinstance(after, tuple):
        return ViewResponse(errors=form.errors_by_block(after, submission.view))
    state = UpdateState.of(runs, after)
    if body(runs.version, after) is None:
        return ViewResponse(
            view=review.build(place, state, [section(NOTHING), review.change_button(state)])
        )
    approval = await approval_of(authorizer, place, runs, after, prices)
    blocks = update_diff.view_blocks(
        state.step(runs, after), prices, value=state.to_json(), approval=approval
    )
    return ViewResponse(view=review.build(place, state, blocks, submit="Update"))


FEATURE = Feature(
    clicks={
        OperationKind.UPDATE.action_id: clicked,
        ActionId.UPDATE_EDIT: edit,
        ActionId.UPDATE_LARGER: larger,
        ActionId.UPDATE_AGAIN: again,
        update_diff.CHANGE_ACTION: change,
    },
    submissions={form.UPDATE_CALLBACK_ID: submitted},
)
