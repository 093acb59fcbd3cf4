"""Every status and operation has its words wherever people read of it."""

from dataclasses import replace
from itertools import product

import pytest

from bot.domain.deployment_state import DeploymentState
from bot.domain.deployment_view import DeploymentView, OperationView
from bot.domain.operations import Cause, OperationKind, OperationState
from bot.domain.schemas import InferenceDeploymentStatus as Status
from bot.domain.spend import Spend
from bot.domain.statuses import STATUSES
from bot.messages import endpoint, home, listing, replies, status_message, transitions
from bot.messages.endpoint_facts import EndpointFacts
from tests.messages.shown import AT, every_facts, listed

NEVER_BILLED = Spend(0.0, None)


def live(status: Status) -> DeploymentView:
    """A deployment whose endpoint is in a status, without operations."""
    return next(
        one
        for one in every_facts()
        if one.state is DeploymentState.LIVE
        and one.endpoint_state is not None
        and one.endpoint_state.status == status
        and not one.operations
    )


@pytest.mark.parametrize("status", Status)
def test_a_status_is_named_in_lists_and_by_itself(status: Status) -> None:
    """With its mark; what comes up is named by that."""
    facts = STATUSES[status]
    shown = endpoint.status(listed(status), None, suite_link=None, thread_link=None)
    assert shown.text.startswith(f"{facts.mark} *it* ")
    assert facts.name in shown.text
    assert facts.note_in_status in str(shown.blocks)
    [first, _] = listing.lines(listed(status)).splitlines()
    assert first.startswith(f"{facts.mark} *it* · {facts.name}")


@pytest.mark.parametrize("status", Status)
def test_a_status_is_named_in_its_thread_and_at_home(status: Status) -> None:
    """The status message, its copies, and the reply know it."""
    facts, view = STATUSES[status], live(status)
    name = facts.sentence
    assert name in status_message.root(view).text
    known = EndpointFacts(view, NEVER_BILLED, None)
    assert name in endpoint.status_of_thread(known).text
    one = home.Endpoint(known, "C1", None, may_act=True)
    overview = home.Overview([], 0, [one], 0, 0, 0, [], 0, [], AT)
    drawn = str(home.home(overview))
    assert name in drawn
    assert facts.note in drawn
    assert "doesn't know" not in transitions.transition(view).body.text


@pytest.mark.parametrize(("kind", "cause"), [*product(OperationKind, Cause)])
def test_an_operation_is_named_from_request_to_outcome(kind: OperationKind, cause: Cause) -> None:
    """In the thread, the status message and the reply to its failure."""
    words = kind.facts.words
    asked = replies.operation_asked(kind, cause, "U1").body.text
    assert words.infinitive in asked or words.doing in asked
    failed = replies.operation_failed(kind, "no").body.text
    assert words.infinitive in failed
    assert words.else_true in failed
    under_way = OperationView(kind, OperationState.SENDING, cause, "U1", None)
    view = replace(live(Status.RUNNING), operations=[under_way])
    assert f"is being {words.being}" in status_message.root(view).text
