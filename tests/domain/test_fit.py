"""Whether models fit, beside what their makers, engines and arithmetic say."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.fit import Fit, Workload, fit
from bot.domain.kv_cache import UnknownAttentionError, decoder_config, heads_of, kv_cache
from tests.domain.published_models import CLAIMS, MODELS, beside

CARDS = {"A100 80GB": 80, "H100 80GB": 80, "80 GB card": 80, "H200 141GB": 141, "B200 180GB": 180}
# Precisions of the checkpoint itself; others are different repos.
OWN = {"bf16", "fp16"}
TRUSTED = {"engine recipe", "maker of the engine", "measured", "arithmetic"}


def load_of(model: dict[str, Any], context: int = 8192, batch: int = 1) -> Workload:
    """A model's load, with what is known of its weights."""
    config = model["config"]
    try:
        cache = kv_cache(config, beside(model))
    except UnknownAttentionError:
        cache = None
    quantization = config.get("quantization_config") or {}
    width = 1 if quantization.get("quant_method") == "fp8" else 2
    weights = model["weight_bytes"] or (model["params_total"] or 0) * width or None
    hidden = decoder_config(config).get("hidden_size")
    return Workload(weights, cache, hidden, heads_of(config), context, batch)


COMPARED = [
    claim
    for claim in CLAIMS
    if claim["kind"] in TRUSTED
    and claim["confidence"] == "high"
    and claim["fits"] is not None
    and claim["gpu"] in CARDS
    and claim["repo"] in MODELS
    and (claim["precision"] in OWN or MODELS[claim["repo"]]["config"].get("quantization_config"))
    and load_of(MODELS[claim["repo"]]).weights is not None
]


def test_enough_claims_are_compared() -> None:
    """A dozen and more of those about GPUs that Friendli has."""
    assert len(COMPARED) >= 12


@pytest.mark.parametrize("claim", COMPARED, ids=lambda claim: f"{claim['repo']}-{claim['count']}")
def test_it_agrees_with_what_is_published(claim: dict[str, Any]) -> None:
    """Tight counts as fitting: the claims don't tell how many requests at once."""
    answer = fit(load_of(MODELS[claim["repo"]]), card_gb=CARDS[claim["gpu"]], count=claim["count"])
    assert (answer.fit in {Fit.FITS, Fit.TIGHT}) is claim["fits"]


LOADS = st.builds(
    load_of,
    st.sampled_from([model for model in MODELS.values() if model["config"]]),
    st.integers(1, 200_000),
    st.integers(1, 64),
)
ORDER = [Fit.FITS, Fit.TIGHT, Fit.TOO_SMALL]


def rank(answer: Fit) -> int:
    """The smaller, the better; unknown is nowhere."""
    return ORDER.index(answer) if answer in ORDER else -1


@given(LOADS, st.sampled_from([80, 141, 180]))
def test_more_gpus_never_fit_worse(load: Workload, card: int) -> None:
    """One, two, four and eight of the same."""
    ranks = [rank(fit(load, card_gb=card, count=count).fit) for count in (1, 2, 4, 8)]
    known = [each for each in ranks if each >= 0]
    assert known == sorted(known, reverse=True)


@given(LOADS, st.integers(1, 200_000), st.sampled_from([1, 2, 4, 8]))
def test_a_longer_context_never_fits_better(load: Workload, context: int, count: int) -> None:
    """Whatever the model."""
    longer = Workload(
        load.weights, load.cache, load.hidden_size, load.heads, load.context + context, load.batch
    )
    now, then = (fit(each, card_gb=80, count=count) for each in (load, longer))
    assert rank(then.fit) >= rank(now.fit)
    assert then.missing >= now.missing


@given(LOADS, st.integers(0, 10**12))
def test_fewer_bytes_never_need_more(load: Workload, less: int) -> None:
    """A smaller copy of the same model fits at least as well."""
    smaller = Workload(
        None if load.weights is None else max(0, load.weights - less),
        *(load.cache, load.hidden_size, load.heads, load.context, load.batch),
    )
    assert rank(fit(smaller, card_gb=80, count=1).fit) <= rank(fit(load, card_gb=80, count=1).fit)


def test_unknown_weights_are_unknown_and_unknown_caches_never_fit() -> None:
    """What is missing is told all the same where the weights alone don't fit."""
    assert fit(Workload(None, None, None, None), card_gb=80, count=8).fit is Fit.UNKNOWN
    assert fit(Workload(10**9, None, None, None), card_gb=80, count=1).fit is Fit.UNKNOWN
    too_large = fit(Workload(10**12, None, None, None), card_gb=80, count=1)
    assert too_large.fit is Fit.TOO_SMALL
    assert too_large.missing > 900 * 10**9
