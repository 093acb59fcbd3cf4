"""`friendli-deploy fit`: which instance options a model fits, without Slack or Friendli."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from io import StringIO
from typing import Any

from rich.console import Console
from rich.table import Table

from bot.config import HubSettings
from bot.domain.cost_forecast import monthly
from bot.domain.fit import DEFAULT_CONTEXT, GB, Fit, FitResult, Workload, fit_of
from bot.domain.instances import INSTANCE_OPTIONS, InstanceOption, Prices
from bot.domain.model_facts import CheckedModel, MissingModel, ModelFacts, NotChecked
from bot.domain.preflight import missing
from bot.hub.client import HubClient
from bot.hub.inspection import inspect

_WORDS = {Fit.FITS: "fits", Fit.TIGHT: "tight", Fit.TOO_SMALL: "too small", Fit.UNKNOWN: "unknown"}


class ExitCode(IntEnum):
    """For scripts."""

    FITS = 0
    NOTHING_FITS = 1
    UNKNOWN = 2


@dataclass(frozen=True, slots=True)
class FitQuery:
    """A query.

    Attributes:
        model: The repo.
        context: Tokens of one request; None for 8,192, or the model's maximum if less.
        batch: Concurrent requests.
        option: Only this instance option; None for all.
    """

    model: str
    revision: str = "main"
    context: int | None = None
    batch: int = 1
    option: InstanceOption | None = None


@dataclass(frozen=True, slots=True)
class FitReport:
    """A model's properties, and how it fits each option."""

    model: str
    commit: str | None
    load: Workload
    blocked: str | None
    warnings: Sequence[str]
    answers: Sequence[tuple[InstanceOption, FitResult]]
    prices: Prices

    @property
    def exit_code(self) -> ExitCode:
        """0 when something fits, 1 when nothing does, 2 when it can't be known."""
        found = {answer.fit for _, answer in self.answers}
        if self.blocked is not None:
            return ExitCode.NOTHING_FITS
        if found & {Fit.FITS, Fit.TIGHT}:
            return ExitCode.FITS
        return ExitCode.UNKNOWN if Fit.UNKNOWN in found else ExitCode.NOTHING_FITS

    def to_json(self) -> dict[str, Any]:
        """The documented contract for other tools; `missing_bytes` and room are null if unknown."""
        cache = self.load.cache
        return {
            "model": self.model,
            "revision": self.commit,
            "weights_bytes": self.load.weights,
            "kv_bytes_per_token": None if cache is None else cache.bytes_per_token,
            "context": self.load.context,
            "batch": self.load.batch,
            "blocked": self.blocked,
            "warnings": list(self.warnings),
            "options": [
                {
                    "instance_option_id": option.id,
                    "gpu": option.gpu.name,
                    "count": option.count,
                    "fit": str(answer.fit),
                    "missing_bytes": None if answer.fit is Fit.UNKNOWN else answer.missing,
                    "room_requests": answer.room,
                    "price_per_hour": float(self.prices.per_hour(option)),
                }
                for option, answer in self.answers
            ],
        }


async def run_fit(
    settings: HubSettings, question: FitQuery, *, as_json: bool, say: Callable[[str], object]
) -> ExitCode:
    """Read the model from the Hub, print how it fits, and return the exit code."""
    async with HubClient(settings.hf_endpoint, settings.hf_token) as hub:
        checked = await inspect(hub, question.model, question.revision)
    result = _report(question, checked, settings.prices)
    say(json.dumps(result.to_json(), indent=2) if as_json else _table(result))
    return result.exit_code


def _report(question: FitQuery, checked: CheckedModel, prices: Prices) -> FitReport:
    load = Workload(None, None, None, None, question.context or DEFAULT_CONTEXT, question.batch)
    commit: str | None = None
    blocked: str | None = None
    warnings: list[str] = []
    match checked:
        case ModelFacts():
            commit, blocked, warnings = checked.commit, checked.blocked, list(checked.warnings)
            load = checked.workload(question.context, question.batch)
            if question.context is not None and load.context < question.context:
                warnings.append(f"The model's context ends at {load.context} tokens.")
        case MissingModel():
            blocked = missing(checked)
        case NotChecked():
            warnings.append(f"Not checked: {checked.why}.")
    options = INSTANCE_OPTIONS if question.option is None else (question.option,)
    answers = [(each, fit_of(load, each)) for each in options]
    return FitReport(question.model, commit, load, blocked, warnings, answers, prices)


def _table(result: FitReport) -> str:
    load = result.load
    weights = "unknown" if load.weights is None else f"{load.weights / GB:.1f} GB"
    cache = load.cache
    per_token = "unknown" if cache is None else f"{cache.bytes_per_token / 1024:.1f} KiB"
    requested = f"{load.batch} × {load.context} tokens"
    lines = [
        f"{result.model}@{(result.commit or 'unknown')[:7]}",
        f"weights {weights} · KV cache {per_token} per token · {requested}",
    ]
    lines += [f"! {warning}" for warning in result.warnings]
    if result.blocked is not None:
        return "\n".join([*lines, f"✗ Can't be served. {result.blocked}"])
    table = Table(box=None, pad_edge=False)
    for heading in ("instance", "fit", "room", "$/h", "$/month"):
        table.add_column(heading, justify="left" if heading in {"instance", "fit"} else "right")
    for option, answer in result.answers:
        price = result.prices.per_hour(option)
        table.add_row(
            option.label,
            f"{_WORDS[answer.fit]} by {answer.missing / GB:.0f} GB"
            if answer.missing
            else _WORDS[answer.fit],
            "" if answer.room is None or answer.missing else str(answer.room),
            f"{price:.2f}",
            f"{monthly(price):,.0f}",
        )
    out = StringIO()
    Console(file=out, width=100, color_system=None).print(table)
    return "\n".join([*lines, out.getvalue().rstrip()])
