"""Find the deployment that a button or a form is about, and check the permission."""

from dataclasses import dataclass

from bot.db.deployment_tables import Deployment
from bot.domain.errors import UserError
from bot.domain.operations import OperationKind
from bot.domain.permissions import Permission
from bot.messages.buttons import connect_again
from bot.messages.markup import code
from bot.services.authorization import Authorizer
from bot.services.deployments import Deployments
from bot.services.targets import Targets
from bot.slack.requests import Request


@dataclass(frozen=True, slots=True)
class DeploymentAccess:
    """Finds deployments and checks permissions."""

    deployments: Deployments
    authorizer: Authorizer
    targets: Targets

    async def require(
        self,
        permission: Permission,
        request: Request,
        public_id: str,
        *,
        operation: OperationKind | None = None,
    ) -> Deployment:
        """Raise UserError if it isn't in this channel, or the person lacks the permission."""
        deployment = await self.find(request, public_id)
        await self.authorize(
            permission,
            request,
            deployment.target_name,
            deployment.public_id,
            operation=operation,
        )
        return deployment

    async def find(self, request: Request, public_id: str) -> Deployment:
        """Raise UserError if it isn't in this channel."""
        deployment = await self.deployments.find(request.place, public_id)
        if deployment is None:
            raise unknown_endpoint()
        return deployment

    async def authorize(
        self,
        permission: Permission,
        request: Request,
        target: str,
        public_id: str,
        *,
        operation: OperationKind | None = None,
    ) -> None:
        """Raise UserError if the person lacks the permission, or the target is disconnected.

        Nobody's permissions are known on a target that isn't there any more, although another one
        may keep the project watched.
        """
        among = await self.targets.of(request.place)
        if target not in [one.name for one in among]:
            raise disconnected(target)
        await self.authorizer.authorize(
            permission,
            request.person,
            request.place,
            target=target,
            among=among,
            about=public_id,
            message_ts=request.message_ts,
            operation=operation,
        )


def unknown_endpoint() -> UserError:
    return UserError("I don't know this endpoint any more, so nothing was done.")


def disconnected(target: str) -> UserError:
    return UserError(
        f"{code(target)} is disconnected from this channel, so nothing was done.",
        hint="An admin can connect it again; until then, use Friendli Suite.",
        actions=[connect_again(target)],
    )
