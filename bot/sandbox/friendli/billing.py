"""The cost operation: GPU time of running replicas, in daily buckets."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

from bot.sandbox.friendli.endpoint import Endpoint
from bot.sandbox.friendli.errors import invalid
from bot.sandbox.friendli.models import CostBucket, CostQuery, CostResponse, CostResult
from bot.sandbox.friendli.paging import page
from bot.sandbox.friendli.timeline import Replicas

DAY = timedelta(days=1)
_MICRO = Decimal("0.000001")


def cost(endpoints: Sequence[Endpoint], query: CostQuery, now: datetime) -> CostResponse:
    """Handle the cost operation for the endpoints of one team; the future isn't charged yet.

    Raises:
        ApiError: 422 if a time is not midnight UTC or out of bounds, 400 for a wrong page.
    """
    start, end = _bounds(query, now)
    days = [(number, start + number * DAY) for number in range((end - start).days)]
    scope = f"cost {start:%F} {end:%F} {query.group_by}"
    shown, next_page = page(days, cursor=query.page, limit=query.limit, scope=scope)
    buckets = [
        CostBucket(
            start_time=day,
            end_time=day + DAY,
            results=_results(endpoints, day, min(day + DAY, now), grouped=bool(query.group_by)),
        )
        for day in shown
    ]
    return CostResponse(has_more=next_page is not None, next_page=next_page, data=buckets)


def dollars(endpoint: Endpoint, start: datetime, end: datetime) -> Decimal:
    spans = endpoint.timeline.spans(start, end)
    return sum((_gpu_hours(up, s) * up.instance.cents / 100 for up, s in spans), Decimal(0))


def _results(
    endpoints: Iterable[Endpoint], start: datetime, end: datetime, *, grouped: bool
) -> list[CostResult]:
    if not grouped:
        total = sum((dollars(endpoint, start, end) for endpoint in endpoints), Decimal(0))
        return [CostResult(total=_decimal(total))] if total else []
    return [
        line
        for endpoint in endpoints
        for line in _lines(endpoint.id, endpoint.timeline.spans(start, end))
    ]


def _lines(endpoint_id: str, spans: Iterable[tuple[Replicas, float]]) -> Iterable[CostResult]:
    hours: dict[tuple[str, int], Decimal] = {}
    for up, seconds in spans:
        price = (up.instance.gpu_type, up.instance.cents)
        hours[price] = hours.get(price, Decimal(0)) + _gpu_hours(up, seconds)
    for (gpu_type, cents), quantity in hours.items():
        yield CostResult(
            total=_decimal(quantity * cents / 100),
            quantity=_decimal(quantity),
            unit_price=str(cents),
            line_item=f"{endpoint_id}, {gpu_type}, gpu time cost",
        )


def _gpu_hours(up: Replicas, seconds: float) -> Decimal:
    return Decimal(str(seconds)) * up.count * up.instance.gpus / 3600


def _decimal(number: Decimal) -> str:
    return f"{number.quantize(_MICRO):f}"


def _bounds(query: CostQuery, now: datetime) -> tuple[datetime, datetime]:
    start = _midnight("start_time", query.start_time)
    end = _midnight("end_time", query.end_time)
    today = datetime.combine(now.date(), time(), UTC)
    if start < today - timedelta(days=365):
        raise invalid(["query", "start_time"], "start_time must not be more than a year ago")
    if end > today + DAY:
        raise invalid(
            ["query", "end_time"], "end_time must not be later than midnight UTC of the next day"
        )
    if end <= start:
        raise invalid(["query", "end_time"], "end_time must be later than start_time")
    return start, end


def _midnight(name: str, moment: datetime) -> datetime:
    if moment.utcoffset() != timedelta(0) or moment.timetz().replace(tzinfo=None) != time():
        raise invalid(["query", name], f"{name} must be midnight in UTC")
    return moment.astimezone(UTC)
