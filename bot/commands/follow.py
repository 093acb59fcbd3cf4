"""`follow` and `unfollow`: watch an endpoint that was made elsewhere, or let it go."""

from bot.commands.context import DeferredTask, Services, answer
from bot.commands.endpoint_command import EndpointCommand, EndpointRequest
from bot.commands.registry import Feature
from bot.commands.target_lookup import listing_of, target_names
from bot.domain.errors import UserError
from bot.domain.listed_endpoint import Listed
from bot.domain.permissions import Permission
from bot.messages.buttons import ActionId
from bot.messages.markup import bold
from bot.services.imported_endpoints import ImportedEndpoint, ImportOutcome
from bot.slack.requests import BlockAction


async def follow(services: Services, asked: EndpointRequest, endpoint: Listed) -> None:
    """Open a thread for an endpoint."""
    words = await _follow(services, asked, endpoint)
    await asked.answer(services, answer(words))


async def _follow(
    services: Services, asked: EndpointRequest | BlockAction, endpoint: Listed
) -> str:
    if endpoint.spec is None:
        raise UserError(
            "Friendli doesn't say in time how this endpoint is set up, so it isn't followed.",
            hint="Try again in a moment.",
        )
    message_ts = asked.message_ts if isinstance(asked, BlockAction) else ""
    followed = await services.following.follow(
        asked.place, asked.person, endpoint, endpoint.spec, message_ts=message_ts
    )
    return _words(endpoint, followed)


def _words(endpoint: Listed, followed: ImportedEndpoint) -> str:
    name = bold(endpoint.name)
    match followed.outcome:
        case ImportOutcome.ACCEPTED:
            return f"{name} is followed from now on; its thread is in this channel."
        case ImportOutcome.KNOWN:
            where = f" in <#{followed.channel_id}>" if followed.channel_id else ""
            return f"{name} is watched already{where}; its thread tells how it is going."
        case _:
            return "This target was disconnected meanwhile."


async def clicked(services: Services, click: BlockAction) -> DeferredTask:
    """Follow the endpoint that a message shows."""
    return _follow_shown(services, click)


async def _follow_shown(services: Services, click: BlockAction) -> None:
    target, _, endpoint_id = click.value.partition(" ")
    if target not in await target_names(services, click.place):
        raise UserError("This target was disconnected meanwhile.")
    await services.authorizer.authorize(Permission.FOLLOW, click.person, click.place, target=target)
    listing = await listing_of(services, click.place, target)
    endpoint = next((one for one in listing.endpoints if one.endpoint_id == endpoint_id), None)
    if endpoint is None:
        raise UserError("That endpoint isn't there any more.")
    words = await _follow(services, click, endpoint)
    await services.responses.replace(click.response_url, answer(words))


async def unfollow(services: Services, asked: EndpointRequest, endpoint: Listed) -> None:
    """Let an endpoint go."""
    outcome = ImportOutcome.NOT_FOLLOWED
    if endpoint.ours is not None and endpoint.ours.is_here:
        outcome = await services.following.unfollow(
            asked.place, asked.person, endpoint.ours.public_id
        )
    await asked.answer(services, answer(_unfollowed(endpoint, outcome)))


def _unfollowed(endpoint: Listed, outcome: ImportOutcome) -> str:
    name = bold(endpoint.name)
    if outcome is ImportOutcome.ACCEPTED:
        return f"{name} isn't followed any more. It runs on as it is."
    if endpoint.ours is None:
        return f"Nobody follows {name} here."
    if not endpoint.ours.is_here:
        return f"{name} is watched in <#{endpoint.ours.channel_id}>, not here."
    return f"{name} was deployed from here, so its thread stays until it is gone."


FOLLOW = EndpointCommand(
    "follow",
    "Tells in a thread how an endpoint is going that was made elsewhere.",
    follow,
    permission=Permission.FOLLOW,
).feature()
UNFOLLOW = EndpointCommand(
    "unfollow",
    "Stops telling about an endpoint that was made elsewhere.",
    unfollow,
    permission=Permission.FOLLOW,
).feature()
FEATURES = (FOLLOW, UNFOLLOW, Feature(clicks={ActionId.FOLLOW: clicked}))
