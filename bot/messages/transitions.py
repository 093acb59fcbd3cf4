"""Replies to an endpoint's transitions."""

from bot.domain.deployment_view import DeploymentView
from bot.domain.schemas import InferenceDeploymentStatus as Status
from bot.domain.schemas import Phase
from bot.domain.statuses import (
    COMING_UP,
    ENDED,
    FAILED_MARK,
    LIVE_MARK,
    SERVING,
    STATUSES,
    facts_of,
    phase_words,
)
from bot.domain.transitions import (
    ObservedTransition,
    State,
    cycles,
    seconds_between,
    seconds_to_serve,
)
from bot.messages.failure import explain
from bot.messages.markup import bold, code, duration, escape, moment
from bot.messages.reply import News, Reply, say
from bot.messages.requested_here import was_requested_here

_PHASE_ORDER = [phase.value for phase in Phase]


def transition(deployment: DeploymentView) -> Reply:
    newest = deployment.history[-1]
    earlier = deployment.history[-2] if len(deployment.history) > 1 else None
    if newest.state.status == Status.FAILED:
        return _failure(deployment)
    if newest.state.status in SERVING:
        return _serving(deployment, earlier)
    if newest.state.status in COMING_UP:
        return say(coming_up(newest, earlier, deployment))
    return say(_status_reply(deployment, newest.state))


def cycle(deployment: DeploymentView) -> Reply:
    """One reply for an autoscaler's sleeping and waking; it is rewritten."""
    history = [one.state for one in deployment.history]
    facts = facts_of(history[-1].status)
    since = deployment.history[-1].observed_at
    return say(
        f"{facts.mark} Sleeps and wakes with its traffic: asleep {cycles(history)} times so far,"
        f" {escape(facts.name)} since {moment(since, '{time}')}."
    )


def _failure(deployment: DeploymentView) -> Reply:
    """The status message has the advice, and the buttons that help."""
    failed, at = explain(deployment), moment(deployment.history[-1].observed_at, "{time}")
    text = f"{FAILED_MARK} {bold(deployment.name)} {failed.headline} at {at}. {failed.cause}"
    return say(text, news=News.FAILED)


def _serving(deployment: DeploymentView, earlier: ObservedTransition | None) -> Reply:
    newest = deployment.history[-1]
    took = seconds_to_serve(deployment.history)
    after = f" (took {duration(took)})" if took is not None else ""
    if any(one.state.status in SERVING for one in deployment.history[:-1]):
        return say(_serving_again(earlier, newest, after))
    at = moment(newest.observed_at, "{time}")
    return say(f"{LIVE_MARK} {bold(deployment.name)} went live at {at}{after}", news=News.READY)


def _serving_again(
    earlier: ObservedTransition | None, newest: ObservedTransition, after: str
) -> str:
    before = earlier.state.status if earlier is not None else None
    if earlier is not None and before == Status.UPDATING:
        rollout = duration(seconds_between(earlier, newest))
        return f"{LIVE_MARK} The new version is live (took {rollout})."
    if before is not None and (facts_of(before).may_be_woken or before == Status.AWAKING):
        return f"{LIVE_MARK} Awake and live again{after}."
    return f"{LIVE_MARK} Live again{after}."


def coming_up(
    newest: ObservedTransition, earlier: ObservedTransition | None, deployment: DeploymentView
) -> str:
    """What begins, and what ended before it."""
    state = newest.state
    began = earlier is None or earlier.state.status != state.status
    words = f"{escape(phase_words(state.phase).progress)}." if state.phase else ""
    if began:
        if state.status == Status.AWAKING:
            return f"Waking up. {words}".strip()
        if (
            earlier is not None
            and earlier.state.status in ENDED
            and not was_requested_here(deployment)
        ):
            return f"Restarted outside this channel. {words}".strip()
        if earlier is not None and earlier.state.status in STATUSES:
            return f"Starting again. {words}".strip()
        return words or "Friendli is starting it."
    if earlier is None or earlier.state.phase is None:
        return words or "Friendli is starting it."
    if _goes_back(earlier.state.phase, state.phase):
        return f"Back to {escape(phase_words(state.phase or '').during)}."
    took = duration(seconds_between(earlier, newest))
    return f"{escape(_done(earlier.state.phase, state.phase))} ({took}). {words}"


def _done(before: str, now: str | None) -> str:
    """The phases between two, including those that no poll saw."""
    first, *unseen = [before]
    if before in _PHASE_ORDER and now in _PHASE_ORDER:
        first, *unseen = _PHASE_ORDER[_PHASE_ORDER.index(before) : _PHASE_ORDER.index(now)]
    done = [phase_words(phase).done for phase in unseen]
    return ", ".join([phase_words(first).done, *(f"{one[:1].lower()}{one[1:]}" for one in done)])


def _goes_back(before: str, now: str | None) -> bool:
    if before not in _PHASE_ORDER or now not in _PHASE_ORDER:
        return False
    return _PHASE_ORDER.index(now) < _PHASE_ORDER.index(before)


def _status_reply(deployment: DeploymentView, state: State) -> str:
    reply = facts_of(state.status).reply
    if reply is None:
        phase = f", phase {code(state.phase)}" if state.phase else ""
        return f"Friendli says {code(state.status)}{phase}, which I don't know."
    if was_requested_here(deployment):
        return reply.requested
    setup = deployment.setup
    if reply.when_idle and setup.sleeps_when_idle and setup.cooldown is not None:
        return reply.when_idle.format(cooldown=duration(setup.cooldown))
    return reply.elsewhere or reply.requested
