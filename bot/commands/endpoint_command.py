"""Commands about one endpoint: it is typed by name or id, or else chosen from a picker.

Such a command is written once, as what it does to an endpoint. It becomes a word of the slash
command and the picker's handler, which goes on where the word left off.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from bot.commands import endpoint_text
from bot.commands.context import DeferredTask, Services
from bot.commands.registry import SLASH, Command, Feature
from bot.commands.target_lookup import endpoints_of, listing_of, target_names
from bot.domain.actors import Actor, ChannelRef
from bot.domain.errors import UserError
from bot.domain.listed_endpoint import Listed
from bot.domain.operations import OperationKind
from bot.domain.permissions import Permission
from bot.domain.process.task_group import all_of
from bot.messages import picker
from bot.messages.body import Body
from bot.messages.markup import code
from bot.slack.requests import BlockAction, OptionsRequest, SlashCommand

_LONGEST_SHOWN = 80


@dataclass(frozen=True, slots=True)
class EndpointRequest:
    """Who asks for something about an endpoint, from where, and how to answer.

    Attributes:
        rest: What was typed behind the endpoint, Slack's markup undone, quotes kept.
        trigger_id: Opens a form for three seconds; '' if it opens none.
        request_id: Of the command or of the choice, so each has its own.
        thread_ts: Of the thread that the picker stands in.
        replaces: Whether the answer takes the picker's place.
    """

    place: ChannelRef
    person: Actor
    rest: str
    trigger_id: str
    response_url: str
    request_id: str
    thread_ts: str | None = None
    replaces: bool = False

    async def answer(self, services: Services, body: Body) -> None:
        """Tell only the person who asked."""
        if self.replaces:
            await services.responses.replace(self.response_url, body)
        else:
            await services.responses.say(self.response_url, body, thread_ts=self.thread_ts)


RunOn = Callable[[Services, EndpointRequest, Listed], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class EndpointCommand:
    """A command about one endpoint.

    Attributes:
        name: Its word.
        summary: What it does, one line of mrkdwn, for help.
        run_on: Does it, after Slack was acknowledged and the person was found to be allowed.
        arguments: What may follow the endpoint, for help; '' if nothing may.
        permission: What a person needs to be allowed.
        operation: What it does, if it is an operation on the endpoint.
    """

    name: str
    summary: str
    run_on: RunOn
    arguments: str = ""
    permission: Permission = Permission.LOOK
    operation: OperationKind | None = None

    def feature(self) -> Feature:
        """The word, and the picker's choice."""
        arguments = " ".join(filter(None, ("[endpoint]", self.arguments)))
        return Feature(
            commands=[Command(self.name, arguments, self.summary, self._typed)],
            clicks={picker.action_id(self.name): self._picked},
        )

    async def _typed(self, services: Services, command: SlashCommand) -> DeferredTask:
        return self._find(services, command)

    async def _find(self, services: Services, command: SlashCommand) -> None:
        targets = await target_names(services, command.place)
        text = endpoint_text.read(command.text, targets)
        if text.others and not self.arguments:
            raise UserError(
                f"{code(self.name)} takes no options but `--target`.",
                hint=f"{code(f'{SLASH} {self.name} [endpoint]')}",
            )
        if not text.lead and not command.about:
            await self._ask(services, command, text.target, text.rest(0))
            return
        searched = [text.target] if text.target else targets
        endpoints, errors = await endpoints_of(services, command.place, searched)
        match = endpoint_text.match(
            endpoints, text, takes_more=bool(self.arguments), meant=command.about
        )
        rest = text.rest(match.used)
        if len(match.endpoints) == 1:
            asked = EndpointRequest(
                command.place,
                command.person,
                rest,
                command.trigger_id,
                command.response_url,
                command.request_id,
            )
            await self._run(services, asked, match.endpoints[0])
            return
        phrase = text.phrase(match.used)[:_LONGEST_SHOWN]
        carried = picker.PickerState(text.target, rest)
        if match.endpoints:
            said = picker.several(self.name, phrase, match.endpoints, carried, match.is_exact)
        elif errors:
            raise _unseen(phrase, errors)
        elif not phrase:
            raise _not_there(f"`{SLASH} list` shows what is.")
        else:
            close = endpoint_text.nearest(endpoints, phrase)
            said = picker.unknown(self.name, phrase, close, carried)
        await services.responses.say(command.response_url, said)

    async def _ask(self, services: Services, command: SlashCommand, target: str, rest: str) -> None:
        carried = picker.PickerState(target, rest)
        if not carried.fits:
            raise UserError(
                "Name the endpoint too: with so much behind it, I can't ask for it.",
                hint=f"{code(f'{SLASH} {self.name} [endpoint] {self.arguments}')}",
            )
        await services.responses.say(command.response_url, picker.which(self.name, carried))
        # What is read now is there when the menu opens, for which Slack waits three seconds.
        targets = [target] if target else await target_names(services, command.place)
        await asyncio.gather(
            *(listing_of(services, command.place, one) for one in targets), return_exceptions=True
        )

    async def _picked(self, services: Services, click: BlockAction) -> DeferredTask:
        return self._go_on(services, click)

    async def _go_on(self, services: Services, click: BlockAction) -> None:
        target, _, endpoint_id = click.value.partition(" ")
        if target not in await target_names(services, click.place):
            raise UserError("This target was disconnected meanwhile.")
        listing = await listing_of(services, click.place, target)
        for listed in listing.endpoints:
            if listed.endpoint_id == endpoint_id:
                break
        else:
            hint = f"`{SLASH} list {target}` shows what is."
            if endpoint_id:
                raise _not_there(hint)
            raise UserError("Friendli answers again. Choose once more.", hint=hint)
        carried = picker.PickerState.read(click.block_id)
        asked = EndpointRequest(
            click.place,
            click.person,
            carried.rest,
            click.trigger_id,
            click.response_url,
            click.trigger_id,
            click.thread_ts,
            replaces=not carried.stays,
        )
        await self._run(services, asked, listed)

    async def _run(self, services: Services, asked: EndpointRequest, listed: Listed) -> None:
        ours = listed.ours
        await services.authorizer.authorize(
            self.permission,
            asked.person,
            asked.place,
            target=listed.target,
            about=ours.public_id if ours is not None and ours.is_here else "",
            operation=self.operation,
        )
        await self.run_on(services, asked, listed)


def _unseen(phrase: str, errors: Mapping[str, UserError]) -> UserError:
    """Nothing that was found is meant, and not everything could be looked at."""
    target, error = next(iter(errors.items()))
    words = f"I can't see into {code(target)} now. {error.message}"
    if phrase:
        words = f"No endpoint that I can see is called {code(phrase)}, and {words}"
    return UserError(words, hint=error.hint)


def _not_there(hint: str) -> UserError:
    return UserError("That endpoint isn't there any more.", hint=hint)


async def suggested(services: Services, query: OptionsRequest) -> Sequence[picker.Block]:
    """The options of every picker: the endpoints of this channel that fit what was typed."""
    await services.authorizer.authorize(Permission.LOOK, query.person, query.place)
    carried = picker.PickerState.read(query.block_id)
    names = [target.name for target in await services.targets.of(query.place)]
    targets = [name for name in names if carried.target in ("", name)]
    listings = await all_of(services.catalog.glance(query.place, one) for one in targets)
    return picker.options(listings, query.typed)


FEATURE = Feature(suggestions={picker.PREFIX: suggested})
