from inline_snapshot import snapshot

from bot.domain.schemas import InferenceDeploymentStatus, Phase
from bot.domain.statuses import (
    PHASES,
    STATUSES,
    Kind,
    PhaseWords,
    facts_of,
    phase_words,
)


def test_every_status_and_phase_has_words() -> None:
    """No documented status or phase falls back to the words for an unknown one."""
    assert set(STATUSES) == set(InferenceDeploymentStatus)
    assert set(PHASES) == set(Phase)


def test_the_words_for_each_status() -> None:
    """Each status has exactly this name and kind."""
    words = {status.value: facts_of(status) for status in InferenceDeploymentStatus}
    assert {name: (said.name, said.kind.value) for name, said in words.items()} == snapshot(
        {
            "UNKNOWN": ("in an unknown state", "unknown"),
            "INITIALIZING": ("starting", "moving"),
            "RUNNING": ("live", "serving"),
            "UPDATING": ("updating", "moving"),
            "SLEEPING": ("asleep", "resting"),
            "AWAKING": ("waking up", "moving"),
            "FAILED": ("failed", "ended"),
            "STOPPING": ("stopping", "moving"),
            "TERMINATING": ("terminating", "moving"),
            "TERMINATED": ("ended", "ended"),
            "READY": ("live", "serving"),
        }
    )


def test_the_words_for_each_phase() -> None:
    """The phases are tasks, in the order in which an endpoint goes through them."""
    words = [phase_words(phase) for phase in PHASES]
    assert [(said.task, said.progress, said.done, said.during) for said in words] == snapshot(
        [
            (
                "Get a GPU machine",
                "Getting a GPU machine",
                "A GPU machine is ready",
                "getting a GPU machine",
            ),
            (
                "Download the model",
                "Downloading the model",
                "Model downloaded",
                "downloading the model",
            ),
            ("Start the engine", "Starting the engine", "Engine started", "starting the engine"),
        ]
    )


def test_a_status_is_found_by_its_plain_text() -> None:
    """A status that was stored as text has the same words as the enum's member."""
    assert facts_of("READY") == facts_of(InferenceDeploymentStatus.RUNNING)


def test_an_unknown_status_is_shown_as_it_came() -> None:
    """A status that the API invents tomorrow is named, and is of no known kind."""
    facts = facts_of("HIBERNATING")
    assert (facts.name, facts.kind) == ("HIBERNATING", Kind.UNKNOWN)


def test_an_unknown_phase_is_shown_as_it_came() -> None:
    """A phase that the API invents tomorrow is named in every sentence."""
    assert phase_words("SHARDING") == PhaseWords(
        task="SHARDING",
        progress="In phase SHARDING",
        done="SHARDING is over",
        during="in phase SHARDING",
    )
