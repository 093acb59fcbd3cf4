"""What was seen of a model decides before what was computed."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.fit import Fit, FitResult
from bot.domain.fit_history import EngineSettings, FitObservation, FitOutcome, evidence_for, judge
from bot.domain.instances import INSTANCE_OPTIONS, InstanceOption, parse
from bot.messages.fit_history import evidence_words

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
SERVED, FULL = FitOutcome.SERVED, FitOutcome.OUT_OF_MEMORY
DEFAULTS = EngineSettings()
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def seen(
    outcome: FitOutcome,
    on: str = "1xH100",
    ago: timedelta = HOUR,
    settings: EngineSettings = DEFAULTS,
    revision: str = "",
) -> FitObservation:
    option = parse(on)
    return FitObservation(revision, option.gpu.name, option.count, settings, outcome, NOW - ago)


def batch(size: int | None, length: int | None = None) -> EngineSettings:
    return EngineSettings(max_batch_size=size, max_input_length=length)


def words(
    *observations: FitObservation,
    on: str = "1xH100",
    settings: EngineSettings = DEFAULTS,
    revision: str | None = None,
) -> str | None:
    option = parse(on)
    found = evidence_for(observations, option=option, revision=revision, settings=settings)
    return None if found is None else evidence_words(found, option, NOW)


@pytest.mark.parametrize(
    ("observations", "on", "expected"),
    [
        ([], "1xH100", None),
        ([seen(SERVED)], "1xH100", "served on this GPU once"),
        ([seen(SERVED), seen(SERVED, ago=DAY)], "1xH100", "served on this GPU twice"),
        ([seen(SERVED, "2xH100")] * 3, "2xH100", "served on these GPUs 3 times"),
        ([seen(FULL, ago=timedelta(0))], "1xH100", "ran out of memory here just now"),
        ([seen(FULL, ago=5 * HOUR / 60)], "1xH100", "ran out of memory here 5 min ago"),
        ([seen(FULL, ago=5 * HOUR)], "1xH100", "ran out of memory here 5 h ago"),
        ([seen(FULL, ago=DAY)], "1xH100", "ran out of memory here yesterday"),
        ([seen(FULL, ago=9 * DAY)], "1xH100", "ran out of memory here 9 days ago"),
        # The newest decides.
        ([seen(SERVED), seen(FULL, ago=DAY)], "1xH100", "served on this GPU once"),
        ([seen(SERVED, ago=9 * DAY), seen(FULL)], "1xH100", "ran out of memory here 1 h ago"),
        # Fewer GPUs never fit better, other GPUs say nothing.
        ([seen(SERVED, "1xH100")], "2xH100", "served on 1 × H100 once"),
        ([seen(SERVED, "2xH100")], "1xH100", None),
        ([seen(FULL, "4xH100", DAY)], "2xH100", "ran out of memory on 4 × H100 yesterday"),
        ([seen(FULL, "2xH100")], "4xH100", None),
        ([seen(FULL, "8xH200")], "1xH100", None),
        ([seen(SERVED, "1xA100")], "1xH100", None),
    ],
)
def test_the_newest_start_that_decides_is_told(
    observations: list[FitObservation], on: str, expected: str | None
) -> None:
    """With where, how often or when."""
    assert words(*observations, on=on) == expected


@pytest.mark.parametrize(
    ("outcome", "then", "now", "decides"),
    [
        (SERVED, batch(64), batch(64), True),
        (SERVED, batch(64), batch(8), True),
        (SERVED, batch(64), batch(128), False),
        (SERVED, batch(64), batch(None), False),
        (SERVED, batch(None), batch(64), False),
        (SERVED, batch(64, 1000), batch(8, 2000), False),
        (FULL, batch(64), batch(128), True),
        (FULL, batch(64), batch(8), False),
        (FULL, batch(64, 1000), batch(64, 2000), True),
        (FULL, batch(None), batch(64), False),
    ],
)
def test_other_settings_decide_only_where_they_surely_do(
    outcome: FitOutcome, then: EngineSettings, now: EngineSettings, *, decides: bool
) -> None:
    """A success covers what needs less, an error what needs more; defaults cover themselves."""
    assert (words(seen(outcome, settings=then), settings=now) is not None) == decides


def test_the_same_revision_goes_before_others() -> None:
    """Those of others count where there is none, and say so."""
    main, other = seen(FULL, ago=DAY), seen(SERVED, revision="abc")
    assert words(main, other) == "ran out of memory here yesterday"
    assert words(main, other, revision="abc") == "served on this GPU once"
    assert words(other) == "served on this GPU once (another revision)"


@pytest.mark.parametrize("computed", [*Fit, None])
def test_evidence_goes_before_the_computed_answer(computed: Fit | None) -> None:
    """Whatever was computed; without evidence that decides."""
    option = parse("1xH100")
    result = None if computed is None else FitResult(computed)

    def verdict(*observations: FitObservation) -> Fit:
        return judge(result, observations, option=option, revision=None, settings=DEFAULTS).fit

    assert verdict(seen(SERVED)) is Fit.FITS
    assert verdict(seen(FULL)) is Fit.TOO_SMALL
    assert verdict() is (computed or Fit.UNKNOWN)


OPTIONS = st.sampled_from(INSTANCE_OPTIONS)
SETTINGS = st.builds(batch, st.none() | st.integers(1, 3), st.none() | st.integers(1, 3))


@given(
    st.lists(
        st.builds(
            lambda option, outcome, settings, hours: FitObservation(
                "", option.gpu.name, option.count, settings, outcome, NOW - hours * HOUR
            ),
            OPTIONS,
            st.just(SERVED) | st.just(FULL),
            SETTINGS,
            st.integers(0, 50),
        ),
        max_size=6,
    ),
    OPTIONS,
    SETTINGS,
)
def test_evidence_is_never_made_up(
    observations: list[FitObservation], option: InstanceOption, settings: EngineSettings
) -> None:
    """It counts starts that were observed, of the same GPU, in any order of reading."""
    found = evidence_for(observations, option=option, revision=None, settings=settings)
    backwards = evidence_for(observations[::-1], option=option, revision=None, settings=settings)
    if found is None:
        assert backwards is None
        return
    assert backwards is not None
    assert found.last_at == backwards.last_at
    assert found.option.gpu == option.gpu
    alike = [
        one
        for one in observations
        if (one.outcome, one.count, one.gpu)
        == (found.outcome, found.option.count, found.option.gpu.name)
    ]
    assert 1 <= found.times <= len(alike)
