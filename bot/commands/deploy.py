"""Deploy a model: by the form, or from a line of text with a question before it spends."""

import uuid
from collections.abc import Collection, Mapping, Sequence

from bot.commands import bare_model, deploy_text
from bot.commands import deploy_form as form
from bot.commands.context import DeferredTask, Services, ViewResponse, answer, own
from bot.commands.invite import invitation, invitation_view, needs_invitation
from bot.commands.no_targets import unconnected
from bot.commands.registry import Feature
from bot.domain.actors import Actor, ChannelRef
from bot.domain.errors import UserError
from bot.domain.permissions import Permission
from bot.domain.policy import Policy
from bot.domain.request.deploy_request import DeployRequest
from bot.domain.request.draft import DeployDraft, Scaling
from bot.domain.request.rules import FieldError, check
from bot.messages import preview
from bot.messages.body import Body
from bot.messages.markup import bold, escape
from bot.services.deployments import DeployResult, Outcome
from bot.services.targets import TargetView
from bot.slack.requests import BlockAction, SlashCommand, ViewSubmission


async def open_form(
    services: Services,
    asked: SlashCommand | BlockAction,
    draft: DeployDraft | None = None,
    *,
    refused: Mapping[str, str] | None = None,
    focus: str | None = None,
) -> DeferredTask:
    """Open the form.

    Args:
        services: The services.
        asked: With the trigger that opens it.
        draft: What it is filled in with.
        refused: What Friendli said of fields: field of the draft → plain text.
        focus: The field that the cursor stands in.
    """
    return _open_form(services, asked, draft or DeployDraft(), refused or {}, focus)


async def _open_form(
    services: Services,
    asked: SlashCommand | BlockAction,
    draft: DeployDraft,
    refused: Mapping[str, str],
    focus: str | None,
) -> None:
    person, place = asked.person, asked.place
    # What is submitted is authorized anew; nobody is refused by what may be old.
    targets = await services.targets.lately(place)
    if not await services.authorizer.may(Permission.DEPLOY, person, place, among=targets):
        targets = await services.targets.of(place)
        await services.authorizer.authorize(Permission.DEPLOY, person, place, among=targets)
    if not targets:
        raise await unconnected(services)
    state = form.opened(_state(place, draft), refused, focus)
    view = form.build(state, targets=_choices(targets), prices=services.settings.prices)
    # The trigger dies after three seconds, so the form comes first and the check after.
    view_id = await services.modals.open(asked.trigger_id, view)
    membership = await services.people.membership(place)
    if needs_invitation(membership):
        await services.modals.replace(view_id, await invitation_view(services, membership))


async def show_form(services: Services, place: ChannelRef, *, view_id: str) -> None:
    """Turn an open modal into the form."""
    targets = await services.targets.of(place)
    if not targets:
        raise await unconnected(services)
    state = _state(place, DeployDraft())
    view = form.build(state, targets=_choices(targets), prices=services.settings.prices)
    await services.modals.replace(view_id, view)


async def changed(services: Services, click: BlockAction) -> DeferredTask:
    """Something was chosen or typed that changes what the form shows."""
    return _redraw(services, click)


async def _redraw(services: Services, click: BlockAction) -> None:
    if click.view is None:
        return
    state = form.react(form.parse(click.view), click.action_id)
    targets = await services.targets.lately(own(state.place, click))
    if not targets:
        raise await unconnected(services)
    view = form.build(state, targets=_choices(targets), prices=services.settings.prices)
    await services.modals.replace_after(click.view, view, click.action_ts)


async def submitted(services: Services, submission: ViewSubmission) -> ViewResponse:
    """Check the form and write the wish down; nothing is acknowledged before it is written."""
    state = form.parse(submission.view)
    place = own(state.place, submission)
    targets = await services.targets.of(place)
    if not targets:
        raise await unconnected(services)
    bare = await bare_model.look_up(services, state.draft.model)
    request = _check(state.draft, targets, state.proposed_name, bare.known)
    if not isinstance(request, DeployRequest):
        errors = form.errors_by_block(request, submission.view)
        return ViewResponse(errors=errors)
    await services.authorizer.authorize(
        Permission.DEPLOY, submission.person, place, target=request.target, among=targets
    )
    asked = await services.deployments.ask(place, submission.person, request, state.request_id)
    match asked.outcome:
        case Outcome.NAME_TAKEN:
            field_error = FieldError("name", _taken_words(request.name))
            return ViewResponse(errors=form.errors_by_block([field_error], submission.view))
        case Outcome.TARGET_GONE:
            field_error = FieldError("target", "This target was disconnected meanwhile.")
            return ViewResponse(errors=form.errors_by_block([field_error], submission.view))
        case Outcome.REPEATED:
            return ViewResponse(work=_say_repeated(services, place, submission.person))
        case _:
            return ViewResponse(
                work=_accepted(
                    services, place, submission.person, request.target, asked, bare.unchecked
                )
            )


async def _accepted(
    services: Services,
    place: ChannelRef,
    person: Actor,
    target: str,
    asked: DeployResult,
    unchecked: str,
) -> None:
    if unchecked:
        await services.people.post_ephemeral(place, person.id, answer(unchecked))
    await _call_approvers(services, place, person, target, asked)


async def _say_repeated(services: Services, place: ChannelRef, person: Actor) -> None:
    await services.people.post_ephemeral(place, person.id, answer(_REPEATED))


async def from_text(services: Services, command: SlashCommand) -> DeferredTask:
    """Deploy from a line: show what it means and ask, or do it at once with `--yes`."""
    person, place = command.person, command.place
    targets = await services.targets.of(place)
    await services.authorizer.authorize(Permission.DEPLOY, person, place, among=targets)
    if not targets:
        raise await unconnected(services)
    bare = await bare_model.look_up(services, deploy_text.model_of(command.text))
    read = deploy_text.read(
        command.text,
        targets=[target.name for target in targets],
        default_target=targets[0].name,
        scalings=_scalings(targets),
        known_models=bare.known,
    )
    if isinstance(read, deploy_text.LineErrors):
        said = preview.slipped(
            [field_error.sentences for field_error in read.field_errors], read.corrected_line
        )
        return _say(services, command, said)
    await services.authorizer.authorize(
        Permission.DEPLOY, person, place, target=read.request.target, among=targets
    )
    policy = _policy(read.request, targets)
    request = read.request.with_default_lease(policy.lifetime_seconds)
    # What nobody could check is asked about, also with `--yes`.
    if not read.yes or bare.unchecked:
        return _show_preview(services, command, request, policy, unchecked=bare.unchecked)
    # Committed before Slack is acknowledged: what spends money is written down or refused.
    asked = await services.deployments.ask(
        place, person, request, command.request_id, line=command.text
    )
    if asked.outcome is Outcome.SAME_LINE:
        return _show_preview(services, command, request, policy, is_second=True)
    if asked.outcome is not Outcome.ACCEPTED:
        raise _not_accepted(asked, request)
    return _call_approvers(services, place, person, request.target, asked)


async def _say(services: Services, command: SlashCommand, said: Body) -> None:
    await services.responses.say(command.response_url, said)


async def _show_preview(
    services: Services,
    command: SlashCommand,
    request: DeployRequest,
    policy: Policy,
    *,
    is_second: bool = False,
    unchecked: str = "",
) -> None:
    membership = await services.people.membership(command.place)
    if needs_invitation(membership):
        raise await invitation(services, membership)
    draft = request.draft().to_json()
    said = preview.preview(
        request,
        services.settings.prices,
        expiry_action=policy.expiry_action,
        deploy_value=f"{_new_request_id()} {draft}",
        change_value=draft,
        is_second=is_second,
        unchecked=unchecked,
    )
    await services.responses.say(command.response_url, said)


async def agreed(services: Services, click: BlockAction) -> DeferredTask:
    """Deploy what the preview shows."""
    request_id, _, json = click.value.partition(" ")
    targets = await services.targets.of(click.place)
    if not targets:
        raise await unconnected(services)
    draft = DeployDraft.from_json(json)
    # Whether the Hub has it was looked up for the preview.
    request = _check(draft, targets, None, bare_model.as_shown(draft.model))
    if not isinstance(request, DeployRequest):
        # A target, or an instance option, that was there when the preview was shown.
        raise UserError(escape(" ".join(field_error.sentences for field_error in request)))
    await services.authorizer.authorize(
        Permission.DEPLOY, click.person, click.place, target=request.target, among=targets
    )
    asked = await services.deployments.ask(
        click.place, click.person, request, request_id, message_ts=click.message_ts
    )
    if asked.outcome is not Outcome.ACCEPTED:
        raise _not_accepted(asked, request)
    return _go_on(services, click, request, asked)


async def _go_on(
    services: Services, click: BlockAction, request: DeployRequest, asked: DeployResult
) -> None:
    said = preview.under_way(request, waits=asked.waits)
    await services.responses.replace(click.response_url, said)
    await _call_approvers(services, click.place, click.person, request.target, asked)


async def _call_approvers(
    services: Services, place: ChannelRef, person: Actor, target: str, asked: DeployResult
) -> None:
    """Mention admins where only they may approve: the root names nobody whom Slack would tell."""
    if not asked.waits or await services.authorizer.named(Permission.APPROVE, place, target):
        return
    whom = await services.authorizer.whom(Permission.APPROVE, place, target)
    await services.requests.call(place, person, asked.waits_as, Permission.APPROVE, whom)


async def change(services: Services, click: BlockAction) -> DeferredTask:
    """Open the form with what the preview shows."""
    return await open_form(services, click, DeployDraft.from_json(click.value))


async def dismissed(services: Services, click: BlockAction) -> DeferredTask:
    """Take the preview away."""
    return _remove(services, click)


async def _remove(services: Services, click: BlockAction) -> None:
    await services.responses.remove(click.response_url)


_REPEATED = "You asked for that already; its thread is in this channel. Nothing was made twice."


def _not_accepted(asked: DeployResult, request: DeployRequest) -> UserError:
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
) -> DeployRequest | tuple[FieldError, ...]:
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
        return checked.with_default_lease(_policy(checked, targets).lifetime_seconds)
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
            target.policy.lifetime_seconds,
            target.policy.expiry_action,
            target.policy.scaling.value,
        )
        for target in targets
    ]


def _state(place: ChannelRef, draft: DeployDraft) -> form.FormState:
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
