"""What commands work with: who asks from where, and the services that answer.

A handler runs before Slack is acknowledged and has milliseconds. Only what spends money is
written there. Everything else it returns as work to run after the acknowledgement.
"""

from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bot.config import Settings
from bot.deployments.approving.approval import Approvals
from bot.deployments.approving.requests import Requests
from bot.deployments.audit import Audit
from bot.deployments.creating.choices import Choices
from bot.deployments.late_answers import LateAnswers
from bot.deployments.listing.catalog import Catalog
from bot.deployments.listing.following import Following
from bot.deployments.listing.standings import Standings
from bot.deployments.operations import Operations
from bot.deployments.place import Person, Place
from bot.deployments.service import Deployments
from bot.deployments.targets.connecting import Targets
from bot.deployments.targets.settings import TargetSettings
from bot.deployments.timing.leases import Leases
from bot.deployments.timing.schedules import Schedules
from bot.deployments.updating.updates import Updates
from bot.errors import UserError
from bot.friendli.client import FriendliClient
from bot.hub.known_models import KnownModels
from bot.messages.blocks import Block, actions, context, section
from bot.messages.body import Body, body
from bot.permissions import Authorizer
from bot.slack.homes import Homes
from bot.slack.modals import Modals
from bot.slack.people import People

Work = Coroutine[object, object, None] | None


class Answers(Protocol):
    """Tells a person what became of what they did, so that nobody else sees it."""

    async def say(self, response_url: str, body: Body, *, thread_ts: str | None = None) -> bool:
        """Show it as something new. Returns whether Slack took it."""

    async def replace(self, response_url: str, body: Body) -> bool:
        """Show it in place of what was clicked."""

    async def remove(self, response_url: str) -> bool:
        """Take away what was clicked."""


@dataclass(frozen=True, slots=True)
class Desk:
    """The services that commands use."""

    settings: Settings
    deployments: Deployments
    choices: Choices
    standings: Standings
    operations: Operations
    updates: Updates
    approvals: Approvals
    requests: Requests
    late_answers: LateAnswers
    leases: Leases
    schedules: Schedules
    following: Following
    targets: Targets
    target_settings: TargetSettings
    audit: Audit
    catalog: Catalog
    friendli: FriendliClient
    known_models: KnownModels
    authorizer: Authorizer
    people: People
    modals: Modals
    homes: Homes
    responses: Answers


@dataclass(frozen=True, slots=True)
class Invocation:
    """A slash command, or a mention that stands for one.

    Attributes:
        text: What stands behind the command's first word, or behind the command itself.
        trigger_id: Opens a form for three seconds; '' of a mention, which opens none.
        request_id: The same each time Slack delivers the same.
        about: The public id of the deployment whose thread it stands in; its endpoint is meant
            where none is named. '' elsewhere.
    """

    place: Place
    person: Person
    text: str
    trigger_id: str
    response_url: str
    request_id: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Click:
    """A button or a menu that was used, in a message or in a modal.

    Attributes:
        value: The button's value, or that of the option that was chosen; '' for other elements.
        block_id: Of the block that it stands in.
        view: The modal or Home tab that it stands in; None in a message.
        thread_ts: Of the thread that the message stands in.
        message_ts: Of the message; '' in a modal or in the Home tab.
        is_ephemeral: Whether only the person who clicked sees the message.
        action_ts: When it was used.
    """

    place: Place
    person: Person
    action_id: str
    value: str
    trigger_id: str
    response_url: str
    view: Mapping[str, Any] | None
    thread_ts: str | None
    message_ts: str
    is_ephemeral: bool
    action_ts: str
    block_id: str = ""

    @property
    def is_in_home(self) -> bool:
        """Whether it stands in the person's Home tab, which belongs to no channel."""
        return self.view is not None and self.view.get("type") == "home"


@dataclass(frozen=True, slots=True)
class Query:
    """What was typed so far into a menu whose options we find.

    Attributes:
        block_id: Of the block that it stands in.
        typed: As it was typed; '' when the menu was only opened.
        view: The modal or Home tab that it stands in; None in a message.
    """

    place: Place
    person: Person
    action_id: str
    block_id: str
    typed: str
    view: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Submission:
    """A modal that was submitted."""

    place: Place
    person: Person
    view: Mapping[str, Any]
    trigger_id: str


@dataclass(frozen=True, slots=True)
class ShortcutUse:
    """An entry of a message's menu that was chosen.

    Attributes:
        thread_ts: Of the thread that the message is a reply in; None if it is none.
        public_id: The deployment that the message's metadata names; '' if it names none.
    """

    place: Place
    person: Person
    message_ts: str
    thread_ts: str | None
    public_id: str
    response_url: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something that Slack tells of; it may tell the same several times.

    Attributes:
        event_id: The same each time.
        tab: Of the app's own space that was opened, such as "home".
        text: Of a message, as mrkdwn.
        thread_ts: Of the thread that the message stands in; None outside of threads.
        by_app: Whether an app wrote the message.
    """

    place: Place
    person: Person
    event_id: str
    tab: str
    text: str
    thread_ts: str | None
    by_app: bool


@dataclass(frozen=True, slots=True)
class Reaction:
    """What becomes of a submitted modal.

    Attributes:
        errors: By block id; the modal stays open and shows them.
        view: Takes the modal's place. With neither, the modal closes.
        work: Runs after the acknowledgement.
    """

    errors: Mapping[str, str] | None = None
    view: Mapping[str, Any] | None = None
    work: Work = None


def own(claimed: Place, came: Click | Query | Submission) -> Place:
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


def apology(error: UserError) -> Body:
    """A refusal, with its way out."""
    return answer(error.message, hint=error.hint, buttons=error.actions)
