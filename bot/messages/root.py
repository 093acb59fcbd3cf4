"""The root of a deployment's thread: one message, edited in place, that always shows what is so."""

from collections.abc import Sequence
from itertools import pairwise

from bot.db.models import Step
from bot.deployments.timing.lease import AT_REST
from bot.deployments.watching.states import (
    COMING_UP,
    SERVING,
    Told,
    current_run,
    seconds_between,
    seconds_to_serve,
)
from bot.friendli.schemas import InferenceDeploymentStatus as Status
from bot.friendli.schemas import Phase
from bot.friendli.statuses import PHASES, phase_words, status_words
from bot.messages import buttons, sent_fields
from bot.messages.blocks import Block, TaskStatus, actions, context, plan, section, task_card
from bot.messages.body import Body, body
from bot.messages.facts import Facts
from bot.messages.failed import explain
from bot.messages.lease import until
from bot.messages.markup import bold, code, duration, escape, mention, moment, money
from bot.messages.operations import WORDS

_PHASE_ORDER = [phase.value for phase in Phase]
_WITHOUT_PLAN = {
    Step.PROPOSED,
    Step.REJECTED,
    Step.REFUSED,
    Step.CANCELLED,
    Step.NOT_MADE,
    Step.ENDED,
    Step.UNWATCHED,
    Step.UNCLEAR,
}
_WILL_END = {Step.PROPOSED, Step.ASKED, Step.SENDING, Step.MADE, Step.DOUBTFUL, Step.UNCLEAR}
_BEFORE_LIVE = {Step.ASKED, Step.SENDING, Step.MADE, Step.DOUBTFUL, Step.UNCLEAR}


def root(facts: Facts) -> Body:
    """Draw the root from the deployment's present state."""
    headline, note = _headline(facts)
    blocks: list[Block] = [section(headline + (f"\n{note}" if note else ""))]
    plan_block = _plan(facts)
    if plan_block is not None:
        blocks.append(plan_block)
    # Who approves it sees all of it at once, and what nobody set among it.
    waits = facts.step is Step.PROPOSED
    sent = [one for one in facts.setup.sent if waits or not one.is_default]
    blocks += sent_fields.block(sent, whole=waits)
    blocks.append(context(_setup(facts), *ends(facts), _asked(facts)))
    row = buttons.for_root(facts)
    if row:
        blocks.append(actions(*row))
    return body(headline, *blocks)


def price(facts: Facts) -> str:
    """Dollars per hour in words, such as "$10.00/h" or "$10.00/h per replica"."""
    setup = facts.setup
    if setup.price is None:
        return "price unknown"
    return money(setup.price) + (" per replica" if setup.is_price_of_each else "")


def _setup(facts: Facts) -> str:
    setup = facts.setup
    parts = [escape(setup.model)] if setup.model else []
    parts += [escape(setup.instance), setup.replicas]
    if facts.endpoint_id:
        parts.append(f"endpoint {code(facts.endpoint_id)}")
    return " · ".join(parts)


def _asked(facts: Facts) -> str:
    verb = "followed" if facts.is_followed else "asked"
    return (
        f"{verb} by {mention(facts.requester_id)} at {moment(facts.asked_at, '{time}')}"
        f" · target {code(facts.target_name)}"
    )


def ends(facts: Facts) -> list[str]:
    """When it ends by itself, if it does."""
    at_rest = facts.state is not None and facts.state.status in AT_REST
    if facts.step is Step.LIVE and facts.lease_ends_at is not None and not at_rest:
        return [until(facts.lease_ends_at, facts.lease_end)]
    if facts.step in _WILL_END and facts.lease_seconds is not None:
        return [f"for {duration(facts.lease_seconds)} from when it is made"]
    return []


def _headline(facts: Facts) -> tuple[str, str]:
    """One sentence that says what is so, and one that says what it means."""
    name = bold(facts.name)
    unmade = {
        Step.ASKED: (f"{name} is about to be created", f"{price(facts)} once it serves"),
        Step.SENDING: (f"{name} is being created", f"{price(facts)} once it serves"),
        Step.MADE: (f"{name} is being created", f"{price(facts)} once it serves"),
        Step.DOUBTFUL: (
            f"{name} may have been created",
            "Checking whether it exists; it won't be sent twice.",
        ),
        Step.PROPOSED: (f"{name} waits for approval", _waits(facts)),
        Step.REJECTED: (f"{name} wasn't approved", "Nothing was made; the thread says why."),
        Step.UNCLEAR: (f"{name} may have been created", _which(facts)),
        Step.NOT_MADE: (f"{name} wasn't created", "Friendli lists nothing new."),
        Step.REFUSED: (f"{name} wasn't made", "The thread says why."),
        Step.CANCELLED: (f"{name} was cancelled", "Nothing was made."),
    }
    if facts.stop_asked_by and facts.step in _BEFORE_LIVE:
        return f"{name} is being cancelled", "If it was made, it is terminated as soon as it shows."
    if facts.step in unmade:
        return unmade[facts.step]
    return _live_headline(facts)


def _which(facts: Facts) -> str:
    if len(facts.candidates) == 1:
        return f"{code(facts.candidates[0])} may be it. Is it?"
    if facts.candidate_notes:
        return f"{len(facts.candidates)} new endpoints may be it; the thread shows them."
    return "Several new endpoints look like it. Choose below."


def _waits(facts: Facts) -> str:
    """What it would cost, and who may say yes to that."""
    cost = f"{price(facts)} once it serves"
    if facts.setup.is_price_of_each and facts.setup.price_at_most is not None:
        cost += f", {money(facts.setup.price_at_most)} at most"
    if facts.waiting is None:
        return cost
    return (
        f"{cost} · {facts.waiting.approvers} may approve it, until {moment(facts.waiting.until)}."
        " Nothing is made before."
    )


def _live_headline(facts: Facts) -> tuple[str, str]:
    name = bold(facts.name)
    if facts.step is Step.ENDED:
        return f"{name} is gone", "It costs nothing any more."
    if facts.step is Step.UNWATCHED:
        return (
            f"{name} is no longer watched",
            "It may run on, and be billed, until it is ended in Friendli Suite.",
        )
    if facts.unlisted_until is not None:
        until = f"Watching on until {moment(facts.unlisted_until)}."
        return (
            f"{name} isn't listed by Friendli any more",
            f"It was deleted, or the API key lost its project; then it may be billed. {until}",
        )
    state = facts.state
    if state is None:
        return f"{name} is coming up", f"{price(facts)} once it serves"
    if state.status == Status.FAILED:
        failed = explain(facts)
        return f"✗ {name} {failed.headline}", failed.paragraph
    if facts.under_way is not None:
        return f"{name} is being {WORDS[facts.under_way.kind].being}", ""
    if state.status in SERVING:
        took = seconds_to_serve(facts.history)
        after = f" after {duration(took)}" if took is not None else ""
        return (
            f"● {name} is serving{after}",
            f"{price(facts)}{_since(took)}, until it sleeps or ends",
        )
    if state.status in COMING_UP:
        waking = state.status == Status.AWAKING
        verb = "is waking up" if waking else "is coming up"
        return f"{name} {verb}", f"{price(facts)} once it serves"
    notes = {
        Status.SLEEPING.value: "$0.00/h while it sleeps; any request wakes it.",
        Status.UPDATING.value: "The version before it serves until the new one is ready.",
        Status.TERMINATED.value: "It costs nothing now. A restart in Friendli Suite bills again.",
        Status.UNKNOWN.value: "Friendli can't say what it is doing. It may be billed.",
    }
    words = escape(status_words(state.status).name)
    return f"{name} is {words}", notes.get(state.status, "")


def _since(took: float | None) -> str:
    # Of an endpoint that served before anybody looked, nobody knows since when.
    return " from now" if took is not None else ""


def _plan(facts: Facts) -> Block | None:
    """A task per phase while the endpoint comes up or has failed to; None otherwise."""
    if facts.step in _WITHOUT_PLAN:
        return None
    run = current_run(facts.history)
    if not run:
        return plan("Deploying", _tasks_before_live(facts))
    state = run[-1].state
    failed = state.status == Status.FAILED
    came_up = run[0].state.status in COMING_UP
    if not came_up or (state.status not in COMING_UP and not failed):
        return None
    waking = run[0].state.status == Status.AWAKING
    return plan("Waking" if waking else "Deploying", _tasks(run, waking=waking))


def _tasks_before_live(facts: Facts) -> list[Block]:
    first: TaskStatus = "pending" if facts.step is Step.ASKED else "in_progress"
    titles = [PHASES[phase].task for phase in _PHASE_ORDER]
    return [
        task_card("create", "Create the endpoint", first),
        *(
            task_card(phase.lower(), title, "pending")
            for phase, title in zip(_PHASE_ORDER, titles, strict=True)
        ),
        task_card("serve", "Serve", "pending"),
    ]


def _tasks(run: Sequence[Told], *, waking: bool) -> list[Block]:
    failed = run[-1].state.status == Status.FAILED
    reached = [told for told in run if told.state.status in COMING_UP and told.state.phase]
    present = reached[-1].state.phase if reached else None
    position = _PHASE_ORDER.index(present) if present in _PHASE_ORDER else -1
    if present is not None and position < 0:
        position = max((_index(told.state.phase) for told in reached), default=-1)
    tasks = [] if waking else [task_card("create", "Create the endpoint", "complete")]
    for index, phase in enumerate(_PHASE_ORDER):
        status: TaskStatus = "pending"
        if index < position:
            status = "complete"
        elif index == position:
            status = "error" if failed else "in_progress"
        title = phase_words(phase).task
        took = _took(run, phase)
        if status == "complete" and took is not None:
            title = f"{title} · {duration(took)}"
        tasks.append(task_card(phase.lower(), title, status))
    tasks.append(task_card("serve", "Serve", "error" if failed and position < 0 else "pending"))
    return tasks


def _index(phase: str | None) -> int:
    return _PHASE_ORDER.index(phase) if phase in _PHASE_ORDER else -1


def _took(run: Sequence[Told], phase: str) -> float | None:
    """Seconds between the last time a phase began and what came after it."""
    took = None
    for told, following in pairwise(run):
        if told.state.phase == phase:
            took = seconds_between(told, following)
    return took


def summary(facts: Facts) -> str:
    """What the root says first: what is so, and what it means, a line each."""
    return "\n".join(filter(None, _headline(facts)))


def setup(facts: Facts) -> str:
    """How the endpoint is set up, on one line."""
    return _setup(facts)
