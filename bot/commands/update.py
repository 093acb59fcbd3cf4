"""`update [endpoint]` and the Update button: change what runs, after a look at before and after."""

from collections.abc import Mapping

from bot.commands import deploy_form as form
from bot.commands import update_review as review
from bot.commands import update_text
from bot.commands.context import DeferredTask, Services, ViewResponse, answer, own
from bot.commands.deploy_text import LineErrors
from bot.commands.endpoint_command import EndpointCommand, EndpointRequest
from bot.commands.operation_buttons import unknown_endpoint, what_instead
from bot.commands.pending_response import answer_surely
from bot.commands.registry import Feature
from bot.commands.update_state import UpdateReviewState, UpdateState, deployment_of
from bot.domain.actors import Actor, ChannelRef
from bot.domain.errors import UserError
from bot.domain.listed_endpoint import Listed
from bot.domain.operations import OperationKind
from bot.domain.permissions import Permission
from bot.domain.request.draft import DeployDraft
from bot.domain.update import applied, body, edits, prepare, settle
from bot.domain.version import Version
from bot.domain.version_history import RunningVersion
from bot.messages import preview, update_diff
from bot.messages.blocks import button, section
from bot.messages.body import Body
from bot.messages.buttons import ActionId
from bot.messages.markup import bold, code, escape, mention
from bot.messages.update_diff import in_thread
from bot.services.operations import AskedFor, OperationOutcome
from bot.slack.requests import BlockAction, ViewSubmission

_ASKING = "Asking Friendli what runs now…"
_NOTHING = "Nothing would change, so nothing is sent."


async def run_on(services: Services, asked: EndpointRequest, endpoint: Listed) -> None:
    """Open the form; with options, ask whether to update."""
    public_id = deployment_of(endpoint)
    await _authorize(services, asked.place, asked.person, endpoint.target, public_id)
    if not asked.rest:
        if not await _opens(services, asked, public_id):
            words = f"What shall change of {bold(endpoint.name)}?"
            open_form = button(
                "Update", OperationKind.UPDATE.action_id, value=public_id, style="primary"
            )
            await asked.answer(services, answer(words, buttons=[open_form]))
        return
    runs = await services.updates.look(asked.place, public_id)
    read = update_text.read(asked.rest, runs)
    if isinstance(read, LineErrors):
        said = preview.slipped(
            [field_error.sentences for field_error in read.field_errors], read.corrected_line
        )
    else:
        said = question(services, runs, read)
    await asked.answer(services, said)


async def _opens(services: Services, asked: EndpointRequest, public_id: str) -> bool:
    if not asked.trigger_id:
        return False
    try:
        await _open(services, asked.place, asked.trigger_id, public_id)
    except UserError:
        # Finding the endpoint took longer than Slack lets a command open a form.
        return False
    return True


def question(
    services: Services,
    runs: RunningVersion,
    after: Version,
    *,
    back_to: str | None = None,
    is_whole: bool = False,
) -> Body:
    """Before and after as a message with buttons; or that there is no difference."""
    if body(runs.version, after) is None:
        return answer(f"{bold(runs.name)} runs like that already. {_NOTHING}")
    carried = UpdateState.of(runs, after, back_to=back_to, is_whole=is_whole)
    step = carried.step(runs, after)
    return update_diff.question(step, services.settings.prices, value=carried.to_json())


async def clicked(services: Services, click: BlockAction) -> DeferredTask:
    """Open the form with what runs."""
    return _clicked(services, click, click.value)


async def edit(services: Services, click: BlockAction) -> DeferredTask:
    """Open the form at the setting that a failure is about."""
    public_id, _, field = click.value.partition(" ")
    return _clicked(services, click, public_id, focus=field)


async def larger(services: Services, click: BlockAction) -> DeferredTask:
    """Open the form with a larger instance chosen."""
    public_id, _, key = click.value.partition(" ")
    return _clicked(services, click, public_id, DeployDraft(gpu=key))


async def again(services: Services, click: BlockAction) -> DeferredTask:
    """Open the form of an update that was refused, with what it was to change."""
    return _again(services, click)


async def _again(services: Services, click: BlockAction) -> None:
    public_id, _, operation_id = click.value.partition(" ")
    runs = await services.updates.known(click.place, public_id)
    await _authorize(services, click.place, click.person, runs.target, public_id)
    refused = await services.updates.refused(click.place, public_id, operation_id)
    await _open(
        services, click.place, click.trigger_id, public_id, refused.edits, refused=refused.fields
    )


async def _clicked(
    services: Services,
    click: BlockAction,
    public_id: str,
    edited: DeployDraft | None = None,
    *,
    focus: str | None = None,
) -> None:
    deployment = await services.deployments.find(click.place, public_id)
    if deployment is None:
        raise unknown_endpoint()
    await _authorize(
        services, click.place, click.person, deployment.target_name, deployment.public_id
    )
    await _open(services, click.place, click.trigger_id, deployment.public_id, edited, focus=focus)


async def _authorize(
    services: Services, place: ChannelRef, person: Actor, target: str, public_id: str
) -> None:
    await services.authorizer.authorize(
        Permission.UPDATE, person, place, target=target, about=public_id
    )


async def _open(
    services: Services,
    place: ChannelRef,
    trigger_id: str,
    public_id: str,
    edited: DeployDraft | None = None,
    *,
    refused: Mapping[str, str] | None = None,
    focus: str | None = None,
) -> None:
    # The trigger dies after three seconds, and what runs is asked of the API.
    view_id = await services.modals.open(trigger_id, review.message(_ASKING))
    await _fill(services, place, view_id, public_id, edited, refused=refused, focus=focus)


async def _fill(
    services: Services,
    place: ChannelRef,
    view_id: str,
    public_id: str,
    edited: DeployDraft | None,
    *,
    refused: Mapping[str, str] | None = None,
    focus: str | None = None,
) -> None:
    """Turn an open modal into the form, with edits on top of what runs."""
    try:
        runs = await services.updates.look(place, public_id)
        await _show(services, place, view_id, runs, edited, refused=refused, focus=focus)
    except UserError as error:
        await _show_problem(services, view_id, error)


async def _show(
    services: Services,
    place: ChannelRef,
    view_id: str,
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
        draft=applied(version, edited) if edited is not None else version.draft(),
        advanced_open=advanced_open,
        updating=form.Updating(
            public_id=runs.public_id,
            number=runs.number,
            untold="model" in version.unknown,
            elsewhere=runs.elsewhere is not None,
            meanwhile=meanwhile,
        ),
    )
    view = form.build(
        form.opened(state, refused or {}, focus), targets=(), prices=services.settings.prices
    )
    await services.modals.replace(view_id, view)


async def _show_problem(services: Services, view_id: str, error: UserError) -> None:
    await services.modals.replace(view_id, review.message(f"{error.message} {error.hint}".strip()))


async def submitted(services: Services, submission: ViewSubmission) -> ViewResponse:
    """Check the form, and show before and after."""
    state = form.parse(submission.view)
    place = own(state.place, submission)
    if state.updating is None:
        raise unknown_endpoint()
    runs = await services.updates.known(place, state.updating.public_id)
    await _authorize(services, place, submission.person, runs.target, runs.public_id)
    if runs.number != state.updating.number:
        work = _compare_anew(services, place, str(submission.view["id"]), state, state.updating)
        return ViewResponse(view=review.message(_ASKING), work=work)
    after = settle(runs.version, state.draft)
    if isinstance(after, tuple):
        return ViewResponse(errors=form.errors_by_block(after, submission.view))
    carried = UpdateState.of(runs, after)
    if body(runs.version, after) is None:
        return ViewResponse(
            view=review.build(place, carried, [section(_NOTHING), review.change_button(carried)])
        )
    step = carried.step(runs, after)
    blocks = update_diff.view_blocks(step, services.settings.prices, value=carried.to_json())
    return ViewResponse(view=review.build(place, carried, blocks, submit="Update"))


async def _compare_anew(
    services: Services,
    place: ChannelRef,
    view_id: str,
    state: form.FormState,
    updating: form.Updating,
) -> None:
    """The endpoint was updated while its form was open: keep what the person changed in it."""
    try:
        runs, past = await services.updates.past(place, updating.public_id)
    except UserError as error:
        await _show_problem(services, view_id, error)
        return
    then = next((one.asked for one in past if one.number == updating.number), None)
    typed = state.draft
    wanted = settle(then, typed) if then is not None else None
    await _show(
        services,
        place,
        view_id,
        runs,
        edits(then, wanted) if then is not None and isinstance(wanted, Version) else typed,
        meanwhile=review.updated_meanwhile(runs, then),
        advanced_open=state.advanced_open,
    )


async def confirmed(services: Services, submission: ViewSubmission) -> ViewResponse:
    """Write down what the modal shows."""
    held = UpdateReviewState.model_validate_json(submission.view["private_metadata"])
    place = own(held.place, submission)
    problem = await _ask(services, place, submission.person, held.carried)
    if problem is None:
        return ViewResponse()
    blocks = [section(problem), review.change_button(held.carried)]
    return ViewResponse(view=review.build(place, held.carried, blocks))


async def agreed(services: Services, click: BlockAction) -> DeferredTask:
    """Write down what the message shows, before Slack is acknowledged: it costs money."""
    carried = UpdateState.model_validate_json(click.value)
    problem = await _ask(services, click.place, click.person, carried, click.message_ts)
    if problem is not None:
        return await answer_surely(services, click, problem)
    runs = await services.updates.known(click.place, carried.public_id)
    return _under_way(services, click, runs.name)


async def _ask(
    services: Services, place: ChannelRef, person: Actor, carried: UpdateState, message_ts: str = ""
) -> str | None:
    """Write the wish down. Returns why that can't be, as mrkdwn; None if it is done."""
    runs = await services.updates.known(place, carried.public_id)
    await _authorize(services, place, person, runs.target, runs.public_id)
    after = settle(runs.version, applied(runs.version, carried.edits))
    if isinstance(after, tuple):
        return escape(" ".join(field_error.sentences for field_error in after))
    prices = services.settings.prices
    update = prepare(
        runs.version, after, replaces=carried.number, prices=prices, is_whole=carried.is_whole
    )
    if update is None:
        return f"{bold(runs.name)} runs like that already. {_NOTHING}"
    asked = await services.operations.ask(
        place,
        person,
        carried.public_id,
        OperationKind.UPDATE,
        f"{carried.public_id} {carried.request_id}",
        message_ts=message_ts,
        update=update,
        detail=in_thread(runs.version, after, prices, back_to=carried.back_to),
    )
    return _not_accepted(asked, runs, after)


def _not_accepted(asked: AskedFor, runs: RunningVersion, after: Version) -> str | None:
    match asked.outcome:
        case OperationOutcome.REPEATED:
            return "You asked for that already; the thread tells how it goes."
        case OperationOutcome.OVERTAKEN:
            by = f"{mention(asked.by)} updated it" if asked.by else "It was updated"
            runs_now = f": version {code(runs.number)} runs now" if runs.number else ""
            return f"{by} meanwhile{runs_now}. Nothing was sent; Change shows what is so now."
        case OperationOutcome.NAME_TAKEN:
            return f"{bold(after.request.name)} is taken by another endpoint. Nothing was sent."
        case _:
            return what_instead(OperationKind.UPDATE, asked)


async def change(services: Services, click: BlockAction) -> DeferredTask:
    """Open the form with what runs now, and the edits made to it."""
    return _reopen(services, click)


async def _reopen(services: Services, click: BlockAction) -> None:
    carried = UpdateState.model_validate_json(click.value)
    place = click.place
    if click.view is not None:
        held = UpdateReviewState.model_validate_json(click.view["private_metadata"])
        place = own(held.place, click)
    runs = await services.updates.known(place, carried.public_id)
    await _authorize(services, place, click.person, runs.target, runs.public_id)
    if click.view is None:
        await _open(services, place, click.trigger_id, carried.public_id, carried.edits)
    else:
        await _fill(services, place, click.view["id"], carried.public_id, carried.edits)


async def dismissed(services: Services, click: BlockAction) -> DeferredTask:
    """Take the question away."""
    return _remove(services, click)


async def _remove(services: Services, click: BlockAction) -> None:
    await services.responses.remove(click.response_url)


async def _under_way(services: Services, click: BlockAction, name: str) -> None:
    await services.responses.replace(click.response_url, update_diff.under_way(name))


_COMMAND = EndpointCommand(
    "update",
    "Changes an endpoint that is there; shows before and after, and asks first.",
    run_on,
    arguments="[options]",
    permission=Permission.UPDATE,
).feature()
FEATURE = Feature(
    commands=_COMMAND.commands,
    clicks={
        **_COMMAND.clicks,
        OperationKind.UPDATE.action_id: clicked,
        ActionId.UPDATE_EDIT: edit,
        ActionId.UPDATE_LARGER: larger,
        ActionId.UPDATE_AGAIN: again,
        update_diff.AGREE_ACTION: agreed,
        update_diff.CHANGE_ACTION: change,
        update_diff.CANCEL_ACTION: dismissed,
    },
    submissions={form.UPDATE_CALLBACK_ID: submitted, review.CALLBACK_ID: confirmed},
)
