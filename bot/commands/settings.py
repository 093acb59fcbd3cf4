"""`settings [target]`: approvals, lifetimes, what reaches the channel, and permissions."""

from collections.abc import Sequence

from pydantic import TypeAdapter

from bot.commands import settings_form as form
from bot.commands import settings_who_form as who_form
from bot.commands.endpoint_text import known_target
from bot.commands.registry import SLASH, Command, Feature, ViewResponse, deferred
from bot.commands.target_lookup import TargetLookup
from bot.domain.errors import UserError
from bot.domain.permissions import Permission
from bot.domain.process.task_group import both
from bot.messages.answer import answer
from bot.messages.blocks import Block
from bot.messages.markup import bold, code
from bot.services.authorization import Authorizer
from bot.services.target_settings import Saved, TargetGoneError, TargetSettings
from bot.slack.modals import Modals
from bot.slack.people import People
from bot.slack.requests import BlockAction, OptionsRequest, Request, SlashCommand, ViewSubmission

_MOST_OPTIONS = 100
_PERMISSION = TypeAdapter(Permission)


@deferred
async def run(
    command: SlashCommand, lookup: TargetLookup, authorizer: Authorizer, modals: Modals
) -> None:
    targets = await lookup.names(command.place)
    typed = command.text.strip()
    if not typed and len(targets) > 1:
        ways = " or ".join(code(f"{SLASH} settings {name}") for name in targets)
        raise UserError("This channel has several targets. Which one?", hint=ways)
    target = known_target(typed, targets) if typed else targets[0]
    await _authorize(authorizer, command, target)
    rules = await authorizer.rules(command.place, target)
    state = form.SettingsForm(place=command.place, target=target, shown=rules.policy)
    await modals.open(command.trigger_id, form.build(state, rules))


@deferred
async def changed(click: BlockAction, authorizer: Authorizer, modals: Modals) -> None:
    """Reveal the fields that count with what was chosen, and hide the others."""
    if click.view is None:
        return
    state = form.react(click.view)
    if state is not None:
        await _authorize(authorizer, click, state.target)
        rules = await authorizer.rules(click.place, state.target)
        await modals.replace_after(click.view, form.build(state, rules), click.action_ts)


async def submitted(
    submission: ViewSubmission, authorizer: Authorizer, target_settings: TargetSettings
) -> ViewResponse:
    state = form.read(submission.view)
    wanted = form.parse(submission.view)
    if isinstance(wanted, dict):
        return ViewResponse(errors=wanted)
    await _authorize(authorizer, submission, state.target)
    try:
        saved = await target_settings.set_policy(
            submission.place, submission.person, state.target, shown=state.shown, wanted=wanted
        )
    except TargetGoneError:
        raise _gone() from None
    return ViewResponse(work=_say_saved(submission, state.target, saved))


@deferred
async def who(click: BlockAction, authorizer: Authorizer, people: People, modals: Modals) -> None:
    """Open the form of one permission over the settings."""
    if click.view is None:
        return
    state = form.read(click.view)
    await _authorize(authorizer, click, state.target)
    permission = _PERMISSION.validate_python(click.value)
    granted = form.granted_to(permission, await authorizer.rules(click.place, state.target))
    above = who_form.WhoForm(settings=state, permission=permission, shown=tuple(granted))
    groups, everyone = await both(people.groups(), people.everyone())
    await modals.push(click.trigger_id, who_form.build(above, groups, everyone))


async def submitted_who(
    submission: ViewSubmission,
    authorizer: Authorizer,
    target_settings: TargetSettings,
    modals: Modals,
) -> ViewResponse:
    """Save one permission; the settings below show it then."""
    state = who_form.read(submission.view)
    target = state.settings.target
    wanted = who_form.parse(submission.view)
    if isinstance(wanted, dict):
        return ViewResponse(errors=wanted)
    await _authorize(authorizer, submission, target)
    try:
        saved = await target_settings.grant(
            submission.place,
            submission.person,
            target,
            state.permission,
            shown=state.shown,
            wanted=wanted,
        )
    except TargetGoneError:
        raise _gone() from None
    return ViewResponse(work=_redraw(submission, state.settings, saved, authorizer, modals))


async def _redraw(
    submission: ViewSubmission,
    state: form.SettingsForm,
    saved: Saved,
    authorizer: Authorizer,
    modals: Modals,
) -> None:
    rules = await authorizer.rules(submission.place, state.target)
    below = str(submission.view.get("previous_view_id") or "")
    # What was typed there stays: the fields keep their names.
    shows = bool(below) and await modals.replace(below, form.build(state, rules))
    if saved.overtook or not shows:
        await _say_saved(submission, state.target, saved)


async def groups(request: OptionsRequest, people: People) -> Sequence[Block]:
    """The user groups that match the typed text, for people who have the form open."""
    who_form.read(request.view or {})
    typed = request.typed.lower().lstrip("@")
    matching = [
        (id_, name) for id_, name in (await people.groups()).items() if typed in name.lower()
    ]
    return [who_form.group_option(id_, name) for id_, name in matching[:_MOST_OPTIONS]]


async def everyone(request: OptionsRequest, people: People) -> Sequence[Block]:
    """The people who match the typed text, for those who have the form open; no bots."""
    who_form.read(request.view or {})
    typed = request.typed.lower().lstrip("@")
    matching = [
        (id_, name)
        for id_, name in (await people.everyone()).items()
        # A member id can be copied from a profile.
        if typed in name.lower() or typed == id_.lower()
    ]
    matching.sort(key=lambda one: one[1].lower())
    return [who_form.person_option(id_, name) for id_, name in matching[:_MOST_OPTIONS]]


async def _say_saved(submission: ViewSubmission, target: str, saved: Saved) -> None:
    name = bold(target)
    text = f"The settings of {name} didn't change."
    if saved.changes:
        text = f"The settings of {name} are saved."
        text += "".join(f"\n• {change}" for change in saved.changes)
    hint = ""
    if saved.overtook:
        hint = (
            "Someone else saved in the meantime; fields that you didn't change keep their values."
        )
    await submission.responder.say(answer(text, hint=hint))


async def _authorize(authorizer: Authorizer, request: Request, target: str) -> None:
    await authorizer.authorize(Permission.CONFIGURE, request.person, request.place, target=target)


def _gone() -> UserError:
    return UserError("This target has been disconnected, so nothing was saved.")


FEATURE = Feature(
    commands=[
        Command(
            "settings",
            "[target]",
            "Approvals, lifetimes, what is posted in the channel, and who may do what.",
            run,
        )
    ],
    clicks={
        form.WHO_ACTION: who,
        form.APPROVAL_ACTION: changed,
        form.LIFETIME_ACTION: changed,
    },
    submissions={form.CALLBACK_ID: submitted, who_form.CALLBACK_ID: submitted_who},
    suggestions={who_form.GROUPS_ACTION: groups, who_form.PEOPLE_ACTION: everyone},
)
