"""Post to a deployment's thread, in the transaction that changes the deployment."""

from collections.abc import Callable
from dataclasses import asdict, replace

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.config import Settings
from bot.db.claims import make_due
from bot.db.commit_log import log_committed
from bot.db.deployment_tables import Deployment, Transition
from bot.domain.deployment_view import DeploymentView
from bot.domain.transitions import ObservedTransition, cycles
from bot.messages import transitions
from bot.messages.reply import Reply
from bot.messages.status_message import root
from bot.services import fit_records, outbox, phase_statistics, smoke_tests
from bot.services.deployment_views import new_view, view_of
from bot.services.lifetime import follow
from bot.services.lookup import policy_of

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

# Once an endpoint has fallen asleep this often without anything else happening, one reply about
# it is rewritten instead of adding more.
_CYCLES_POSTED_ONE_BY_ONE = 1

AnyReply = Reply | Callable[[DeploymentView], Reply | None]


async def open_thread(
    session: AsyncSession, deployment: Deployment, settings: Settings, *, is_new: bool = False
) -> None:
    """Post the status message of a deployment, which has no history yet if it is new."""
    view = await (new_view if is_new else view_of)(session, deployment, settings)
    await outbox.send_root(
        session,
        channel_row_id=deployment.channel_row_id,
        deployment_id=deployment.id,
        body=root(view),
    )


async def post(
    session: AsyncSession, deployment: Deployment, settings: Settings, *replies: AnyReply
) -> None:
    """Update the status message and add replies, in the transaction that changed the deployment.

    Locks the row first, otherwise the status message is rendered from stale data. A reply may be a
    function of what the status message shows.
    """
    view = await _locked_view(session, deployment, settings)
    built = [reply(view) if callable(reply) else reply for reply in replies]
    posted = [reply for reply in built if reply is not None]
    for reply in posted:
        if reply.closing_note is not None:
            note = reply.closing_note.after(view.closing_note)
            deployment.closing_note = asdict(note)
            view = replace(view, closing_note=note)
    await _write(session, deployment, view, posted)


async def record(
    session: AsyncSession, deployment: Deployment, settings: Settings, newest: ObservedTransition
) -> None:
    """Add a transition, and post it.

    Of an endpoint that only falls asleep and wakes, the last reply about that is rewritten.
    """
    await add_transition(session, deployment, settings, newest)
    view = await _locked_view(session, deployment, settings)
    if cycles([one.state for one in view.history]) <= _CYCLES_POSTED_ONE_BY_ONE:
        await _write(session, deployment, view, [transitions.transition(view)])
        return
    reply = transitions.cycle(view)
    level = (await policy_of(session, deployment)).notification_level
    await outbox.rewrite_cycle(
        session,
        channel_row_id=deployment.channel_row_id,
        deployment_id=deployment.id,
        body=reply.body,
        broadcast=reply.reaches_channel(level),
    )
    await _write(session, deployment, view, [])


async def add_transition(
    session: AsyncSession, deployment: Deployment, settings: Settings, newest: ObservedTransition
) -> None:
    """Add a transition, which the caller posts."""
    before = await session.scalars(
        select(Transition.sequence)
        .where(Transition.deployment_id == deployment.id)
        .order_by(Transition.sequence.desc())
        .limit(1)
    )
    session.add(
        Transition(
            deployment_id=deployment.id,
            sequence=(before.first() or 0) + 1,
            status=newest.state.status,
            phase=newest.state.phase,
            error_code=newest.state.error_code,
            api_updated_at=newest.api_at,
            observed_at=newest.observed_at,
        )
    )
    follow(deployment, newest.state.status, newest.observed_at)
    deployment.status = newest.state.status
    deployment.phase = newest.state.phase
    deployment.error_code = newest.state.error_code
    await fit_records.record(session, deployment, newest)
    timeout = await phase_statistics.stuck_after(session, deployment, newest.state, settings)
    deployment.stuck_at = None if timeout is None else newest.observed_at + timeout
    await session.flush()
    await smoke_tests.request_if_started(session, deployment, settings)
    state = newest.state
    log_committed(
        session,
        log,
        "transition",
        status=state.status,
        phase=state.phase,
        error_code=state.error_code,
    )
    if deployment.lifetime_ends_at is not None or deployment.stuck_at is not None:
        # The lifetime and the time after which the phase counts as stuck have changed.
        await make_due(session, Deployment, deployment.id)


async def _locked_view(
    session: AsyncSession, deployment: Deployment, settings: Settings
) -> DeploymentView:
    await session.flush()
    await session.refresh(deployment, with_for_update={"key_share": True})
    return await view_of(session, deployment, settings)


async def _write(
    session: AsyncSession, deployment: Deployment, view: DeploymentView, replies: list[Reply]
) -> None:
    level = (await policy_of(session, deployment)).notification_level if replies else None
    for reply in replies:
        await outbox.reply(
            session,
            channel_row_id=deployment.channel_row_id,
            deployment_id=deployment.id,
            body=reply.body,
            broadcast=level is not None and reply.reaches_channel(level),
        )
    await outbox.redraw_root(
        session,
        channel_row_id=deployment.channel_row_id,
        deployment_id=deployment.id,
        body=root(view),
    )
