"""Deploy a model by the form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from bot.commands import deploy_form as form
from bot.commands.bare_model import BareModels
from bot.commands.deploy_checks import REPEATED, Approvers, checked, new_request_id
from bot.commands.deploy_cost import price_at_most
from bot.commands.invite import invitation_view, needs_invitation
from bot.commands.model_lookup import (
    HASTY_SECONDS,
    PATIENT_SECONDS,
    ModelLookup,
    at_commit,
    facts_in,
    not_checked,
    stopped,
)
from bot.commands.registry import Feature, ViewResponse, deferred
from bot.commands.target_lookup import NotConnectedError, TargetLookup
from bot.db.outages import error_name, is_outage
from bot.domain.actors import ChannelRef
from bot.domain.instances import InstanceOption, Prices
from bot.domain.model_facts import CheckedModel, ModelFacts
from bot.domain.permissions import Permission
from bot.domain.request.deploy_request import DeployRequest
from bot.domain.request.draft import DeployDraft
from bot.domain.request.parsed_draft import ParsedDraft
from bot.domain.request.rules import FieldError
from bot.messages.answer import answer
from bot.messages.approval_note import approval_note
from bot.messages.markup import escape
from bot.services.authorization import Authorizer
from bot.services.deployments import Deployments, DeployOutcome, DeployResult
from bot.services.model_history import ModelHistory, SeenBefore
from bot.services.targets import TargetView
from bot.slack.modals import Modals
from bot.slack.people import People
from bot.slack.requests import BlockAction, SlashCommand, ViewSubmission
from bot.slack.responses import message_view

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

_ANYWAY = f"To deploy it all the same, tick “{form.DEPLOY_ANYWAY}” under Advanced."


@dataclass(frozen=True, slots=True)
class DeployForm:
    """Opens the form."""

    lookup: TargetLookup
    authorizer: Authorizer
    people: People
    modals: Modals
    prices: Prices
    history: ModelHistory
    models: ModelLookup

    async def open(
        self,
        request: SlashCommand | BlockAction,
        draft: DeployDraft | None = None,
        *,
        refused: Mapping[str, str] | None = None,
        focus: str | None = None,
        repairs: str = "",
    ) -> None:
        """Open the form.

        Args:
            request: With the trigger that opens it.
            draft: What it is filled in with.
            refused: Friendli's error messages: field of the draft → plain text.
            focus: The field that gets the cursor.
            repairs: The public id of the failed deployment that the request is to repair.
        """
        person, place = request.person, request.place
        # The submission is authorized anew; nobody is refused by what may be old.
        targets = await self.lookup.targets.cached(place)
        if not await self.authorizer.may(Permission.DEPLOY, person, place, among=targets):
            targets = await self.lookup.targets.of(place)
            await self.authorizer.authorize(Permission.DEPLOY, person, place, among=targets)
        if not targets:
            raise NotConnectedError
        empty = _state(place, draft or DeployDraft(), repairs=repairs)
        state = form.opened(empty, refused or {}, focus)
        # The trigger dies after three seconds, so the form comes first and the check after.
        shown = await self.modals.show(request.trigger_id, await self.view(state, targets))
        membership = await self.people.membership(place)
        if needs_invitation(membership):
            invitation = await invitation_view(self.people, membership)
            await self.modals.replace(str(shown.get("id") or ""), invitation)
            return
        await self._check(state, targets, shown, action_ts="")

    async def show_in(self, view_id: str, place: ChannelRef) -> None:
        await self.modals.replace(view_id, await self.filled(place, DeployDraft()))

    async def filled(
        self, place: ChannelRef, draft: DeployDraft, *, focus: str | None = None, repairs: str = ""
    ) -> Mapping[str, object]:
        """The form as a view, to replace another one; arguments as for `open`."""
        targets = await self.lookup.all(place)
        state = form.opened(_state(place, draft, repairs=repairs), {}, focus)
        return await self.view(state, targets)

    async def redraw(self, click: BlockAction) -> None:
        if click.view is None:
            return
        state = form.react(form.parse(click.view), click.action_id)
        targets = await self.lookup.targets.cached(click.place)
        if not targets:
            raise NotConnectedError
        view = await self.view(state, targets)
        shown = await self.modals.replace_after(click.view, view, click.action_ts)
        if shown is not None:
            await self._check(state, targets, shown, click.action_ts)

    async def _check(
        self,
        state: form.FormState,
        targets: Sequence[TargetView],
        shown: Mapping[str, object],
        action_ts: str,
    ) -> None:
        """Ask the Hub about the model if nothing is known yet, and show what it says."""
        if self.models.cached(state.draft) is not None:
            return
        checked = await self.models.check(state.draft, within=PATIENT_SECONDS)
        if checked is not None:
            view = await self.view(state, targets, checked)
            await self.modals.replace_after(shown, view, action_ts)

    async def view(
        self,
        state: form.FormState,
        targets: Sequence[TargetView],
        checked: CheckedModel | None = None,
    ) -> Mapping[str, object]:
        seen = None
        known = checked or self.models.cached(state.draft)
        if state.updating is None and not state.is_untouched:
            seen = await self._seen(state, known)
            chosen = form.with_check(state, known, self.prices, seen)
            if chosen.draft.gpu != state.draft.gpu:
                # The usual time is that of the instance that was chosen for the person.
                seen = await self._seen(chosen, known)
            state = chosen
        return form.build(
            state,
            targets=_choices(targets),
            prices=self.prices,
            seen=seen,
            checked=known,
            approval=self._approval(state.draft, targets),
        )

    async def _seen(self, state: form.FormState, known: CheckedModel | None) -> SeenBefore:
        parsed = ParsedDraft(state.draft, ())
        option = parsed.instance if isinstance(parsed.instance, InstanceOption) else None
        weights = known.weights if isinstance(known, ModelFacts) else None
        return await self.history.of(state.place, parsed.model.repo, option, weights)

    def _approval(self, draft: DeployDraft, targets: Sequence[TargetView]) -> str:
        named = [target for target in targets if target.name == draft.target]
        target = next(iter(named), targets[0])
        return approval_note(target.name, target.rules, price_at_most(draft, self.prices))


@deferred
async def changed(click: BlockAction, deploy_form: DeployForm) -> None:
    try:
        await deploy_form.redraw(click)
    except Exception as error:
        if not is_outage(error):
            raise
        # An error message would take the place of the form, and of all that was typed.
        log.warning("a form isn't redrawn", error=error_name(error))


async def submitted(
    submission: ViewSubmission,
    lookup: TargetLookup,
    bare_models: BareModels,
    models: ModelLookup,
    authorizer: Authorizer,
    deployments: Deployments,
    approvers: Approvers,
    deploy_form: DeployForm,
) -> ViewResponse:
    """Validate the form and write the request before the acknowledgement."""
    place, person = submission.place, submission.person
    state = form.parse(submission.view)
    targets = await lookup.all(place)
    bare = await bare_models.look_up(state.draft.model)
    request = checked(state.draft, targets, bare.known, proposed_name=state.proposed_name)
    if not isinstance(request, DeployRequest):
        return await _refused(submission, request, deploy_form, targets)
    await authorizer.authorize(
        Permission.DEPLOY, person, place, target=request.target, among=targets
    )
    checked_model = await models.check(state.draft, within=HASTY_SECONDS)
    why = stopped(checked_model)
    if why is not None and not state.draft.anyway:
        return await _refused(
            submission, [FieldError(why[0], f"{why[1]} {_ANYWAY}")], deploy_form, targets
        )
    request = at_commit(request, checked_model, form.noted_commit(state))
    result = await deployments.deploy(
        *(place, person, request, state.request_id),
        repairs=state.repairs,
        facts=facts_in(checked_model),
        agreed=state.agreed,
    )
    match result.outcome:
        case DeployOutcome.UNCONFIRMED:
            view = form.confirmation(state, request.name, result.dollars)
            return ViewResponse(view=view, is_pushed=state.agreed is None)
        case DeployOutcome.NAME_TAKEN:
            taken = f"{request.name} is taken: another deployment has that name. Change it."
            return await _refused(submission, [FieldError("name", taken)], deploy_form, targets)
        case DeployOutcome.TARGET_GONE:
            gone = "This target has been disconnected."
            return await _refused(submission, [FieldError("target", gone)], deploy_form, targets)
        case DeployOutcome.REPEATED:
            return ViewResponse(work=_say_repeated(submission), closes_all=state.agreed is not None)
        case _:
            unchecked = bare.unchecked
            if not state.unchecked:
                unchecked = unchecked or not_checked(request.model, checked_model)
            work = _accepted(submission, request.target, result, unchecked, approvers)
            return ViewResponse(work=work, closes_all=state.agreed is not None)


async def _refused(
    submission: ViewSubmission,
    field_errors: Sequence[FieldError],
    deploy_form: DeployForm,
    targets: Sequence[TargetView],
) -> ViewResponse:
    """Beside the fields; on a confirmation, which has none, instead of the question."""
    if submission.view.get("callback_id") == form.CONFIRM_CALLBACK_ID:
        words = " ".join(field_error.sentences for field_error in field_errors)
        return ViewResponse(view=message_view(answer(escape(words))))
    if form.has_hidden(field_errors, submission.view):
        # Slack shows errors only at fields that are there.
        state = form.with_errors(form.parse(submission.view), field_errors)
        return ViewResponse(view=await deploy_form.view(state, targets))
    return ViewResponse(errors=form.errors_by_block(field_errors, submission.view))


async def _say_repeated(submission: ViewSubmission) -> None:
    await submission.responder.say(answer(REPEATED))


async def _accepted(
    submission: ViewSubmission,
    target: str,
    result: DeployResult,
    unchecked: str,
    approvers: Approvers,
) -> None:
    if unchecked:
        await submission.responder.say(answer(unchecked))
    await approvers.call(submission, target, result)


def _choices(targets: Sequence[TargetView]) -> list[form.TargetChoice]:
    return [
        form.TargetChoice(
            target.name,
            target.project_id,
            target.policy.lifetime_seconds,
            target.policy.expiry_action,
            target.policy.scaling.value,
        )
        for target in targets
    ]


def _state(place: ChannelRef, draft: DeployDraft, *, repairs: str = "") -> form.FormState:
    return form.FormState(request_id=new_request_id(), place=place, draft=draft, repairs=repairs)


FEATURE = Feature(
    clicks={form.ACTION_PREFIX: changed},
    submissions=dict.fromkeys((form.CALLBACK_ID, form.CONFIRM_CALLBACK_ID), submitted),
)
