"""The status message: the root of a deployment's thread, edited in place."""

from collections.abc import Sequence
from itertools import pairwise

from bot.domain.deployment_state import BEFORE_LIVE, IN_CREATION, DeploymentState
from bot.domain.deployment_view import DeploymentView
from bot.domain.schemas import InferenceDeploymentStatus as Status
from bot.domain.schemas import Phase
from bot.domain.statuses import AT_REST, COMING_UP, PHASES, SERVING, facts_of, phase_words
from bot.domain.transitions import (
    ObservedTransition,
    current_run,
    seconds_between,
    seconds_to_serve,
)
from bot.messages import buttons, sent_fields, smoke_test
from bot.messages.blocks import Block, TaskStatus, actions, context, plan, section, task_card
from bot.messages.body import Body, body
from bot.messages.failure import explain
from bot.messages.lifetime import until
from bot.messages.markup import bold, code, duration, escape, mention, moment, money

_PHASE_ORDER = [phase.value for phase in Phase]


def root(deployment: DeploymentView) -> Body:
    headline, note = _headline(deployment)
    test = smoke_test.line(deployment.smoke_test)
    blocks: list[Block] = [section("\n".join(filter(None, (headline, note, test))))]
    plan_block = _plan(deployment)
    if plan_block is not None:
        blocks.append(plan_block)
    # Approvers see everything unfolded, defaults too.
    waits = deployment.state is DeploymentState.PROPOSED
    sent = [one for one in deployment.setup.sent if waits or not one.is_default]
    blocks += sent_fields.block(sent, whole=waits)
    blocks.append(context(_setup(deployment), *ends(deployment), _asked(deployment)))
    row = buttons.for_root(deployment)
    if row:
        blocks.append(actions(*row))
    return body(headline, *blocks)


def price(deployment: DeploymentView) -> str:
    """Dollars per hour, such as "$10.00/h" or "$10.00/h per replica"."""
    setup = deployment.setup
    if setup.price is None:
        return "price unknown"
    return money(setup.price) + (" per replica" if setup.is_price_of_each else "")


def _setup(deployment: DeploymentView) -> str:
    setup = deployment.setup
    parts = [escape(setup.model)] if setup.model else []
    parts += [escape(setup.instance), setup.replicas]
    if deployment.endpoint_id:
        parts.append(f"endpoint {code(deployment.endpoint_id)}")
    return " · ".join(parts)


def _asked(deployment: DeploymentView) -> str:
    verb = "followed" if deployment.is_imported else "asked"
    return (
        f"{verb} by {mention(deployment.requester_id)} at"
        f" {moment(deployment.requested_at, '{time}')}"
        f" · target {code(deployment.target_name)}"
    )


def ends(deployment: DeploymentView) -> list[str]:
    """When it ends by itself, if it does."""
    at_rest = deployment.endpoint_state is not None and deployment.endpoint_state.status in AT_REST
    if (
        deployment.state is DeploymentState.LIVE
        and deployment.lifetime_ends_at is not None
        and not at_rest
    ):
        return [until(deployment.lifetime_ends_at, deployment.expiry_action)]
    if deployment.state in BEFORE_LIVE and deployment.lifetime_seconds is not None:
        return [f"for {duration(deployment.lifetime_seconds)} from when it is made"]
    return []


def _headline(deployment: DeploymentView) -> tuple[str, str]:
    """What is so, and what it means."""
    name = bold(deployment.name)
    unmade = {
        DeploymentState.REQUESTED: (
            f"{name} is about to be created",
            f"{price(deployment)} once it serves",
        ),
        DeploymentState.SENDING: (
            f"{name} is being created",
            f"{price(deployment)} once it serves",
        ),
        DeploymentState.CREATED: (
            f"{name} is being created",
            f"{price(deployment)} once it serves",
        ),
        DeploymentState.OUTCOME_UNKNOWN: (
            f"{name} may have been created",
            "Checking whether it exists; it won't be sent twice.",
        ),
        DeploymentState.PROPOSED: (f"{name} waits for approval", _waits(deployment)),
        DeploymentState.REJECTED: (
            f"{name} wasn't approved",
            "Nothing was made; the thread says why.",
        ),
        DeploymentState.AMBIGUOUS: (f"{name} may have been created", _which(deployment)),
        DeploymentState.NOT_CREATED: (f"{name} wasn't created", "Friendli lists nothing new."),
        DeploymentState.REFUSED: (f"{name} wasn't made", "The thread says why."),
        DeploymentState.CANCELLED: (f"{name} was cancelled", "Nothing was made."),
    }
    is_proposed = deployment.state is DeploymentState.PROPOSED
    if deployment.cancel_requested_by and deployment.state in BEFORE_LIVE and not is_proposed:
        return f"{name} is being cancelled", "If it was made, it is terminated as soon as it shows."
    if deployment.state in unmade:
        return unmade[deployment.state]
    return _live_headline(deployment)


def _which(deployment: DeploymentView) -> str:
    if len(deployment.candidates) == 1:
        return f"{code(deployment.candidates[0])} may be it. Is it?"
    if deployment.candidate_notes:
        return f"{len(deployment.candidates)} new endpoints may be it; the thread shows them."
    return "Several new endpoints look like it. Choose below."


def _waits(deployment: DeploymentView) -> str:
    """The price, and who may approve it."""
    cost = f"{price(deployment)} once it serves"
    if deployment.setup.is_price_of_each and deployment.setup.price_at_most is not None:
        cost += f", {money(deployment.setup.price_at_most)} at most"
    if deployment.waiting is None:
        return cost
    return (
        f"{cost} · {deployment.waiting.approvers} may approve it, until"
        f" {moment(deployment.waiting.until)}."
        " Nothing is made before."
    )


def _live_headline(deployment: DeploymentView) -> tuple[str, str]:
    name = bold(deployment.name)
    if deployment.state is DeploymentState.ENDED:
        return f"{name} is gone", "It costs nothing any more."
    if deployment.state is DeploymentState.UNWATCHED:
        return (
            f"{name} is no longer watched",
            "It may run on, and be billed, until it is ended in Friendli Suite.",
        )
    if deployment.unlisted_until is not None:
        until = f"Watching on until {moment(deployment.unlisted_until)}."
        return (
            f"{name} isn't listed by Friendli any more",
            f"It was deleted, or the API key lost its project; then it may be billed. {until}",
        )
    state = deployment.endpoint_state
    if state is None:
        return f"{name} is coming up", f"{price(deployment)} once it serves"
    if state.status == Status.FAILED:
        failed = explain(deployment)
        return f"✗ {name} {failed.headline}", failed.paragraph
    if deployment.under_way is not None:
        return f"{name} is being {deployment.under_way.kind.facts.words.being}", ""
    if state.status in SERVING:
        took = seconds_to_serve(deployment.history)
        after = f" after {duration(took)}" if took is not None else ""
        return (
            f"● {name} is serving{after}",
            f"{price(deployment)}{_since(took)}, until it sleeps or ends",
        )
    if state.status in COMING_UP:
        waking = state.status == Status.AWAKING
        verb = "is waking up" if waking else "is coming up"
        return f"{name} {verb}", f"{price(deployment)} once it serves"
    facts = facts_of(state.status)
    return f"{name} is {escape(facts.name)}", facts.note


def _since(took: float | None) -> str:
    # One that served before the first poll did so for an unknown time.
    return " from now" if took is not None else ""


def _plan(deployment: DeploymentView) -> Block | None:
    """A task per phase while it comes up or has failed to; None otherwise."""
    if deployment.state not in IN_CREATION | {DeploymentState.LIVE}:
        return None
    run = current_run(deployment.history)
    if not run:
        return plan("Deploying", _tasks_before_live(deployment))
    state = run[-1].state
    failed = state.status == Status.FAILED
    came_up = run[0].state.status in COMING_UP
    if not came_up or (state.status not in COMING_UP and not failed):
        return None
    waking = run[0].state.status == Status.AWAKING
    return plan("Waking" if waking else "Deploying", _tasks(run, waking=waking))


def _tasks_before_live(deployment: DeploymentView) -> list[Block]:
    first: TaskStatus = (
        "pending" if deployment.state is DeploymentState.REQUESTED else "in_progress"
    )
    titles = [PHASES[phase].task for phase in _PHASE_ORDER]
    return [
        task_card("create", "Create the endpoint", first),
        *(
            task_card(phase.lower(), title, "pending")
            for phase, title in zip(_PHASE_ORDER, titles, strict=True)
        ),
        task_card("serve", "Serve", "pending"),
    ]


def _tasks(run: Sequence[ObservedTransition], *, waking: bool) -> list[Block]:
    failed = run[-1].state.status == Status.FAILED
    reached = [
        transition
        for transition in run
        if transition.state.status in COMING_UP and transition.state.phase
    ]
    present = reached[-1].state.phase if reached else None
    position = _PHASE_ORDER.index(present) if present in _PHASE_ORDER else -1
    if present is not None and position < 0:
        position = max((_index(transition.state.phase) for transition in reached), default=-1)
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


def _took(run: Sequence[ObservedTransition], phase: str) -> float | None:
    """Seconds of a phase, the last time it was shown."""
    took = None
    for transition, following in pairwise(run):
        if transition.state.phase == phase:
            took = seconds_between(transition, following)
    return took


def summary(deployment: DeploymentView) -> str:
    """Both headlines, a line each."""
    return "\n".join(filter(None, _headline(deployment)))


def setup(deployment: DeploymentView) -> str:
    return _setup(deployment)
