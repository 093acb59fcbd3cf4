"""The buttons that do one thing with an endpoint: sleep, wake, restart, terminate."""

from functools import partial

from bot.commands.context import DeferredTask, Services
from bot.commands.pending_response import answer_surely
from bot.commands.registry import Feature
from bot.domain.errors import UserError
from bot.domain.operations import OperationKind
from bot.domain.process.slash_command import SLASH
from bot.domain.statuses import facts_of
from bot.messages.buttons import ActionId
from bot.messages.markup import escape, mention
from bot.messages.operations import WORDS
from bot.messages.questions import under_way
from bot.services.operations import PERMISSIONS, AskedFor, OperationOutcome
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
        PERMISSIONS[kind],
        click.person,
        click.place,
        target=deployment.target_name,
        about=deployment.public_id,
        message_ts=click.message_ts,
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
            return f"{by} asked to {WORDS[kind].infinitive} already; the thread tells how it goes."
        case OperationOutcome.STALE:
            now = escape(facts_of(asked.status).name) if asked.status else "coming up"
            return f"It is {now} now, so there was nothing to do."
        case OperationOutcome.UNCONNECTED:
            return UNCONNECTED
        case OperationOutcome.GONE:
            return "It is over already, or no longer watched from here; nothing was done."
        case _:
            return None


FEATURE = Feature(
    clicks={
        ActionId.SLEEP: partial(clicked, kind=OperationKind.SLEEP),
        ActionId.WAKE: partial(clicked, kind=OperationKind.WAKE),
        ActionId.RESTART: partial(clicked, kind=OperationKind.RESTART),
        ActionId.TERMINATE: partial(clicked, kind=OperationKind.TERMINATE),
    }
)
