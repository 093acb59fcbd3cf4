"""`connect [name]`: connect the channel to a Friendli project, with a key that works."""

import asyncio

from pydantic import SecretStr

from bot.commands import connect_form as form
from bot.commands import deploy
from bot.commands.context import DeferredTask, Services, ViewResponse, answer, own
from bot.commands.registry import SLASH, Command, Feature
from bot.domain.actors import ChannelRef
from bot.domain.errors import UserError
from bot.domain.friendli_errors import (
    FriendliError,
    MalformedCredentials,
    NotFound,
    RateLimited,
    Refused,
    Unauthorized,
)
from bot.domain.permissions import Permission
from bot.friendli.credentials import Credentials
from bot.messages.buttons import ActionId
from bot.services.target_connections import OtherProjectError
from bot.slack.requests import BlockAction, SlashCommand, ViewSubmission

# Slack wants its answer after three seconds; this leaves one for everything else.
_CHECK_SECONDS = 2.0
_TYPED = f"`{SLASH} connect`"


async def run(services: Services, command: SlashCommand) -> DeferredTask:
    """Open the form for one of the channel's targets, or a new one."""
    return _open(services, command, command.text.strip())


async def clicked(services: Services, click: BlockAction) -> DeferredTask:
    """Open the form, for the target that the button names if it names one."""
    return _open(services, click, click.value)


async def _open(services: Services, asked: SlashCommand | BlockAction, name: str) -> None:
    if not asked.place.channel_id:
        # A click in a modal doesn't say which channel the modal was opened in.
        raise UserError("Type this in the channel that you want to connect:", hint=_TYPED)
    await services.authorizer.authorize(
        Permission.CONNECT, asked.person, asked.place, target=name.lower()
    )
    targets = {target.name: target for target in await services.targets.of(asked.place)}
    known = targets.get(name.lower())
    draft = form.ConnectDraft(
        place=asked.place,
        name=form.clipped_name(name) or ("" if targets else "prod"),
        team_id=known.team_id if known else "",
        project_id=known.project_id if known else "",
        is_default=known.is_default if known else not targets,
        key_is_optional=services.settings.friendli_token is not None,
    )
    await services.modals.open(asked.trigger_id, form.build(draft))


async def submitted(services: Services, submission: ViewSubmission) -> ViewResponse:
    """Check the key with one list request, then store the target."""
    draft, key = form.parse(submission.view)
    own(draft.place, submission)
    errors = form.field_errors(draft, key)
    if errors:
        return ViewResponse(errors=errors)
    check = asyncio.create_task(_check(services, submission, draft, key))
    try:
        done, _ = await asyncio.wait([check], timeout=_CHECK_SECONDS)
    except asyncio.CancelledError:
        check.cancel()
        raise
    if done:
        return check.result()
    # The check goes on; the modal shows its result when it comes.
    return ViewResponse(
        view=form.checking(draft), work=_show_late(services, submission, draft, check)
    )


async def _show_late(
    services: Services,
    submission: ViewSubmission,
    draft: form.ConnectDraft,
    check: "asyncio.Task[ViewResponse]",
) -> None:
    try:
        reaction = await check
    except UserError as error:
        view = form.failed(draft, error.message)
    else:
        words = " ".join((reaction.errors or {}).values())
        view = dict(reaction.view) if reaction.view else form.failed(draft, words)
    if not await services.modals.replace(submission.view["id"], view):
        # The modal was closed meanwhile: the result is told all the same.
        said = answer(view["blocks"][0]["text"]["text"])
        await services.people.post_ephemeral(draft.place, submission.person.id, said)


async def _check(
    services: Services, submission: ViewSubmission, draft: form.ConnectDraft, key: SecretStr | None
) -> ViewResponse:
    await services.authorizer.authorize(
        Permission.CONNECT, submission.person, draft.place, target=draft.name
    )
    try:
        access = Credentials(
            key or services.settings.friendli_token or SecretStr(""), draft.team_id
        )
        page = await services.friendli.list_endpoints(access, draft.project_id, limit=1)
    except FriendliError as error:
        return ViewResponse(errors=_refusal(error))
    try:
        await services.target_connections.connect(
            draft.place, submission.person, form.connection(draft, key)
        )
    except OtherProjectError as error:
        return ViewResponse(
            errors={
                form.NAME: f"{draft.name} leads to project {error.project_id}, where something may"
                " still run. Choose another name, or disconnect it first."
            }
        )
    return ViewResponse(view=form.connected(draft, key, was_empty=not page.data))


def _refusal(error: FriendliError) -> dict[str, str]:
    """The check's failure, on the field that it is about."""
    match error:
        case MalformedCredentials():
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


async def back(services: Services, click: BlockAction) -> DeferredTask:
    """Show the form again after a late failure."""
    return _back(services, click)


async def _back(services: Services, click: BlockAction) -> None:
    if click.view is not None:
        draft = form.read_back(click.view)
        own(draft.place, click)
        await services.modals.replace(click.view["id"], form.build(draft))


async def deploy_now(services: Services, click: BlockAction) -> DeferredTask:
    """Turn the modal into the deploy form."""
    return _deploy_now(services, click)


async def _deploy_now(services: Services, click: BlockAction) -> None:
    if click.view is not None:
        place = own(form.read_back(click.view).place, click)
        await deploy.show_form(services, place, view_id=click.view["id"])


def place_of(private_metadata: str) -> ChannelRef:
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
