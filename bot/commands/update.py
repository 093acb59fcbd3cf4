"""`update [endpoint]` and the Update button: change what runs, after a look at before and after."""

from collections.abc import Mapping

from bot.commands import deploy_form as form
from bot.commands import update_review as review
from bot.commands import update_text
from bot.commands.act import unknown_endpoint, what_instead
from bot.commands.deploy_text import TextSlips
from bot.commands.desk import Click, Desk, Reaction, Submission, Work, answer, own
from bot.commands.endpoint_command import Asked, EndpointCommand
from bot.commands.late_answer import late_answer
from bot.commands.registry import Feature
from bot.commands.update_carried import Carried, CarriedView, deployment_of
from bot.db.acts import OperationKind
from bot.deployments.listing.listed import Listed
from bot.deployments.operations import AskedFor, OperationOutcome
from bot.deployments.place import Person, Place
from bot.deployments.request.draft import DeployDraft
from bot.deployments.updating.runs import Runs
from bot.deployments.updating.update import applied, body, edits, prepare, settle
from bot.deployments.updating.version import Version
from bot.errors import UserError
from bot.messages import before_after, preview
from bot.messages.before_after import in_thread
from bot.messages.blocks import button, section
from bot.messages.body import Body
from bot.messages.buttons import ActionId
from bot.messages.markup import bold, code, escape, mention
from bot.permissions import Permission

_ASKING = "Asking Friendli what runs now…"
_NOTHING = "Nothing would change, so nothing is sent."


async def run_on(desk: Desk, asked: Asked, endpoint: Listed) -> None:
    """Open the form; with options, ask whether to update."""
    public_id = deployment_of(endpoint)
    await _authorize(desk, asked.place, asked.person, endpoint.target, public_id)
    if not asked.rest:
        if not await _opens(desk, asked, public_id):
            words = f"What shall change of {bold(endpoint.name)}?"
            open_form = button("Update", ActionId.UPDATE, value=public_id, style="primary")
            await asked.answer(desk, answer(words, buttons=[open_form]))
        return
    runs = await desk.updates.look(asked.place, public_id)
    read = update_text.read(asked.rest, runs)
    if isinstance(read, TextSlips):
        said = preview.slipped([slip.sentences for slip in read.slips], read.corrected_line)
    else:
        said = question(desk, runs, read)
    await asked.answer(desk, said)


async def _opens(desk: Desk, asked: Asked, public_id: str) -> bool:
    if not asked.trigger_id:
        return False
    try:
        await _open(desk, asked.place, asked.trigger_id, public_id)
    except UserError:
        # Finding the endpoint took longer than Slack lets a command open a form.
        return False
    return True


def question(
    desk: Desk, runs: Runs, after: Version, *, back_to: str | None = None, is_whole: bool = False
) -> Body:
    """Before and after as a message with buttons; or that there is no difference."""
    if body(runs.version, after) is None:
        return answer(f"{bold(runs.name)} runs like that already. {_NOTHING}")
    carried = Carried.of(runs, after, back_to=back_to, is_whole=is_whole)
    step = carried.step(runs, after)
    return before_after.question(step, desk.settings.prices, value=carried.to_json())


async def clicked(desk: Desk, click: Click) -> Work:
    """Open the form with what runs."""
    return _clicked(desk, click, click.value)


async def edit(desk: Desk, click: Click) -> Work:
    """Open the form at the setting that a failure is about."""
    public_id, _, field = click.value.partition(" ")
    return _clicked(desk, click, public_id, focus=field)


async def larger(desk: Desk, click: Click) -> Work:
    """Open the form with a larger instance chosen."""
    public_id, _, key = click.value.partition(" ")
    return _clicked(desk, click, public_id, DeployDraft(gpu=key))


async def again(desk: Desk, click: Click) -> Work:
    """Open the form of an update that was refused, with what it was to change."""
    return _again(desk, click)


async def _again(desk: Desk, click: Click) -> None:
    public_id, _, operation_id = click.value.partition(" ")
    runs = await desk.updates.known(click.place, public_id)
    await _authorize(desk, click.place, click.person, runs.target, public_id)
    refused = await desk.updates.refused(click.place, public_id, operation_id)
    await _open(
        desk, click.place, click.trigger_id, public_id, refused.edits, refused=refused.fields
    )


async def _clicked(
    desk: Desk,
    click: Click,
    public_id: str,
    edited: DeployDraft | None = None,
    *,
    focus: str | None = None,
) -> None:
    deployment = await desk.deployments.find(click.place, public_id)
    if deployment is None:
        raise unknown_endpoint()
    await _authorize(desk, click.place, click.person, deployment.target_name, deployment.public_id)
    await _open(desk, click.place, click.trigger_id, deployment.public_id, edited, focus=focus)


async def _authorize(desk: Desk, place: Place, person: Person, target: str, public_id: str) -> None:
    await desk.authorizer.authorize(
        Permission.UPDATE, person, place, target=target, about=public_id
    )


async def _open(
    desk: Desk,
    place: Place,
    trigger_id: str,
    public_id: str,
    edited: DeployDraft | None = None,
    *,
    refused: Mapping[str, str] | None = None,
    focus: str | None = None,
) -> None:
    # The trigger dies after three seconds, and what runs is asked of the API.
    view_id = await desk.modals.open(trigger_id, review.message(_ASKING))
    await _fill(desk, place, view_id, public_id, edited, refused=refused, focus=focus)


async def _fill(
    desk: Desk,
    place: Place,
    view_id: str,
    public_id: str,
    edited: DeployDraft | None,
    *,
    refused: Mapping[str, str] | None = None,
    focus: str | None = None,
) -> None:
    """Turn an open modal into the form, with edits on top of what runs."""
    try:
        runs = await desk.updates.look(place, public_id)
        await _show(desk, place, view_id, runs, edited, refused=refused, focus=focus)
    except UserError as error:
        await _show_problem(desk, view_id, error)


async def _show(
    desk: Desk,
    place: Place,
    view_id: str,
    runs: Runs,
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
        form.opened(state, refused or {}, focus), targets=(), prices=desk.settings.prices
    )
    await desk.modals.replace(view_id, view)


async def _show_problem(desk: Desk, view_id: str, error: UserError) -> None:
    await desk.modals.replace(view_id, review.message(f"{error.message} {error.hint}".strip()))


async def submitted(desk: Desk, submission: Submission) -> Reaction:
    """Check the form, and show before and after."""
    state = form.parse(submission.view)
    place = own(state.place, submission)
    if state.updating is None:
        raise unknown_endpoint()
    runs = await desk.updates.known(place, state.updating.public_id)
    await _authorize(desk, place, submission.person, runs.target, runs.public_id)
    if runs.number != state.updating.number:
        work = _compare_anew(desk, place, str(submission.view["id"]), state, state.updating)
        return Reaction(view=review.message(_ASKING), work=work)
    after = settle(runs.version, state.draft)
    if isinstance(after, tuple):
        return Reaction(errors=form.slips_to_errors(after, submission.view))
    carried = Carried.of(runs, after)
    if body(runs.version, after) is None:
        return Reaction(
            view=review.build(place, carried, [section(_NOTHING), review.change_button(carried)])
        )
    step = carried.step(runs, after)
    blocks = before_after.view_blocks(step, desk.settings.prices, value=carried.to_json())
    return Reaction(view=review.build(place, carried, blocks, submit="Update"))


async def _compare_anew(
    desk: Desk, place: Place, view_id: str, state: form.FormState, updating: form.Updating
) -> None:
    """The endpoint was updated while its form was open: keep what the person changed in it."""
    try:
        runs, past = await desk.updates.past(place, updating.public_id)
    except UserError as error:
        await _show_problem(desk, view_id, error)
        return
    then = next((one.asked for one in past if one.number == updating.number), None)
    typed = state.draft
    wanted = settle(then, typed) if then is not None else None
    await _show(
        desk,
        place,
        view_id,
        runs,
        edits(then, wanted) if then is not None and isinstance(wanted, Version) else typed,
        meanwhile=review.updated_meanwhile(runs, then),
        advanced_open=state.advanced_open,
    )


async def confirmed(desk: Desk, submission: Submission) -> Reaction:
    """Write down what the modal shows."""
    held = CarriedView.model_validate_json(submission.view["private_metadata"])
    place = own(held.place, submission)
    problem = await _ask(desk, place, submission.person, held.carried)
    if problem is None:
        return Reaction()
    blocks = [section(problem), review.change_button(held.carried)]
    return Reaction(view=review.build(place, held.carried, blocks))


async def agreed(desk: Desk, click: Click) -> Work:
    """Write down what the message shows, before Slack is acknowledged: it costs money."""
    carried = Carried.model_validate_json(click.value)
    problem = await _ask(desk, click.place, click.person, carried, click.message_ts)
    if problem is not None:
        return await late_answer(desk, click, problem)
    runs = await desk.updates.known(click.place, carried.public_id)
    return _under_way(desk, click, runs.name)


async def _ask(
    desk: Desk, place: Place, person: Person, carried: Carried, message_ts: str = ""
) -> str | None:
    """Write the wish down. Returns why that can't be, as mrkdwn; None if it is done."""
    runs = await desk.updates.known(place, carried.public_id)
    await _authorize(desk, place, person, runs.target, runs.public_id)
    after = settle(runs.version, applied(runs.version, carried.edits))
    if isinstance(after, tuple):
        return escape(" ".join(slip.sentences for slip in after))
    prices = desk.settings.prices
    update = prepare(
        runs.version, after, replaces=carried.number, prices=prices, is_whole=carried.is_whole
    )
    if update is None:
        return f"{bold(runs.name)} runs like that already. {_NOTHING}"
    asked = await desk.operations.ask(
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


def _not_accepted(asked: AskedFor, runs: Runs, after: Version) -> str | None:
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


async def change(desk: Desk, click: Click) -> Work:
    """Open the form with what runs now, and the edits made to it."""
    return _reopen(desk, click)


async def _reopen(desk: Desk, click: Click) -> None:
    carried = Carried.model_validate_json(click.value)
    place = click.place
    if click.view is not None:
        held = CarriedView.model_validate_json(click.view["private_metadata"])
        place = own(held.place, click)
    runs = await desk.updates.known(place, carried.public_id)
    await _authorize(desk, place, click.person, runs.target, runs.public_id)
    if click.view is None:
        await _open(desk, place, click.trigger_id, carried.public_id, carried.edits)
    else:
        await _fill(desk, place, click.view["id"], carried.public_id, carried.edits)


async def dismissed(desk: Desk, click: Click) -> Work:
    """Take the question away."""
    return _remove(desk, click)


async def _remove(desk: Desk, click: Click) -> None:
    await desk.responses.remove(click.response_url)


async def _under_way(desk: Desk, click: Click, name: str) -> None:
    await desk.responses.replace(click.response_url, before_after.under_way(name))


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
        ActionId.UPDATE: clicked,
        ActionId.UPDATE_EDIT: edit,
        ActionId.UPDATE_LARGER: larger,
        ActionId.UPDATE_AGAIN: again,
        before_after.AGREE_ACTION: agreed,
        before_after.CHANGE_ACTION: change,
        before_after.CANCEL_ACTION: dismissed,
    },
    submissions={form.UPDATE_CALLBACK_ID: submitted, review.CALLBACK_ID: confirmed},
)
