from dataclasses import FrozenInstanceError
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.instances import (
    A100,
    B200,
    GPUS,
    H100,
    H200,
    INSTANCE_OPTIONS,
    PUBLISHED_PRICES,
    Gpu,
    InstanceOption,
    Part,
    PriceOverrideError,
    UnknownInstanceError,
    by_id,
    next_larger,
    parse,
)

MULTIPLIED = "2\N{MULTIPLICATION SIGN}h100"


def test_the_table_holds_the_documented_options() -> None:
    """All 16 options have their documented id, GPU model and count."""
    assert {option.id: (option.count, option.gpu.api_name) for option in INSTANCE_OPTIONS} == {
        "ShbPuOs4tfGb": (1, "NVIDIA A100 80GB"),
        "mrAHuYt7T40o": (2, "NVIDIA A100 80GB"),
        "JkNob0NMdoF3": (4, "NVIDIA A100 80GB"),
        "sYH4kHmAcA5P": (8, "NVIDIA A100 80GB"),
        "TwD5AqnBSVN0": (1, "NVIDIA H100"),
        "zfTutSiLn0Hq": (2, "NVIDIA H100"),
        "lfkRz5G48REc": (4, "NVIDIA H100"),
        "GUA4qYFmsYz8": (8, "NVIDIA H100"),
        "LnK1wTaKc7WO": (1, "NVIDIA H200"),
        "Tu6GjBnfHPe4": (2, "NVIDIA H200"),
        "OhTzYtZuomzI": (4, "NVIDIA H200"),
        "ahBzWtOuomsI": (8, "NVIDIA H200"),
        "8GiQTLKfJNOr": (1, "NVIDIA B200"),
        "brTZGIuYgVrs": (2, "NVIDIA B200"),
        "AFoZMFXZnAdD": (4, "NVIDIA B200"),
        "drbc6G9FxJWZ": (8, "NVIDIA B200"),
    }


def test_every_gpu_has_its_memory() -> None:
    """Memory per GPU is the published figure, in GB."""
    assert {gpu.name: gpu.memory_gb for gpu in GPUS} == {
        "A100": 80,
        "H100": 80,
        "H200": 141,
        "B200": 180,
    }


def test_an_option_names_itself() -> None:
    """Key, label and total memory follow from GPU and count."""
    option = by_id("Tu6GjBnfHPe4")
    assert option is not None
    assert (option.key, option.label, option.memory_gb) == (
        "2xH200",
        "2 \N{MULTIPLICATION SIGN} H200",
        282,
    )


def test_an_unknown_id_is_no_option() -> None:
    """An id that Friendli adds later is not taken for another."""
    assert by_id("NEWoptionID1") is None


def test_the_table_can_not_be_changed() -> None:
    """GPUs and options are values."""
    with pytest.raises(FrozenInstanceError):
        H100.name = "H101"  # type: ignore[misc]  # the assignment that must fail


@pytest.mark.parametrize(
    ("gpu", "gpu_type"),
    [
        (A100, "NVIDIA A100 80GB"),
        (A100, "A100"),
        (A100, "nvidia-a100-sxm4-80gb"),
        (A100, "NVIDIA_A100_80GB"),
        (H100, "NVIDIA H100"),
        (H100, "NVIDIA H100 80GB HBM3"),
        (H100, "H100SXM"),
        (H200, "NVIDIA H200"),
        (B200, "nvidia b200"),
    ],
)
def test_a_gpu_is_recognized_in_the_spellings_of_the_api(gpu: Gpu, gpu_type: str) -> None:
    """Each spelling matches its own model and no other."""
    assert [known for known in GPUS if known.matches(gpu_type)] == [gpu]


@pytest.mark.parametrize(
    "gpu_type", ["", "NVIDIA", "GH200", "GB200", "H1000", "A10", "NVIDIA L40S"]
)
def test_another_gpu_is_not_recognized(gpu_type: str) -> None:
    """A GPU that isn't in the table matches none that is."""
    assert not any(known.matches(gpu_type) for known in GPUS)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("2xH100", "2xH100"),
        (MULTIPLIED, "2xH100"),
        ("2 \N{MULTIPLICATION SIGN} H100", "2xH100"),
        ("2 x H100", "2xH100"),
        ("2XH100", "2xH100"),
        ("2*h100", "2xH100"),
        ("  2 h100 ", "2xH100"),
        ("h100x2", "2xH100"),
        ("H100 x 2", "2xH100"),
        ("H100 2", "2xH100"),
        ("h100:2", "2xH100"),
        ("nvidia h100:2", "2xH100"),
        ("H100", "1xH100"),
        ("h200", "1xH200"),
        ("8xB200", "8xB200"),
        ("A100 80GB", "1xA100"),
        ("A100-80GB", "1xA100"),
        ("4x NVIDIA A100 80GB", "4xA100"),
        ("1x NVIDIA H100", "1xH100"),
        ("zfTutSiLn0Hq", "2xH100"),
    ],
)
def test_an_instance_is_read_as_people_write_it(text: str, key: str) -> None:
    """All unambiguous ways to write an option lead to it."""
    assert parse(text).key == key


@pytest.mark.parametrize("option", INSTANCE_OPTIONS, ids=lambda option: option.key)
def test_every_option_is_read_back_from_its_own_names(option: InstanceOption) -> None:
    """Key, label, id and the API's label of each option are read as that option."""
    spellings = (option.key, option.label, option.id, f"{option.count}x {option.gpu.api_name}")
    assert [parse(text) for text in spellings] == [option] * 4


@pytest.mark.parametrize(
    ("text", "part", "given_part", "nearest"),
    [
        ("h10", Part.GPU, "h10", "1xH100"),
        ("2xH10", Part.GPU, "H10", "2xH100"),
        ("3xH10", Part.GPU, "H10", "4xH100"),
        ("4xB20", Part.GPU, "B20", "4xB200"),
        ("A100 40GB", Part.GPU, "A100 40GB", "1xA100"),
        ("rtx4090", Part.GPU, "rtx4090", None),
        ("tpu", Part.GPU, "tpu", None),
        ("", Part.GPU, "", None),
        ("3xH100", Part.COUNT, "3", "4xH100"),
        ("0xH100", Part.COUNT, "0", "1xH100"),
        ("16xH100", Part.COUNT, "16", "8xH100"),
        ("H200:5", Part.COUNT, "5", "4xH200"),
    ],
)
def test_a_slip_is_told_with_the_nearest_choice(
    text: str, part: Part, given_part: str, nearest: str | None
) -> None:
    """The error says which part is unknown, as it was typed, and what was likely meant."""
    with pytest.raises(UnknownInstanceError) as caught:
        parse(text)
    assert caught.value.part is part
    assert caught.value.given == given_part
    assert (caught.value.nearest.key if caught.value.nearest else None) == nearest


@given(st.text() | st.from_regex(r"[0-9]{0,9}\s?[xX:*]?\s?[ABH]?[0-9]{0,9}", fullmatch=True))
def test_any_text_is_an_option_or_a_slip(text: str) -> None:
    """No text makes parsing fail in another way."""
    try:
        meant: InstanceOption | None = parse(text)
    except UnknownInstanceError as error:
        meant = error.nearest
    assert meant is None or meant in INSTANCE_OPTIONS


@pytest.mark.parametrize(
    ("key", "larger"),
    [
        ("1xA100", "1xH200"),
        ("1xH100", "1xH200"),
        ("1xH200", "2xA100"),
        ("1xB200", "2xH200"),
        ("2xH100", "1xB200"),
        ("4xH100", "2xB200"),
        ("8xH200", "8xB200"),
        ("8xB200", None),
    ],
)
def test_the_next_larger_option_is_the_least_that_has_more_memory(
    key: str, larger: str | None
) -> None:
    """The next larger option has more memory, as little more as possible."""
    option = next_larger(parse(key))
    assert (option.key if option else None) == larger


def test_prices_are_the_published_ones() -> None:
    """The table holds dollars per GPU-hour, with the days that it was published and took effect."""
    assert PUBLISHED_PRICES.published == date(2026, 9, 20)
    assert PUBLISHED_PRICES.in_force_since == date(2026, 10, 1)
    assert {
        key: PUBLISHED_PRICES.per_hour(parse(key))
        for key in ("1xA100", "2xA100", "1xH100", "8xH100", "4xH200", "8xB200")
    } == {
        "1xA100": Decimal(4),
        "2xA100": Decimal(8),
        "1xH100": Decimal(5),
        "8xH100": Decimal(40),
        "4xH200": Decimal(28),
        "8xB200": Decimal(72),
    }


def test_every_option_has_a_price() -> None:
    """No option is free or unpriced."""
    assert all(PUBLISHED_PRICES.per_hour(option) > 0 for option in INSTANCE_OPTIONS)


def test_an_operator_can_override_prices() -> None:
    """The setting replaces the named prices, keeps the others, and leaves the table as it was."""
    prices = PUBLISHED_PRICES.override("H100=4.5, b200 = $8")
    assert prices.per_hour(parse("2xH100")) == Decimal("9.0")
    assert prices.per_hour(parse("1xB200")) == Decimal(8)
    assert prices.per_hour(parse("1xA100")) == Decimal(4)
    assert prices.overridden == {"H100", "B200"}
    assert PUBLISHED_PRICES.per_hour(parse("1xH100")) == Decimal(5)
    assert PUBLISHED_PRICES.override("") == PUBLISHED_PRICES


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("H100", "'H100' is not GPU=DOLLARS, such as H100=4.5"),
        ("H10=4", "no GPU is called 'H10'; known are A100, H100, H200, B200"),
        ("=4", "no GPU is called ''; known are A100, H100, H200, B200"),
        ("H100=4,h100=5", "H100 has two prices"),
        (
            "H100=cheap",
            "the price of H100 is 'cheap'; it must be dollars per GPU-hour, such as 4.5",
        ),
        ("H100=-1", "the price of H100 is '-1'; it must be dollars per GPU-hour, such as 4.5"),
        ("H100=inf", "the price of H100 is 'inf'; it must be dollars per GPU-hour, such as 4.5"),
        ("H100=nan", "the price of H100 is 'nan'; it must be dollars per GPU-hour, such as 4.5"),
        ("H100=", "the price of H100 is ''; it must be dollars per GPU-hour, such as 4.5"),
    ],
)
def test_a_price_setting_that_can_not_be_read_is_explained(setting: str, message: str) -> None:
    """The error says which part is wrong and what belongs there."""
    with pytest.raises(PriceOverrideError) as caught:
        PUBLISHED_PRICES.override(setting)
    assert str(caught.value) == message
