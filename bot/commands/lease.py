"""`extend` and `keep`, and the buttons of the warning before an endpoint's time is over."""

from datetime import UTC, datetime, timedelta

from bot.commands.act import unknown_endpoint
from bot.commands.desk import Click, Desk, Work, answer
from bot.commands.registry import Feature
from bot.db.models import Deployment
from bot.deployments.leases import LeaseAnswer, LeaseOutcome
from bot.deployments.place import Person, Place
from bot.messages.lease import until
from bot.messages.lease_replies import EXTEND_ACTION, KEEP_ACTION
from bot.permissions import Permission

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def extend_clicked(desk: Desk, click: Click) -> Work:
    """Give it as much time again, once for each warning."""
    public_id, _, seen = click.value.partition(" ")
    deployment = await _authorized(desk, click.place, click.person, public_id)
    given = await desk.leases.extend(
        click.place,
        click.person,
        deployment.public_id,
        seen=_EPOCH + timedelta(milliseconds=int(seen)),
        message_ts=click.message_ts,
    )
    return _tell_if_not(desk, click, given)


async def keep_clicked(desk: Desk, click: Click) -> Work:
    """Take its end away."""
    deployment = await _authorized(desk, click.place, click.person, click.value)
    given = await desk.leases.keep(
        click.place, click.person, deployment.public_id, message_ts=click.message_ts
    )
    return _tell_if_not(desk, click, given)


async def _authorized(desk: Desk, place: Place, person: Person, public_id: str) -> Deployment:
    deployment = await desk.deployments.find(place, public_id)
    if deployment is None:
        raise unknown_endpoint()
    await desk.authorizer.authorize(
        Permission.EXTEND,
        person,
        place,
        target=deployment.target_name,
        about=deployment.public_id,
    )
    return deployment


def _tell_if_not(desk: Desk, click: Click, given: LeaseAnswer) -> Work:
    if given.outcome is LeaseOutcome.ACCEPTED:
        # The thread says who decided what.
        return None
    return _say(desk, click, what_is_true(given))


async def _say(desk: Desk, click: Click, words: str) -> None:
    await desk.responses.say(click.response_url, answer(words), thread_ts=click.thread_ts)


def what_is_true(given: LeaseAnswer) -> str:
    """What is so, as mrkdwn: of a wish that was granted too."""
    runs = "It has no end"
    if given.ends_at is not None:
        runs = f"It runs {until(given.ends_at, given.end)}"
    match given.outcome:
        case LeaseOutcome.ACCEPTED:
            return f"{runs}."
        case LeaseOutcome.CHANGED:
            return f"Somebody decided already. {runs}."
        case LeaseOutcome.NO_END:
            return "It has no end: it runs until somebody ends it, so there was nothing to do."
        case LeaseOutcome.AT_REST:
            return (
                "Its time is over and it doesn't run, so there was nothing to extend. Its time"
                " begins anew when it comes up."
            )
        case LeaseOutcome.ENDING:
            return "It is being ended already, so nothing was changed. It can be started again."
        case LeaseOutcome.GONE:
            return "It is over already, or no longer watched from here; nothing was done."


FEATURE = Feature(clicks={EXTEND_ACTION: extend_clicked, KEEP_ACTION: keep_clicked})
