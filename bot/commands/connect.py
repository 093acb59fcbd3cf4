"""`connect [name]`: connect the channel to a Friendli project, with a key that works."""

import asyncio

from pydantic import SecretStr

from bot.commands import connect_form as form
from bot.commands import deploy
from bot.commands.desk import Click, Desk, Invocation, Reaction, Submission, Work, answer, own
from bot.commands.registry import SLASH, Command, Feature
from bot.deployments.place import Place
from bot.deployments.targets.connecting import OtherProjectError
from bot.errors import UserError
from bot.friendli.access import Access
from bot.friendli.errors import (
    FriendliError,
    MalformedAccess,
    NotFound,
    RateLimited,
    Refused,
    Unauthorized,
)
from bot.messages.buttons import ActionId
from bot.permissions import Permission

# Slack wants its answer after three seconds; this leaves one for everything else.
_CHECK_SECONDS = 2.0
_TYPED = f"`{SLASH} connect`"


async def run(desk: Desk, invocation: Invocation) -> Work:
    """Open the form for one of the channel's targets, or a new one."""
    return _open(desk, invocation, invocation.text.strip())


async def clicked(desk: Desk, click: Click) -> Work:
    """Open the form, for the target that the button names if it names one."""
    return _open(desk, click, click.value)


async def _open(desk: Desk, asked: Invocation | Click, name: str) -> None:
    if not asked.place.channel_id:
        # A click in a modal doesn't say which channel the modal was opened in.
        raise UserError("Type this in the channel that you want to connect:", hint=_TYPED)
    await desk.authorizer.authorize(
        Permission.CONNECT, asked.person, asked.place, target=name.lower()
    )
    targets = {target.name: target for target in await desk.targets.of(asked.place)}
    known = targets.get(name.lower())
    draft = form.ConnectDraft(
        place=asked.place,
        name=form.clipped_name(name) or ("" if targets else "prod"),
        team_id=known.team_id if known else "",
        project_id=known.project_id if known else "",
        is_default=known.is_default if known else not targets,
        key_is_optional=desk.settings.friendli_token is not None,
    )
    await desk.modals.open(asked.trigger_id, form.build(draft))


async def submitted(desk: Desk, submission: Submission) -> Reaction:
    """Check the key with one list request, then store the target."""
    draft, key = form.parse(submission.view)
    own(draft.place, submission)
    errors = form.slips(draft, key)
    if errors:
        return Reaction(errors=errors)
    check = asyncio.create_task(_check(desk, submission, draft, key))
    try:
        done, _ = await asyncio.wait([check], timeout=_CHECK_SECONDS)
    except asyncio.CancelledError:
        check.cancel()
        raise
    if done:
        return check.result()
    # The check goes on; the modal shows its result when it comes.
    return Reaction(view=form.checking(draft), work=_show_late(desk, submission, draft, check))


async def _show_late(
    desk: Desk,
    submission: Submission,
    draft: form.ConnectDraft,
    check: "asyncio.Task[Reaction]",
) -> None:
    try:
        reaction = await check
    except UserError as error:
        view = form.failed(draft, error.message)
    else:
        words = " ".join((reaction.errors or {}).values())
        view = dict(reaction.view) if reaction.view else form.failed(draft, words)
    if not await desk.modals.replace(submission.view["id"], view):
        # The modal was closed meanwhile: the result is told all the same.
        said = answer(view["blocks"][0]["text"]["text"])
        await desk.people.whisper(draft.place, submission.person.id, said)


async def _check(
    desk: Desk, submission: Submission, draft: form.ConnectDraft, key: SecretStr | None
) -> Reaction:
    await desk.authorizer.authorize(
        Permission.CONNECT, submission.person, draft.place, target=draft.name
    )
    try:
        access = Access(key or desk.settings.friendli_token or SecretStr(""), draft.team_id)
        page = await desk.friendli.list_endpoints(access, draft.project_id, limit=1)
    except FriendliError as error:
        return Reaction(errors=_refusal(error))
    try:
        await desk.targets.connect(draft.place, submission.person, form.connection(draft, key))
    except OtherProjectError as error:
        return Reaction(
            errors={
                form.NAME: f"{draft.name} leads to project {error.project_id}, where something may"
                " still run. Choose another name, or disconnect it first."
            }
        )
    return Reaction(view=form.connected(draft, key, was_empty=not page.data))


def _refusal(error: FriendliError) -> dict[str, str]:
    """The check's failure, on the field that it is about."""
    match error:
        case MalformedAccess():
            return {form.KEY: "A key is one word without spaces. Paste it again."}
        case Unauthorized(status=403):
            return {
                form.KEY: "Friendli knows this key, but it may not see that project."
                " Check the project id and the team id."
            }
        case Unauthorized():
            return {form.KEY: "Friendli doesn't accept this key. Check that it wasn't revoked."}
        case NotFound():
            return {form.PROJECT: "Friendli has no such project for this key and team."}
        case RateLimited():
            return {form.KEY: "Friendli takes no more requests for now. Try again in a minute."}
        case Refused():
            said = f" It said: {error.words}" if error.words else ""
            return {form.PROJECT: f"Friendli refused to list this project.{said}"[:2000]}
        case _:
            return {
                form.KEY: "Friendli couldn't be reached, so the key isn't checked and nothing is"
                " stored. Try again in a minute."
            }


async def back(desk: Desk, click: Click) -> Work:
    """Show the form again after a late failure."""
    return _back(desk, click)


async def _back(desk: Desk, click: Click) -> None:
    if click.view is not None:
        draft = form.read_back(click.view)
        own(draft.place, click)
        await desk.modals.replace(click.view["id"], form.build(draft))


async def deploy_now(desk: Desk, click: Click) -> Work:
    """Turn the modal into the deploy form."""
    return _deploy_now(desk, click)


async def _deploy_now(desk: Desk, click: Click) -> None:
    if click.view is not None:
        place = own(form.read_back(click.view).place, click)
        await deploy.show_form(desk, place, view_id=click.view["id"])


def place_of(private_metadata: str) -> Place:
    """The channel that an open form of this module is about."""
    return form.ConnectDraft.model_validate_json(private_metadata).place


FEATURE = Feature(
    commands=[Command("connect", "[name]", "Connects this channel to a Friendli project.", run)],
    clicks={
        ActionId.CONNECT: clicked,
        form.BACK_ACTION: back,
        form.DEPLOY_ACTION: deploy_now,
    },
    submissions={form.CALLBACK_ID: submitted},
)
