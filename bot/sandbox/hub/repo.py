"""A model's repo: files, refs and what the Hub derives from them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from pydantic import JsonValue

Gate: TypeAlias = Literal[False, "auto", "manual"]
Json: TypeAlias = dict[str, JsonValue]

INDEX = "model.safetensors.index.json"
# How `save_pretrained` cuts weights.
_SHARD_BYTES = 5_000_000_000
_REFS = ("main", "v1", "v1.0")


@dataclass(frozen=True, slots=True)
class File:
    """A file; `content` is None for weights and other large files, which aren't stored."""

    path: str
    size: int
    content: bytes | None = None

    @property
    def oid(self) -> str:
        return hashlib.sha1(f"{self.path} {self.size}".encode()).hexdigest()  # noqa: S324 - as Git

    @property
    def is_lfs(self) -> bool:
        return self.content is None


@dataclass(frozen=True, slots=True)
class Repo:
    """A repo.

    Attributes:
        refs: The commit of each branch and tag.
        parameters: Counts by dtype, as the Hub reads them from safetensors; empty if it has none.
        downloads: The sandbox's own number, for sorting.
    """

    id: str
    files: Sequence[File]
    refs: Mapping[str, str]
    gated: Gate = False
    private: bool = False
    pipeline_tag: str | None = None
    library_name: str | None = None
    parameters: Mapping[str, int] = field(default_factory=dict)
    tags: Sequence[str] = ()
    downloads: int = 0

    def commit(self, revision: str) -> str | None:
        """The commit of a branch, tag or commit; None if there is no such revision."""
        return revision if revision in self.refs.values() else self.refs.get(revision)

    def file(self, path: str) -> File | None:
        return next((file for file in self.files if file.path == path), None)

    def content(self, path: str) -> Json:
        """A file's JSON object; empty if there is none."""
        file = self.file(path)
        parsed = json.loads(file.content) if file is not None and file.content else {}
        return parsed if isinstance(parsed, dict) else {}


def refs_of(repo: str) -> dict[str, str]:
    """The refs of a repo with two commits; the older one is tagged."""
    commits = [hashlib.sha1(f"{repo} {name}".encode()).hexdigest() for name in ("new", "old")]  # noqa: S324 - as Git
    return dict(zip(_REFS, (commits[0], commits[1], commits[1]), strict=True))


def json_file(path: str, content: Mapping[str, JsonValue]) -> File:
    body = json.dumps(content, indent=2).encode()
    return File(path, len(body), body)


def weight_files(size: int) -> list[File]:
    """Weights of so many bytes at the root, in shards with their index if they are large.

    Where the shards are cut, and what tensors are called, is the sandbox's own.
    """
    count = -(-size // _SHARD_BYTES)
    if count <= 1:
        return [File("model.safetensors", size)]
    each = -(-size // count)
    shards = [
        File(f"model-{number:05}-of-{count:05}.safetensors", min(each, size - (number - 1) * each))
        for number in range(1, count + 1)
    ]
    weight_map: dict[str, JsonValue] = {
        f"model.layers.{number}.mlp.weight": shard.path for number, shard in enumerate(shards)
    }
    return [
        *shards,
        json_file(INDEX, {"metadata": {"total_size": size}, "weight_map": weight_map}),
    ]


def text_files(config: Json, *, chat: bool, beside: Mapping[str, Json]) -> list[File]:
    """config.json, the tokenizer's files, and further JSON files."""
    tokenizer: Json = {"tokenizer_class": "PreTrainedTokenizerFast"}
    if chat:
        tokenizer["chat_template"] = (
            "{% for message in messages %}{{ message.content }}{% endfor %}"
        )
    return [
        json_file("config.json", config),
        json_file("tokenizer_config.json", tokenizer),
        File("tokenizer.json", 9_085_657),
        *(json_file(path, content) for path, content in beside.items()),
    ]
