"""Which repos exist, and who may read them."""

from collections.abc import Collection, Iterator

from bot.sandbox.hub.errors import HubApiError
from bot.sandbox.hub.published import published_repos
from bot.sandbox.hub.repo import Repo
from bot.sandbox.hub.scenarios import MOVED, SCENARIOS, scenario_repo


class Repos:
    """The repos, and tokens with what each may read besides public repos."""

    def __init__(self) -> None:
        self._added: dict[str, Repo] = {}
        self._removed: set[str] = set()
        self._tokens: dict[str, Collection[str]] = {}

    def add(self, repo: Repo) -> None:
        self._removed.discard(repo.id)
        self._added[repo.id] = repo

    def remove(self, name: str) -> None:
        self._added.pop(name, None)
        self._removed.add(name)

    def add_token(self, token: str, reads: Collection[str]) -> None:
        self._tokens[token] = reads

    def caller(self, authorization: str | None) -> str | None:
        """The caller's token; None for an anonymous one; or raise `HubApiError` 401."""
        if authorization is None:
            return None
        scheme, _, token = authorization.partition(" ")
        if scheme != "Bearer" or token not in self._tokens:
            raise HubApiError(401, "Invalid credentials in Authorization header")
        return token

    def moved(self, name: str) -> str | None:
        return MOVED.get(name)

    def get(self, name: str) -> Repo | None:
        if name in self._removed:
            return None
        return self._added.get(name) or published_repos().get(name) or scenario_repo(name)

    def visible(self, name: str, token: str | None) -> Repo:
        """A repo that the caller may see, or raise `HubApiError` 401 or 404, as for none."""
        repo = self.get(name)
        if repo is None or (repo.private and not self._reads(repo, token)):
            # The same for both, so that names can't be probed.
            if token is None:
                raise HubApiError(401, "Invalid username or password.", "RepoNotFound")
            raise HubApiError(404, "Repository not found", "RepoNotFound")
        return repo

    def require_files(self, repo: Repo, token: str | None) -> None:
        """Raise `HubApiError` 401 or 403 if the repo is gated and the caller has no access."""
        if not repo.gated or self._reads(repo, token):
            return
        restricted = f"Access to model {repo.id} is restricted"
        if token is None:
            raise HubApiError(401, f"{restricted}. Log in and request access.", "GatedRepo")
        raise HubApiError(403, f"{restricted}, and this account has no access.", "GatedRepo")

    def everything(self, token: str | None) -> Iterator[Repo]:
        """What a search finds: of the scenarios, those that are listed by name."""
        names = dict.fromkeys((*published_repos(), *SCENARIOS, *self._added))
        for name in names:
            repo = self.get(name)
            if repo is not None and (not repo.private or self._reads(repo, token)):
                yield repo

    def _reads(self, repo: Repo, token: str | None) -> bool:
        return token is not None and repo.id in self._tokens[token]
