"""`rollback [endpoint] <version>`: back to an earlier version, after a look at what changes."""

from bot.commands.context import Services
from bot.commands.endpoint_command import EndpointCommand, EndpointRequest
from bot.commands.registry import SLASH
from bot.commands.update import question
from bot.commands.update_state import deployment_of
from bot.domain.errors import UserError
from bot.domain.listed_endpoint import Listed
from bot.domain.permissions import Permission
from bot.domain.text import clip
from bot.domain.update import gone_back, settle
from bot.messages.markup import bold, code, escape

_LONGEST_SHOWN = 40


async def run_on(services: Services, asked: EndpointRequest, endpoint: Listed) -> None:
    """Show what going back would change, and ask."""
    public_id = deployment_of(endpoint)
    await services.authorizer.authorize(
        Permission.UPDATE, asked.person, asked.place, target=endpoint.target, about=public_id
    )
    number = asked.rest.strip()
    versions = code(f"{SLASH} versions {endpoint.name}")
    if not number:
        raise UserError("Back to which version?", hint=f"{versions} lists them.")
    runs, past = await services.updates.past(asked.place, public_id)
    wanted = next((one for one in past if one.number == number), None)
    if wanted is None:
        shown = code(clip(number, _LONGEST_SHOWN))
        raise UserError(
            f"{bold(endpoint.name)} has no version {shown}.", hint=f"{versions} lists them."
        )
    if number == runs.number:
        raise UserError(f"{bold(endpoint.name)} runs version {code(number)} already.")
    after = settle(runs.version, gone_back(runs.version, wanted.version, number))
    if isinstance(after, tuple):
        # A version that was made elsewhere may be what nobody can ask for.
        raise UserError(escape(" ".join(field_error.sentences for field_error in after)))
    is_whole = not wanted.version.unknown
    said = question(services, runs, after, back_to=number, is_whole=is_whole)
    await asked.answer(services, said)


FEATURE = EndpointCommand(
    "rollback",
    "Takes an endpoint back to an earlier version; shows before and after, and asks first.",
    run_on,
    arguments="<version>",
    permission=Permission.UPDATE,
).feature()
