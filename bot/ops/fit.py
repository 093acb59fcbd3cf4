"""`friendli-deploy fit`: which instance options a model fits, without Slack or Friendli."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum
from io import StringIO
from typing import Any

from rich.console import Console
from rich.table import Table

from bot.config import HubSettings
from bot.domain.fit import DEFAULT_CONTEXT, GB, Fit, FitResult, Workload, fit
from bot.domain.instances import INSTANCE_OPTIONS, InstanceOption, Prices
from bot.domain.kv_cache import KvCache, UnknownAttentionError, decoder_config, heads_of, kv_cache
from bot.domain.preflight import is_quantized, preflight
from bot.domain.weights import INDEX, RepoFiles, loaded_bytes
from bot.hub.client import HubClient, HubError, HubForbiddenError, HubNotFoundError
from bot.hub.schemas import JsonObject, ModelInfo

_HOURS_PER_MONTH = 730
_QUANTIZATION = "hf_quant_config.json"
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
    warnings: tuple[str, ...]
    answers: tuple[tuple[InstanceOption, FitResult], ...]
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
        result = await _examine(hub, question, settings.prices)
    say(json.dumps(result.to_json(), indent=2) if as_json else _table(result))
    return result.exit_code


async def _examine(hub: HubClient, question: FitQuery, prices: Prices) -> FitReport:
    unknown = Workload(None, None, None, None, question.context or DEFAULT_CONTEXT, question.batch)
    try:
        info = await hub.model(question.model, question.revision)
    except HubNotFoundError as error:
        return _result(question, None, unknown, prices, blocked=f"{_sentence(error)}")
    except HubError as error:
        return _result(question, None, unknown, prices, warnings=(_sentence(error),))
    files = RepoFiles(
        {file.path: file.size for file in info.siblings},
        parameters=info.safetensors.parameters if info.safetensors else {},
    )
    found = preflight(files, gated=info.gated, private=info.private)
    if found.blocked is not None:
        return _result(
            question, info, unknown, prices, blocked=found.blocked, warnings=tuple(found.warnings)
        )
    warnings = list(found.warnings)
    try:
        config = await hub.config(question.model, info.sha)
        beside = await _beside(hub, question.model, info)
        if INDEX in files.sizes:
            index = await hub.weight_index(question.model, info.sha, INDEX)
            files = replace(files, indexed=tuple(set(index.weight_map.values())))
            found = preflight(files, gated=info.gated, private=info.private)
    except HubForbiddenError:
        warnings.append(
            "Its config can't be read with this token: set HF_TOKEN of an account with access."
        )
        load = replace(unknown, weights=loaded_bytes(files))
        return _result(question, info, load, prices, warnings=tuple(warnings))
    except HubError as error:
        warnings.append(_sentence(error))
        load = replace(unknown, weights=loaded_bytes(files))
        return _result(question, info, load, prices, warnings=tuple(warnings))
    files = replace(files, quantized=is_quantized(config, beside=beside))
    load = _load(question, files, config, beside, warnings)
    return _result(question, info, load, prices, blocked=found.blocked, warnings=tuple(warnings))


async def _beside(hub: HubClient, model: str, info: ModelInfo) -> JsonObject | None:
    if not any(file.path == _QUANTIZATION for file in info.siblings):
        return None
    return await hub.json_file(model, info.sha, _QUANTIZATION)


def _load(
    question: FitQuery,
    files: RepoFiles,
    config: JsonObject,
    beside: JsonObject | None,
    warnings: list[str],
) -> Workload:
    text = decoder_config(config)
    longest = text.get("max_position_embeddings")
    context = question.context or DEFAULT_CONTEXT
    if isinstance(longest, int) and 0 < longest < context:
        if question.context is not None:
            warnings.append(f"The model's context ends at {longest} tokens.")
        context = longest
    cache: KvCache | None = None
    try:
        cache = kv_cache(config, beside)
    except (UnknownAttentionError, TypeError, ValueError) as error:
        why = str(error) if isinstance(error, UnknownAttentionError) else "an unusual config"
        warnings.append(f"Memory per request is unknown: {why}.")
    weights = loaded_bytes(files)
    if weights is None:
        warnings.append("The Hub doesn't tell the size of its weights.")
    hidden = text.get("hidden_size", text.get("d_model"))
    return Workload(
        weights,
        cache,
        hidden if isinstance(hidden, int) else None,
        heads_of(config),
        context,
        question.batch,
    )


def _result(
    question: FitQuery,
    info: ModelInfo | None,
    load: Workload,
    prices: Prices,
    *,
    blocked: str | None = None,
    warnings: tuple[str, ...] = (),
) -> FitReport:
    options = INSTANCE_OPTIONS if question.option is None else (question.option,)
    answers = tuple(
        (each, fit(load, card_gb=each.gpu.memory_gb, count=each.count)) for each in options
    )
    commit = None if info is None else info.sha
    return FitReport(question.model, commit, load, blocked, warnings, answers, prices)


def _sentence(error: HubError) -> str:
    text = str(error)
    return f"{text[0].upper()}{text[1:]}."


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
            f"{price * _HOURS_PER_MONTH:,.0f}",
        )
    out = StringIO()
    Console(file=out, width=100, color_system=None).print(table)
    return "\n".join([*lines, out.getvalue().rstrip()])
