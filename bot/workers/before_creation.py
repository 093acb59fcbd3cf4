"""Ends deployments before anything is created: cancelled, or never announced in Slack."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.claims import Claim, release
from bot.db.deployment_tables import Deployment
from bot.db.message_tables import Message
from bot.domain.delivery import Delivery
from bot.domain.deployment_state import DeploymentState
from bot.messages import refusals, replies, undeliverable
from bot.services import outbox
from bot.services.thread import post


async def cancel(session: AsyncSession, claim: Claim, settings: Settings) -> None:
    """Cancel a deployment as requested."""
    if await release(session, Deployment, claim, due=None, state=DeploymentState.CANCELLED):
        deployment = await session.get_one(Deployment, claim.id)
        await post(session, deployment, settings, replies.cancelled())


async def give_up_unannounced(session: AsyncSession, claim: Claim, settings: Settings) -> None:
    """Refuse a deployment whose status message never reached Slack.

    Nobody in the channel would know of an endpoint that was created now.
    """
    if not await release(session, Deployment, claim, due=None, state=DeploymentState.REFUSED):
        return
    deployment = await session.get_one(Deployment, claim.id)
    query = select(Message).where(Message.deployment_id == deployment.id)
    messages = (await session.scalars(query)).all()
    if any(_may_be_in_slack(message) for message in messages):
        # It may show up, or just has: then it mustn't go on announcing an endpoint.
        refusal = refusals.not_announced()
        await post(session, deployment, settings, lambda view: replies.refused(view, refusal))
    else:
        for message in messages:
            message.delivery = Delivery.DROPPED
    workspace = await outbox.workspace_row(
        session, enterprise_id=deployment.enterprise_id, workspace_id=deployment.workspace_id
    )
    text = undeliverable.not_announced(deployment.name, deployment.channel_id)
    await outbox.send_direct(session, workspace, deployment.requester_id, text)


def _may_be_in_slack(message: Message) -> bool:
    return message.delivery in (Delivery.SENDING, Delivery.SENT) or message.possible_repeat
