"""`follow` and `unfollow`: watch an endpoint that was made elsewhere, or let it go."""

from bot.commands.desk import Click, Desk, Work, answer
from bot.commands.endpoint_command import Asked, EndpointCommand
from bot.commands.registry import Feature
from bot.commands.target_reading import listing_of, target_names
from bot.deployments.listing.following import Followed, FollowOutcome
from bot.deployments.listing.listed import Listed
from bot.errors import UserError
from bot.messages.buttons import ActionId
from bot.messages.markup import bold
from bot.permissions import Permission


async def follow(desk: Desk, asked: Asked, endpoint: Listed) -> None:
    """Open a thread for an endpoint."""
    words = await _follow(desk, asked, endpoint)
    await asked.answer(desk, answer(words))


async def _follow(desk: Desk, asked: Asked | Click, endpoint: Listed) -> str:
    if endpoint.spec is None:
        raise UserError(
            "Friendli doesn't say in time how this endpoint is set up, so it isn't followed.",
            hint="Try again in a moment.",
        )
    message_ts = asked.message_ts if isinstance(asked, Click) else ""
    followed = await desk.following.follow(
        asked.place, asked.person, endpoint, endpoint.spec, message_ts=message_ts
    )
    return _words(endpoint, followed)


def _words(endpoint: Listed, followed: Followed) -> str:
    name = bold(endpoint.name)
    match followed.outcome:
        case FollowOutcome.ACCEPTED:
            return f"{name} is followed from now on; its thread is in this channel."
        case FollowOutcome.KNOWN:
            where = f" in <#{followed.channel_id}>" if followed.channel_id else ""
            return f"{name} is watched already{where}; its thread tells how it is going."
        case _:
            return "This target was disconnected meanwhile."


async def clicked(desk: Desk, click: Click) -> Work:
    """Follow the endpoint that a message shows."""
    return _follow_shown(desk, click)


async def _follow_shown(desk: Desk, click: Click) -> None:
    target, _, endpoint_id = click.value.partition(" ")
    if target not in await target_names(desk, click.place):
        raise UserError("This target was disconnected meanwhile.")
    await desk.authorizer.authorize(Permission.FOLLOW, click.person, click.place, target=target)
    listing = await listing_of(desk, click.place, target)
    endpoint = next((one for one in listing.endpoints if one.endpoint_id == endpoint_id), None)
    if endpoint is None:
        raise UserError("That endpoint isn't there any more.")
    words = await _follow(desk, click, endpoint)
    await desk.responses.replace(click.response_url, answer(words))


async def unfollow(desk: Desk, asked: Asked, endpoint: Listed) -> None:
    """Let an endpoint go."""
    outcome = FollowOutcome.NOT_FOLLOWED
    if endpoint.ours is not None and endpoint.ours.is_here:
        outcome = await desk.following.unfollow(asked.place, asked.person, endpoint.ours.public_id)
    await asked.answer(desk, answer(_unfollowed(endpoint, outcome)))


def _unfollowed(endpoint: Listed, outcome: FollowOutcome) -> str:
    name = bold(endpoint.name)
    if outcome is FollowOutcome.ACCEPTED:
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
