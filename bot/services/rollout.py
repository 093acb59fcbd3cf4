"""Sends an update to the API, and records what it made of the deployment."""

from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.deployment_tables import Deployment
from bot.db.operation_tables import Operation
from bot.domain.friendli_errors import FriendliError
from bot.domain.instances import Prices
from bot.domain.schemas import DedicatedEndpointSpec
from bot.domain.update import Update, applied_to_spec, created_version
from bot.domain.version import History, following, newest
from bot.friendli.client import FriendliClient
from bot.friendli.credentials import Credentials
from bot.services.lookup import is_name_taken


class Rollout:
    """Rolls updates out."""

    def __init__(self, friendli: FriendliClient, prices: Prices) -> None:
        self._friendli = friendli
        self._prices = prices

    async def newest(self, credentials: Credentials, endpoint: str) -> str | None:
        return newest(await self._history(credentials, endpoint))

    async def send(
        self, credentials: Credentials, endpoint: str, operation: Operation
    ) -> str | None:
        """Send the one request; return the number of its version, if known."""
        update = Update.stored(operation.request)
        await self._friendli.update_endpoint(credentials, endpoint, update.body)
        try:
            history = await self._history(credentials, endpoint)
        except FriendliError:
            history = {}
        return created_version(history, update) or following(update.replaces)

    async def find(
        self, credentials: Credentials, endpoint: str, operation: Operation
    ) -> str | None:
        """The version of a request with unknown outcome; None if there is none."""
        return created_version(
            await self._history(credentials, endpoint), Update.stored(operation.request)
        )

    async def follow(
        self, session: AsyncSession, deployment: Deployment, update: Update, version: str | None
    ) -> None:
        """Record the update in the deployment's row."""
        await session.refresh(deployment)
        deployment.newest_version = version
        if deployment.spec is None:
            deployment.first_request = deployment.first_request or deployment.request
            deployment.request = update.after.model_dump(mode="json", exclude_none=True)
        else:
            spec = DedicatedEndpointSpec.model_validate(deployment.spec)
            updated = applied_to_spec(spec, update.version)
            deployment.spec = updated.model_dump(mode="json", by_alias=True)
            deployment.request = update.version.unreported
        if update.is_whole:
            deployment.version_elsewhere = None
        price = update.version.cost(self._prices).each
        deployment.price_per_hour = "" if price is None else str(price)
        # The name may have been taken since the update was requested.
        if not await is_name_taken(session, deployment, update.after.name):
            deployment.name = update.after.name
        await session.flush()

    async def _history(self, credentials: Credentials, endpoint: str) -> History:
        return await self._friendli.get_endpoint_version_history(credentials, endpoint)


def overtaken_by(update: Update, number: str | None) -> str | None:
    """The version that runs instead of the one that the update was compared with, if so."""
    return None if update.replaces in (None, number) else number
