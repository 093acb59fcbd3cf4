"""The routes of the sandbox's Hub.

https://huggingface.co/docs/hub/api and the Hub's OpenAPI document.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from aiohttp import web
from yarl import URL

from bot.sandbox.hub.documents import info, listed, refs, tree
from bot.sandbox.hub.errors import HubApiError
from bot.sandbox.hub.queries import (
    InfoQuery,
    NoQuery,
    RefsQuery,
    ResolveQuery,
    SearchQuery,
    TreeQuery,
    cursor_at,
    parse_query,
    position_of,
)
from bot.sandbox.hub.rate_limits import Bucket
from bot.sandbox.hub.repo import File, Repo
from bot.sandbox.hub.repos import Repos

T = TypeVar("T")

_NAME = "{repo:[^/]+(?:/[^/]+)?}"
_OWNED = "{repo:[^/]+/[^/]+}"
_MODEL = f"/api/models/{_NAME}"

# Which rate limit an operation counts for.
BUCKETS: dict[str, Bucket] = {
    "list_models": "api",
    "model_info": "api",
    "list_refs": "api",
    "list_tree": "api",
    "resolve": "resolvers",
    "resolve_cache": "resolvers",
    "page": "pages",
}


class Api:
    """The operations, each a handler that raises `HubApiError` to refuse.

    Args:
        tree_page: Entries per page of a tree, at most.
    """

    def __init__(self, repos: Repos, tree_page: Callable[[], int]) -> None:
        self._repos = repos
        self._tree_page = tree_page

    def add_routes(self, router: web.UrlDispatcher) -> None:
        cache = f"/api/resolve-cache/models/{_OWNED}/{{revision}}/{{path:.+}}"
        for path, handler, operation in (
            ("/api/models", self._search, "list_models"),
            (f"{_MODEL}/refs", self._refs, "list_refs"),
            (f"{_MODEL}/revision/{{revision}}", self._info, "model_info.revision"),
            (f"{_MODEL}/tree/{{revision}}", self._tree, "list_tree"),
            (f"{_MODEL}/tree/{{revision}}/{{folder:.+}}", self._tree, "list_tree.folder"),
            (_MODEL, self._info, "model_info"),
            (cache, self._cached, "resolve_cache"),
            (f"/{_NAME}/resolve/{{revision}}/{{path:.+}}", self._resolve, "resolve"),
            (f"/{_OWNED}", self._page, "page"),
        ):
            # Names are unique; what follows the dot isn't part of the operation.
            router.add_get(path, handler, name=operation)

    async def _search(self, request: web.Request) -> web.Response:
        token = self._token(request)
        query = parse_query(request, SearchQuery)
        words = query.search.casefold().split()
        found = [
            repo
            for repo in self._repos.everything(token)
            if all(word in repo.id.casefold() for word in words)
            and query.author in (None, repo.id.partition("/")[0])
            and query.pipeline_tag in (None, repo.pipeline_tag)
            and query.gated in (None, bool(repo.gated))
            and all(tag in (*repo.tags, repo.library_name) for tag in query.filter)
        ]
        found.sort(key=lambda repo: -repo.downloads)
        page, headers = _page(request, found, position_of(query.cursor), query.limit)
        documents = [
            listed(repo, full=query.full, config=query.config, expand=query.expand) for repo in page
        ]
        return web.json_response(documents, headers=headers)

    async def _info(self, request: web.Request) -> web.Response:
        query = parse_query(request, InfoQuery)
        if query.blobs and query.expand:
            raise HubApiError(400, '"expand" and "blobs" exclude each other')
        repo = self._repo(request)
        commit = _commit(repo, request.match_info.get("revision", "main"))
        return web.json_response(info(repo, commit, blobs=query.blobs, expand=query.expand))

    async def _tree(self, request: web.Request) -> web.Response:
        query = parse_query(request, TreeQuery)
        repo = self._repo(request)
        commit = _commit(repo, request.match_info["revision"])
        folder = request.match_info.get("folder", "").strip("/")
        nodes = tree(repo, folder, recursive=query.recursive)
        if folder and not nodes:
            raise HubApiError(404, f"{folder} does not exist on {commit}", "EntryNotFound")
        most = min(query.limit or self._tree_page(), self._tree_page())
        page, headers = _page(request, nodes, position_of(query.cursor), most)
        return web.json_response(page, headers={**headers, "X-Repo-Commit": commit})

    async def _refs(self, request: web.Request) -> web.Response:
        parse_query(request, RefsQuery)
        return web.json_response(refs(self._repo(request)))

    async def _resolve(self, request: web.Request) -> web.Response:
        """Small files lead to the cache, large ones to the storage, which the sandbox lacks."""
        parse_query(request, ResolveQuery)
        repo, commit, file = self._file(request)
        headers = {"X-Repo-Commit": commit, "ETag": f'"{file.oid}"'}
        if file.is_lfs:
            headers |= {"X-Linked-Size": str(file.size), "Location": f"/lfs/{file.oid}"}
            return web.Response(status=302, headers=headers)
        cached = URL(f"/api/resolve-cache/models/{repo.id}/{commit}/{file.path}")
        headers["Location"] = str(cached.with_query(etag=f'"{file.oid}"'))
        return web.Response(status=307, headers=headers)

    async def _cached(self, request: web.Request) -> web.Response:
        _, commit, file = self._file(request)
        if file.content is None:
            raise HubApiError(404, "Entry not found", "EntryNotFound")
        headers = {"X-Repo-Commit": commit, "ETag": f'"{file.oid}"'}
        return web.Response(body=file.content, content_type="text/plain", headers=headers)

    async def _page(self, request: web.Request) -> web.Response:
        parse_query(request, NoQuery)
        repo = self._repo(request)
        return web.Response(text=f"The sandbox's page of {repo.id}")

    def _file(self, request: web.Request) -> tuple[Repo, str, File]:
        repo = self._repo(request)
        commit = _commit(repo, request.match_info["revision"])
        self._repos.require_files(repo, self._token(request))
        file = repo.file(request.match_info["path"])
        if file is None:
            raise HubApiError(404, "Entry not found", "EntryNotFound")
        return repo, commit, file

    def _token(self, request: web.Request) -> str | None:
        return self._repos.caller(request.headers.get("Authorization"))

    def _repo(self, request: web.Request) -> Repo:
        token = self._token(request)
        name = request.match_info["repo"]
        new_name = self._repos.moved(name)
        if new_name is not None:
            there = request.raw_path.replace(f"/{name}", f"/{new_name}", 1)
            raise web.HTTPTemporaryRedirect(there)
        return self._repos.visible(name, token)


def _commit(repo: Repo, revision: str) -> str:
    commit = repo.commit(revision)
    if commit is None:
        raise HubApiError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
    return commit


def _page(
    request: web.Request, rows: Sequence[T], start: int, most: int
) -> tuple[Sequence[T], dict[str, str]]:
    """One page, and the `Link` header to the next one."""
    end = start + most
    if end >= len(rows):
        return rows[start:], {}
    there = request.url.update_query(cursor=cursor_at(end))
    return rows[start:end], {"Link": f'<{there}>; rel="next"'}
