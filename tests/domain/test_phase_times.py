"""Usual times of phases, and when an endpoint will be live."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.model_size import rough_bytes
from bot.domain.phase_times import StartTimes, UsualTime, live_around, percentile, usual_time
from bot.domain.transitions import ObservedTransition, State

BEGAN = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
TIMES = StartTimes(
    {
        "REQUESTING_VIRTUAL_MACHINE": UsualTime(60, 90),
        "DOWNLOADING_MODEL": UsualTime(120, 150),
        "ENGINE_INITIALIZING": UsualTime(30, 50),
    },
    UsualTime(220, 300),
)


@pytest.mark.parametrize(
    ("durations", "share", "expected"),
    [
        ([5.0], 0.9, 5.0),
        ([float(n) for n in range(1, 11)], 0.9, 9.0),
        ([float(n) for n in range(10, 0, -1)], 0.9, 9.0),
        ([float(n) for n in range(1, 21)], 0.9, 18.0),
        ([1.0, 2.0], 1.0, 2.0),
    ],
)
def test_the_percentile_is_one_of_the_durations(
    durations: list[float], share: float, expected: float
) -> None:
    """By nearest rank, in any order."""
    assert percentile(durations, share) == expected


def test_four_durations_say_nothing() -> None:
    """Five do, with their median and 90th percentile."""
    assert usual_time([1.0] * 4) is None
    assert usual_time([1.0, 2.0, 3.0, 4.0, 50.0]) == UsualTime(3.0, 50.0)


def history(*steps: tuple[str, str | None, int]) -> list[ObservedTransition]:
    return [
        ObservedTransition(State(status, phase), BEGAN + timedelta(seconds=at))
        for status, phase, at in steps
    ]


@pytest.mark.parametrize(
    ("steps", "times", "expected"),
    [
        ([("INITIALIZING", "REQUESTING_VIRTUAL_MACHINE", 0)], TIMES, 210),
        # A machine that took ten minutes moves the rest.
        (
            [
                ("INITIALIZING", "REQUESTING_VIRTUAL_MACHINE", 0),
                ("INITIALIZING", "DOWNLOADING_MODEL", 600),
            ],
            TIMES,
            750,
        ),
        ([("INITIALIZING", None, 0)], TIMES, 220),
        ([("INITIALIZING", "SOMETHING_NEW", 0)], TIMES, 220),
        ([("INITIALIZING", "DOWNLOADING_MODEL", 0)], StartTimes({}, TIMES.whole), 220),
        ([("INITIALIZING", "DOWNLOADING_MODEL", 0)], StartTimes(), None),
        ([], TIMES, None),
    ],
)
def test_the_end_of_a_start_follows_its_phases(
    steps: list[tuple[str, str | None, int]], times: StartTimes, expected: int | None
) -> None:
    """Counted from the present phase where the later ones are known, else from the start."""
    around = live_around(history(*steps), times)
    assert around == (None if expected is None else BEGAN + timedelta(seconds=expected))


@pytest.mark.parametrize(
    ("model", "gigabytes"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", 16),
        ("org/Llama-3.1-70B-Instruct-FP8", 70),
        ("Qwen/Qwen3-32B-AWQ", 16),
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", 112),
        ("Qwen/Qwen3-30B-A3B", 60),
        ("google/gemma-3-270m-it", 0.54),
        ("openai/gpt-oss-120b", 240),
        ("deepseek-ai/DeepSeek-V3", None),
        ("70B/model", None),
    ],
)
def test_a_name_tells_the_rough_size(model: str, gigabytes: float | None) -> None:
    """By its parameters and quantization; many names don't."""
    size = rough_bytes(model)
    assert size == (None if gigabytes is None else pytest.approx(gigabytes * 1e9))
