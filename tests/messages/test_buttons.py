"""Every button of every state has a handler, and every handler a button."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from itertools import product
from typing import Any

from bot.commands import connect_form, deploy_form, disconnect, settings_form
from bot.commands.features import registry
from bot.commands.unconnected import CONNECT_ACTION
from bot.db.acts import AuditEntry, Cause, Effect, OperationKind, OperationState
from bot.db.models import Step
from bot.deployments.draft import DeployDraft, DeployRequest
from bot.deployments.grants import Rules
from bot.deployments.place import Place
from bot.deployments.policy import LeaseEnd, Policy
from bot.deployments.states import State, Told
from bot.deployments.target_views import TargetView
from bot.friendli.instances import INSTANCE_OPTIONS, PUBLISHED_PRICES
from bot.friendli.schemas import InferenceDeploymentStatus as Status
from bot.messages import (
    approvals,
    audit,
    before_after,
    home,
    listing,
    preview,
    replies,
    schedule_replies,
    transitions,
)
from bot.messages.approvals import Proposal
from bot.messages.buttons import ActionId
from bot.messages.facts import Act, Facts, Setup, Waiting
from bot.messages.lease_replies import EXTEND_ACTION, KEEP_ACTION
from bot.messages.picker import PREFIX
from bot.messages.refusals import Refusal
from bot.messages.reply import Reply
from bot.messages.root import root
from bot.permissions import ASK_ACTION

AT = datetime(2026, 10, 1, 12, tzinfo=UTC)
PLACE = Place("", "T1", "C1")
UNREADABLE = "WORKLOAD_INIT_CANNOT_ACCESS_REPO_ERROR"
STATUSES = [None, *(status.value for status in Status), "A_NEW_ONE"]
# Buttons of messages that need more than facts to be drawn; their own tests draw them.
ELSEWHERE = {
    CONNECT_ACTION,
    ASK_ACTION,
    home.REFRESH_ACTION,
    home.DEPLOY_ACTION,
    listing.MORE_ACTION,
    listing.BACK_ACTION,
    ActionId.FOLLOW.value,
    ActionId.UPDATE.value,
    before_after.AGREE_ACTION,
    before_after.CHANGE_ACTION,
    before_after.CANCEL_ACTION,
    schedule_replies.REMOVE_ACTION,
    EXTEND_ACTION,
    KEEP_ACTION,
}


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
            stop_asked_by=None,
            approved_by=None,
            waiting=Waiting("workspace admins", AT) if step is Step.PROPOSED else None,
            lease_seconds=None,
            lease_ends_at=None,
            lease_end=None,
        )


def every_reply(facts: Facts) -> Iterator[Reply]:
    """Every reply with buttons that there can be about a deployment."""
    if facts.history:
        yield transitions.transition(facts)
    yield replies.adopted(facts, late=True, doubted=False)
    yield replies.unclear(facts)
    if not facts.is_followed:
        yield replies.not_listed(facts, 600)
        yield replies.not_made(facts, 600)
        yield replies.refused(facts, Refusal("why"))
        yield approvals.rejected(facts, "U1", "no")
        yield approvals.expired(facts, 600)
        yield approvals.target_gone(facts, "U1", leads_elsewhere=False)
    yield approvals.proposed(facts, "asked.", Proposal("1" * 32, "admins", AT, Decimal(5)))


def action_ids(part: object) -> Iterator[str]:
    """Of all elements that Slack tells us about."""
    if isinstance(part, Mapping):
        # What is only read when a form is submitted tells nothing before.
        if part.get("type") == "input" and not part.get("dispatch_action"):
            return
        if "action_id" in part:
            yield str(part["action_id"])
        for inner in part.values():
            yield from action_ids(inner)
    elif isinstance(part, Sequence) and not isinstance(part, str):
        for inner in part:
            yield from action_ids(inner)


@cache
def of_deployments() -> frozenset[str]:
    """The action ids of all roots and replies."""
    found: set[str] = set()
    for facts in every_facts():
        found.update(action_ids(root(facts).blocks))
        for reply in every_reply(facts):
            found.update(action_ids(reply.body.blocks))
    return frozenset(found)


def of_forms_and_questions() -> set[str]:
    """The action ids of what people see before and around a deployment."""
    request = DeployRequest(
        target="prod",
        model="org/model",
        name="it",
        instance_option_id=INSTANCE_OPTIONS[0].id,
        replicas=1,
    )
    draft = connect_form.ConnectDraft(place=PLACE, name="prod")
    entries = [
        AuditEntry(
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
    ]
    settings = settings_form.SettingsForm(place=PLACE, target="prod", shown=Policy())
    target = TargetView(
        name="prod",
        is_default=True,
        team_id="",
        project_id="p",
        key_last_four="",
        connected_by="U1",
        rules=Rules(),
    )
    shown: list[Any] = [
        preview.preview(
            request,
            PUBLISHED_PRICES,
            lease_end=LeaseEnd.TERMINATE,
            deploy_value="1",
            change_value="1",
        ).blocks,
        disconnect.question(target, []).blocks,
        connect_form.build(draft),
        connect_form.failed(draft, "why"),
        connect_form.connected(draft, None, was_empty=True),
        deploy_form.build(
            deploy_form.FormState(request_id="1", place=PLACE, draft=DeployDraft()),
            targets=[deploy_form.TargetChoice("prod", "p")],
            prices=PUBLISHED_PRICES,
        ),
        settings_form.build(settings, Rules()),
        audit.page(entries, is_first=False, has_more=True).blocks,
    ]
    return {found for one in shown for found in action_ids(one)}


def handled(action_id: str) -> str:
    """The name that leads to a button's handler."""
    clicks = registry().clicks
    return action_id if action_id in clicks else action_id.rpartition(".")[0]


def test_every_button_of_every_state_has_a_handler() -> None:
    """Whatever a deployment goes through, no button of it is dead."""
    found = of_deployments()
    assert {action_id for action_id in found if registry().click(action_id) is None} == set()
    assert len(found) > 15


def test_every_handler_has_a_button() -> None:
    """Nothing is registered that no message or form shows."""
    shown = {handled(one) for one in of_deployments() | of_forms_and_questions()}
    picked = {name for name in registry().clicks if name.startswith(PREFIX)}
    assert set(registry().clicks) - picked - ELSEWHERE == shown - ELSEWHERE


def test_nothing_but_the_decision_is_offered_while_a_deployment_waits() -> None:
    """Neither Cancel nor a link to an endpoint that isn't there."""
    waiting = [facts for facts in every_facts() if facts.step is Step.PROPOSED]
    for facts in waiting:
        found = list(action_ids(root(facts).blocks))
        assert found == [ActionId.APPROVE, ActionId.REJECT, ActionId.WITHDRAW]
    assert waiting
