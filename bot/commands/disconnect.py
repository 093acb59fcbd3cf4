"""`disconnect [name]`: delete a target and its key, after showing what still runs there."""

from collections.abc import Sequence

from bot.commands.registry import SLASH, Command, Feature, deferred
from bot.commands.target_lookup import TargetLookup
from bot.domain.errors import UserError
from bot.domain.permissions import Permission
from bot.domain.statuses import facts_of
from bot.messages.answer import answer
from bot.messages.blocks import button
from bot.messages.body import Body
from bot.messages.markup import bold, code, escape, money
from bot.services.authorization import Authorizer
from bot.services.target_connections import Running, TargetConnections
from bot.services.targets import TargetView
from bot.slack.requests import BlockAction, SlashCommand

CONFIRM_ACTION = "target.disconnect"
KEEP_ACTION = "target.keep"

_LISTED = 20


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
    await command.responder.say(question(target, running))


def _named(targets: Sequence[TargetView], name: str) -> TargetView:
    names = " or ".join(f"`{SLASH} disconnect {escape(target.name)}`" for target in targets)
    if not name and len(targets) == 1:
        return targets[0]
    if not name:
        raise UserError("This channel has several targets. Which one?", hint=names)
    for target in targets:
        if target.name == name:
            return target
    raise UserError(f"No target here is called {code(name)}.", hint=names)


def question(target: TargetView, running: Sequence[Running]) -> Body:
    lines = [f"Disconnect {bold(target.name)} (project {code(target.project_id)})?"]
    if running:
        lines.append("These were deployed through it. They run on, and nobody here sees them:")
        lines += [_line(one) for one in running[:_LISTED]]
        if len(running) > _LISTED:
            lines.append(f"… and {len(running) - _LISTED} more")
    else:
        lines.append("Nothing that was deployed through it is running.")
    return answer(
        "\n".join(lines),
        hint="Its API key is wiped.",
        buttons=[
            button("Disconnect", CONFIRM_ACTION, value=target.name, style="danger"),
            button("Keep", KEEP_ACTION),
        ],
    )


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
    known = await target_connections.disconnect(
        click.place, click.person, click.value, message_ts=click.message_ts
    )
    name = bold(click.value)
    text = f"{name} is disconnected; its key is wiped." if known else f"{name} is gone already."
    await click.responder.replace(answer(text))


@deferred
async def kept(click: BlockAction) -> None:
    await click.responder.remove()


FEATURE = Feature(
    commands=[Command("disconnect", "[name]", "Forgets a target and wipes its API key.", run)],
    clicks={CONFIRM_ACTION: confirmed, KEEP_ACTION: kept},
)
