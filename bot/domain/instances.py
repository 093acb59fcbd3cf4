"""Instance options: ids, how people write them, and prices."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from enum import StrEnum
from types import MappingProxyType
from typing import Self

TIMES = "\N{MULTIPLICATION SIGN}"
ID_PREFIX = "id:"
"""Marks an instance option id where a count and a GPU are usual."""
LONGEST_ID = 36
# Longer texts are cut before they are parsed and quoted.
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU model."""

    name: str
    api_name: str
    memory_gb: int

    def matches(self, gpu_type: str) -> bool:
        """Whether the API's spelling of a GPU type is this model.

        Only the model's own token is compared, so "NVIDIA A100 80GB", "A100" and
        "nvidia-a100-sxm4-80gb" are all A100, and "GH200" is not H200.
        """
        read = gpu_type[:_LONGEST]
        return bool(re.search(rf"(?<![a-z0-9]){self.name}(?![0-9])", read, re.IGNORECASE))


@dataclass(frozen=True, slots=True)
class InstanceOption:
    """The machine of one replica; `id` is the API's `instanceOptionId`."""

    id: str
    gpu: Gpu
    count: int

    @property
    def key(self) -> str:
        """As people type it and `parse` accepts it, such as "2xH100"."""
        return f"{self.count}x{self.gpu.name}"

    @property
    def label(self) -> str:
        return f"{self.count} {TIMES} {self.gpu.name}"

    @property
    def memory_gb(self) -> int:
        return self.gpu.memory_gb * self.count


@dataclass(frozen=True, slots=True)
class UnlistedInstance:
    """An instance option missing in the table below: only its id is known."""

    id: str

    @property
    def key(self) -> str:
        """As `parse_any` accepts it, such as "id:TwD5AqnBSVN0"."""
        return f"{ID_PREFIX}{self.id}"

    @property
    def label(self) -> str:
        return f"instance {self.id}"


AnyInstance = InstanceOption | UnlistedInstance

A100 = Gpu("A100", "NVIDIA A100 80GB", 80)
H100 = Gpu("H100", "NVIDIA H100", 80)
H200 = Gpu("H200", "NVIDIA H200", 141)
B200 = Gpu("B200", "NVIDIA B200", 180)

GPUS = (A100, H100, H200, B200)
COUNTS = (1, 2, 4, 8)

# Ids as listed under `instanceOptionId` in Friendli's OpenAPI document.
INSTANCE_OPTIONS: tuple[InstanceOption, ...] = (
    InstanceOption("ShbPuOs4tfGb", A100, 1),
    InstanceOption("mrAHuYt7T40o", A100, 2),
    InstanceOption("JkNob0NMdoF3", A100, 4),
    InstanceOption("sYH4kHmAcA5P", A100, 8),
    InstanceOption("TwD5AqnBSVN0", H100, 1),
    InstanceOption("zfTutSiLn0Hq", H100, 2),
    InstanceOption("lfkRz5G48REc", H100, 4),
    InstanceOption("GUA4qYFmsYz8", H100, 8),
    InstanceOption("LnK1wTaKc7WO", H200, 1),
    InstanceOption("Tu6GjBnfHPe4", H200, 2),
    InstanceOption("OhTzYtZuomzI", H200, 4),
    InstanceOption("ahBzWtOuomsI", H200, 8),
    InstanceOption("8GiQTLKfJNOr", B200, 1),
    InstanceOption("brTZGIuYgVrs", B200, 2),
    InstanceOption("AFoZMFXZnAdD", B200, 4),
    InstanceOption("drbc6G9FxJWZ", B200, 8),
)

_BY_ID = {option.id: option for option in INSTANCE_OPTIONS}
_BY_SHAPE = {(option.gpu.name, option.count): option for option in INSTANCE_OPTIONS}
_GPU_BY_NAME = {gpu.name: gpu for gpu in GPUS}


def by_id(option_id: str) -> InstanceOption | None:
    return _BY_ID.get(option_id)


def by_shape(gpu: str, count: int) -> InstanceOption | None:
    return _BY_SHAPE.get((gpu, count))


def instance(option_id: str) -> AnyInstance:
    """The option with this `instanceOptionId`, maybe an unlisted one."""
    return by_id(option_id) or UnlistedInstance(option_id)


def next_larger(option: InstanceOption) -> InstanceOption | None:
    """The option with the least memory above this one's, or None for the largest.

    Among equals, the one with the same GPU, else the first in the table.
    """
    larger = [other for other in INSTANCE_OPTIONS if other.memory_gb > option.memory_gb]
    return min(larger, key=lambda other: (other.memory_gb, other.gpu != option.gpu), default=None)


class Part(StrEnum):
    """The unknown part of a typed instance."""

    GPU = "gpu"
    COUNT = "count"
    ID = "id"


class UnknownInstanceError(ValueError):
    """Text that names no instance option.

    Attributes:
        given: That part as typed; may be empty.
        nearest: The option that was probably meant, or None.
    """

    def __init__(self, part: Part, given: str, nearest: InstanceOption | None) -> None:
        self.part = part
        self.given = given
        self.nearest = nearest
        super().__init__(f"unknown {part.value}: {given!r}")


# Six digits are more than any count, and int() refuses thousands of them. After the model three
# are the most: in "RTX4090" the rest is no count.
_COUNT_FIRST = re.compile(
    rf"(?P<count>[0-9]{{1,6}})\s*(?:[x{TIMES}*]\s*|\s)(?P<gpu>.+)", re.IGNORECASE
)
_GPU_FIRST = re.compile(
    rf"(?P<gpu>.+?)(?:\s*[x{TIMES}:*]\s*|\s+)(?P<count>[0-9]{{1,3}})", re.IGNORECASE
)


def parse(text: str) -> InstanceOption:
    """Parse an instance option as a person types it.

    Accepted in any case, with any spaces: "2xH100", "2 H100", "H100x2", "H100:2" and "H100" (one
    GPU); each also with a multiplication sign or "*" as the x, with "NVIDIA" before the model and
    with its memory ("80GB") after it. So is an instance option id.

    Raises:
        UnknownInstanceError: The GPU or the count is none of the table's.
    """
    text = text.strip()[:_LONGEST]
    if option := by_id(text):
        return option
    form = _COUNT_FIRST.fullmatch(text) or _GPU_FIRST.fullmatch(text)
    name, count = (form["gpu"].strip(), int(form["count"])) if form else (text, 1)
    gpu = _gpu(name)
    nearest_count = min(COUNTS, key=lambda known: (abs(known - count), -known))
    if gpu is None:
        close = get_close_matches(_bare(name)[:40], _GPU_BY_NAME, n=1)
        nearest = _BY_SHAPE[close[0], nearest_count] if close else None
        raise UnknownInstanceError(Part.GPU, name, nearest)
    if count not in COUNTS:
        raise UnknownInstanceError(Part.COUNT, str(count), _BY_SHAPE[gpu.name, nearest_count])
    return _BY_SHAPE[gpu.name, count]


def parse_any(text: str) -> AnyInstance:
    """Parse as `parse`, or any instance option id with "id:" before it."""
    if not text.strip().lower().startswith(ID_PREFIX):
        return parse(text)
    option_id = text.strip()[len(ID_PREFIX) :].strip()
    if not re.fullmatch(rf"[A-Za-z0-9_-]{{1,{LONGEST_ID}}}", option_id):
        raise UnknownInstanceError(Part.ID, option_id, None)
    return instance(option_id)


def _bare(name: str) -> str:
    """The model's name alone: "nvidia a100 80gb" → "A100 80GB"."""
    return re.sub(r"^NVIDIA[\s_-]*", "", name.upper())


def _gpu(name: str) -> Gpu | None:
    model, *memory = re.split(r"[\s_-]+", _bare(name), maxsplit=1)
    gpu = _GPU_BY_NAME.get(model)
    if gpu is None or (memory and memory[0].replace(" ", "") != f"{gpu.memory_gb}GB"):
        return None
    return gpu


class PriceOverrideError(ValueError):
    """An invalid price setting; the message says what to write instead."""


@dataclass(frozen=True, slots=True)
class Prices:
    """Dollars per GPU-hour, billed per second.

    Attributes:
        per_gpu_hour: GPU name → dollars.
        overridden: Names of GPUs with the operator's price.
    """

    published: date
    in_force_since: date
    # Left out of the hash, which mappings lack, so that prices can be a cache's key.
    per_gpu_hour: Mapping[str, Decimal] = field(hash=False)
    overridden: frozenset[str] = frozenset()

    def per_hour(self, option: InstanceOption) -> Decimal:
        return self.per_gpu_hour[option.gpu.name] * option.count

    def override(self, setting: str) -> Self:
        """These prices with those of a setting such as "H100=4.5,B200=8".

        Raises:
            PriceOverrideError: A part is not GPU=DOLLARS, the GPU is unknown or named twice, or
                the price is not a number from 0 up.
        """
        chosen: dict[str, Decimal] = {}
        for part in filter(None, (piece.strip() for piece in setting.split(","))):
            typed_name, equals, typed_price = (piece.strip() for piece in part.partition("="))
            if not equals:
                raise PriceOverrideError(f"{part!r} is not GPU=DOLLARS, such as H100=4.5")
            gpu = _gpu(typed_name)
            if gpu is None:
                known = ", ".join(_GPU_BY_NAME)
                raise PriceOverrideError(f"no GPU is called {typed_name!r}; known are {known}")
            if gpu.name in chosen:
                raise PriceOverrideError(f"{gpu.name} has two prices")
            chosen[gpu.name] = _dollars(typed_price, gpu)
        return replace(
            self,
            per_gpu_hour=MappingProxyType({**self.per_gpu_hour, **chosen}),
            overridden=self.overridden | frozenset(chosen),
        )


def _dollars(typed: str, gpu: Gpu) -> Decimal:
    try:
        price = Decimal(typed.removeprefix("$"))
    except InvalidOperation:
        price = Decimal("NaN")
    if not price.is_finite() or price < 0:
        raise PriceOverrideError(
            f"the price of {gpu.name} is {typed!r}; it must be dollars per GPU-hour, such as 4.5"
        )
    return price


PUBLISHED_PRICES = Prices(
    published=date(2026, 9, 20),
    in_force_since=date(2026, 10, 1),
    per_gpu_hour=MappingProxyType(
        {
            "A100": Decimal("4.0"),
            "H100": Decimal("5.0"),
            "H200": Decimal("7.0"),
            "B200": Decimal("9.0"),
        }
    ),
)
