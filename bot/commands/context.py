"""What commands work with: who asks from where, and the services that answer.

A handler runs before Slack is acknowledged and has milliseconds. Only what spends money is
written there. Everything else it returns as work to run after the acknowledgement.
"""

from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bot.config import Settings
from bot.domain.actors import ChannelRef
from bot.domain.errors import UserError
from bot.friendli.client import FriendliClient
from bot.hub.known_models import KnownModels
from bot.messages.blocks import Block, actions, context, section
from bot.messages.body import Body, body
from bot.services.access_requests import AccessRequests
from bot.services.approvals import Approvals
from bot.services.audit import Audit
from bot.services.authorization import Authorizer
from bot.services.catalog import Catalog
from bot.services.deployments import Deployments
from bot.services.endpoint_selection import EndpointSelection
from bot.services.imported_endpoints import ImportedEndpoints
from bot.services.lifetimes import Lifetimes
from bot.services.operations import Operations
from bot.services.pending_responses import PendingResponses
from bot.services.schedules import Schedules
from bot.services.summaries import Summaries
from bot.services.target_connections import TargetConnections
from bot.services.target_settings import TargetSettings
from bot.services.targets import Targets
from bot.services.updates import Updates
from bot.slack.home_tab import HomeTabs
from bot.slack.modals import Modals
from bot.slack.people import People
from bot.slack.requests import BlockAction, OptionsRequest, ViewSubmission

DeferredTask = Coroutine[object, object, None] | None


class Responder(Protocol):
    """Tells a person what became of what they did, so that nobody else sees it."""

    async def say(self, response_url: str, body: Body, *, thread_ts: str | None = None) -> bool:
        """Show it as something new. Returns whether Slack took it."""

    async def replace(self, response_url: str, body: Body) -> bool:
        """Show it in place of what was clicked."""

    async def remove(self, response_url: str) -> bool:
        """Take away what was clicked."""


@dataclass(frozen=True, slots=True)
class Services:
    """The services that commands use."""

    settings: Settings
    deployments: Deployments
    choices: EndpointSelection
    summaries: Summaries
    operations: Operations
    updates: Updates
    approvals: Approvals
    requests: AccessRequests
    pending_responses: PendingResponses
    lifetimes: Lifetimes
    schedules: Schedules
    following: ImportedEndpoints
    targets: Targets
    target_connections: TargetConnections
    target_settings: TargetSettings
    audit: Audit
    catalog: Catalog
    friendli: FriendliClient
    known_models: KnownModels
    authorizer: Authorizer
    people: People
    modals: Modals
    home_tabs: HomeTabs
    responses: Responder


@dataclass(frozen=True, slots=True)
class ViewResponse:
    """What becomes of a submitted modal.

    Attributes:
        errors: By block id; the modal stays open and shows them.
        view: Takes the modal's place. With neither, the modal closes.
        work: Runs after the acknowledgement.
    """

    errors: Mapping[str, str] | None = None
    view: Mapping[str, Any] | None = None
    work: DeferredTask = None


def own(claimed: ChannelRef, came: BlockAction | OptionsRequest | ViewSubmission) -> ChannelRef:
    """The place that a modal keeps, if it lies in the workspace that the modal came from.

    Raises:
        UserError: It lies in another one.
    """
    here = came.place
    if (claimed.enterprise_id, claimed.workspace_id) != (here.enterprise_id, here.workspace_id):
        raise UserError("This form belongs to another workspace.")
    return claimed


def answer(text: str, *, hint: str = "", buttons: Sequence[Block] = ()) -> Body:
    """A short answer to one person: a sentence, small print, buttons. All mrkdwn."""
    blocks = [section(text)]
    if hint:
        blocks.append(context(hint))
    if buttons:
        blocks.append(actions(*buttons))
    return body(f"{text} {hint}".strip(), *blocks)


def error_message(error: UserError) -> Body:
    """A refusal, with its way out."""
    return answer(error.message, hint=error.hint, buttons=error.actions)
