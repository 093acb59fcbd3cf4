"""The status message: the root of a deployment's thread, edited in place."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from bot.domain.candidate_note import CandidateNote
from bot.domain.deployment_state import BEFORE_LIVE, IN_CREATION, DeploymentState
from bot.domain.deployment_view import DeploymentView, PendingOperation
from bot.domain.phase_times import StartTimes, live_around
from bot.domain.policy import ExpiryAction
from bot.domain.schemas import InferenceDeploymentStatus as Status
from bot.domain.schemas import Phase
from bot.domain.statuses import (
    AT_REST,
    CHECKING_MARK,
    COMING_UP,
    ENDED_MARK,
    FAILED_MARK,
    PHASES,
    SERVING,
    STARTING_MARK,
    UPDATING_MARK,
    WAITING_MARK,
    facts_of,
    phase_words,
)
from bot.domain.transitions import (
    ObservedTransition,
    current_run,
    seconds_between,
    seconds_to_serve,
)
from bot.messages import buttons, forecast, sent_fields, smoke_test
from bot.messages.blocks import Block, TaskStatus, actions, context, plan, section, task_card
from bot.messages.body import Body, body
from bot.messages.failure import explain
from bot.messages.markup import bold, capitalized, code, duration, escape, mention, moment, money
from bot.messages.match_candidates import line
from bot.messages.model_fit import fit_block
from bot.messages.model_words import named_model

# A message takes 50 blocks.
_SHOWN = 20
_PHASE_ORDER = [phase.value for phase in Phase]


def root(deployment: DeploymentView) -> Body:
    headline = _headline(deployment)
    test = smoke_test.line(deployment.smoke_test)
    lines = [headline.text, headline.note, *_call_with(deployment), test]
    blocks: list[Block] = [section("\n".join(filter(None, lines)))]
    if deployment.setup.fit is not None:
        blocks.append(
            fit_block(deployment.setup.fit, deployment.public_id, deployment.requested_at)
        )
    plan_block = _plan(deployment)
    if plan_block is not None:
        blocks.append(plan_block)
    blocks += _candidates(deployment)
    # Approvers see everything unfolded, defaults too.
    waits = deployment.state is DeploymentState.PROPOSED
    sent = [one for one in deployment.setup.sent if waits or not one.is_default]
    blocks += sent_fields.block(sent, whole=waits)
    blocks.append(context(" · ".join([_setup(deployment), *_origin(deployment)])))
    for pending in deployment.pending:
        operation_id = pending.operation.public_id
        decide = buttons.decisions(deployment.public_id, operation_id, pending.dollars)
        blocks += [section(_pending(pending)), actions(*decide)]
    row = buttons.for_root(deployment)
    if row:
        blocks.append(actions(*row))
    return body(headline.text, *blocks)


def _call_with(deployment: DeploymentView) -> list[str]:
    state = deployment.endpoint_state
    if deployment.state is not DeploymentState.LIVE or deployment.endpoint_id is None:
        return []
    if state is None or state.status not in SERVING:
        return []
    model = code(f'model: "{deployment.endpoint_id}"')
    return [f"Call it with {model}"]


def _candidates(deployment: DeploymentView) -> list[Block]:
    """A line with a button for each endpoint that may be ours and has another name."""
    if deployment.state is not DeploymentState.AMBIGUOUS or not deployment.candidate_notes:
        return []
    blocks = []
    for index, endpoint in enumerate(deployment.candidates[:_SHOWN]):
        noted = deployment.candidate_notes.get(endpoint, CandidateNote())
        choose = buttons.this_is_it(deployment, endpoint, index)
        blocks.append(section(line(endpoint, noted), accessory=choose))
    more = len(deployment.candidates) - _SHOWN
    if more > 0:
        blocks.append(section(f"{more} more are in Friendli Suite."))
    return blocks


def _pending(pending: PendingOperation) -> str:
    """What waits for approval."""
    operation = pending.operation
    infinitive = operation.kind.facts.words.infinitive
    wants = f"{mention(operation.by)} wants to {infinitive}" if operation.by else infinitive
    dollars = (
        "at an unknown price" if pending.dollars is None else f"up to {money(pending.dollars)}"
    )
    return (
        f"{WAITING_MARK} {wants}: {dollars}. {capitalized(pending.approvers)} can approve"
        f" {moment(pending.until, lead='until ')}."
    )


def price(deployment: DeploymentView) -> str:
    """Dollars per hour, such as "$10.00/h" or "$10.00/h per replica"."""
    setup = deployment.setup
    if setup.price is None:
        return "price unknown"
    return money(setup.price) + (" per replica" if setup.is_price_of_each else "")


def _setup(deployment: DeploymentView) -> str:
    setup = deployment.setup
    parts = [named_model(setup.model, setup.revision)] if setup.model else []
    parts += [escape(setup.instance), setup.replicas]
    if deployment.endpoint_id:
        parts.append(f"endpoint {code(deployment.endpoint_id)}")
    return " · ".join(parts)


def _origin(deployment: DeploymentView) -> list[str]:
    """Who requested it and who approved it; the target, where there are several."""
    verb = "followed" if deployment.is_imported else "requested"
    at = moment(deployment.requested_at, "{time}")
    parts = [f"{verb} by {mention(deployment.requester_id)} at {at}"]
    if deployment.approved_by:
        parts.append(f"approved by {mention(deployment.approved_by)}")
    if not deployment.is_only_target:
        parts.append(f"target {code(deployment.target_name)}")
    return parts


def ends(deployment: DeploymentView) -> list[str]:
    """When it ends by itself, if it does; before that, its lifetime."""
    state = deployment.endpoint_state
    at_rest = state is not None and state.status in AT_REST
    ends_at = deployment.lifetime_ends_at
    if deployment.state is DeploymentState.LIVE and ends_at is not None and not at_rest:
        if deployment.expiry_action == ExpiryAction.SLEEP:
            return [f"{moment(ends_at, lead='sleeps ')} (wakes on request)"]
        return [moment(ends_at, lead="ends ")]
    if deployment.state in BEFORE_LIVE and deployment.lifetime_seconds is not None:
        return [f"{duration(deployment.lifetime_seconds)} lifetime"]
    return []


@dataclass(frozen=True, slots=True)
class _Headline:
    """State, price and lifetime.

    Attributes:
        sentence: With the name; mrkdwn.
        facts: Price and lifetime.
        note: The next line.
    """

    mark: str
    sentence: str
    facts: Sequence[str] = ()
    note: str = ""

    @property
    def text(self) -> str:
        return " · ".join([f"{self.mark} {self.sentence}", *self.facts])


def _headline(deployment: DeploymentView) -> _Headline:
    name, state = bold(deployment.name), deployment.state
    if state is DeploymentState.LIVE:
        return _live_headline(deployment)
    if state is DeploymentState.PROPOSED:
        said, waits = f"{name} is waiting for approval", _approvers(deployment)
        return _Headline(WAITING_MARK, said, _once_live(deployment), waits)
    if deployment.cancel_requested_by and state in BEFORE_LIVE:
        note = "If it was created, it is terminated as soon as Friendli lists it."
        return _Headline(UPDATING_MARK, f"{name} is being cancelled", note=note)
    if state in IN_CREATION and state is not DeploymentState.OUTCOME_UNKNOWN:
        return _Headline(STARTING_MARK, f"Creating {name}", _once_live(deployment))
    mark, said, note = {
        DeploymentState.OUTCOME_UNKNOWN: (
            CHECKING_MARK,
            "may have been created",
            "Checking whether it exists; it won't be sent twice.",
        ),
        DeploymentState.AMBIGUOUS: (CHECKING_MARK, "may have been created", _which(deployment)),
        DeploymentState.REJECTED: (
            ENDED_MARK,
            "wasn't approved",
            _why(deployment, "Nothing was created."),
        ),
        DeploymentState.NOT_CREATED: (
            FAILED_MARK,
            "wasn't created",
            _why(deployment, "Friendli lists nothing new."),
        ),
        DeploymentState.REFUSED: (FAILED_MARK, "wasn't created", _why(deployment)),
        DeploymentState.CANCELLED: (
            ENDED_MARK,
            "was cancelled",
            _why(deployment, "Nothing was created."),
        ),
        DeploymentState.ENDED: (ENDED_MARK, "is gone", "It costs nothing now."),
        DeploymentState.UNWATCHED: (
            ENDED_MARK,
            "is no longer watched",
            "It may keep running and be billed until someone stops it in Friendli Suite.",
        ),
    }[state]
    return _Headline(mark, f"{name} {said}", note=note)


def _why(deployment: DeploymentView, otherwise: str = "") -> str:
    """Why there is no endpoint."""
    note = deployment.closing_note
    return otherwise if note is None else note.text


def _which(deployment: DeploymentView) -> str:
    if not deployment.candidate_notes:
        return "Several new endpoints look like it. Choose below."
    count = len(deployment.candidates)
    what = "A new endpoint" if count == 1 else f"{count} new endpoints"
    return f"{what} may be it, with another name. Which one is it?"


def _once_live(deployment: DeploymentView) -> list[str]:
    """The price and lifetime of what isn't live yet."""
    if deployment.state is DeploymentState.PROPOSED:
        return forecast.to_approve(deployment.forecast, deployment.start_times.whole)
    return [f"{price(deployment)} once live", *ends(deployment), *_live_around(deployment)]


def _live_around(deployment: DeploymentView) -> list[str]:
    """When it is usually live, by the phases that it has reached; nothing where unknown."""
    times = deployment.start_times
    at = live_around(deployment.history, times) if deployment.history else None
    if at is not None:
        return [f"live around {moment(at, '{time}')}"]
    usual = forecast.live_in(times.whole)
    return [usual] if usual and not deployment.history else []


def _approvers(deployment: DeploymentView) -> str:
    if deployment.waiting is None:
        return ""
    return (
        f"{capitalized(deployment.waiting.approvers)} can approve"
        f" {moment(deployment.waiting.until, lead='until ')}."
        " Nothing is created until then."
    )


def _live_headline(deployment: DeploymentView) -> _Headline:
    name = bold(deployment.name)
    if deployment.unlisted_until is not None:
        return _Headline(
            CHECKING_MARK,
            f"{name} isn't listed by Friendli any more",
            note="It was deleted, or the API key lost its project and it may still be billed."
            f" Watching {moment(deployment.unlisted_until, lead='until ')}.",
        )
    state = deployment.endpoint_state
    if state is None:
        return _Headline(STARTING_MARK, f"{name} is starting", _once_live(deployment))
    facts = facts_of(state.status)
    if state.status == Status.FAILED:
        failed = explain(deployment)
        note = "\n".join(filter(None, (failed.paragraph, _why(deployment))))
        return _Headline(facts.mark, f"{name} {failed.headline}", note=note)
    if deployment.under_way is not None:
        kind = deployment.under_way.kind.facts
        mark = STARTING_MARK if kind.effect & COMING_UP else UPDATING_MARK
        return _Headline(mark, f"{name} is being {kind.words.being}")
    if facts.serves:
        took = seconds_to_serve(deployment.history)
        after = f" (took {duration(took)})" if took is not None else ""
        cost = f"{price(deployment)} while live"
        return _Headline(facts.mark, f"{name} is live{after}", [cost, *ends(deployment)])
    said = f"{name} {escape(facts.sentence)}"
    if facts.comes_up:
        return _Headline(facts.mark, said, _once_live(deployment))
    return _Headline(facts.mark, said, ends(deployment), facts.note)


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
    return plan(
        "Waking" if waking else "Deploying", _tasks(run, deployment.start_times, waking=waking)
    )


def _tasks_before_live(deployment: DeploymentView) -> list[Block]:
    first: TaskStatus = (
        "pending" if deployment.state is DeploymentState.REQUESTED else "in_progress"
    )
    titles = [PHASES[phase].task for phase in _PHASE_ORDER]
    return [
        task_card("create", "Create the endpoint", first),
        *(
            task_card(phase.lower(), _with_usual(title, phase, deployment.start_times), "pending")
            for phase, title in zip(_PHASE_ORDER, titles, strict=True)
        ),
        task_card("serve", "Live", "pending"),
    ]


def _with_usual(title: str, phase: str, times: StartTimes) -> str:
    usual = times.phases.get(phase)
    return title if usual is None else f"{title} · usually {forecast.time_range(usual)}"


def _tasks(run: Sequence[ObservedTransition], times: StartTimes, *, waking: bool) -> list[Block]:
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
        elif status in {"pending", "in_progress"} and not failed:
            title = _with_usual(title, phase, times)
        tasks.append(task_card(phase.lower(), title, status))
    tasks.append(task_card("serve", "Live", "error" if failed and position < 0 else "pending"))
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
    """The headline and its note, a line each."""
    headline = _headline(deployment)
    return "\n".join(filter(None, (headline.text, headline.note)))


def setup(deployment: DeploymentView) -> str:
    return _setup(deployment)
