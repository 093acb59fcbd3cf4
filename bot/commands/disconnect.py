"""`disconnect [name]`: forget a target and wipe its key, after saying what still runs there."""

from collections.abc import Sequence

from bot.commands.context import DeferredTask, Services, answer
from bot.commands.no_targets import unconnected
from bot.commands.registry import SLASH, Command, Feature
from bot.domain.errors import UserError
from bot.domain.permissions import Permission
from bot.domain.statuses import facts_of
from bot.messages.blocks import button
from bot.messages.body import Body
from bot.messages.markup import bold, code, escape, money
from bot.services.target_connections import Running
from bot.services.targets import TargetView
from bot.slack.requests import BlockAction, SlashCommand

CONFIRM_ACTION = "target.disconnect"
KEEP_ACTION = "target.keep"

_LISTED = 20


async def run(services: Services, command: SlashCommand) -> DeferredTask:
    """Ask before a target is forgotten."""
    return _ask(services, command)


async def _ask(services: Services, command: SlashCommand) -> None:
    targets = await services.targets.of(command.place)
    if not targets:
        raise await unconnected(services)
    target = _named(targets, command.text.strip().lower())
    await services.authorizer.authorize(
        Permission.CONNECT, command.person, command.place, target=target.name
    )
    running = await services.target_connections.running(command.place, target.name)
    await services.responses.say(command.response_url, question(target, running))


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
    """What forgetting a target means."""
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


async def confirmed(services: Services, click: BlockAction) -> DeferredTask:
    """Forget the target."""
    return _disconnect(services, click)


async def _disconnect(services: Services, click: BlockAction) -> None:
    await services.authorizer.authorize(
        Permission.CONNECT, click.person, click.place, target=click.value
    )
    known = await services.target_connections.disconnect(
        click.place, click.person, click.value, message_ts=click.message_ts
    )
    name = bold(click.value)
    text = f"{name} is disconnected; its key is wiped." if known else f"{name} is gone already."
    await services.responses.replace(click.response_url, answer(text))


async def kept(services: Services, click: BlockAction) -> DeferredTask:
    """Leave everything as it is."""
    return _keep(services, click)


async def _keep(services: Services, click: BlockAction) -> None:
    await services.responses.remove(click.response_url)


FEATURE = Feature(
    commands=[Command("disconnect", "[name]", "Forgets a target and wipes its API key.", run)],
    clicks={CONFIRM_ACTION: confirmed, KEEP_ACTION: kept},
)
