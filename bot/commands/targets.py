"""`targets`: the places that this channel deploys to."""

from collections.abc import Sequence

from bot.commands.registry import Command, Feature, deferred
from bot.commands.target_lookup import TargetLookup
from bot.messages.blocks import section
from bot.messages.body import Body, body
from bot.messages.markup import bold, code, mention
from bot.services.targets import TargetView
from bot.slack.requests import SlashCommand


@deferred
async def run(command: SlashCommand, lookup: TargetLookup) -> None:
    await command.responder.say(listing(await lookup.all(command.place)))


def listing(targets: Sequence[TargetView]) -> Body:
    lines = [_line(target) for target in targets]
    return body("\n".join(lines), section("\n".join(lines)))


def _line(target: TargetView) -> str:
    parts = [bold(target.name), f"project {code(target.project_id)}"]
    if target.team_id:
        parts.append(f"team {code(target.team_id)}")
    if target.key_last_four:
        parts.append(f"key …{code(target.key_last_four)}")
    parts.append(f"connected by {mention(target.connected_by)}")
    if target.is_default:
        parts.append("default")
    return " · ".join(parts)


FEATURE = Feature(
    commands=[
        Command("targets", "", "Lists the Friendli projects that this channel deploys to.", run)
    ]
)
