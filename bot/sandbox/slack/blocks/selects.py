"""Menus of options, users, conversations or channels.

Facts from https://docs.slack.dev/reference/block-kit/block-elements/select-menu-element and
multi-select-menu-element.
"""

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from bot.sandbox.slack.blocks.composition import (
    DISTINCT,
    DISTINCT_OPTIONS,
    ChannelId,
    Confirm,
    ConversationFilter,
    ConversationId,
    Identifier,
    Option,
    OptionGroup,
    PlainText,
    Strict,
    UserId,
    at_most,
    choices,
)
from bot.sandbox.slack.blocks.problems import refusal

Placeholder: TypeAlias = Annotated[PlainText, at_most(150)]
QueryLength: TypeAlias = Annotated[int, Field(ge=0)]


class Interactive(Strict):
    """An interactive element; action_id is required, as nobody could handle a generated one."""

    action_id: Identifier


class Menu(Interactive):
    placeholder: Placeholder | None = None
    confirm: Confirm | None = None
    focus_on_load: bool | None = None


class MultiMenu(Menu):
    max_selected_items: Annotated[int, Field(ge=1)] | None = None

    def refuse_more_than_allowed(self, field: str, chosen: list[str] | list[Option] | None) -> None:
        """Refuse more initial choices than `max_selected_items`."""
        if self.max_selected_items is not None and len(chosen or []) > self.max_selected_items:
            raise refusal("must have at most max_selected_items items", field)


class WithChoices(Strict):
    options: Annotated[list[Option], Field(min_length=1, max_length=100)] | None = None
    option_groups: Annotated[list[OptionGroup], Field(min_length=1, max_length=100)] | None = None

    @model_validator(mode="after")
    def _one_list_without_repeats(self) -> Self:
        choices(self.options, self.option_groups)
        return self


class StaticSelect(WithChoices, Menu):
    type: Literal["static_select"]
    initial_option: Option | None = None

    @model_validator(mode="after")
    def _starts_with_an_option(self) -> Self:
        start = self.initial_option
        if start is not None and start not in choices(self.options, self.option_groups):
            raise refusal("must equal one of the options", "initial_option")
        return self


class MultiStaticSelect(WithChoices, MultiMenu):
    type: Literal["multi_static_select"]
    initial_options: Annotated[list[Option], Field(min_length=1), DISTINCT_OPTIONS] | None = None

    @model_validator(mode="after")
    def _starts_with_options(self) -> Self:
        offered = choices(self.options, self.option_groups)
        for i, start in enumerate(self.initial_options or []):
            if start not in offered:
                raise refusal("must equal one of the options", "initial_options", i)
        self.refuse_more_than_allowed("initial_options", self.initial_options)
        return self


class ExternalSelect(Menu):
    """A select whose options the app returns as a user types."""

    type: Literal["external_select"]
    initial_option: Option | None = None
    min_query_length: QueryLength | None = None


class MultiExternalSelect(MultiMenu):
    type: Literal["multi_external_select"]
    initial_options: Annotated[list[Option], Field(min_length=1), DISTINCT_OPTIONS] | None = None
    min_query_length: QueryLength | None = None

    @model_validator(mode="after")
    def _starts_within_the_limit(self) -> Self:
        self.refuse_more_than_allowed("initial_options", self.initial_options)
        return self


class UsersSelect(Menu):
    type: Literal["users_select"]
    initial_user: UserId | None = None


class MultiUsersSelect(MultiMenu):
    type: Literal["multi_users_select"]
    initial_users: Annotated[list[UserId], Field(min_length=1), DISTINCT] | None = None

    @model_validator(mode="after")
    def _starts_within_the_limit(self) -> Self:
        self.refuse_more_than_allowed("initial_users", self.initial_users)
        return self


class ConversationsSelect(Menu):
    type: Literal["conversations_select"]
    initial_conversation: ConversationId | None = None
    default_to_current_conversation: bool | None = None
    response_url_enabled: bool | None = None
    filter: ConversationFilter | None = None


class MultiConversationsSelect(MultiMenu):
    type: Literal["multi_conversations_select"]
    initial_conversations: Annotated[list[ConversationId], Field(min_length=1), DISTINCT] | None = (
        None
    )
    default_to_current_conversation: bool | None = None
    filter: ConversationFilter | None = None

    @model_validator(mode="after")
    def _starts_within_the_limit(self) -> Self:
        self.refuse_more_than_allowed("initial_conversations", self.initial_conversations)
        return self


class ChannelsSelect(Menu):
    type: Literal["channels_select"]
    initial_channel: ChannelId | None = None
    response_url_enabled: bool | None = None


class MultiChannelsSelect(MultiMenu):
    type: Literal["multi_channels_select"]
    initial_channels: Annotated[list[ChannelId], Field(min_length=1), DISTINCT] | None = None

    @model_validator(mode="after")
    def _starts_within_the_limit(self) -> Self:
        self.refuse_more_than_allowed("initial_channels", self.initial_channels)
        return self


Select: TypeAlias = (
    StaticSelect
    | MultiStaticSelect
    | ExternalSelect
    | MultiExternalSelect
    | UsersSelect
    | MultiUsersSelect
    | ConversationsSelect
    | MultiConversationsSelect
    | ChannelsSelect
    | MultiChannelsSelect
)


class Suggestions(Strict):
    """The response to `block_suggestion`; an empty list means no match."""

    options: Annotated[list[Option], Field(max_length=100)] | None = None
    option_groups: Annotated[list[OptionGroup], Field(max_length=100)] | None = None

    @model_validator(mode="after")
    def _one_list_without_repeats(self) -> Self:
        choices(self.options, self.option_groups)
        return self
