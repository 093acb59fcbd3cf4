"""`settings [target]`: approvals, how long endpoints run, what the channel hears, who may what."""

from collections.abc import Sequence

from pydantic import TypeAdapter

from bot.commands import settings_form as form
from bot.commands import settings_who_form as who_form
from bot.commands.context import DeferredTask, Services, ViewResponse, answer, own
from bot.commands.endpoint_text import known_target
from bot.commands.registry import SLASH, Command, Feature
from bot.commands.target_lookup import target_names
from bot.domain.actors import Actor, ChannelRef
from bot.domain.errors import UserError
from bot.domain.permissions import Permission
from bot.messages.blocks import Block
from bot.messages.markup import bold, code
from bot.services.target_settings import Saved, TargetGoneError
from bot.slack.requests import BlockAction, OptionsRequest, SlashCommand, ViewSubmission

_MOST_OPTIONS = 100
_PERMISSION = TypeAdapter(Permission)


async def run(services: Services, command: SlashCommand) -> DeferredTask:
    """Open the form."""
    return _open(services, command)


async def _open(services: Services, command: SlashCommand) -> None:
    place = command.place
    targets = await target_names(services, place)
    typed = command.text.strip()
    if not typed and len(targets) > 1:
        ways = " or ".join(code(f"{SLASH} settings {name}") for name in targets)
        raise UserError("This channel has several targets. Which one?", hint=ways)
    target = known_target(typed, targets) if typed else targets[0]
    await _authorize(services, command.person, place, target)
    rules = await services.authorizer.rules(place, target)
    shown = form.SettingsForm(place=place, target=target, shown=rules.policy)
    await services.modals.open(command.trigger_id, form.build(shown, rules))


async def submitted(services: Services, submission: ViewSubmission) -> ViewResponse:
    """Save what was changed."""
    about = form.read(submission.view)
    own(about.place, submission)
    wanted = form.parse(submission.view)
    if isinstance(wanted, dict):
        return ViewResponse(errors=wanted)
    await _authorize(services, submission.person, about.place, about.target)
    try:
        saved = await services.target_settings.set_policy(
            about.place, submission.person, about.target, shown=about.shown, wanted=wanted
        )
    except TargetGoneError:
        raise _gone() from None
    return ViewResponse(work=_tell(services, submission.person, about, saved))


async def who(services: Services, click: BlockAction) -> DeferredTask:
    """Open the form of who may do one thing over the settings."""
    return _push(services, click)


async def _push(services: Services, click: BlockAction) -> None:
    if click.view is None:
        return
    about = form.read(click.view)
    own(about.place, click)
    await _authorize(services, click.person, about.place, about.target)
    permission = _PERMISSION.validate_python(click.value)
    granted = form.granted_to(
        permission, await services.authorizer.rules(about.place, about.target)
    )
    shown = who_form.WhoForm(settings=about, permission=permission, shown=tuple(granted))
    groups = await services.people.groups()
    await services.modals.push(click.trigger_id, who_form.build(shown, groups))


async def submitted_who(services: Services, submission: ViewSubmission) -> ViewResponse:
    """Save who may do one thing; the settings below show it then."""
    about = who_form.read(submission.view)
    place, target = about.settings.place, about.settings.target
    own(place, submission)
    wanted = who_form.parse(submission.view)
    if isinstance(wanted, dict):
        return ViewResponse(errors=wanted)
    await _authorize(services, submission.person, place, target)
    try:
        saved = await services.target_settings.grant(
            place,
            submission.person,
            target,
            about.permission,
            shown=about.shown,
            wanted=wanted,
        )
    except TargetGoneError:
        raise _gone() from None
    return ViewResponse(work=_redraw(services, submission, about.settings, saved))


async def _redraw(
    services: Services, submission: ViewSubmission, about: form.SettingsForm, saved: Saved
) -> None:
    rules = await services.authorizer.rules(about.place, about.target)
    below = str(submission.view.get("previous_view_id") or "")
    # What was typed there stays: the fields keep their names.
    shows = bool(below) and await services.modals.replace(below, form.build(about, rules))
    if saved.overtook or not shows:
        await _tell(services, submission.person, about, saved)


async def groups(services: Services, query: OptionsRequest) -> Sequence[Block]:
    """The user groups that fit what was typed, for people of the form's workspace."""
    own(who_form.read(query.view or {}).settings.place, query)
    typed = query.typed.lower().lstrip("@")
    found = await services.people.groups()
    fitting = [(id_, name) for id_, name in found.items() if typed in name.lower()]
    return [who_form.group_option(id_, name) for id_, name in fitting[:_MOST_OPTIONS]]


async def _tell(services: Services, person: Actor, about: form.SettingsForm, saved: Saved) -> None:
    name = bold(about.target)
    text = f"The settings of {name} were so already."
    if saved.changes:
        text = f"The settings of {name} are saved."
        text += "".join(f"\n• {change}" for change in saved.changes)
    hint = ""
    if saved.overtook:
        hint = "Somebody else saved meanwhile; what you left alone stays as they set it."
    await services.people.post_ephemeral(about.place, person.id, answer(text, hint=hint))


async def _authorize(services: Services, person: Actor, place: ChannelRef, target: str) -> None:
    await services.authorizer.authorize(Permission.CONFIGURE, person, place, target=target)


def _gone() -> UserError:
    return UserError("This target was disconnected meanwhile, so nothing was saved.")


FEATURE = Feature(
    commands=[
        Command(
            "settings",
            "[target]",
            "Approvals, time to live, what the channel hears, and who may do what.",
            run,
        )
    ],
    clicks={form.WHO_ACTION: who},
    submissions={form.CALLBACK_ID: submitted, who_form.CALLBACK_ID: submitted_who},
    suggestions={who_form.GROUPS_ACTION: groups},
)
