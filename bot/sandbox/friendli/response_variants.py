"""How the API may describe the same endpoint, within its reference.

The reference doesn't specify how a fixed replica count is shown, how precise times are or whose
clock they use; and a beta API may omit or add fields. `RESPONSE_VARIANTS` is the whole table.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from pydantic import JsonValue

Fields = dict[str, JsonValue]
Change = Callable[[Fields], Fields]

_TIMES = ("createdAt", "updatedAt")
_SEOUL = timezone(timedelta(hours=9))


def _same(fields: Fields) -> Fields:
    return fields


@dataclass(frozen=True, slots=True)
class ResponseVariant:
    """Changes to the wire's fields in responses about an endpoint.

    Attributes:
        spec: Applied to specs, also of earlier versions.
        status: Applied to statuses everywhere.
        listed: Applied to statuses in a list, after that.
        id_fields: Fields of the create response that carry the endpoint's id.
        new_id: Derives an endpoint's id from a plain one.
        is_recognizable: Whether an endpoint can be matched to its request.
        needs_its_answer: Whether that takes the create response.
    """

    description: str
    spec: Change = _same
    status: Change = _same
    listed: Change = _same
    id_fields: Sequence[str] = ()
    created_status: int = 200
    created_empty: bool = False
    spec_fails: bool = False
    neighbours: Mapping[str, JsonValue] | None = None
    new_id: Callable[[str], str] = str
    is_recognizable: bool = True
    needs_its_answer: bool = False


def _with(**changes: JsonValue) -> Change:
    return lambda fields: {**fields, **changes}


def _without(*names: str) -> Change:
    return lambda fields: {name: value for name, value in fields.items() if name not in names}


def _only(*names: str) -> Change:
    return lambda fields: {name: value for name, value in fields.items() if name in names}


def _times(change: Callable[[datetime], JsonValue]) -> Change:
    def changed(fields: Fields) -> Fields:
        moments = {
            name: change(datetime.fromisoformat(value))
            for name, value in fields.items()
            if name in _TIMES and isinstance(value, str)
        }
        return {**fields, **moments}

    return changed


def _shifted(seconds: float) -> Change:
    return _times(lambda at: (at + timedelta(seconds=seconds)).isoformat())


def _from_zero(fields: Fields) -> Fields:
    return {**fields, "autoscalingMin": 0}


def _all_gpus(fields: Fields) -> Fields:
    gpus, replicas = fields["numGpu"], fields["autoscalingMax"]
    if not (isinstance(gpus, int) and isinstance(replicas, int)):
        raise TypeError("the sandbox counts GPUs and replicas")
    return {**fields, "numGpu": gpus * replicas}


def _as_texts(fields: Fields) -> Fields:
    is_count = {name for name, value in fields.items() if type(value) is int}
    return {name: str(value) if name in is_count else value for name, value in fields.items()}


def _renamed(change: Callable[[str], str]) -> Change:
    return lambda fields: {**fields, "name": change(str(fields["name"]))}


RESPONSE_VARIANTS: dict[str, ResponseVariant] = {
    "published": ResponseVariant("As in the reference's examples."),
    "from-zero": ResponseVariant(
        "A fixed number of replicas shows as 0 to that number.", spec=_from_zero
    ),
    "null-scaling": ResponseVariant(
        "Bounds of replicas are null.",
        spec=_with(autoscalingMin=None, autoscalingMax=None, autoscalingCooldown=None),
    ),
    "null-gpu": ResponseVariant(
        "GPU type and number are null.", spec=_with(gpuType=None, numGpu=None)
    ),
    "usage-gpu": ResponseVariant(
        "GPU types are worded as in the usage API.", spec=_with(gpuType="h100")
    ),
    "new-gpu": ResponseVariant(
        "The GPU is called by a name that no table has.", spec=_with(gpuType="NVIDIA Hopper SXM")
    ),
    "all-gpus": ResponseVariant("The GPUs of all replicas are counted together.", spec=_all_gpus),
    "texts": ResponseVariant("Numbers are texts.", spec=_as_texts),
    "name-only": ResponseVariant("A spec has no field but the name.", spec=_only("name")),
    "more-fields": ResponseVariant(
        "Statuses and specs have fields that no reference lists.",
        spec=_with(labels={"team": "ml"}, zone=["a", 1]),
        status=_with(region={"name": "us"}, replicas=None),
    ),
    "whole-seconds": ResponseVariant(
        "Lists round times down to whole seconds.",
        listed=_times(lambda at: at.replace(microsecond=0).isoformat()),
    ),
    "listed-later": ResponseVariant(
        "Lists show times 20 ms after those of the create answer.", listed=_shifted(0.02)
    ),
    "behind": ResponseVariant("Times run 6 s behind the Date header.", status=_shifted(-6)),
    "offset": ResponseVariant(
        "Times are in Korea's zone.", status=_times(lambda at: at.astimezone(_SEOUL).isoformat())
    ),
    "epoch": ResponseVariant(
        "Times are seconds since 1970.", status=_times(lambda at: at.astimezone(UTC).timestamp())
    ),
    "no-times": ResponseVariant("Statuses have no times.", status=_without(*_TIMES)),
    "neighbours": ResponseVariant(
        "Lists have entries that make no sense.",
        neighbours={"": {}, "\x00": None, "dep-null": None, "dep-text": "RUNNING", "dep-list": []},
        id_fields=("id",),
    ),
    "odd-ids": ResponseVariant(
        "Ids have slashes, colons and capitals.", new_id=lambda id_: f"Endpoints/{id_}:V1"
    ),
    "uuids": ResponseVariant(
        "Ids are UUIDs.", new_id=lambda id_: str(uuid.uuid5(uuid.NAMESPACE_OID, id_))
    ),
    "id-in-answer": ResponseVariant(
        "The create answer has the endpoint's id, and specs have no name.",
        id_fields=("id",),
        created_status=201,
        spec=_with(name=None),
        needs_its_answer=True,
    ),
    "endpoint-id-in-answer": ResponseVariant(
        "The create answer has the endpoint's id, and specs can't be read.",
        id_fields=("endpointId",),
        created_status=202,
        spec_fails=True,
        needs_its_answer=True,
    ),
    "empty-answer": ResponseVariant(
        "The create answer has no body.", created_status=201, created_empty=True
    ),
    "no-name": ResponseVariant("Specs have no name.", spec=_with(name=None), is_recognizable=False),
    "normalized-name": ResponseVariant(
        "Names are in capitals, with underscores.",
        spec=_renamed(lambda name: name.upper().replace("-", "_")),
        is_recognizable=False,
    ),
    "other-name": ResponseVariant(
        "Names are replaced.", spec=_renamed(lambda _: "endpoint"), is_recognizable=False
    ),
    "no-specs": ResponseVariant(
        "Specs are answered with 500.", spec_fails=True, is_recognizable=False
    ),
}
"""By name; with those that are not recognizable, a person must choose the endpoint."""
