"""Reads what decides whether a model can be served and where it fits."""

from collections.abc import Sequence
from dataclasses import replace

import structlog

from bot.domain import preflight
from bot.domain.kv_cache import KvCache, UnknownAttentionError, decoder_config, heads_of, kv_cache
from bot.domain.model_config import dtype_of, parameters_of, quantization_of
from bot.domain.model_facts import CheckedModel, MissingModel, ModelFacts, NotChecked
from bot.domain.weights import INDEX, RepoFiles, loaded_bytes, stored_bytes
from bot.hub.client import (
    HubClient,
    HubError,
    HubForbiddenError,
    HubNotFoundError,
    HubUnavailableError,
)
from bot.hub.schemas import JsonObject, ModelInfo

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

_UNREADABLE = "this bot's token may not; set HF_TOKEN of an account with access"
_QUANTIZATION = "hf_quant_config.json"
_CHAT = frozenset({"text-generation", "image-text-to-text", "any-to-any"})


async def inspect(hub: HubClient, repo: str, revision: str) -> CheckedModel:
    """Read a model at a branch, tag or commit. Whatever fails is part of the result."""
    try:
        info = await hub.model(repo, revision)
    except HubNotFoundError as error:
        return MissingModel(part=error.part, repo=repo, revision=revision)
    except HubForbiddenError:
        return NotChecked(why="the Hub lets this bot's token not read it")
    except HubError as error:
        log.info("model not checked", error=str(error))
        return NotChecked(why=str(error))
    return await _facts(hub, repo, info)


async def _facts(hub: HubClient, repo: str, info: ModelInfo) -> ModelFacts:
    counts = info.safetensors.parameters if info.safetensors else {}
    files = RepoFiles({file.path: file.size for file in info.siblings}, parameters=counts)
    warnings = [*preflight.access_warnings(info.gated, private=info.private)]
    facts = ModelFacts(
        repo=repo,
        commit=info.sha,
        gate=info.gated,
        private=info.private,
        pipeline=info.pipeline_tag,
        blocked=preflight.blocked(files),
        warnings=tuple(warnings),
    )
    if facts.blocked is not None:
        return facts
    try:
        config = await hub.config(repo, info.sha)
        beside = (
            await hub.json_file(repo, info.sha, _QUANTIZATION)
            if _QUANTIZATION in files.sizes
            else None
        )
        if INDEX in files.sizes:
            index = await hub.weight_index(repo, info.sha, INDEX)
            files = replace(files, indexed=tuple(set(index.weight_map.values())))
    except HubError as error:
        why = str(error) if isinstance(error, HubUnavailableError) else _UNREADABLE
        return facts.model_copy(
            update={
                "stored_bytes": stored_bytes(files),
                "weights": loaded_bytes(files),
                "warnings": (*warnings, f"Its config isn't read, so its fit is unknown: {why}."),
                "is_complete": False,
            }
        )
    quantization = quantization_of(config, beside)
    files = replace(files, quantized=quantization is not None)
    return _with_config(facts, info, files, config, beside, quantization)


def _with_config(
    facts: ModelFacts,
    info: ModelInfo,
    files: RepoFiles,
    config: JsonObject,
    beside: JsonObject | None,
    quantization: str | None,
) -> ModelFacts:
    cache, cache_unknown = _cache(config, beside)
    weights = loaded_bytes(files)
    text = decoder_config(config)
    has_template = preflight.has_template_file(files) or info.has_chat_template
    warnings = list(facts.warnings)
    if cache is None:
        warnings.append(f"Memory per request is unknown: {cache_unknown}.")
    if weights is None:
        warnings.append("The Hub doesn't list the size of its weights.")
    if has_template is False and (info.pipeline_tag in _CHAT or info.pipeline_tag is None):
        warnings.append("It has no chat template: chat requests fail, completions work.")
    architectures = config.get("architectures")
    named = architectures[0] if isinstance(architectures, Sequence) and architectures else None
    return facts.model_copy(
        update={
            "architecture": named[:100] if isinstance(named, str) else None,
            "parameters": parameters_of(config, beside, files.parameters),
            "stored_bytes": stored_bytes(files),
            "weights": weights,
            "dtype": dtype_of(config, files.parameters),
            "quantization": quantization,
            "longest_context": _positive(text.get("max_position_embeddings")),
            "has_chat_template": has_template,
            "cache": cache,
            "cache_unknown": cache_unknown,
            "hidden_size": _positive(text.get("hidden_size", text.get("d_model"))),
            "heads": heads_of(config),
            "blocked": preflight.blocked(files),
            "warnings": tuple(warnings),
        }
    )


def _cache(config: JsonObject, beside: JsonObject | None) -> tuple[KvCache | None, str]:
    try:
        return kv_cache(config, beside), ""
    except UnknownAttentionError as error:
        return None, str(error)
    except (TypeError, ValueError):
        return None, "an unusual config"


def _positive(value: object) -> int | None:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and isinstance(value, int) and 0 < value < 10**12 else None
