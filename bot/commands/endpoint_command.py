"""Commands about one endpoint, typed by name or id, or else chosen from a picker.

Such a command is written once. It becomes a word of the slash command, and the picker's handler.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Concatenate

from bot.commands import endpoint_text
from bot.commands.injection import Injector
from bot.commands.registry import SLASH, Command, Feature, deferred
from bot.commands.target_lookup import TargetLookup
from bot.domain.errors import UserError
from bot.domain.listed_endpoint import ListedEndpoint
from bot.domain.operations import OperationKind
from bot.domain.permissions import Permission
from bot.domain.process.task_group import all_of
from bot.messages import picker
from bot.messages.body import Body
from bot.messages.markup import code
from bot.services.authorization import Authorizer
from bot.services.catalog import Catalog
from bot.slack.requests import BlockAction, OptionsRequest, Request, SlashCommand

_LONGEST_SHOWN = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointRequest(Request):
    """A request about an endpoint.

    Attributes:
        rest: What follows the endpoint, Slack's markup undone, quotes kept.
        trigger_id: Opens a form for three seconds; '' if it opens none.
        replaces: Whether the answer replaces the picker.
    """

    endpoint: ListedEndpoint
    rest: str
    trigger_id: str
    request_id: str
    replaces: bool = False

    async def answer(self, body: Body) -> None:
        if self.replaces:
            await self.responder.replace(body)
        else:
            await self.responder.say(body)


RunOn = Callable[Concatenate[EndpointRequest, ...], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class EndpointSearch:
    """Finds an endpoint and runs the command on it."""

    lookup: TargetLookup
    authorizer: Authorizer
    injector: Injector


@dataclass(frozen=True, slots=True)
class EndpointCommand:
    """A command about one endpoint.

    Attributes:
        run_on: Its handler, after the acknowledgement and the permission check.
        arguments: What may follow the endpoint, for help; '' for nothing.
        operation: What it does, if it is an operation on the endpoint.
        is_text: Whether prose follows the endpoint, in which a quote means nothing.
    """

    name: str
    summary: str
    run_on: RunOn
    arguments: str = ""
    permission: Permission = Permission.LOOK
    operation: OperationKind | None = None
    is_text: bool = False

    def feature(self) -> Feature:
        arguments = " ".join(filter(None, ("[endpoint]", self.arguments)))
        return Feature(
            commands=[Command(self.name, arguments, self.summary, deferred(self._typed))],
            clicks={picker.action_id(self.name): deferred(self._picked)},
            steps=[self.run_on],
        )

    async def _typed(self, command: SlashCommand, search: EndpointSearch) -> None:
        lookup, place = search.lookup, command.place
        targets = await lookup.names(place)
        text = endpoint_text.read(command.text, targets, is_text=self.is_text)
        if text.others and not self.arguments:
            raise UserError(
                f"{code(self.name)} takes only the option `--target`.",
                hint=f"{code(f'{SLASH} {self.name} [endpoint]')}",
            )
        if not text.lead and not command.about:
            await self._ask(command, lookup, text.target, text.rest(0))
            return
        searched = [text.target] if text.target else targets
        endpoints, errors = await lookup.endpoints(place, searched)
        match = endpoint_text.match(
            endpoints, text, takes_more=bool(self.arguments), about=command.about
        )
        rest = text.rest(match.used)
        if len(match.endpoints) == 1:
            request = EndpointRequest(
                place=place,
                person=command.person,
                responder=command.responder,
                endpoint=match.endpoints[0],
                rest=rest,
                trigger_id=command.trigger_id,
                request_id=command.request_id,
            )
            await self._run(request, search)
            return
        phrase = text.phrase(match.used)[:_LONGEST_SHOWN]
        state = picker.PickerState(text.target, rest)
        if match.endpoints:
            body = picker.several(self.name, phrase, match.endpoints, state, match.is_exact)
        elif errors:
            raise _unreadable(phrase, errors)
        elif not phrase:
            raise _not_there(f"`{SLASH} list` shows what is.")
        else:
            close = endpoint_text.nearest(endpoints, phrase)
            body = picker.unknown(self.name, phrase, close, state)
        await command.responder.say(body)

    async def _ask(
        self, command: SlashCommand, lookup: TargetLookup, target: str, rest: str
    ) -> None:
        state = picker.PickerState(target, rest)
        if not state.fits:
            raise UserError(
                "Name the endpoint too.",
                hint=f"{code(f'{SLASH} {self.name} [endpoint] {self.arguments}')}",
            )
        await command.responder.say(picker.which(self.name, state))
        # What is read now is cached when the menu opens, for which Slack waits three seconds.
        targets = [target] if target else await lookup.names(command.place)
        await asyncio.gather(
            *(lookup.listing(command.place, one) for one in targets), return_exceptions=True
        )

    async def _picked(self, click: BlockAction, search: EndpointSearch) -> None:
        target, _, endpoint_id = click.value.partition(" ")
        if target not in await search.lookup.names(click.place):
            raise UserError("This target has been disconnected.")
        listing = await search.lookup.listing(click.place, target)
        for listed in listing.endpoints:
            if listed.endpoint_id == endpoint_id:
                break
        else:
            hint = f"`{SLASH} list {target}` shows what is."
            if endpoint_id:
                raise _not_there(hint)
            raise UserError("Friendli is answering again. Choose again.", hint=hint)
        state = picker.PickerState.read(click.block_id)
        request = EndpointRequest(
            place=click.place,
            person=click.person,
            responder=click.responder,
            endpoint=listed,
            rest=state.rest,
            trigger_id=click.trigger_id,
            request_id=click.trigger_id,
            replaces=not state.stays,
        )
        await self._run(request, search)

    async def _run(self, request: EndpointRequest, search: EndpointSearch) -> None:
        ours = request.endpoint.ours
        await search.authorizer.authorize(
            self.permission,
            request.person,
            request.place,
            target=request.endpoint.target,
            about=ours.public_id if ours is not None and ours.is_here else "",
            operation=self.operation,
        )
        await search.injector.bind(self.run_on)(request)


def _unreadable(phrase: str, errors: Mapping[str, UserError]) -> UserError:
    target, error = next(iter(errors.items()))
    words = f"I can't list {code(target)} right now. {error.message}"
    if phrase:
        words = f"I found no endpoint {code(phrase)}, and {words}"
    return UserError(words, hint=error.hint)


def _not_there(hint: str) -> UserError:
    return UserError("That endpoint doesn't exist any more.", hint=hint)


async def suggested(
    request: OptionsRequest, authorizer: Authorizer, lookup: TargetLookup, catalog: Catalog
) -> Sequence[picker.Block]:
    await authorizer.authorize(Permission.LOOK, request.person, request.place)
    state = picker.PickerState.read(request.block_id)
    names = [target.name for target in await lookup.targets.of(request.place)]
    targets = [name for name in names if state.target in ("", name)]
    listings = await all_of(catalog.cached(request.place, one) for one in targets)
    return picker.options(listings, request.typed)


FEATURE = Feature(suggestions={picker.PREFIX: suggested})
