"""What an endpoint has cost so far, by its transitions."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from bot.domain.spend import Spend, estimate
from bot.domain.transitions import ObservedTransition, State

BEGAN = datetime(2026, 10, 1, 12, tzinfo=UTC)
PRICE = Decimal("5.00")
HOUR = 60


def at(minutes: float) -> datetime:
    return BEGAN + timedelta(minutes=minutes)


def history(*states: tuple[str, float]) -> list[ObservedTransition]:
    """Transitions that were seen at so many minutes, the API's clock running a day ahead."""
    ahead = timedelta(days=1)
    return [
        ObservedTransition(State(status), at(minutes), at(minutes) + ahead)
        for status, minutes in states
    ]


def spent(*states: tuple[str, float], least: int = 1, most: int = 1, until: float) -> Spend:
    return estimate(history(*states), PRICE, least=least, most=most, at=at(until))


def test_nothing_is_billed_before_it_serves() -> None:
    """Coming up costs nothing, however long it takes."""
    assert spent(until=HOUR) == Spend(0, Decimal(0))
    assert spent(("INITIALIZING", 0), until=HOUR) == Spend(0, Decimal(0))


def test_it_is_billed_from_when_it_serves_until_it_sleeps() -> None:
    """What isn't over yet counts until now."""
    assert spent(("INITIALIZING", 0), ("RUNNING", 5), until=65) == Spend(3600, PRICE)
    asleep = [("RUNNING", 0), ("SLEEPING", 30), ("AWAKING", 90), ("RUNNING", 95)]
    assert spent(*asleep, until=125) == Spend(3600, PRICE)


def test_every_fixed_replica_is_billed() -> None:
    """Of those that an autoscaler adds, only the least is sure; one runs in any case."""
    serving = ("RUNNING", 0)
    assert spent(serving, least=3, most=3, until=HOUR) == Spend(3600, 3 * PRICE)
    assert spent(serving, least=0, most=4, until=HOUR) == Spend(3600, PRICE, is_least=True)
    assert spent(serving, least=0, most=1, until=HOUR) == Spend(3600, PRICE)


@pytest.mark.parametrize(
    "status", ["UPDATING", "STOPPING", "TERMINATING", "UNKNOWN", "HIBERNATING"]
)
def test_what_ran_before_runs_on(status: str) -> None:
    """Through updates and on the way down, and where nobody can say; what didn't run doesn't."""
    assert spent(("RUNNING", 0), (status, 30), ("SLEEPING", 60), until=90) == Spend(3600, PRICE)
    assert spent(("SLEEPING", 0), (status, 30), until=90) == Spend(0, Decimal(0))


def test_one_that_was_followed_while_it_was_updated_serves() -> None:
    """The version before the new one does."""
    assert spent(("UPDATING", 0), until=HOUR) == Spend(3600, PRICE)
    assert spent(("STOPPING", 0), until=HOUR) == Spend(0, Decimal(0))


@pytest.mark.parametrize("status", ["FAILED", "TERMINATED"])
def test_what_has_ended_is_billed_no_more(status: str) -> None:
    """However it ended."""
    assert spent(("RUNNING", 0), (status, 60), until=600) == Spend(3600, PRICE)


def test_the_api_s_clock_counts_where_it_moved() -> None:
    """Our polls see a change later than it happened."""
    seen_late = [
        ObservedTransition(State("RUNNING"), at(1), at(0)),
        ObservedTransition(State("SLEEPING"), at(70), at(60)),
    ]
    assert estimate(seen_late, PRICE, least=1, most=1, at=at(80)).dollars == PRICE
    stands_still = [
        ObservedTransition(State("RUNNING"), at(0), at(0)),
        ObservedTransition(State("SLEEPING"), at(60), at(0)),
    ]
    assert estimate(stands_still, PRICE, least=1, most=1, at=at(80)).dollars == PRICE


def test_without_a_price_only_the_time_is_known() -> None:
    """On GPUs that this bot doesn't know."""
    running = history(("RUNNING", 0))
    assert estimate(running, None, least=1, most=1, at=at(60)) == Spend(3600, None)
    assert estimate([], None, least=1, most=1, at=at(60)) == Spend(0, None)


def test_dollars_are_whole_cents() -> None:
    """An estimate pretends no more than that."""
    assert spent(("RUNNING", 0), until=1).dollars == Decimal("0.08")
