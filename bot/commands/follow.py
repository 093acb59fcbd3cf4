"""`follow` and `unfollow`: watch an endpoint that was made elsewhere."""

from bot.commands.endpoint_command import EndpointCommand, EndpointRequest
from bot.commands.registry import Feature, deferred
from bot.commands.target_lookup import TargetLookup
from bot.domain.errors import UserError
from bot.domain.listed_endpoint import ListedEndpoint
from bot.domain.permissions import Permission
from bot.messages.answer import answer
from bot.messages.buttons import ActionId
from bot.messages.markup import bold
from bot.services.authorization import Authorizer
from bot.services.imported_endpoints import (
    ImportedEndpoints,
    ImportOutcome,
    ImportResult,
)
from bot.slack.requests import BlockAction, Request


async def follow(request: EndpointRequest, imported: ImportedEndpoints) -> None:
    await request.answer(answer(await _follow(imported, request, request.endpoint)))


@deferred
async def clicked(
    click: BlockAction, lookup: TargetLookup, authorizer: Authorizer, imported: ImportedEndpoints
) -> None:
    """Follow the endpoint that a message shows."""
    target, _, endpoint_id = click.value.partition(" ")
    if target not in await lookup.names(click.place):
        raise UserError("This target has been disconnected.")
    await authorizer.authorize(Permission.FOLLOW, click.person, click.place, target=target)
    listing = await lookup.listing(click.place, target)
    endpoint = next((one for one in listing.endpoints if one.endpoint_id == endpoint_id), None)
    if endpoint is None:
        raise UserError("That endpoint doesn't exist any more.")
    await click.responder.replace(answer(await _follow(imported, click, endpoint)))


async def _follow(imported: ImportedEndpoints, request: Request, endpoint: ListedEndpoint) -> str:
    if endpoint.spec is None:
        raise UserError(
            "Friendli didn't return this endpoint's configuration in time, so it isn't followed.",
            hint="Try again in a moment.",
        )
    followed = await imported.follow(
        request.place, request.person, endpoint, endpoint.spec, message_ts=request.message_ts
    )
    return _words(endpoint, followed)


def _words(endpoint: ListedEndpoint, followed: ImportResult) -> str:
    name = bold(endpoint.name)
    match followed.outcome:
        case ImportOutcome.ACCEPTED:
            return f"Following {name}; see its thread in this channel."
        case ImportOutcome.KNOWN:
            where = f" in <#{followed.channel_id}>" if followed.channel_id else ""
            return f"{name} is already watched{where}; see its thread."
        case _:
            return "This target has been disconnected."


async def unfollow(request: EndpointRequest, imported: ImportedEndpoints) -> None:
    endpoint = request.endpoint
    outcome = ImportOutcome.NOT_FOLLOWED
    if endpoint.ours is not None and endpoint.ours.is_here:
        outcome = await imported.unfollow(request.place, request.person, endpoint.ours.public_id)
    await request.answer(answer(_unfollowed(endpoint, outcome)))


def _unfollowed(endpoint: ListedEndpoint, outcome: ImportOutcome) -> str:
    name = bold(endpoint.name)
    if outcome is ImportOutcome.ACCEPTED:
        return f"{name} isn't followed any more. It keeps running."
    if endpoint.ours is None:
        return f"Nobody follows {name} here."
    if not endpoint.ours.is_here:
        return f"{name} is watched in <#{endpoint.ours.channel_id}>, not here."
    return f"{name} was deployed from here, so its thread stays until it is deleted."


FEATURES = (
    EndpointCommand(
        "follow",
        "Follows an endpoint created elsewhere, in a thread.",
        follow,
        permission=Permission.FOLLOW,
    ).feature(),
    EndpointCommand(
        "unfollow",
        "Stops following an endpoint.",
        unfollow,
        permission=Permission.FOLLOW,
    ).feature(),
    Feature(clicks={ActionId.FOLLOW: clicked}),
)
