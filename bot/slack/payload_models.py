"""The parts of Slack's payloads that we read."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bot.domain.actors import Actor, ChannelRef, SlackId
from bot.messages.home import channel_in
from bot.slack.history import EVENT_TYPE


class Payload(BaseModel):
    """Base class: absent fields may be left out or null."""

    # A payload holds response_urls, at which anybody may answer: errors don't quote it.
    model_config = ConfigDict(hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, payload: object) -> object:
        if not isinstance(payload, Mapping):
            return payload
        return {name: value for name, value in payload.items() if value is not None}


class _Workspace(Payload):
    id: SlackId = ""


class _User(Payload):
    id: SlackId
    team_id: SlackId = ""
    enterprise_id: SlackId = ""


class _Channel(Payload):
    id: SlackId = ""


class Container(Payload):
    """Where an element is."""

    channel_id: SlackId = ""
    message_ts: str = ""
    is_ephemeral: bool = False
    thread_ts: str | None = None


class _Option(Payload):
    value: str = ""


class _Action(Payload):
    action_id: str
    block_id: str = ""
    value: str | None = None
    selected_option: _Option | None = None
    action_ts: str = ""

    @property
    def chosen(self) -> str:
        return self.selected_option.value if self.selected_option else self.value or ""


class _View(Payload):
    # The rest is read by the command that the modal belongs to.
    model_config = ConfigDict(extra="allow")

    id: str = ""
    type: str = ""
    callback_id: str = ""
    private_metadata: str = ""
    app_installed_team_id: SlackId | None = None

    @property
    def opened_in(self) -> ChannelRef | None:
        """As the bot noted it."""
        try:
            return _ViewMetadata.model_validate_json(self.private_metadata).place
        except ValidationError:
            return None


class _ViewMetadata(BaseModel):
    place: ChannelRef


class _Metadata(Payload):
    event_type: str = ""
    event_payload: dict[str, object] = Field(default_factory=dict)


class _Message(Payload):
    ts: str = ""
    thread_ts: str | None = None
    metadata: _Metadata | None = None

    @property
    def public_id(self) -> str:
        """'' in another app's message."""
        if self.metadata is None or self.metadata.event_type != EVENT_TYPE:
            return ""
        named = self.metadata.event_payload.get("deployment")
        return named if isinstance(named, str) else ""


class _Installation(Payload):
    enterprise_id: SlackId | None = None
    team_id: SlackId | None = None


class _EventBody(Payload):
    user: SlackId = ""
    bot_id: str | None = None
    # Of the author; in a shared channel, not always the workspace that receives the event.
    user_team: SlackId | None = None
    team: SlackId | None = None
    channel: SlackId = ""
    tab: str = ""
    text: str = ""
    ts: str = ""
    thread_ts: str | None = None


class _EventType(Payload):
    type: str = ""


class TypedEvent(Payload):
    """Any event, also one whose other fields have other types."""

    event: _EventType = Field(default_factory=_EventType)


class EventDelivery(Payload):
    """An event of a type that we handle."""

    event_id: str = ""
    team_id: SlackId | None = None
    context_team_id: SlackId | None = None
    context_enterprise_id: SlackId | None = None
    authorizations: list[_Installation] = Field(default_factory=list)
    is_ext_shared_channel: bool = False
    event: _EventBody

    @property
    def place(self) -> ChannelRef:
        # In a shared channel, `team_id` may be another workspace than the one that delivers it.
        installed = self.authorizations[0] if self.authorizations else _Installation()
        enterprise = installed.enterprise_id or self.context_enterprise_id or ""
        team = installed.team_id or self.context_team_id or self.team_id or ""
        # The Home tab belongs to no channel; the event names the app's direct messages.
        return ChannelRef(enterprise, team, "" if self.event.tab else self.event.channel)


class SlashPayload(Payload):
    """A slash command."""

    enterprise_id: SlackId | None = None
    team_id: SlackId | None = None
    channel_id: SlackId
    user_id: SlackId
    text: str = ""
    trigger_id: str = ""
    response_url: str = ""


class Interaction(Payload):
    """A block action or a submitted modal."""

    # Null in organisation-wide installs and outside of Enterprise Grid, respectively.
    team: _Workspace | None = None
    enterprise: _Workspace | None = None
    user: _User
    channel: _Channel | None = None
    container: Container | None = None
    actions: list[_Action] = Field(default_factory=list)
    trigger_id: str = ""
    response_url: str | None = None
    view: _View | None = None

    @property
    def person(self) -> Actor:
        # In a modal, `team` is the person's own.
        team = self.user.team_id or (self.team.id if self.team else "")
        return Actor(self.user.id, team, self.user.enterprise_id)

    @property
    def workspace(self) -> tuple[str, str]:
        # An organisation-wide install may leave `team` out.
        installed = self.view.app_installed_team_id if self.view else None
        team = installed or (self.team.id if self.team else "") or self.user.team_id
        return self.enterprise.id if self.enterprise else "", team

    @property
    def place(self) -> ChannelRef:
        if self.opened_in is not None and not self.is_foreign:
            return self.opened_in
        channel = self.channel.id if self.channel else ""
        if not channel and self.container:
            channel = self.container.channel_id
        if not channel and self.is_in_home and self.actions:
            channel = channel_in(self.actions[0].block_id)
        return ChannelRef(*self.workspace, channel)

    @property
    def is_in_home(self) -> bool:
        return self.view is not None and self.view.type == "home"

    @property
    def opened_in(self) -> ChannelRef | None:
        return self.view.opened_in if self.view else None

    @property
    def is_foreign(self) -> bool:
        there = self.opened_in
        return there is not None and (there.enterprise_id, there.workspace_id) != self.workspace


class ShortcutPayload(Interaction):
    """A message shortcut."""

    callback_id: str
    message: _Message


class SuggestionPayload(Interaction):
    """An options request has no actions: the payload itself names the menu."""

    action_id: str
    block_id: str = ""
    value: str = ""
