"""`audit [target]`: what people did here lately, and what they weren't allowed to do."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, TypeAdapter

from bot.commands.endpoint_text import known_target
from bot.commands.registry import Command, Feature, deferred
from bot.commands.target_lookup import TargetLookup
from bot.domain.permissions import Permission
from bot.domain.times_of_day import UTC_ZONE, is_zone
from bot.messages import audit as words
from bot.messages.body import Body
from bot.services.audit import Audit
from bot.services.authorization import Authorizer
from bot.slack.people import People
from bot.slack.requests import BlockAction, Request, SlashCommand

_LINES = 15
# What a row's id can be; a button of another version may say anything.
_ENTRY: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(ge=0, lt=2**63)])


@dataclass(frozen=True, slots=True)
class AuditPages:
    """Reads the audit, a page at a time."""

    lookup: TargetLookup
    people: People
    authorizer: Authorizer
    audit: Audit

    async def page(self, request: Request, target: str, before: int | None) -> Body:
        """A page of one target, or of all that the person may see.

        Args:
            request: Who asks, and where.
            target: '' for all.
            before: The entry that the page ends before; None for the newest page.
        """
        place, person = request.place, request.person
        await self.authorizer.authorize(Permission.AUDIT, person, place, target=target)
        hidden = [
            other.name
            for other in await self.lookup.targets.of(place)
            if not await self.authorizer.may(Permission.AUDIT, person, place, other.name)
        ]
        entries = await self.audit.newest(
            place, _LINES + 1, before=before, target=target or None, hidden=hidden
        )
        zone = await self.people.time_zone(person.id)
        return words.page(
            entries[:_LINES],
            zone if zone is not None and is_zone(zone) else UTC_ZONE,
            target=target,
            is_first=before is None,
            has_more=len(entries) > _LINES,
        )


@deferred
async def run(command: SlashCommand, pages: AuditPages) -> None:
    typed = command.text.strip()
    target = known_target(typed, await pages.lookup.names(command.place)) if typed else ""
    await command.responder.say(await pages.page(command, target, None))


@deferred
async def turned(click: BlockAction, pages: AuditPages) -> None:
    number, _, target = click.value.partition(" ")
    # An older button says 0 for the newest page.
    before = (_ENTRY.validate_python(number) if number else 0) or None
    await click.responder.replace(await pages.page(click, target, before))


FEATURE = Feature(
    commands=[Command("audit", "[target]", "Shows recent actions and refusals, by person.", run)],
    clicks={words.OLDER_ACTION: turned, words.NEWEST_ACTION: turned},
)
