"""Slash commands of guests: a channel that is shared with their organisation is our workspace's."""

import asyncio
from dataclasses import dataclass, replace

import structlog

from bot.domain.actors import ChannelRef
from bot.services.targets import Targets
from bot.slack.clients import SlackClients, SlackUnreachableError
from bot.slack.people import People
from bot.slack.requests import SlashCommand

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

# Slack waits three seconds for the acknowledgement.
_ASK_SLACK_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class SharedChannels:
    """Finds the channel that a command was typed in.

    Slack names the person's workspace in a command, not the channel's. A mention and a click name
    both.
    """

    clients: SlackClients
    targets: Targets
    people: People

    async def resolve(self, command: SlashCommand) -> SlashCommand:
        """The command in our workspace's channel, if the person is a guest in it."""
        typed = command.place
        try:
            async with asyncio.timeout(_ASK_SLACK_SECONDS):
                own = await self.clients.identity()
                place = ChannelRef(own.enterprise_id or "", own.team_id, typed.channel_id)
                if typed.workspace_id in ("", own.team_id) or await self.targets.of(typed):
                    return command
                if not await self.targets.of(place):
                    return command
                # Only of a person whom Slack knows in that channel, and of that workspace.
                person = await self.people.actor(command.person.id)
                if person.workspace_id != typed.workspace_id:
                    return command
                channels = await self.people.channels_of(place, command.person.id)
        except (SlackUnreachableError, TimeoutError) as error:
            log.warning("a guest's channel isn't known", error=type(error).__name__)
            return command
        return replace(command, place=place) if typed.channel_id in (channels or ()) else command
