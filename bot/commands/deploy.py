"""Deploy a model: by the form, or from a line of text with a question before it spends."""

import uuid
from collections.abc import Collection, Mapping, Sequence

from bot.commands import bare_model, deploy_text
from bot.commands import deploy_form as form
from bot.commands.desk import Click, Desk, Invocation, Reaction, Submission, Work, answer, own
from bot.commands.invite import invitation, invitation_view, needs_invitation
from bot.commands.registry import Feature
from bot.commands.unconnected import unconnected
from bot.deployments.place import Person, Place
from bot.deployments.request.deploy_request import DeployRequest
from bot.deployments.request.draft import DeployDraft, Scaling
from bot.deployments.request.rules import Slip, check
from bot.deployments.service import Asked, Outcome
from bot.deployments.targets.policy import Policy
from bot.deployments.targets.views import TargetView
from bot.errors import UserError
from bot.messages import preview
from bot.messages.body import Body
from bot.messages.markup import bold, escape
from bot.permissions import Permission


async def open_form(
    desk: Desk,
    asked: Invocation | Click,
    draft: DeployDraft | None = None,
    *,
    refused: Mapping[str, str] | None = None,
    focus: str | None = None,
) -> Work:
    """Open the form.

    Args:
        desk: The services.
        asked: With the trigger that opens it.
        draft: What it is filled in with.
        refused: What Friendli said of fields: field of the draft → plain text.
        focus: The field that the cursor stands in.
    """
    return _open_form(desk, asked, draft or DeployDraft(), refused or {}, focus)


async def _open_form(
    desk: Desk,
    asked: Invocation | Click,
    draft: DeployDraft,
    refused: Mapping[str, str],
    focus: str | None,
) -> None:
    person, place = asked.person, asked.place
    # What is submitted is authorized anew; nobody is refused by what may be old.
    targets = await desk.targets.lately(place)
    if not await desk.authorizer.may(Permission.DEPLOY, person, place, among=targets):
        targets = await desk.targets.of(place)
        await desk.authorizer.authorize(Permission.DEPLOY, person, place, among=targets)
    if not targets:
        raise await unconnected(desk)
    state = form.opened(_state(place, draft), refused, focus)
    view = form.build(state, targets=_choices(targets), prices=desk.settings.prices)
    # The trigger dies after three seconds, so the form comes first and the check after.
    view_id = await desk.modals.open(asked.trigger_id, view)
    membership = await desk.people.membership(place)
    if needs_invitation(membership):
        await desk.modals.replace(view_id, await invitation_view(desk, membership))


async def show_form(desk: Desk, place: Place, *, view_id: str) -> None:
    """Turn an open modal into the form."""
    targets = await desk.targets.of(place)
    if not targets:
        raise await unconnected(desk)
    state = _state(place, DeployDraft())
    view = form.build(state, targets=_choices(targets), prices=desk.settings.prices)
    await desk.modals.replace(view_id, view)


async def changed(desk: Desk, click: Click) -> Work:
    """Something was chosen or typed that changes what the form shows."""
    return _redraw(desk, click)


async def _redraw(desk: Desk, click: Click) -> None:
    if click.view is None:
        return
    state = form.react(form.parse(click.view), click.action_id)
    targets = await desk.targets.lately(own(state.place, click))
    if not targets:
        raise await unconnected(desk)
    view = form.build(state, targets=_choices(targets), prices=desk.settings.prices)
    await desk.modals.follow(click.view, view, click.action_ts)


async def submitted(desk: Desk, submission: Submission) -> Reaction:
    """Check the form and write the wish down; nothing is acknowledged before it is written."""
    state = form.parse(submission.view)
    place = own(state.place, submission)
    targets = await desk.targets.of(place)
    if not targets:
        raise await unconnected(desk)
    bare = await bare_model.look_up(desk, state.draft.model)
    request = _check(state.draft, targets, state.proposed_name, bare.known)
    if not isinstance(request, DeployRequest):
        errors = form.slips_to_errors(request, submission.view)
        return Reaction(errors=errors)
    await desk.authorizer.authorize(
        Permission.DEPLOY, submission.person, place, target=request.target, among=targets
    )
    asked = await desk.deployments.ask(place, submission.person, request, state.request_id)
    match asked.outcome:
        case Outcome.NAME_TAKEN:
            slip = Slip("name", _taken_words(request.name))
            return Reaction(errors=form.slips_to_errors([slip], submission.view))
        case Outcome.TARGET_GONE:
            slip = Slip("target", "This target was disconnected meanwhile.")
            return Reaction(errors=form.slips_to_errors([slip], submission.view))
        case Outcome.REPEATED:
            return Reaction(work=_say_repeated(desk, place, submission.person))
        case _:
            return Reaction(
                work=_accepted(
                    desk, place, submission.person, request.target, asked, bare.unchecked
                )
            )


async def _accepted(
    desk: Desk, place: Place, person: Person, target: str, asked: Asked, unchecked: str
) -> None:
    if unchecked:
        await desk.people.whisper(place, person.id, answer(unchecked))
    await _call_approvers(desk, place, person, target, asked)


async def _say_repeated(desk: Desk, place: Place, person: Person) -> None:
    await desk.people.whisper(place, person.id, answer(_REPEATED))


async def from_text(desk: Desk, invocation: Invocation) -> Work:
    """Deploy from a line: show what it means and ask, or do it at once with `--yes`."""
    person, place = invocation.person, invocation.place
    targets = await desk.targets.of(place)
    await desk.authorizer.authorize(Permission.DEPLOY, person, place, among=targets)
    if not targets:
        raise await unconnected(desk)
    bare = await bare_model.look_up(desk, deploy_text.model_of(invocation.text))
    read = deploy_text.read(
        invocation.text,
        targets=[target.name for target in targets],
        default_target=targets[0].name,
        scalings=_scalings(targets),
        known_models=bare.known,
    )
    if isinstance(read, deploy_text.TextSlips):
        said = preview.slipped([slip.sentences for slip in read.slips], read.corrected_line)
        return _say(desk, invocation, said)
    await desk.authorizer.authorize(
        Permission.DEPLOY, person, place, target=read.request.target, among=targets
    )
    policy = _policy(read.request, targets)
    request = read.request.with_default_lease(policy.lease_seconds)
    # What nobody could check is asked about, also with `--yes`.
    if not read.yes or bare.unchecked:
        return _show_preview(desk, invocation, request, policy, unchecked=bare.unchecked)
    # Committed before Slack is acknowledged: what spends money is written down or refused.
    asked = await desk.deployments.ask(
        place, person, request, invocation.request_id, line=invocation.text
    )
    if asked.outcome is Outcome.SAME_LINE:
        return _show_preview(desk, invocation, request, policy, is_second=True)
    if asked.outcome is not Outcome.ACCEPTED:
        raise _not_accepted(asked, request)
    return _call_approvers(desk, place, person, request.target, asked)


async def _say(desk: Desk, invocation: Invocation, said: Body) -> None:
    await desk.responses.say(invocation.response_url, said)


async def _show_preview(
    desk: Desk,
    invocation: Invocation,
    request: DeployRequest,
    policy: Policy,
    *,
    is_second: bool = False,
    unchecked: str = "",
) -> None:
    membership = await desk.people.membership(invocation.place)
    if needs_invitation(membership):
        raise await invitation(desk, membership)
    draft = request.draft().to_json()
    said = preview.preview(
        request,
        desk.settings.prices,
        lease_end=policy.lease_end,
        deploy_value=f"{_new_request_id()} {draft}",
        change_value=draft,
        is_second=is_second,
        unchecked=unchecked,
    )
    await desk.responses.say(invocation.response_url, said)


async def agreed(desk: Desk, click: Click) -> Work:
    """Deploy what the preview shows."""
    request_id, _, json = click.value.partition(" ")
    targets = await desk.targets.of(click.place)
    if not targets:
        raise await unconnected(desk)
    draft = DeployDraft.from_json(json)
    # Whether the Hub has it was looked up for the preview.
    request = _check(draft, targets, None, bare_model.as_shown(draft.model))
    if not isinstance(request, DeployRequest):
        # A target, or an instance option, that was there when the preview was shown.
        raise UserError(escape(" ".join(slip.sentences for slip in request)))
    await desk.authorizer.authorize(
        Permission.DEPLOY, click.person, click.place, target=request.target, among=targets
    )
    asked = await desk.deployments.ask(
        click.place, click.person, request, request_id, message_ts=click.message_ts
    )
    if asked.outcome is not Outcome.ACCEPTED:
        raise _not_accepted(asked, request)
    return _go_on(desk, click, request, asked)


async def _go_on(desk: Desk, click: Click, request: DeployRequest, asked: Asked) -> None:
    said = preview.under_way(request, waits=asked.waits)
    await desk.responses.replace(click.response_url, said)
    await _call_approvers(desk, click.place, click.person, request.target, asked)


async def _call_approvers(
    desk: Desk, place: Place, person: Person, target: str, asked: Asked
) -> None:
    """Mention admins where only they may approve: the root names nobody whom Slack would tell."""
    if not asked.waits or await desk.authorizer.named(Permission.APPROVE, place, target):
        return
    whom = await desk.authorizer.whom(Permission.APPROVE, place, target)
    await desk.requests.call(place, person, asked.waits_as, Permission.APPROVE, whom)


async def change(desk: Desk, click: Click) -> Work:
    """Open the form with what the preview shows."""
    return await open_form(desk, click, DeployDraft.from_json(click.value))


async def dismissed(desk: Desk, click: Click) -> Work:
    """Take the preview away."""
    return _remove(desk, click)


async def _remove(desk: Desk, click: Click) -> None:
    await desk.responses.remove(click.response_url)


_REPEATED = "You asked for that already; its thread is in this channel. Nothing was made twice."


def _not_accepted(asked: Asked, request: DeployRequest) -> UserError:
    if asked.outcome is Outcome.REPEATED:
        return UserError(_REPEATED)
    if asked.outcome is Outcome.NAME_TAKEN:
        return UserError(
            f"{bold(request.name)} is taken: a deployment of that name is on its way or running.",
            hint="Give another one with `--name`.",
        )
    return UserError("This target was disconnected meanwhile.", hint="Nothing was made.")


def _taken_words(name: str) -> str:
    return f"{name} is taken: a deployment of that name is on its way or running. Change it."


def _check(
    draft: DeployDraft,
    targets: Sequence[TargetView],
    proposed_name: str | None,
    known_models: Collection[str],
) -> DeployRequest | tuple[Slip, ...]:
    if not draft.name and proposed_name:
        draft = draft.model_copy(update={"name": proposed_name})
    checked = check(
        draft,
        targets=[target.name for target in targets],
        default_target=targets[0].name,
        scalings=_scalings(targets),
        known_models=known_models,
    )
    if isinstance(checked, DeployRequest):
        return checked.with_default_lease(_policy(checked, targets).lease_seconds)
    return checked


def _policy(request: DeployRequest, targets: Sequence[TargetView]) -> Policy:
    return next(target.policy for target in targets if target.name == request.target)


def _scalings(targets: Sequence[TargetView]) -> Mapping[str, Scaling]:
    return {target.name: target.policy.scaling.value for target in targets}


def _choices(targets: Sequence[TargetView]) -> list[form.TargetChoice]:
    return [
        form.TargetChoice(
            target.name,
            target.project_id,
            target.policy.lease_seconds,
            target.policy.lease_end,
            target.policy.scaling.value,
        )
        for target in targets
    ]


def _state(place: Place, draft: DeployDraft) -> form.FormState:
    return form.FormState(request_id=_new_request_id(), place=place, draft=draft)


def _new_request_id() -> str:
    return uuid.uuid4().hex


FEATURE = Feature(
    clicks={
        form.ACTION_PREFIX: changed,
        preview.DEPLOY_ACTION: agreed,
        preview.CHANGE_ACTION: change,
        preview.CANCEL_ACTION: dismissed,
    },
    submissions={form.CALLBACK_ID: submitted},
)
