"""Calls the Hugging Face Hub: searches models, and reads what a model's repo contains.

Every request is a GET with a limit on time and size; past the Hub's rate limit none is sent. The
Hub answers 401 or 404 both for private and for missing repos, and 403 for files of a gated repo
that the token may not read.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, SecretStr, TypeAdapter, ValidationError

from bot.domain.model_facts import DEFAULT_BRANCH, MissingPart
from bot.hub.rate_limit import RateLimit
from bot.hub.schemas import FoundModel, HubFile, HubRefs, JsonObject, ModelInfo, WeightIndex

_SECONDS = 10.0
_CONNECT_SECONDS = 3.0
# The info of a repo with thousands of files, or the index of one with thousands of tensors.
_MOST_BYTES = 30_000_000
_OBJECT: TypeAdapter[JsonObject] = TypeAdapter(JsonObject)
_FILES: TypeAdapter[list[HubFile]] = TypeAdapter(list[HubFile])
_FOUND: TypeAdapter[list[FoundModel]] = TypeAdapter(list[FoundModel])
_SEARCH_FIELDS = ("downloads", "gated", "pipeline_tag", "library_name", "safetensors")
_Parsed = TypeVar("_Parsed", bound=BaseModel)
_LIMITED = "the Hub's rate limit is used up for some minutes"


class HubError(Exception):
    """The Hub has no answer; the message says why, for people."""


class HubNotFoundError(HubError):
    """There is no such repo, revision or file, or the token may not see it."""

    def __init__(self, message: str, part: MissingPart = MissingPart.REPO) -> None:
        super().__init__(message)
        self.part = part


class HubForbiddenError(HubError):
    """The repo is gated, and the token may not read its files."""


class HubUnavailableError(HubError):
    """The Hub is unreachable, rate-limits, or sends an unreadable response."""


class HubClient:
    """Calls one Hub.

    Args:
        endpoint: Its URL, as `HF_ENDPOINT`.
        token: For gated and private repos; None for none.
        clock: Returns seconds.
    """

    def __init__(
        self,
        endpoint: str,
        token: SecretStr | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._endpoint = endpoint.rstrip("/")
        headers = {"User-Agent": "friendli-deploy"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token.get_secret_value()}"
        self._client = httpx.AsyncClient(
            headers=headers,
            follow_redirects=True,
            timeout=httpx.Timeout(_SECONDS, connect=_CONNECT_SECONDS),
        )
        # The Hub counts requests to its API and for files apart.
        self._api_limit, self._file_limit = RateLimit(clock), RateLimit(clock)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def model(self, repo: str, revision: str) -> ModelInfo:
        """A repo at a branch, tag or commit, with its files' sizes where the Hub reports them.

        Raises:
            HubError: See the subclasses.
        """
        path = f"/api/models/{quote(repo)}"
        if revision != DEFAULT_BRANCH:
            path += f"/revision/{quote(revision, safe='')}"
        info = _parsed(ModelInfo, await self._get(path, [("blobs", "true")]))
        if all(file.size is not None for file in info.siblings) and info.siblings:
            return info
        return info.model_copy(update={"siblings": await self._tree(repo, info)})

    async def exists(self, repo: str) -> bool:
        """Whether there is a public repo of this name, or one that moved from it.

        Models without an organisation, such as "gpt2", have moved to one. Raises
        HubUnavailableError.
        """
        try:
            # The body may be long and isn't needed.
            self._require_allowed(self._api_limit)
            async with self._client.stream(
                "GET", f"{self._endpoint}/api/models/{quote(repo)}", follow_redirects=False
            ) as answer:
                self._api_limit.heed(answer.status_code, answer.headers)
                if not answer.has_redirect_location:
                    _raise_for(answer)
                return True
        except HubNotFoundError:
            return False
        except HubForbiddenError as error:
            # A proxy may answer so too.
            raise HubUnavailableError(str(error)) from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise _unreachable(error) from None

    async def search(self, text: str, most: int) -> Sequence[FoundModel]:
        """The most downloaded models whose name contains a text."""
        query = [
            *(("search", text), ("sort", "downloads"), ("limit", str(most))),
            *(("expand", field) for field in _SEARCH_FIELDS),
        ]
        body = await self._get("/api/models", query)
        try:
            return _FOUND.validate_json(body)[:most]
        except ValidationError:
            raise HubUnavailableError("the Hub's answer can't be read") from None

    async def refs(self, repo: str) -> HubRefs:
        """Its branches and tags; raises HubError."""
        return _parsed(HubRefs, await self._get(f"/api/models/{quote(repo)}/refs"))

    async def _tree(self, repo: str, info: ModelInfo) -> Sequence[HubFile]:
        """The files of the info, with their sizes where the tree listing has them."""
        path = f"/api/models/{quote(repo)}/tree/{quote(info.sha, safe='')}"
        try:
            listed = _FILES.validate_json(await self._get(path, [("recursive", "true")]))
        except (HubError, ValidationError):
            return info.siblings
        # A long listing continues on further pages, so it only adds to the info.
        found = {file.path: file for file in info.siblings}
        found |= {file.path: file for file in listed if file.type == "file"}
        return list(found.values())

    async def config(self, repo: str, commit: str) -> JsonObject:
        return await self.json_file(repo, commit, "config.json")

    async def json_file(self, repo: str, commit: str, path: str) -> JsonObject:
        body = await self._get(f"/{quote(repo)}/resolve/{quote(commit, safe='')}/{quote(path)}")
        try:
            return _OBJECT.validate_json(body)
        except ValidationError:
            raise HubUnavailableError(f"the Hub's {path} is no JSON object") from None

    async def weight_index(self, repo: str, commit: str, path: str) -> WeightIndex:
        return _parsed(
            WeightIndex,
            await self._get(f"/{quote(repo)}/resolve/{quote(commit, safe='')}/{quote(path)}"),
        )

    async def _get(self, path: str, query: Sequence[tuple[str, str]] = ()) -> bytes:
        limit = self._api_limit if path.startswith("/api/") else self._file_limit
        self._require_allowed(limit)
        params = httpx.QueryParams(list(query)) if query else None
        try:
            async with (
                asyncio.timeout(_SECONDS),
                self._client.stream("GET", self._endpoint + path, params=params) as answer,
            ):
                limit.heed(answer.status_code, answer.headers)
                _raise_for(answer)
                body = bytearray()
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    if len(body) > _MOST_BYTES:
                        raise HubUnavailableError("the Hub's answer is too long")
                return bytes(body)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
            raise _unreachable(error) from None

    def _require_allowed(self, limit: RateLimit) -> None:
        if limit.seconds_left > 0:
            raise HubUnavailableError(_LIMITED)


def _unreachable(error: Exception) -> HubUnavailableError:
    return HubUnavailableError(f"the Hub can't be reached ({type(error).__name__})")


def _raise_for(answer: httpx.Response) -> None:
    if answer.is_success:
        return
    if answer.status_code == 403:
        raise HubForbiddenError("the repo is gated, and the Hub lets nobody without access read it")
    if answer.status_code == 401 and answer.headers.get("X-Error-Code") == "GatedRepo":
        raise HubForbiddenError("the repo is gated, and the Hub lets nobody without access read it")
    if answer.status_code in {400, 401, 404, 410}:
        is_revision = answer.headers.get("X-Error-Code") == "RevisionNotFound"
        raise HubNotFoundError(
            "the Hub has no such repo or revision, or it is private",
            MissingPart.REVISION if is_revision else MissingPart.REPO,
        )
    if answer.status_code == 429:
        raise HubUnavailableError(_LIMITED)
    raise HubUnavailableError(f"the Hub answered {answer.status_code}")


def _parsed(model: type[_Parsed], body: bytes) -> _Parsed:
    try:
        return model.model_validate_json(body)
    except ValidationError:
        raise HubUnavailableError("the Hub's answer can't be read") from None
