"""The state in the buttons and the modal of a question about an update."""

import secrets
from decimal import Decimal
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from bot.commands.registry import SLASH
from bot.domain.actors import ChannelRef
from bot.domain.errors import UserError
from bot.domain.instances import Prices
from bot.domain.listed_endpoint import ListedEndpoint
from bot.domain.request.draft import DeployDraft
from bot.domain.update import build_update, edits
from bot.domain.version import Version
from bot.domain.version_history import RunningVersion
from bot.messages.approval_note import approval_note
from bot.messages.markup import bold, code
from bot.messages.update_diff import UpdateStage
from bot.services.authorization import Authorizer


class UpdateState(BaseModel):
    """A proposed update; as JSON at most 2,000 characters, for a button's value.

    Attributes:
        number: The version that it was compared with.
        back_to: The version to go back to.
        is_whole: Whether nothing of a version that was made elsewhere would stay.
        edits: Only what changes.
        agreed: Dollars per hour that the person saw in words and agrees to.
    """

    model_config = ConfigDict(
        frozen=True, validate_by_name=True, validate_by_alias=True, serialize_by_alias=True
    )

    request_id: str = Field(alias="r")
    public_id: str = Field(alias="p")
    number: str | None = Field(alias="n", default=None)
    back_to: str | None = Field(alias="b", default=None)
    is_whole: bool = Field(alias="w", default=False)
    edits: DeployDraft = Field(alias="e")
    agreed: Decimal | None = Field(alias="a", default=None)

    @classmethod
    def of(
        cls,
        runs: RunningVersion,
        after: Version,
        *,
        back_to: str | None = None,
        is_whole: bool = False,
    ) -> Self:
        state = cls(
            request_id=secrets.token_urlsafe(6),
            public_id=runs.public_id,
            number=runs.number,
            edits=edits(runs.version, after),
        )
        if back_to is None:
            return state
        return state.model_copy(update={"back_to": back_to, "is_whole": is_whole})

    @classmethod
    def typed(cls, runs: RunningVersion, draft: DeployDraft) -> Self:
        """What a line wants to change, unchecked, for the form."""
        kept = {"target", "lifetime"}
        wanted = {field: value for field, value in draft if value is not None}
        return cls(
            request_id=secrets.token_urlsafe(6),
            public_id=runs.public_id,
            number=runs.number,
            edits=DeployDraft.model_validate(
                {field: value for field, value in wanted.items() if field not in kept}
            ),
        )

    def to_json(self) -> str:
        """Compact JSON; what isn't edited is left out, what is emptied is null."""
        return self.model_dump_json(exclude_unset=True)

    def step(self, runs: RunningVersion, after: Version) -> UpdateStage:
        return UpdateStage(
            name=runs.name,
            number=runs.number,
            before=runs.version,
            after=after,
            status=runs.status,
            elsewhere=runs.elsewhere,
            back_to=self.back_to,
            is_whole=self.is_whole,
        )


class UpdateReviewState(BaseModel):
    """The state of the modal, which names its channel."""

    place: ChannelRef
    state: UpdateState

    def to_json(self) -> str:
        return self.model_dump_json(exclude_unset=True, by_alias=True)


async def approval_of(
    authorizer: Authorizer, place: ChannelRef, runs: RunningVersion, after: Version, prices: Prices
) -> str:
    """That somebody has to approve an update, as mrkdwn; '' if nobody has to."""
    update = build_update(runs.version, after, replaces=runs.number, prices=prices)
    if update is None or not update.may_cost_more:
        return ""
    rules = await authorizer.rules(place, runs.target)
    return approval_note(runs.target, rules, update.cost_after(prices))


def deployment_of(listed: ListedEndpoint) -> str:
    """Raise UserError if the endpoint isn't followed, or its thread is in another channel."""
    ours = listed.ours
    if ours is None:
        raise UserError(
            f"{bold(listed.name)} was created elsewhere and has no thread here.",
            hint=f"Follow it first: {code(f'{SLASH} follow {listed.endpoint_id}')}",
        )
    if not ours.is_here:
        raise UserError(
            f"{bold(listed.name)} belongs to <#{ours.channel_id}>. Update it there, in its thread."
        )
    return ours.public_id
