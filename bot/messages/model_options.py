"""The options of the model field: what was typed, this channel's recent models, the Hub's."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from urllib.parse import quote

from bot.domain.model_facts import ModelSummary
from bot.domain.recent_model import RecentModel
from bot.domain.request.hub_names import read_model, repo_fault
from bot.domain.text import clip
from bot.messages.blocks import Block, option
from bot.messages.model_words import count_text

_MOST = 100
_VALUE = 150
_TEXT = 75
_AS_TYPED = "As typed"


def chosen(model: str) -> Block | None:
    """The option of a model that the form is filled in with; None for a blank one."""
    value = carried(model)
    return option(clip(value, _TEXT), value) if value.strip() else None


def carried(model: str) -> str:
    """A model as an option's value, which is shorter than some pages' addresses."""
    if len(model) <= _VALUE:
        return model
    named = read_model(model)
    if named.repo is None:
        return model[:_VALUE]
    page = f"hf.co/{named.repo}/tree/{quote(named.revision or '', safe='')}"
    return page if named.revision and len(page) <= _VALUE else named.repo[:_VALUE]


def options(
    typed: str, recent: Sequence[RecentModel], found: Sequence[ModelSummary], now: datetime
) -> list[Block]:
    """At most 100, each model once; what was typed is always among them.

    A whole name or address comes first, and words that no model is called last.
    """
    words = typed.casefold().split()
    typed_repo = read_model(typed).repo or ""
    is_whole = repo_fault(typed_repo) is None
    offered: dict[str, Block] = {}
    for repo, made in _known(words, typed_repo, recent, found, now):
        if repo.casefold() not in offered and len(repo) <= _VALUE:
            offered[repo.casefold()] = made
    exact = offered.pop(typed_repo.casefold(), None) if is_whole else None
    others = list(offered.values())[: _MOST - 1]
    if not typed:
        return others
    if exact is not None and typed_repo == typed:
        return [exact, *others]
    mine = option(clip(typed, _TEXT), carried(typed), _AS_TYPED)
    return [mine, *others] if is_whole else [*others, mine]


def _known(
    words: Sequence[str],
    typed_repo: str,
    recent: Sequence[RecentModel],
    found: Sequence[ModelSummary],
    now: datetime,
) -> Iterator[tuple[str, Block]]:
    for model in recent:
        name = model.repo.casefold()
        if name == typed_repo.casefold() or all(word in name for word in words):
            said = " · ".join(filter(None, (model.standing(now), model.instance)))
            yield model.repo, option(model.repo, model.repo, f"Here: {said}")
    for hit in found:
        yield hit.repo, option(hit.repo, hit.repo, _described(hit))


def _described(model: ModelSummary) -> str:
    parts = [f"{count_text(model.parameters)} parameters" if model.parameters else ""]
    parts.append("gated" if model.gated else "")
    parts.append(model.pipeline or model.library or "")
    parts.append(f"{count_text(model.downloads)} downloads" if model.downloads else "")
    return clip(" · ".join(filter(None, parts)), _TEXT)
