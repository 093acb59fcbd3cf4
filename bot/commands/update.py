"""`update [endpoint]`: change what runs, after a look at before and after."""

from dataclasses import dataclass
from decimal import Decimal

from bot.commands import update_review as review
from bot.commands import update_text
from bot.commands.deploy_text import LineErrors
from bot.commands.deployment_access import DeploymentAccess
from bot.commands.durable_response import durable_response
from bot.commands.endpoint_command import EndpointCommand, EndpointRequest
from bot.commands.operation_buttons import not_accepted
from bot.commands.registry import DeferredTask, Feature, ViewResponse, deferred
from bot.commands.update_modal import NOTHING, UpdateForm
from bot.commands.update_state import UpdateReviewState, UpdateState, approval_of, deployment_of
from bot.domain.errors import UserError
from bot.domain.instances import Prices
from bot.domain.operations import OperationKind
from bot.domain.permissions import Permission
from bot.domain.update import body, build_update, next_version, with_edits
from bot.domain.version import Version
from bot.domain.version_history import RunningVersion
from bot.messages import preview, price_confirmation, update_diff
from bot.messages.answer import answer
from bot.messages.blocks import button, section
from bot.messages.body import Body
from bot.messages.markup import bold, code, escape, mention
from bot.messages.suggestion import open_in_form
from bot.messages.update_diff import in_thread
from bot.services.authorization import Authorizer
from bot.services.operations import OperationOutcome, OperationResult, Operations
from bot.services.pending_responses import PendingResponses
from bot.services.updates import Updates
from bot.slack.requests import BlockAction, Request, ViewSubmission


async def run_on(
    request: EndpointRequest,
    access: DeploymentAccess,
    updates: Updates,
    update_form: UpdateForm,
    authorizer: Authorizer,
    prices: Prices,
) -> None:
    """Open the form; with options, ask whether to update."""
    endpoint = request.endpoint
    public_id = deployment_of(endpoint)
    await access.authorize(Permission.UPDATE, request, endpoint.target, public_id)
    if not request.rest:
        if not await _opens(update_form, request, public_id):
            words = f"What should change in {bold(endpoint.name)}?"
            open_form = button(
                "Update", OperationKind.UPDATE.action_id, value=public_id, style="primary"
            )
            await request.answer(answer(words, buttons=[open_form]))
        return
    runs = await updates.refresh(request.place, public_id)
    parsed = update_text.read(request.rest, runs)
    if isinstance(parsed, LineErrors):
        errors = [field_error.sentences for field_error in parsed.field_errors]
        state = UpdateState.typed(runs, parsed.draft)
        form = open_in_form(update_diff.CHANGE_ACTION, state.to_json())
        await request.answer(preview.correction(errors, parsed.corrected_line, form))
    else:
        approval = await approval_of(authorizer, request.place, runs, parsed, prices)
        await request.answer(question(prices, runs, parsed, approval=approval))


async def _opens(update_form: UpdateForm, request: EndpointRequest, public_id: str) -> bool:
    if not request.trigger_id:
        return False
    try:
        await update_form.open(request, request.trigger_id, public_id)
    except UserError:
        # Finding the endpoint took longer than Slack lets a command open a form.
        return False
    return True


def question(
    prices: Prices,
    runs: RunningVersion,
    after: Version,
    *,
    back_to: str | None = None,
    is_whole: bool = False,
    approval: str = "",
) -> Body:
    """Before and after as a message with buttons; or that nothing changes."""
    if body(runs.version, after) is None:
        return answer(f"{bold(runs.name)} already runs like this. {NOTHING}")
    state = UpdateState.of(runs, after, back_to=back_to, is_whole=is_whole)
    return update_diff.question(
        state.step(runs, after), prices, value=state.to_json(), approval=approval
    )


@dataclass(frozen=True, slots=True)
class UnconfirmedPrice:
    """The price that an update leads to has to be agreed to first."""

    name: str
    dollars: Decimal


@dataclass(frozen=True, slots=True)
class AcceptedUpdate:
    """An update that is sent, or waits for approval first."""

    name: str
    waits: bool


@dataclass(frozen=True, slots=True)
class UpdateRequests:
    """Writes requests to update."""

    access: DeploymentAccess
    updates: Updates
    operations: Operations
    prices: Prices

    async def write(
        self, request: Request, state: UpdateState
    ) -> AcceptedUpdate | UnconfirmedPrice | str:
        """Write the request. Returns why it isn't accepted, as mrkdwn, if it isn't."""
        place = request.place
        runs = await self.updates.known(place, state.public_id)
        await self.access.authorize(Permission.UPDATE, request, runs.target, runs.public_id)
        after = next_version(runs.version, with_edits(runs.version, state.edits))
        if isinstance(after, tuple):
            return escape(" ".join(field_error.sentences for field_error in after))
        update = build_update(
            runs.version,
            after,
            replaces=state.number,
            prices=self.prices,
            is_whole=state.is_whole,
        )
        if update is None:
            return f"{bold(runs.name)} already runs like this. {NOTHING}"
        result = await self.operations.request(
            place,
            request.person,
            state.public_id,
            OperationKind.UPDATE,
            f"{state.public_id} {state.request_id}",
            message_ts=request.message_ts,
            update=update,
            detail=in_thread(runs.version, after, self.prices, back_to=state.back_to),
            agreed=state.agreed,
        )
        if result.outcome is OperationOutcome.UNCONFIRMED:
            return UnconfirmedPrice(runs.name, result.dollars)
        refusal = _refusal(result, runs, after)
        return refusal or AcceptedUpdate(runs.name, result.waits)


async def confirmed(submission: ViewSubmission, requests: UpdateRequests) -> ViewResponse:
    state = UpdateReviewState.model_validate_json(submission.view["private_metadata"]).state
    problem = await requests.write(submission, state)
    if isinstance(problem, AcceptedUpdate):
        return ViewResponse(work=_waits(submission, problem) if problem.waits else None)
    if isinstance(problem, UnconfirmedPrice):
        blocks = [
            section(price_confirmation.price_text(problem.name, problem.dollars)),
            review.change_button(state),
        ]
        agreeing = state.model_copy(update={"agreed": problem.dollars})
        label = price_confirmation.agree_label("Update", problem.dollars)
        return ViewResponse(view=review.build(submission.place, agreeing, blocks, submit=label))
    blocks = [section(problem), review.change_button(state)]
    return ViewResponse(view=review.build(submission.place, state, blocks))


async def agreed(
    click: BlockAction,
    requests: UpdateRequests,
    pending_responses: PendingResponses,
) -> DeferredTask:
    """Write the update before the acknowledgement: it costs money."""
    state = UpdateState.model_validate_json(click.value)
    problem = await requests.write(click, state)
    if isinstance(problem, UnconfirmedPrice):
        return _ask_price(click, state, problem)
    if isinstance(problem, AcceptedUpdate):
        return _under_way(click, problem)
    return await durable_response(pending_responses, click, answer(problem))


async def _ask_price(click: BlockAction, state: UpdateState, price: UnconfirmedPrice) -> None:
    await click.responder.replace(
        price_confirmation.question(
            price.name,
            price.dollars,
            "Update",
            update_diff.AGREE_ACTION,
            state.model_copy(update={"agreed": price.dollars}).to_json(),
            [
                button("Change", update_diff.CHANGE_ACTION, value=state.to_json()),
                button("Cancel", update_diff.CANCEL_ACTION),
            ],
        )
    )


async def _under_way(click: BlockAction, update: AcceptedUpdate) -> None:
    await click.responder.replace(update_diff.under_way(update.name, waits=update.waits))


async def _waits(submission: ViewSubmission, update: AcceptedUpdate) -> None:
    await submission.responder.say(update_diff.under_way(update.name, waits=True))


def _refusal(result: OperationResult, runs: RunningVersion, after: Version) -> str | None:
    match result.outcome:
        case OperationOutcome.REPEATED:
            return "You already requested this; see the thread."
        case OperationOutcome.OVERTAKEN:
            by = f"{mention(result.by)} updated it" if result.by else "It was updated"
            runs_now = f": version {code(runs.number)} runs now" if runs.number else ""
            return (
                f"{by} in the meantime{runs_now}. Nothing was sent; *Change* shows the current"
                " settings."
            )
        case OperationOutcome.NAME_TAKEN:
            return f"{bold(after.request.name)} is taken by another endpoint. Nothing was sent."
        case _:
            return not_accepted(OperationKind.UPDATE, result)


@deferred
async def dismissed(click: BlockAction) -> None:
    await click.responder.remove()


FEATURES = (
    EndpointCommand(
        "update",
        "Updates an endpoint, after showing the changes.",
        run_on,
        arguments="[options]",
        permission=Permission.UPDATE,
    ).feature(),
    Feature(
        clicks={update_diff.AGREE_ACTION: agreed, update_diff.CANCEL_ACTION: dismissed},
        submissions={review.CALLBACK_ID: confirmed},
    ),
)
