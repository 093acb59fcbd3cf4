"""What people see with something to press, choose or submit: of every kind at least one."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain, product
from typing import Any

from bot.commands import (
    approve,
    ask_form,
    connect_form,
    delete,
    deploy_form,
    disconnect,
    settings_form,
    settings_who_form,
    unconnected,
    update_review,
    ways_out,
)
from bot.commands import help as help_command
from bot.commands.features import registry
from bot.commands.update_state import UpdateState
from bot.domain.actors import ChannelRef
from bot.domain.audit_effect import Effect
from bot.domain.audit_record import AuditRecord
from bot.domain.candidate_note import CandidateNote
from bot.domain.deployment_state import DeploymentState
from bot.domain.deployment_view import (
    ClosingNote,
    DeploymentView,
    LargerInstance,
    OperationView,
    PendingApproval,
    PendingOperation,
    Setup,
)
from bot.domain.grants import Rules
from bot.domain.inference import InferenceKind
from bot.domain.instances import INSTANCE_OPTIONS, PUBLISHED_PRICES
from bot.domain.listed_endpoint import ListedEndpoint, Listing
from bot.domain.model_facts import ModelFacts
from bot.domain.operations import Cause, OperationKind, OperationState
from bot.domain.permissions import Permission
from bot.domain.phase_times import UsualTime
from bot.domain.policy import ExpiryAction, Policy
from bot.domain.request.deploy_request import DeployRequest
from bot.domain.request.draft import DeployDraft
from bot.domain.schedule_days import ScheduleDays
from bot.domain.schemas import (
    DedicatedEndpointSpec,
    DedicatedEndpointStatus,
    InferenceDeploymentErrorCode,
)
from bot.domain.schemas import InferenceDeploymentStatus as Status
from bot.domain.spend import Spend
from bot.domain.transitions import ObservedTransition, State
from bot.domain.version import Version
from bot.domain.version_history import RunningVersion
from bot.hub.revisions import Revision
from bot.messages import (
    announcements,
    approvals,
    audit,
    endpoint,
    home,
    lifetime_replies,
    listing,
    picker,
    preview,
    prompt,
    questions,
    replies,
    schedule_replies,
    search_replies,
    stuck_phase,
    support,
    transitions,
    update_diff,
    use_it,
)
from bot.messages import waiting as waiting_words
from bot.messages.approvals import Proposal
from bot.messages.blocks import actions
from bot.messages.body import Body
from bot.messages.buttons import connect
from bot.messages.endpoint_facts import EndpointFacts
from bot.messages.refusals import Refusal
from bot.messages.reply import Reply
from bot.messages.schedule_replies import Planned
from bot.messages.status_message import root
from bot.services.authorization import ask_button
from bot.services.targets import TargetView

AT = datetime(2026, 10, 1, 12, tzinfo=UTC)
PLACE = ChannelRef("", "T1", "C1")
UNREADABLE = "WORKLOAD_INIT_CANNOT_ACCESS_REPO_ERROR"
STATUSES = [None, *(status.value for status in Status), "A_NEW_ONE"]
PLANNED = Planned(
    "2" * 32, OperationKind.WAKE, ScheduleDays.DAILY, "09:55", "Europe/Berlin", AT, "it", "U1"
)
REQUEST = DeployRequest(
    target="prod",
    model="org/model",
    name="it",
    instance_option_id=INSTANCE_OPTIONS[0].id,
    replicas=1,
)


def act(state: OperationState) -> OperationView:
    """An update that somebody asked for."""
    return OperationView(OperationKind.UPDATE, state, Cause.PERSON, "U1", None)


def every_facts() -> Iterator[DeploymentView]:
    """Each step with each status, made here or elsewhere, with and without an operation."""
    waiting = (OperationState.PROPOSED, OperationState.REQUESTED, OperationState.REFUSED)
    acts: list[Sequence[OperationView]] = [(), *([act(state)] for state in waiting)]
    for step, status, is_imported, done in product(DeploymentState, STATUSES, (False, True), acts):
        code = UNREADABLE if status == Status.FAILED else None
        history = [] if status is None else [ObservedTransition(State(status, None, code), AT)]
        yield DeploymentView(
            public_id="0" * 32,
            name="it",
            setup=Setup(
                model=None if is_imported else "org/model",
                instance="1 × H100",
                least=0,
                most=3,
                cooldown=300,
                price_of_one=Decimal(5),
                larger=LargerInstance("2xH100", "2 × H100", Decimal(10)),
            ),
            is_imported=is_imported,
            requester_id="U1",
            target_name="prod",
            requested_at=AT,
            state=step,
            endpoint_id="dep" if step is DeploymentState.LIVE else None,
            history=history,
            operations=done,
            suite_link="https://friendli.test/it",
            model_link=None if is_imported else "https://hub.test/org/model",
            integrations_link="https://friendli.test/integrations",
            candidates=["dep1", "dep2"] if step is DeploymentState.AMBIGUOUS else [],
            candidate_notes={},
            unlisted_until=None,
            cancel_requested_by=None,
            approved_by=None,
            waiting=PendingApproval("workspace admins", AT)
            if step is DeploymentState.PROPOSED
            else None,
            lifetime_seconds=None,
            lifetime_ends_at=None,
            expiry_action=None,
        )


def every_failure() -> Iterator[DeploymentView]:
    """Each error code, of a first start and of a rollout; made here, and elsewhere."""
    live = [
        one for one in every_facts() if one.state is DeploymentState.LIVE and not one.operations
    ]
    served = ObservedTransition(State(Status.UPDATING.value, None, None), AT)
    for error_code, before in product(InferenceDeploymentErrorCode, ([], [served])):
        failed = ObservedTransition(State(Status.FAILED.value, None, error_code.value), AT)
        for facts in live:
            if facts.endpoint_state is not None and facts.endpoint_state.status == Status.FAILED:
                yield replace(facts, history=[*before, failed])


def failed_after_restart() -> DeploymentView:
    """What failed again after a restart."""
    one = next(one for one in every_failure() if not one.is_imported)
    restart = OperationView(OperationKind.RESTART, OperationState.DONE, Cause.PERSON, "U1", AT)
    return replace(one, operations=[restart])


def every_reply(facts: DeploymentView) -> Iterator[Reply]:
    """Every reply that offered buttons once about a deployment."""
    if facts.history:
        yield transitions.transition(facts)
    yield search_replies.adopted(facts, late=True, doubted=False, differences=())
    yield search_replies.unclear(facts)
    likely = replace(facts, candidate_notes=dict.fromkeys(facts.candidates, CandidateNote()))
    yield search_replies.unclear(likely)
    if not facts.is_imported:
        yield search_replies.not_listed(facts, 600)
        yield search_replies.not_created(facts, 600)
        yield replies.refused(facts, Refusal("why", reconnects=True))
        yield replies.key_refused()
        yield replies.key_unreadable()
        yield replies.update_refused(Refusal("why", fields={"gpu": "no"}))
        yield approvals.rejected("U1", "no")
        yield approvals.expired(600)
        yield approvals.target_gone(facts, "U1", leads_elsewhere=False)
    for kind in OperationKind:
        for dollars in (Decimal(5), None):
            proposal = Proposal("1" * 32, kind, "admins", AT, dollars)
            yield approvals.proposed(facts, "asked.", proposal)
    yield replies.costs_more(OperationKind.WAKE, Decimal(5), None)
    if facts.state is DeploymentState.LIVE and facts.history:
        yield stuck_phase.stuck(facts, AT)
        yield lifetime_replies.warning(replace(facts, lifetime_seconds=3600, lifetime_ends_at=AT))
        yield lifetime_replies.not_ended(facts, OperationKind.TERMINATE, "no")
        yield lifetime_replies.given_up(facts, OperationKind.TERMINATE)
        at_rest = replies.updated_at_rest(facts, "2")
        if at_rest is not None:
            yield at_rest
        yield schedule_replies.scheduled(facts, PLANNED, zone_known=True)


def of_deployments(views: Iterable[DeploymentView] | None = None) -> Iterator[Body]:
    """Roots, replies, and how deployments stand: of every state."""
    every = chain(every_facts(), every_failure(), [failed_after_restart()])
    for facts in every if views is None else views:
        yield root(facts)
        ending = replace(facts, lifetime_seconds=3600, lifetime_ends_at=AT)
        yield root(ending)
        yield root(replace(ending, lifetime_warned=True))
        noted = dict.fromkeys(facts.candidates, CandidateNote())
        yield root(replace(facts, candidate_notes=noted))
        yield root(replace(facts, closing_note=ClosingNote("why", reconnects=True)))
        if facts.operations:
            yield root(
                replace(facts, pending=[PendingOperation(facts.operations[0], "admins", AT, None)])
            )
        yield endpoint.status_of_thread(EndpointFacts(facts, Spend(0.0, None), None))
        for reply in every_reply(facts):
            yield reply.body


def of_lists() -> Iterator[Body]:
    """The list and its pages, one endpoint, the pickers, schedules and the audit."""
    endpoints = [listed(status) for status in STATUSES if status is not None]
    pick = picker.menu("status", picker.PickerState("prod", stays=True))
    several = [*endpoints, *endpoints]
    for offset in (0, 20):
        view = listing.ListView("prod", offset=offset)
        found = Listing("prod", "p", several)
        yield listing.page(found, view, "U1", {}, targets=["prod", "staging"], pick=pick)
    for one in endpoints:
        yield endpoint.status(one, None, suite_link="https://friendli.test/it", thread_link=None)
    for name in picked_for():
        yield picker.which(name, picker.PickerState())
        yield picker.unknown(name, "it", ["other"], picker.PickerState())
        yield picker.several(name, "it", endpoints, picker.PickerState(), is_exact=True)
    yield schedule_replies.listing([PLANNED])
    entry = AuditRecord(
        id=1,
        at=AT,
        person_id="U1",
        action="endpoint:sleep",
        target_name="prod",
        endpoint="it",
        effect=Effect.DONE,
        detail="",
    )
    yield audit.page([entry], "UTC", is_first=False, has_more=True)


def picked_for() -> Sequence[str]:
    """The commands that ask which endpoint is meant, if none is named."""
    return [
        command.name
        for command in registry().commands.values()
        # This one lists what all of them do.
        if command.arguments.startswith("[endpoint]") and command.name != "schedules"
    ]


def listed(status: str) -> ListedEndpoint:
    """An endpoint that was made elsewhere."""
    return ListedEndpoint(
        target="prod",
        project_id="project",
        team_id="team",
        endpoint_id=f"dep{status.lower()}",
        status=DedicatedEndpointStatus(status=status, created_at=AT),
        spec=DedicatedEndpointSpec(
            name="it",
            gpu_type="NVIDIA H100",
            num_gpu=2,
            project_id="project",
            autoscaling_min=1,
            autoscaling_max=1,
            autoscaling_cooldown=0,
            curr_replica_cnt=1,
        ),
        ours=None,
        possible_requester_id=None,
        listed_at=AT,
        prices=PUBLISHED_PRICES,
    )


def of_questions() -> Iterator[Body]:
    """What is asked before something is done, and what is said instead of doing it."""
    yield preview.preview(
        REQUEST,
        PUBLISHED_PRICES,
        expiry_action=ExpiryAction.TERMINATE,
        deploy_value="1",
        change_value="1",
        checked=ModelFacts(repo="org/model", commit="0" * 40, weights=10**10),
        why_value="1",
        present=AT,
        usual=UsualTime(240, 360),
    )
    yield preview.correction(["why"], "/friendli-deploy org/model", [])
    yield lifetime_replies.ask_lifetime("it", "0" * 32, 3600, "terminate")
    asked = [questions.ask(kind, "it", Decimal(5), "0" * 32) for kind in OperationKind]
    yield from filter(None, [*asked, questions.ask(OperationKind.WAKE, "it", None, "0" * 32)])
    yield update_diff.question(
        UpdateState.of(runs(), after()).step(runs(), after()), PUBLISHED_PRICES, value="1"
    )
    yield disconnect.question(PLACE, target(), [], [])
    yield prompt.question("it", "U1", "Hello", "Be kind.", stop="1")
    yield prompt.asking("it", "1")
    yield preview.correction(["I don't know the GPU `h10`."], "/friendli-deploy org/model", [])
    yield lifetime_replies.ask_lifetime("it", "0" * 32, 3600, ExpiryAction.SLEEP)
    for kind in InferenceKind:
        yield use_it.use_it("it", "dep1", "https://api.test/v1", team_id="t", kind=kind)
    yield announcements.asks_to_connect("U1", "<@U2>")
    commands = registry().commands
    yield from (help_command.page(name, commands) for name in ("", *help_command.TOPICS))
    ask_admin = unconnected.ask_button()
    for button in (connect(), ask_admin, ask_button(Permission.TERMINATE, "0" * 32, PLACE)):
        yield Body(text="no", blocks=[dict(actions(button))])


def runs() -> RunningVersion:
    """What runs before an update."""
    return RunningVersion("0" * 32, "it", "prod", Version(REQUEST), "1", None, Status.RUNNING.value)


def after() -> Version:
    """What is to run after it."""
    return Version(REQUEST.model_copy(update={"replicas": 2}))


def target() -> TargetView:
    """A target of the channel."""
    return TargetView(
        name="prod",
        is_default=True,
        team_id="",
        project_id="p",
        key_last_four="",
        connected_by="U1",
        rules=Rules(),
    )


def of_views() -> Iterator[Mapping[str, Any]]:
    """Every modal, and Home tabs."""
    draft = connect_form.ConnectDraft(place=PLACE, name="prod")
    yield connect_form.build(draft)
    yield connect_form.failed(draft, "why")
    yield connect_form.connected(draft, None, was_empty=True)
    updating = deploy_form.Updating(public_id="0" * 32)
    for about in (None, updating):
        for is_open in (False, True):
            yield deploy_form.build(
                deploy_form.FormState(
                    request_id="1",
                    place=PLACE,
                    draft=DeployDraft(),
                    updating=about,
                    advanced_open=is_open,
                ),
                targets=[deploy_form.TargetChoice("prod", "p")],
                prices=PUBLISHED_PRICES,
            )
    form = deploy_form.FormState(request_id="1", place=PLACE, draft=DeployDraft())
    yield deploy_form.confirmation(form, "it", Decimal(120))
    carried = UpdateState.of(runs(), after())
    step = carried.step(runs(), after())
    blocks = update_diff.view_blocks(step, PUBLISHED_PRICES, value=carried.to_json())
    yield update_review.build(PLACE, carried, blocks, submit="Update")
    yield update_review.build(PLACE, carried, [update_review.change_button(carried)])
    settings = settings_form.SettingsForm(place=PLACE, target="prod", shown=Policy())
    yield settings_form.build(settings, Rules())
    yield settings_who_form.build(
        settings_who_form.WhoForm(settings=settings, permission=Permission.DEPLOY, shown=()), {}, {}
    )
    yield support.modal(next(iter(every_failure())))
    yield ways_out.build(
        ways_out.RevisionChoice(place=PLACE, public_id="0" * 32),
        REQUEST,
        [Revision("main", "0e9e39f")],
    )
    yield ask_form.build(ask_form.AskForm(place=PLACE, public_id="1"), "it")
    yield approve.build(approve.Rejection(place=PLACE, value="1", message_ts=""), "it")
    yield delete.build(delete.Question(place=PLACE, public_id="1", request_id="1"), "it")
    yield from home_tabs()


def home_tabs() -> Iterator[Mapping[str, Any]]:
    """A Home tab for each state of an endpoint, and an empty one."""
    totals = [home.TargetTotal("prod", Listing("prod", "p", [listed(Status.RUNNING)]))]
    channels = [home.ChannelTargets("C1", totals, may_deploy=True)]
    for facts in every_facts():
        mine = home.Endpoint(EndpointFacts(facts, Spend(0.0, None), None), "C1", None, may_act=True)
        waits = home.WaitingEntry(waiting_words.own(facts), "C1", None)
        yield home.home(home.Overview([waits], 1, [mine], 0, 0, 0, channels, 0, [], AT))
    yield home.home(None)
