"""A repo as the API's JSON."""

import hashlib
from collections.abc import Sequence

from pydantic import JsonValue

from bot.sandbox.hub.repo import File, Json, Repo

_DATE = "2026-09-01T10:00:00.000Z"
_LISTED = ("createdAt", "downloads", "library_name", "likes", "pipeline_tag", "private", "tags")
_FULL = ("author", "disabled", "gated", "lastModified", "sha", "siblings")
_INFO = (*_LISTED, *_FULL, "config", "gguf", "safetensors", "usedStorage")


def listed(repo: Repo, *, full: bool, config: bool, expand: Sequence[str]) -> Json:
    """A repo in search results."""
    fields = expand or (*_LISTED, *(_FULL if full else ()), *(("config",) if config else ()))
    return _document(repo, repo.refs["main"], fields, blobs=False)


def info(repo: Repo, commit: str, *, blobs: bool, expand: Sequence[str]) -> Json:
    return _document(repo, commit, expand or _INFO, blobs=blobs)


def tree(repo: Repo, folder: str, *, recursive: bool) -> list[Json]:
    """The folders and files below a folder ("" for the root)."""
    prefix = f"{folder}/" if folder else ""
    inside = [file for file in repo.files if file.path.startswith(prefix)]
    parents = {
        "/".join(file.path.split("/")[:depth])
        for file in inside
        for depth in range(1, file.path.count("/") + 1)
    }
    folders = sorted(path for path in parents if path.startswith(prefix) and path != folder)
    nodes: list[tuple[str, Json]] = [
        (path, {"type": "directory", "oid": _oid(path), "size": 0, "path": path})
        for path in folders
    ]
    nodes += [(file.path, _file(file)) for file in inside]
    depth = prefix.count("/")
    return [node for path, node in nodes if recursive or path.count("/") == depth]


def refs(repo: Repo) -> Json:
    def named(kind: str, names: list[str]) -> list[JsonValue]:
        return [
            {"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": repo.refs[name]}
            for name in names
        ]

    tags = [name for name in repo.refs if name != "main"]
    return {"branches": named("heads", ["main"]), "converts": [], "tags": named("tags", tags)}


def _document(repo: Repo, commit: str, fields: Sequence[str], *, blobs: bool) -> Json:
    values: Json = {
        "author": repo.id.partition("/")[0],
        "config": _config(repo),
        "createdAt": _DATE,
        "disabled": False,
        "downloads": repo.downloads,
        "gated": repo.gated,
        "gguf": _gguf(repo),
        "lastModified": _DATE,
        "library_name": repo.library_name,
        "likes": repo.downloads // 1_000,
        "pipeline_tag": repo.pipeline_tag,
        "private": repo.private,
        "safetensors": _safetensors(repo),
        "sha": commit,
        "siblings": [_sibling(file, blobs=blobs) for file in repo.files],
        "tags": list(repo.tags),
        "usedStorage": sum(file.size for file in repo.files),
    }
    # What a repo lacks is missing, not null.
    asked = {name: values[name] for name in fields if values[name] is not None}
    return {"_id": _oid(repo.id)[:24], "id": repo.id, "modelId": repo.id, **asked}


def _config(repo: Repo) -> Json | None:
    whole = repo.content("config.json")
    if not whole:
        return None
    template = repo.content("tokenizer_config.json").get("chat_template")
    names = ("architectures", "model_type", "quantization_config")
    excerpt: Json = {name: whole[name] for name in names if name in whole}
    return {**excerpt, "tokenizer_config": {"chat_template": template} if template else {}}


def _safetensors(repo: Repo) -> Json | None:
    if not repo.parameters:
        return None
    return {"parameters": dict(repo.parameters), "total": sum(repo.parameters.values())}


def _gguf(repo: Repo) -> Json | None:
    has = any(file.path.endswith(".gguf") for file in repo.files)
    return {"architecture": "llama", "context_length": 131_072} if has else None


def _sibling(file: File, *, blobs: bool) -> Json:
    if not blobs:
        return {"rfilename": file.path}
    return {
        "rfilename": file.path,
        "size": file.size,
        "blobId": file.oid,
        **({"lfs": _pointer(file)} if file.is_lfs else {}),
    }


def _file(file: File) -> Json:
    node: Json = {"type": "file", "oid": file.oid, "size": file.size, "path": file.path}
    if file.is_lfs:
        pointer = _pointer(file)
        node["lfs"] = {"oid": pointer.pop("sha256"), **pointer}
    return node


def _pointer(file: File) -> Json:
    sha = hashlib.sha256(file.oid.encode()).hexdigest()
    return {"sha256": sha, "size": file.size, "pointerSize": 135}


def _oid(text: str) -> str:
    return hashlib.sha1(text.encode()).hexdigest()  # noqa: S324 - as Git
