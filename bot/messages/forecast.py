"""What a deployment will cost and how long its start usually takes, before the click."""

from datetime import datetime, timedelta
from decimal import Decimal

from bot.domain.cost_forecast import CostForecast, monthly
from bot.domain.phase_times import UsualTime
from bot.messages.markup import duration, moment, money

_DAY = timedelta(days=1)
_DASH = "\N{EN DASH}"
_MINUTE, _HOUR = 60, 3600
PRICE_UNKNOWN = "Price unknown"


def before_click(
    forecast: CostForecast,
    *,
    present: datetime,
    usual: UsualTime | None = None,
    approval: str = "",
) -> str:
    """One line of mrkdwn, such as "*$10.00/h* while live ($7,300/month) · about $80.00 by 18:42".

    Args:
        usual: From the start to serving.
        approval: When a second person has to agree, such as "prod needs approval above $8.00/h".
    """
    parts = [price(forecast), total(forecast, present), live_in(usual), approval]
    return " · ".join(part for part in parts if part)


def price(forecast: CostForecast) -> str:
    """Per hour and month, at minimum and maximum scale, and asleep."""
    least, most = forecast.hourly_least, forecast.hourly_most
    if least is None:
        return PRICE_UNKNOWN
    asleep = f", {money(Decimal(0))} asleep" if forecast.sleeps else ""
    if most is None:
        return f"*{money(least)}* per replica while live; Friendli decides how many"
    count = (
        f" for {forecast.most} replicas" if forecast.is_fixed and (forecast.most or 0) > 1 else ""
    )
    per_month = f"{_dollars(monthly(least))}/month"
    per_hour = money(least)
    if most > least:
        per_hour += _DASH + money(most)
        per_month = f"{_dollars(monthly(least))}{_DASH}{_dollars(monthly(most))}/month"
    return f"*{per_hour}*{count} while live ({per_month}){asleep}"


def total(forecast: CostForecast, present: datetime) -> str:
    """What its lifetime makes of it; '' if it has no end."""
    if forecast.at_most is None or forecast.lifetime_seconds is None:
        return ""
    ends = present + timedelta(seconds=forecast.lifetime_seconds)
    tokens = "{time}" if ends - present < _DAY else "{date_short} {time}"
    # Only fixed replicas surely run all the time.
    how = "about" if forecast.is_fixed else "at most"
    return f"{how} ${forecast.at_most:,.2f} by {moment(ends, tokens)}"


def to_approve(forecast: CostForecast, usual: UsualTime | None) -> list[str]:
    """Price, total and time of what waits for approval; its end isn't known before."""
    said = [price(forecast)]
    if forecast.lifetime_seconds is not None:
        lifetime = f"{duration(forecast.lifetime_seconds)} lifetime"
        at_most = forecast.at_most
        said.append(lifetime if at_most is None else f"{lifetime}: up to ${at_most:,.2f}")
    return [*said, *([live_in(usual)] if usual else [])]


def live_in(usual: UsualTime | None) -> str:
    """Such as "usually live in 4–6 min"; '' if unknown."""
    return "" if usual is None else f"usually live in {time_range(usual)}"


def time_range(usual: UsualTime) -> str:
    """From the median to the 90th percentile, such as "4–6 min" or "48 s–2 min"."""
    low, high = _rounded(usual.median), _rounded(usual.p90)
    if low == high:
        return " ".join(low)
    if low[1] == high[1]:
        return f"{low[0]}{_DASH}{high[0]} {high[1]}"
    return f"{' '.join(low)}{_DASH}{' '.join(high)}"


def _rounded(seconds: float) -> tuple[str, str]:
    if seconds < _MINUTE - 0.5:
        return f"{max(1, round(seconds))}", "s"
    if seconds < 90 * _MINUTE:
        return f"{round(seconds / _MINUTE)}", "min"
    return f"{seconds / _HOUR:.1f}".removesuffix(".0"), "h"


def _dollars(amount: Decimal) -> str:
    return f"${amount:,.0f}" if amount >= 1 or not amount else f"${amount:,.2f}"
