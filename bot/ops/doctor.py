"""`doctor`: tries everything that the bot depends on, says what to do, and changes nothing."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sqlalchemy import make_url, select

from bot.config import Settings
from bot.db.crypto import UnreadableKeyError, Vault
from bot.db.models import WatchedProject
from bot.db.replicas import live
from bot.db.rotation import OutOfOrderError, check_order, targets_of
from bot.db.session import Database
from bot.db.startup import is_prepared, opened
from bot.deployments.targets.credentials import access_to
from bot.errors import ConfigError
from bot.friendli.client import FriendliClient
from bot.friendli.errors import FriendliError, MalformedAccess, NotFound, Unauthorized
from bot.slack.manifest import SCOPES
from bot.slack.workspaces import SlackUnreachableError, Workspaces

_CONNECT = "An admin connects a new one with `/friendli-deploy connect` there."


class Verdict(StrEnum):
    """How a check ended."""

    OK = "ok"
    ADVICE = "advice"
    """It works, but something is worth doing."""
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Attributes:
        part: What was checked.
        words: What was found and, unless all is well, what to do.
    """

    verdict: Verdict
    part: str
    words: str

    def __str__(self) -> str:
        return f"{self.verdict:<8} {self.part:<10} {self.words}"


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """Check one thing after another; settings have been read already."""
    yield Finding(Verdict.OK, "settings", f"Read; role {settings.role}.")
    async for finding in _stored(settings):
        yield finding
    async for finding in _slack(settings):
        yield finding


async def _stored(settings: Settings) -> AsyncIterator[Finding]:
    """The database, and what lies in it."""
    part = "database"
    if _is_missing(settings):
        words = "There is none yet. `friendli-deploy serve` makes it."
        yield Finding(Verdict.ADVICE, part, words)
        return
    try:
        async with opened(settings) as database:
            if not await is_prepared(database, settings):
                words = "Its tables aren't up to date. Run `friendli-deploy migrate` or `serve`."
                yield Finding(Verdict.PROBLEM, part, words)
                return
            kind = "SQLite" if database.is_sqlite else "PostgreSQL"
            yield Finding(Verdict.OK, part, f"{kind}, its tables are up to date.")
            vault = Vault(settings.encryption_keys, settings.friendli_token)
            yield await _replicas(database, vault, settings.replica_silent_after)
            async with database.read() as session:
                query = select(WatchedProject).where(WatchedProject.key_ciphertext.is_not(None))
                projects = (await session.scalars(query.order_by(WatchedProject.id))).all()
            async for finding in _keys(database, vault, projects):
                yield finding
            async for finding in _friendli(settings, database, vault, projects):
                yield finding
    except ConfigError as error:
        for problem in error.problems:
            yield Finding(Verdict.PROBLEM, part, problem)


def _is_missing(settings: Settings) -> bool:
    url = make_url(settings.database)
    return url.get_backend_name() == "sqlite" and not Path(url.database or "").exists()


async def _replicas(database: Database, vault: Vault, silent_after: float) -> Finding:
    async with database.read() as session:
        replicas = await live(session, silent_after)
    running = ", ".join(f"{one.name} ({one.role} {one.version})" for one in replicas)
    if not replicas:
        return Finding(Verdict.ADVICE, "replicas", "None runs. Start `friendli-deploy serve`.")
    if not any(one.role.works for one in replicas):
        words = f"{running}: only fronts, so nothing is done. Start one with `--role worker`."
        return Finding(Verdict.PROBLEM, "replicas", words)
    if not any(one.role.takes_requests for one in replicas):
        words = f"{running}: only workers, so nobody is answered. Start one with `--role front`."
        return Finding(Verdict.PROBLEM, "replicas", words)
    try:
        await check_order(database, vault, silent_after)
    except OutOfOrderError as error:
        words = f"{error.problem} On the way to another encryption key that is fine."
        return Finding(Verdict.ADVICE, "replicas", words)
    return Finding(Verdict.OK, "replicas", f"{running}.")


async def _keys(
    database: Database, vault: Vault, projects: Sequence[WatchedProject]
) -> AsyncIterator[Finding]:
    """Whether the encryption keys fit what is stored."""
    part = "keys"
    lost, behind = [], 0
    for project in projects:
        try:
            vault.decrypt(project.key_ciphertext or "")
        except UnreadableKeyError:
            lost.append(project.id)
        else:
            behind += vault.needs_rotation(project.key_ciphertext or "")
    if lost:
        targets = ", ".join(await targets_of(database, lost))
        words = (
            f"No configured key decrypts the API keys of {targets}. Bring the missing key back to"
            " ENCRYPTION_KEYS (or FRIENDLI_TOKEN, where it was the operator's), or have an admin"
            " run `/friendli-deploy connect` there."
        )
        yield Finding(Verdict.PROBLEM, part, words)
    if behind:
        words = f"{behind} stored under an older encryption key. Run `friendli-deploy keys rotate`."
        yield Finding(Verdict.ADVICE, part, words)
    if not lost and not behind:
        words = f"{len(projects)} stored, all under the first of ENCRYPTION_KEYS."
        yield Finding(Verdict.OK, part, words)


async def _friendli(
    settings: Settings, database: Database, vault: Vault, projects: Sequence[WatchedProject]
) -> AsyncIterator[Finding]:
    """Whether Friendli answers with each stored key."""
    part = "friendli"
    wait = settings.friendli_retry_wait
    async with FriendliClient(settings.friendli_api_url, first_wait=wait) as friendli:
        for project in projects:
            targets = ", ".join(await targets_of(database, [project.id]))
            whose = f"project {project.project_id} of {targets}"
            try:
                access = access_to(project, vault)
                await friendli.list_endpoints(access, project.project_id, limit=1)
            except (UnreadableKeyError, MalformedAccess):
                continue
            except Unauthorized:
                words = f"The API key for {whose} is refused. {_CONNECT}"
                yield Finding(Verdict.PROBLEM, part, words)
            except NotFound:
                words = f"The API key doesn't see {whose}. {_CONNECT}"
                yield Finding(Verdict.PROBLEM, part, words)
            except FriendliError as error:
                words = f"No answer for {whose} ({type(error).__name__}). Try again in a minute."
                yield Finding(Verdict.PROBLEM, part, words)
            else:
                yield Finding(Verdict.OK, part, f"Answers for {whose}.")


async def _slack(settings: Settings) -> AsyncIterator[Finding]:
    """The token and its scopes; in Socket Mode, the app token too."""
    part = "slack"
    workspaces = Workspaces(
        settings.slack_bot_token, settings.slack_api_url, timeout=settings.slack_timeout
    )
    try:
        try:
            granted = await workspaces.granted_scopes()
        except SlackUnreachableError as error:
            how = Settings.model_fields["slack_bot_token"].description
            words = f"SLACK_BOT_TOKEN doesn't work ({error.error}). {how}"
            yield Finding(Verdict.PROBLEM, part, words)
        else:
            yield _scopes(granted)
        if settings.slack_app_token is not None and settings.role.takes_requests:
            token = settings.slack_app_token
            refused = await workspaces.refuses_app_token(token)
            if refused is not None:
                how = Settings.model_fields["slack_app_token"].description
                words = f"SLACK_APP_TOKEN doesn't work ({refused}). {how}"
                yield Finding(Verdict.PROBLEM, part, words)
            else:
                yield Finding(Verdict.OK, part, "Opens Socket Mode connections.")
    finally:
        await workspaces.close()


def _scopes(granted: frozenset[str]) -> Finding:
    if not granted:
        words = "Takes the token, and doesn't say which scopes it has."
        return Finding(Verdict.ADVICE, "slack", words)
    if missing := [scope for scope in SCOPES if scope not in granted]:
        words = (
            f"The token lacks {', '.join(missing)}. Add them in your Slack app under OAuth &"
            " Permissions → Bot Token Scopes, and install the app again."
        )
        return Finding(Verdict.PROBLEM, "slack", words)
    return Finding(Verdict.OK, "slack", "Takes the token, which has every scope.")
