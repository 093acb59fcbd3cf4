"""What the form, the line and the preview of a deployment share: validation and approvers."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from bot.domain.permissions import Permission
from bot.domain.policy import Policy
from bot.domain.request.deploy_request import DeployRequest
from bot.domain.request.draft import DeployDraft, Scaling
from bot.domain.request.rules import FieldError, check
from bot.services.access_requests import AccessRequests
from bot.services.authorization import Authorizer
from bot.services.deployments import DeployResult
from bot.services.targets import TargetView
from bot.slack.requests import Request, SlashCommand

REPEATED = "You already requested this; see its thread in this channel. Nothing was created twice."


def checked(
    draft: DeployDraft,
    targets: Sequence[TargetView],
    known_models: Collection[str],
    *,
    proposed_name: str | None = None,
) -> DeployRequest | tuple[FieldError, ...]:
    """Validate a draft on the channel's targets, and fill in what it leaves to them."""
    if not draft.name and proposed_name:
        draft = draft.model_copy(update={"name": proposed_name})
    request = check(
        draft,
        targets=[target.name for target in targets],
        default_target=targets[0].name,
        scalings=scalings(targets),
        known_models=known_models,
    )
    if isinstance(request, DeployRequest):
        return request.with_default_lifetime(policy_of(request, targets).lifetime_seconds)
    return request


def policy_of(request: DeployRequest, targets: Sequence[TargetView]) -> Policy:
    return next(target.policy for target in targets if target.name == request.target)


def scalings(targets: Sequence[TargetView]) -> Mapping[str, Scaling]:
    return {target.name: target.policy.scaling.value for target in targets}


def new_request_id() -> str:
    """An idempotency key: a form or a preview is carried out once."""
    return uuid.uuid4().hex


def request_id_of(command: SlashCommand) -> str:
    """The idempotency key of what a command shows: the same whenever it is handled again."""
    return uuid.uuid5(uuid.NAMESPACE_OID, command.request_id).hex


@dataclass(frozen=True, slots=True)
class Approvers:
    """Calls those who may approve."""

    authorizer: Authorizer
    access_requests: AccessRequests

    async def call(self, request: Request, target: str, result: DeployResult) -> None:
        """Mention admins if only they may approve: the status message can't mention them."""
        place = request.place
        if not result.waits or await self.authorizer.named(Permission.APPROVE, place, target):
            return
        whom = await self.authorizer.whom(Permission.APPROVE, place, target)
        await self.access_requests.call(
            place, request.person, result.waits_as, Permission.APPROVE, whom
        )
