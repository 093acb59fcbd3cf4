"""Where something is asked from, and by whom."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

SlackId = Annotated[str, Field(pattern=r"^\w*$")]
"""Of anything in Slack; it stands in mentions, which other characters would end."""


@dataclass(frozen=True, slots=True)
class ChannelRef:
    """A channel. Ids are only unique within their workspace; absent ones are ''."""

    enterprise_id: SlackId
    workspace_id: SlackId
    channel_id: SlackId


@dataclass(frozen=True, slots=True)
class Actor:
    """Someone in Slack.

    Attributes:
        id: Slack's user id.
        workspace_id: The person's own workspace; '' if Slack didn't say.
        enterprise_id: The person's own organisation; '' if Slack didn't say.
    """

    id: str
    workspace_id: str = ""
    enterprise_id: str = ""

    def is_from_elsewhere(self, place: ChannelRef) -> bool:
        """Whether the person belongs to another organisation than the place's (Slack Connect).

        Where an organisation-wide install leaves the place's workspace out, only the person's
        organisation can tell, and one that Slack doesn't name counts as the same.
        """
        if self.enterprise_id and place.enterprise_id:
            return self.enterprise_id != place.enterprise_id
        if not (self.workspace_id and place.workspace_id):
            return False
        return self.workspace_id != place.workspace_id
