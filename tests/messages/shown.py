"""What people see with something to press, choose or submit: of every kind at least one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain, product
from typing import Any

from bot.commands import (
    approve,
    connect_form,
    delete,
    deploy_form,
    disconnect,
    settings_form,
    settings_who_form,
    update_review,
)
from bot.commands.features import registry
from bot.commands.update_carried import Carried
from bot.db.acts import (
    AuditEntry,
    Cause,
    Effect,
    OperationKind,
    OperationState,
    ScheduleDays,
)
from bot.db.models import Step
from bot.deployments.listing.listed import Listed, Listing
from bot.deployments.listing.spend import Spend
from bot.deployments.place import Place
from bot.deployments.request.deploy_request import DeployRequest
from bot.deployments.request.draft import DeployDraft
from bot.deployments.targets.grants import Rules
from bot.deployments.targets.policy import LeaseEnd, Policy
from bot.deployments.targets.views import TargetView
from bot.deployments.updating.runs import Runs
from bot.deployments.updating.version import Version
from bot.deployments.watching.states import State, Told
from bot.friendli.instances import INSTANCE_OPTIONS, PUBLISHED_PRICES
from bot.friendli.schemas import (
    DedicatedEndpointSpec,
    DedicatedEndpointStatus,
    InferenceDeploymentErrorCode,
)
from bot.friendli.schemas import InferenceDeploymentStatus as Status
from bot.messages import (
    approvals,
    audit,
    before_after,
    endpoint,
    home,
    lease_replies,
    listing,
    picker,
    preview,
    questions,
    replies,
    schedule_replies,
    search_replies,
    standing,
    stuck_replies,
    transitions,
)
from bot.messages.approvals import Proposal
from bot.messages.blocks import actions
from bot.messages.body import Body
from bot.messages.buttons import connect
from bot.messages.candidates import CandidateNote
from bot.messages.facts import Act, Facts, LargerInstance, Setup, Waiting
from bot.messages.refusals import Refusal
from bot.messages.reply import Reply
from bot.messages.root import root
from bot.messages.schedule_replies import Planned
from bot.permissions import Permission, ask_them

AT = datetime(2026, 10, 1, 12, tzinfo=UTC)
PLACE = Place("", "T1", "C1")
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


def act(state: OperationState) -> Act:
    """An update that somebody asked for."""
    return Act(OperationKind.UPDATE, state, Cause.PERSON, "U1", None)


def every_facts() -> Iterator[Facts]:
    """Each step with each status, made here or elsewhere, with and without an operation."""
    waiting = (OperationState.PROPOSED, OperationState.ASKED)
    acts: list[Sequence[Act]] = [(), *([act(state)] for state in waiting)]
    for step, status, is_followed, done in product(Step, STATUSES, (False, True), acts):
        code = UNREADABLE if status == Status.FAILED else None
        history = [] if status is None else [Told(State(status, None, code), AT)]
        yield Facts(
            public_id="0" * 32,
            name="it",
            setup=Setup(
                model=None if is_followed else "org/model",
                instance="1 × H100",
                least=0,
                most=3,
                cooldown=300,
                price_of_one=Decimal(5),
                larger=LargerInstance("2xH100", "2 × H100", Decimal(10)),
            ),
            is_followed=is_followed,
            requester_id="U1",
            target_name="prod",
            asked_at=AT,
            step=step,
            endpoint_id="dep" if step is Step.LIVE else None,
            history=history,
            acts=done,
            suite_link="https://friendli.test/it",
            model_link=None if is_followed else "https://hub.test/org/model",
            integrations_link="https://friendli.test/integrations",
            candidates=["dep1", "dep2"] if step is Step.UNCLEAR else [],
            candidate_notes={},
            unlisted_until=None,
            stop_asked_by=None,
            approved_by=None,
            waiting=Waiting("workspace admins", AT) if step is Step.PROPOSED else None,
            lease_seconds=None,
            lease_ends_at=None,
            lease_end=None,
        )


def every_failure() -> Iterator[Facts]:
    """Each error code, of a first start and of a rollout; made here, and elsewhere."""
    live = [one for one in every_facts() if one.step is Step.LIVE and not one.acts]
    served = Told(State(Status.UPDATING.value, None, None), AT)
    for error_code, before in product(InferenceDeploymentErrorCode, ([], [served])):
        failed = Told(State(Status.FAILED.value, None, error_code.value), AT)
        for facts in live:
            if facts.state is not None and facts.state.status == Status.FAILED:
                yield replace(facts, history=[*before, failed])


def every_reply(facts: Facts) -> Iterator[Reply]:
    """Every reply with buttons that there can be about a deployment."""
    if facts.history:
        yield transitions.transition(facts)
    yield search_replies.adopted(facts, late=True, doubted=False, differences=())
    yield search_replies.unclear(facts)
    likely = replace(facts, candidate_notes=dict.fromkeys(facts.candidates, CandidateNote()))
    yield search_replies.unclear(likely)
    if not facts.is_followed:
        yield search_replies.not_listed(facts, 600)
        yield search_replies.not_created(facts, 600)
        yield replies.refused(facts, Refusal("why", reconnects=True))
        yield replies.key_refused(facts)
        yield replies.key_unreadable(facts)
        yield replies.update_refused(facts, "1" * 32, Refusal("why", fields={"gpu": "no"}))
        yield approvals.rejected(facts, "U1", "no")
        yield approvals.expired(facts, 600)
        yield approvals.target_gone(facts, "U1", leads_elsewhere=False)
    for kind in OperationKind:
        for dollars in (Decimal(5), None):
            proposal = Proposal("1" * 32, kind, "admins", AT, dollars)
            yield approvals.proposed(facts, "asked.", proposal)
    yield replies.costs_more(OperationKind.WAKE, Decimal(5), None)
    if facts.step is Step.LIVE and facts.history:
        yield stuck_replies.stuck(facts, AT)
        yield lease_replies.warning(replace(facts, lease_seconds=3600, lease_ends_at=AT))
        yield lease_replies.not_ended(facts, OperationKind.TERMINATE, "no")
        yield lease_replies.given_up(facts, OperationKind.TERMINATE)
        at_rest = replies.updated_at_rest(facts, "2")
        if at_rest is not None:
            yield at_rest
        yield schedule_replies.scheduled(facts, PLANNED, zone_known=True)


def of_deployments() -> Iterator[Body]:
    """Roots, replies, and how deployments stand: of every state."""
    for facts in chain(every_facts(), every_failure()):
        yield root(facts)
        yield standing.standing(facts, Spend(0.0, None))
        for reply in every_reply(facts):
            yield reply.body


def of_lists() -> Iterator[Body]:
    """The list and its pages, one endpoint, the pickers, schedules and the audit."""
    endpoints = [listed(status) for status in STATUSES if status is not None]
    pick = picker.menu("status", picker.Carried("prod", stays=True))
    several = [*endpoints, *endpoints]
    yield listing.page(Listing("prod", "p", several), pick=pick)
    yield listing.page(Listing("prod", "p", several), 20, pick=pick)
    for one in endpoints:
        yield endpoint.status(one, suite_link="https://friendli.test/it", thread_link=None)
    for name in picked_for():
        yield picker.which(name, picker.Carried())
        yield picker.unknown(name, "it", ["other"], picker.Carried())
        yield picker.several(name, "it", endpoints, picker.Carried(), is_exact=True)
    yield schedule_replies.listing([PLANNED])
    entry = AuditEntry(
        id=1,
        at=AT,
        enterprise_id="",
        workspace_id="T1",
        channel_id="C1",
        person_id="U1",
        action="endpoint:sleep",
        target_name="prod",
        endpoint="it",
        effect=Effect.DONE,
        detail="",
        message_ts="",
    )
    yield audit.page([entry], is_first=False, has_more=True)


def picked_for() -> Sequence[str]:
    """The commands that ask which endpoint is meant, if none is named."""
    return [
        command.name
        for command in registry().commands.values()
        # This one lists what all of them do.
        if command.arguments.startswith("[endpoint]") and command.name != "schedules"
    ]


def listed(status: str) -> Listed:
    """An endpoint that was made elsewhere."""
    return Listed(
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
        perhaps_by=None,
        seen_at=AT,
        prices=PUBLISHED_PRICES,
    )


def of_questions() -> Iterator[Body]:
    """What is asked before something is done, and what is said instead of doing it."""
    yield preview.preview(
        REQUEST,
        PUBLISHED_PRICES,
        lease_end=LeaseEnd.TERMINATE,
        deploy_value="1",
        change_value="1",
    )
    for kind in (OperationKind.WAKE, OperationKind.RESTART, OperationKind.TERMINATE):
        yield questions.ask(kind, "it", Decimal(5), "0" * 32)
    yield questions.ask(OperationKind.DELETE, "it", None, "0" * 32)
    yield before_after.question(
        Carried.of(runs(), after()).step(runs(), after()), PUBLISHED_PRICES, value="1"
    )
    yield disconnect.question(target(), [])
    for button in (connect(), ask_them(Permission.TERMINATE, "0" * 32, PLACE)):
        yield Body(text="no", blocks=[dict(actions(button))])


def runs() -> Runs:
    """What runs before an update."""
    return Runs("0" * 32, "it", "prod", Version(REQUEST), "1", None, Status.RUNNING.value)


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
    carried = Carried.of(runs(), after())
    step = carried.step(runs(), after())
    blocks = before_after.view_blocks(step, PUBLISHED_PRICES, value=carried.to_json())
    yield update_review.build(PLACE, carried, blocks, submit="Update")
    yield update_review.build(PLACE, carried, [update_review.change_button(carried)])
    settings = settings_form.SettingsForm(place=PLACE, target="prod", shown=Policy())
    yield settings_form.build(settings, Rules())
    yield settings_who_form.build(
        settings_who_form.WhoForm(settings=settings, permission=Permission.DEPLOY, shown=()), {}
    )
    yield approve.build(approve.Rejection(place=PLACE, value="1", message_ts=""), "it")
    yield delete.build(delete.Question(place=PLACE, public_id="1", request_id="1"), "it")
    yield from homes()


def homes() -> Iterator[Mapping[str, Any]]:
    """A Home tab for each state of an endpoint, and an empty one."""
    channels = [home.ChannelTargets("C1", ["prod"], may_deploy=True)]
    for facts in every_facts():
        mine = home.Endpoint(facts, Spend(0.0, None), "C1", None, may_act=True)
        yield home.home(home.Overview([mine], 0, 0, 0, channels, 0, [], AT))
    yield home.home(None)
