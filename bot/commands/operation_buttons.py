"""The buttons of operations whose click is enough."""

from functools import partial
from typing import assert_never

from bot.commands.context import DeferredTask, Services
from bot.commands.pending_response import answer_surely
from bot.commands.registry import Feature
from bot.domain.errors import UserError
from bot.domain.operations import Confirmation, OperationFacts, OperationKind, operations_that
from bot.domain.process.slash_command import SLASH
from bot.domain.statuses import facts_of
from bot.messages.markup import escape, mention
from bot.messages.questions import under_way
from bot.services.operations import AskedFor, OperationOutcome
from bot.slack.requests import BlockAction

UNCONNECTED = (
    "Its target was disconnected here, so nothing that costs money is done. An admin can connect it"
    f" again with `{SLASH} connect`."
)


async def clicked(services: Services, click: BlockAction, kind: OperationKind) -> DeferredTask:
    """Write the wish down, before Slack is acknowledged: some of these cost money.

    Its effect shows in the thread; only what keeps it from happening is answered here.
    """
    deployment = await services.deployments.find(click.place, click.value)
    if deployment is None:
        raise unknown_endpoint()
    await services.authorizer.authorize(
        kind.facts.permission,
        click.person,
        click.place,
        target=deployment.target_name,
        about=deployment.public_id,
        message_ts=click.message_ts,
        operation=kind,
    )
    asked = await services.operations.ask(
        click.place,
        click.person,
        deployment.public_id,
        kind,
        click.trigger_id,
        message_ts=click.message_ts,
    )
    words = what_instead(kind, asked)
    if click.is_ephemeral:
        # The question has its answer.
        said = words or under_way(kind, deployment.name, waits=asked.waits)
        return await answer_surely(services, click, said, replaces=True)
    return None if words is None else await answer_surely(services, click, words)


def unknown_endpoint() -> UserError:
    """A button of a deployment that isn't here, or isn't any more."""
    return UserError("I don't know this endpoint any more, so nothing was done.")


def what_instead(kind: OperationKind, asked: AskedFor) -> str | None:
    """Why nothing was done for a wish, as mrkdwn; None if it was accepted, or known already."""
    match asked.outcome:
        case OperationOutcome.IN_FLIGHT:
            by = mention(asked.by) if asked.by else "Somebody"
            to_do = kind.facts.words.infinitive
            return f"{by} asked to {to_do} already; the thread tells how it goes."
        case OperationOutcome.STALE:
            now = escape(facts_of(asked.status).name) if asked.status else "coming up"
            return f"It is {now} now, so there was nothing to do."
        case OperationOutcome.UNCONNECTED:
            return UNCONNECTED
        case OperationOutcome.GONE:
            return "It is over already, or no longer watched from here; nothing was done."
        case _:
            return None


def _is_done_at_once(facts: OperationFacts) -> bool:
    if facts.command is None:
        return False
    match facts.command.confirmation:
        case Confirmation.NONE | Confirmation.PRICE | Confirmation.WARNING:
            return True
        case Confirmation.TYPED_NAME:
            return False
        case _ as unknown:
            assert_never(unknown)


FEATURE = Feature(
    clicks={
        kind.action_id: partial(clicked, kind=kind) for kind in operations_that(_is_done_at_once)
    }
)
