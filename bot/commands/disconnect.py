"""`disconnect [name]`: delete a target and its key, after showing what still runs there."""

from collections.abc import Sequence

from bot.commands.registry import SLASH, Command, Feature, deferred
from bot.commands.target_lookup import TargetLookup
from bot.domain.actors import ChannelRef
from bot.domain.errors import UserError
from bot.domain.permissions import Permission
from bot.domain.statuses import facts_of
from bot.messages.answer import answer
from bot.messages.blocks import button
from bot.messages.body import Body
from bot.messages.markup import bold, code, escape, money
from bot.services.authorization import Authorizer
from bot.services.target_connections import Running, Sharing, TargetConnections
from bot.services.targets import TargetView
from bot.slack.requests import BlockAction, SlashCommand

CONFIRM_ACTION = "target.disconnect"
KEEP_ACTION = "target.keep"

_LISTED = 20
_NAMED = 5


@deferred
async def run(
    command: SlashCommand,
    lookup: TargetLookup,
    authorizer: Authorizer,
    target_connections: TargetConnections,
) -> None:
    target = _named(await lookup.all(command.place), command.text.strip().lower())
    await authorizer.authorize(
        Permission.CONNECT, command.person, command.place, target=target.name
    )
    running = await target_connections.running(command.place, target.name)
    sharing = await target_connections.sharing(command.place, target.name)
    await command.responder.say(question(command.place, target, running, sharing))


def _named(targets: Sequence[TargetView], name: str) -> TargetView:
    names = " or ".join(f"`{SLASH} disconnect {escape(target.name)}`" for target in targets)
    if not name and len(targets) == 1:
        return targets[0]
    if not name:
        raise UserError("This channel has several targets. Which one?", hint=names)
    for target in targets:
        if target.name == name:
            return target
    raise UserError(f"I don't know the target {code(name)}.", hint=names)


def question(
    place: ChannelRef, target: TargetView, running: Sequence[Running], sharing: Sequence[Sharing]
) -> Body:
    lines = [f"Disconnect {bold(target.name)} (project {code(target.project_id)})?"]
    if running:
        then = (
            "They keep running and stay watched, and their buttons stop working:"
            if sharing
            else "They keep running and are billed, but their threads no longer follow them:"
        )
        lines.append(f"These were deployed through it. {then}")
        lines += [_line(one) for one in running[:_LISTED]]
        if len(running) > _LISTED:
            lines.append(f"… and {len(running) - _LISTED} more")
    else:
        lines.append("Nothing that was deployed through it is running.")
    return answer(
        "\n".join(lines),
        hint=f"Its API key stays stored: {_sharing(place, sharing)}."
        if sharing
        else "Its API key is deleted.",
        buttons=[
            button("Disconnect", CONFIRM_ACTION, value=target.name, style="danger"),
            button("Cancel", KEEP_ACTION),
        ],
    )


def _sharing(place: ChannelRef, sharing: Sequence[Sharing]) -> str:
    """Who has the project too; a channel that the reader isn't in stays unnamed in Slack."""
    named = [
        code(one.name) if one.channel_id == place.channel_id else f"<#{one.channel_id}>"
        for one in sharing
    ]
    *first, last = dict.fromkeys(named)
    if not first:
        return f"{last} uses the same project"
    return f"{', '.join(first[:_NAMED])} and {last} use the same project"


def _line(one: Running) -> str:
    endpoint = f" · {code(one.endpoint_id)}" if one.endpoint_id else ""
    status = escape(facts_of(one.status).name) if one.status else "being created"
    price = f"{money(one.price)} per replica" if one.price is not None else "price unknown"
    return f"• {bold(one.name)}{endpoint} · {status} · {price}"


@deferred
async def confirmed(
    click: BlockAction, authorizer: Authorizer, target_connections: TargetConnections
) -> None:
    await authorizer.authorize(Permission.CONNECT, click.person, click.place, target=click.value)
    sharing = await target_connections.disconnect(
        click.place, click.person, click.value, message_ts=click.message_ts
    )
    name = bold(click.value)
    if sharing is None:
        text = f"{name} is disconnected already."
    elif sharing:
        text = f"{name} is disconnected. Its key stays stored: {_sharing(click.place, sharing)}."
    else:
        text = f"{name} is disconnected, and its key is deleted."
    await click.responder.replace(answer(text))


@deferred
async def kept(click: BlockAction) -> None:
    await click.responder.remove()


FEATURE = Feature(
    commands=[Command("disconnect", "[name]", "Removes a target from this channel.", run)],
    clicks={CONFIRM_ACTION: confirmed, KEEP_ACTION: kept},
)
