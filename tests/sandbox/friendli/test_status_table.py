"""The sandbox's table of statuses and operations, held against the bot's own."""

import pytest

from bot.domain.operations import Mechanism, OperationKind, operations_that
from bot.domain.schemas import InferenceDeploymentStatus as Status
from bot.domain.statuses import STATUSES, Billing
from bot.sandbox.friendli import operations as sandbox
from bot.sandbox.friendli.operations import Inference

REQUESTS = operations_that(lambda facts: facts.mechanism is Mechanism.REQUEST)


def test_the_sandbox_knows_the_statuses_of_the_bot() -> None:
    """Each has a row in both tables."""
    assert set(sandbox.STATUSES) == set(Status)


@pytest.mark.parametrize("status", Status)
def test_a_status_means_the_same_to_both(status: Status) -> None:
    """Whether it serves, is billed, may yet fail, and wakes by a request."""
    env, there = STATUSES[status], sandbox.STATUSES[status]
    assert env.serves == there.is_up
    assert (env.billing in (Billing.YES, Billing.AS_BEFORE_OR_FIRST)) == there.is_billed
    assert env.has_phases == there.is_starting
    assert env.is_at_rest or env.goes_down or there.wants_replicas
    assert there.inference is not Inference.WAKES or env.may_be_woken


def test_the_sandbox_knows_the_operations_of_the_bot() -> None:
    """Each request of the bot that changes a status is an operation there, and no other is."""
    assert set(sandbox.OPERATIONS) == {kind.facts.client_call for kind in REQUESTS}


@pytest.mark.parametrize("kind", REQUESTS)
def test_what_the_bot_offers_the_sandbox_takes(kind: OperationKind) -> None:
    """In each status that an operation fits."""
    operation = sandbox.OPERATIONS[kind.facts.client_call or ""]
    for status in Status:
        assert operation.takes(status) or not kind.fits(status), status


def test_an_update_is_taken_where_the_bot_offers_it() -> None:
    """In each status that it fits."""
    for status in Status:
        assert sandbox.can_be_updated(status) or not OperationKind.UPDATE.fits(status), status


@pytest.mark.parametrize("kind", REQUESTS)
def test_what_an_operation_leads_to_shows_that_it_was_done(kind: OperationKind) -> None:
    """The sandbox's first status after it is one of the effects that the bot knows."""
    leads_to = sandbox.OPERATIONS[kind.facts.client_call or ""].status
    assert leads_to in kind.facts.effect if leads_to else not kind.facts.effect
