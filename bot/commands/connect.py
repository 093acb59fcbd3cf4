"""`connect [name]`: connect the channel to a Friendli project, with a key that works."""

import asyncio
from dataclasses import dataclass

from pydantic import SecretStr

from bot.commands import connect_form as form
from bot.commands.deploy_modal import DeployForm
from bot.commands.registry import SLASH, Command, Feature, ViewResponse, deferred
from bot.config import Settings
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
from bot.friendli.client import FriendliClient
from bot.friendli.credentials import Credentials
from bot.messages.answer import answer
from bot.messages.buttons import ActionId
from bot.services.authorization import Authorizer
from bot.services.target_connections import OtherProjectError, TargetConnections
from bot.services.targets import Targets
from bot.slack.modals import Modals
from bot.slack.requests import BlockAction, SlashCommand, ViewSubmission

# Slack wants its answer after three seconds; this leaves one for everything else.
_CHECK_SECONDS = 2.0
_TYPED = f"`{SLASH} connect`"


@dataclass(frozen=True, slots=True)
class ConnectForm:
    """Opens the form, and checks its key."""

    authorizer: Authorizer
    targets: Targets
    target_connections: TargetConnections
    friendli: FriendliClient
    modals: Modals
    settings: Settings

    async def open(self, request: SlashCommand | BlockAction, name: str) -> None:
        if not request.place.channel_id:
            # A click in a modal doesn't always say which channel the modal was opened in.
            raise UserError("Type this in the channel you want to connect:", hint=_TYPED)
        await self.authorizer.authorize(
            Permission.CONNECT, request.person, request.place, target=name.lower()
        )
        targets = {target.name: target for target in await self.targets.of(request.place)}
        known = targets.get(name.lower())
        draft = form.ConnectDraft(
            place=request.place,
            name=form.clipped_name(name) or ("" if targets else "prod"),
            team_id=known.team_id if known else "",
            project_id=known.project_id if known else "",
            is_default=known.is_default if known else not targets,
            key_is_optional=self.settings.friendli_token is not None,
        )
        await self.modals.open(request.trigger_id, form.build(draft))

    async def connect(
        self, submission: ViewSubmission, draft: form.ConnectDraft, key: SecretStr | None
    ) -> ViewResponse:
        await self.authorizer.authorize(
            Permission.CONNECT, submission.person, submission.place, target=draft.name
        )
        secret = key or self.settings.friendli_token or SecretStr("")
        try:
            credentials = Credentials(secret, draft.team_id)
            page = await self.friendli.list_endpoints(credentials, draft.project_id, limit=1)
        except FriendliError as error:
            return ViewResponse(errors=_refusal(error))
        try:
            await self.target_connections.connect(
                submission.place, submission.person, form.connection(draft, key)
            )
        except OtherProjectError as error:
            return ViewResponse(
                errors={
                    form.NAME: f"{draft.name} is connected to project {error.project_id}, where"
                    " endpoints may still run. Choose another name, or disconnect it first."
                }
            )
        return ViewResponse(view=form.connected(draft, key, was_empty=not page.data))


@deferred
async def run(command: SlashCommand, connect_form: ConnectForm) -> None:
    await connect_form.open(command, command.text.strip())


@deferred
async def clicked(click: BlockAction, connect_form: ConnectForm) -> None:
    await connect_form.open(click, click.value)


async def submitted(
    submission: ViewSubmission, connect_form: ConnectForm, modals: Modals
) -> ViewResponse:
    """A slow check continues after the acknowledgement."""
    draft, key = form.parse(submission.view)
    errors = form.field_errors(draft, key)
    if errors:
        return ViewResponse(errors=errors)
    check = asyncio.create_task(connect_form.connect(submission, draft, key))
    try:
        done, _ = await asyncio.wait([check], timeout=_CHECK_SECONDS)
    except asyncio.CancelledError:
        check.cancel()
        raise
    if done:
        return check.result()
    return ViewResponse(
        view=form.checking(draft), work=_show_late(submission, draft, check, modals)
    )


async def _show_late(
    submission: ViewSubmission,
    draft: form.ConnectDraft,
    check: "asyncio.Task[ViewResponse]",
    modals: Modals,
) -> None:
    try:
        response = await check
    except UserError as error:
        view = form.failed(draft, error.message)
    else:
        words = " ".join((response.errors or {}).values())
        view = dict(response.view) if response.view else form.failed(draft, words)
    if not await modals.replace(submission.view["id"], view):
        # The modal was closed meanwhile; the result is shown all the same.
        await submission.responder.say(answer(view["blocks"][0]["text"]["text"]))


def _refusal(error: FriendliError) -> dict[str, str]:
    """The failure, at its field."""
    match error:
        case MalformedCredentials():
            return {form.KEY: "A key is one word without spaces. Paste it again."}
        case Unauthorized(status=403):
            return {
                form.KEY: "This key can't see that project. Check the project id and the team id."
            }
        case Unauthorized():
            return {form.KEY: "Friendli rejected this key. Check that it wasn't revoked."}
        case NotFound():
            return {form.PROJECT: "Friendli has no such project for this key and team."}
        case RateLimited():
            return {form.KEY: "Friendli is rate-limiting requests. Try again in a minute."}
        case Refused():
            said = f" It said: {error.message}" if error.message else ""
            return {form.PROJECT: f"Friendli refused to list this project.{said}"[:2000]}
        case _:
            return {
                form.KEY: "Friendli couldn't be reached, so the key wasn't checked or stored. Try"
                " again in a minute."
            }


@deferred
async def back(click: BlockAction, modals: Modals) -> None:
    if click.view is not None:
        await modals.replace(click.view["id"], form.build(form.read_back(click.view)))


@deferred
async def deploy_now(click: BlockAction, deploy_form: DeployForm) -> None:
    if click.view is not None:
        await deploy_form.show_in(click.view["id"], form.read_back(click.view).place)


FEATURE = Feature(
    commands=[Command("connect", "[name]", "Connects this channel to a Friendli project.", run)],
    clicks={
        ActionId.CONNECT: clicked,
        form.BACK_ACTION: back,
        form.DEPLOY_ACTION: deploy_now,
    },
    submissions={form.CALLBACK_ID: submitted},
)
