"""Users and channels of Slack."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

SlackId = Annotated[str, Field(pattern=r"^\w*$")]
"""Any id of Slack; mentions contain it unescaped, so that other characters are refused."""


@dataclass(frozen=True, slots=True)
class ChannelRef:
    """A channel. Ids are unique within their workspace only; absent ones are ''."""

    enterprise_id: SlackId
    workspace_id: SlackId
    channel_id: SlackId


@dataclass(frozen=True, slots=True)
class Actor:
    """A Slack user with their own workspace and organisation; '' if Slack sent none."""

    id: str
    workspace_id: str = ""
    enterprise_id: str = ""

    def is_from_elsewhere(self, place: ChannelRef) -> bool:
        """Whether the user belongs to another organisation than the channel's (Slack Connect).

        Where an organisation-wide install omits the channel's workspace, only the user's
        organisation counts, and one that Slack doesn't name counts as the same.
        """
        if self.enterprise_id and place.enterprise_id:
            return self.enterprise_id != place.enterprise_id
        if not (self.workspace_id and place.workspace_id):
            return False
        return self.workspace_id != place.workspace_id
