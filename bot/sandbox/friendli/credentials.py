"""API keys, their teams and the projects of those teams."""

from dataclasses import dataclass, field

from bot.sandbox.friendli.errors import ApiError


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated user and the team that the request runs as."""

    user_id: str
    team_id: str


@dataclass(slots=True)
class _Key:
    user_id: str
    team_ids: list[str]


@dataclass(slots=True)
class Credentials:
    """The keys and projects that the sandbox knows."""

    keys: dict[str, _Key] = field(default_factory=dict)
    projects: dict[str, str] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)

    def add_key(self, key: str, *, team_id: str, user_id: str) -> None:
        """Let a key act for a team; its first team is its default."""
        known = self.keys.setdefault(key, _Key(user_id, []))
        known.user_id = user_id
        if team_id not in known.team_ids:
            known.team_ids.append(team_id)

    def revoke(self, key: str) -> None:
        self.keys[key] = _Key("", [])

    def caller(self, authorization: str | None, team: str | None) -> Caller:
        """Authenticate the headers `Authorization` and `X-Friendli-Team`.

        Raises:
            ApiError: 401 if the key is missing or unknown, 403 if it isn't the team's.
        """
        scheme, _, presented = (authorization or "").partition(" ")
        key = self.keys.get(presented) if scheme.lower() == "bearer" else None
        if key is None or not key.team_ids:
            raise ApiError(401, "Missing or invalid API key.")
        if team is None:
            return Caller(key.user_id, key.team_ids[0])
        if team not in key.team_ids:
            raise ApiError(403, f"The API key doesn't belong to team '{team}'.")
        return Caller(key.user_id, team)

    def check_project(self, caller: Caller, project_id: str) -> None:
        """Check that the project is visible to the caller.

        Raises:
            ApiError: 404 if it is unknown or hidden, 403 if it is another team's.
        """
        owner = self.projects.get(project_id)
        if owner is None or project_id in self.hidden:
            raise ApiError(404, f"Project '{project_id}' not found.")
        if owner != caller.team_id:
            raise ApiError(403, f"No access to project '{project_id}'.")
