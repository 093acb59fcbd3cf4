"""`doctor`: checks every dependency, says what to do, and changes nothing."""

import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence

from pydantic_settings import BaseSettings
from sqlalchemy import select

from bot.commands.manifest import SCOPES
from bot.config import (
    CommonSettings,
    DatabaseSettings,
    FriendliSettings,
    KeySettings,
    Settings,
    SlackSettings,
)
from bot.db.deployment_tables import WatchedProject
from bot.db.encryption import KeyRing, MismatchedKeyError, UnreadableKeyError
from bot.db.heartbeats import live
from bot.db.key_rotation import OutOfOrderError, check_order, targets_of
from bot.db.session import Database
from bot.db.startup import creation_problem, is_missing, is_prepared, opened
from bot.domain.errors import ConfigError
from bot.domain.friendli_errors import FriendliError, MalformedCredentials, NotFound, Unauthorized
from bot.domain.process.redaction import redactor
from bot.friendli.client import FriendliClient
from bot.ops.effective_settings import (
    EffectiveSettings,
    ShownSetting,
    read_settings,
    shown_settings,
    unknown_names,
)
from bot.ops.finding import Finding, Verdict
from bot.services.credentials import credentials_for
from bot.slack.calls import WORKSPACE_ERRORS
from bot.slack.clients import SlackClients, SlackUnreachableError

_CONNECT = "An admin connects a new one with `/friendli-deploy connect` there."


async def run_doctor(*, as_json: bool, say: Callable[[str], object]) -> int:
    """Print the effective settings and every finding; returns 1 if there is a problem."""
    effective = read_settings()
    redactor.learn(effective.settings.secrets())
    settings = list(shown_settings(effective))
    if not as_json:
        for one in settings:
            say(f"{one.name}={one.value}{' (default)' if one.is_default else ''}")
        say("")
    findings = []
    async for finding in _all(effective):
        findings.append(finding)
        if not as_json:
            say(str(finding))
    is_well = all(one.verdict is not Verdict.PROBLEM for one in findings)
    if as_json:
        say(_document(settings, findings, is_well=is_well))
    return 0 if is_well else 1


async def _all(effective: EffectiveSettings) -> AsyncIterator[Finding]:
    for name in unknown_names():
        yield Finding(Verdict.ADVICE, "settings", str(name))
    async for finding in examine(effective.settings, effective.problems):
        yield finding


def _document(
    settings: Iterable[ShownSetting], findings: Iterable[Finding], *, is_well: bool
) -> str:
    return json.dumps(
        {
            "ok": is_well,
            "settings": [
                {"name": one.name, "value": one.value, "default": one.is_default}
                for one in settings
            ],
            "findings": [
                {"verdict": one.verdict, "part": one.part, "message": one.words} for one in findings
            ],
        },
        indent=2,
        ensure_ascii=False,
    )


async def examine(
    settings: Settings, problems: Mapping[str, str] | None = None
) -> AsyncIterator[Finding]:
    """Run every check; those that need a setting in `problems` are skipped."""
    bad = problems or {}
    for problem in bad.values():
        yield Finding(Verdict.PROBLEM, "settings", problem)
    if not bad:
        yield Finding(Verdict.OK, "settings", f"Read; role {settings.role}.")
    if (skipped := _skipped("database", bad, DatabaseSettings)) is not None:
        yield skipped
    else:
        async for finding in _stored(
            settings, _skipped("keys", bad, KeySettings, FriendliSettings)
        ):
            yield finding
    if (skipped := _skipped("slack", bad, SlackSettings)) is not None:
        yield skipped
    else:
        async for finding in _slack(settings):
            yield finding


def _skipped(part: str, bad: Mapping[str, str], *uses: type[BaseSettings]) -> Finding | None:
    needed = [name for kind in uses for name in kind.model_fields]
    # Settings that every command reads have usable defaults.
    blocking = [
        name.upper() for name in bad if name in needed and name not in CommonSettings.model_fields
    ]
    if not blocking:
        return None
    return Finding(Verdict.SKIPPED, part, f"Not checked, because of {', '.join(blocking)}.")


async def _stored(settings: Settings, without_keys: Finding | None) -> AsyncIterator[Finding]:
    part = "database"
    if is_missing(settings):
        if (reason := creation_problem(settings)) is not None:
            yield Finding(Verdict.PROBLEM, part, reason)
            return
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
            if without_keys is not None:
                yield without_keys
                return
            key_ring = KeyRing(settings.encryption_keys, settings.friendli_token)
            yield await _replicas(database, key_ring, settings.replica_silent_after)
            async with database.read() as session:
                query = select(WatchedProject).where(WatchedProject.key_ciphertext.is_not(None))
                projects = (await session.scalars(query.order_by(WatchedProject.id))).all()
            async for finding in _keys(database, key_ring, projects):
                yield finding
            async for finding in _friendli(settings, database, key_ring, projects):
                yield finding
    except ConfigError as error:
        for problem in error.problems:
            yield Finding(Verdict.PROBLEM, part, problem)


async def _replicas(database: Database, key_ring: KeyRing, silent_after: float) -> Finding:
    async with database.read() as session:
        replicas = await live(session, silent_after)
    running = ", ".join(f"{one.name} ({one.role} {one.version})" for one in replicas)
    if not replicas:
        return Finding(Verdict.ADVICE, "replicas", "None runs. Start `friendli-deploy serve`.")
    if not any(one.role.runs_workers for one in replicas):
        words = f"{running}: only web, so nothing is done. Start one with `--role worker`."
        return Finding(Verdict.PROBLEM, "replicas", words)
    if not any(one.role.accepts_requests for one in replicas):
        words = f"{running}: only workers, so nobody is answered. Start one with `--role web`."
        return Finding(Verdict.PROBLEM, "replicas", words)
    try:
        await check_order(database, key_ring, silent_after)
    except OutOfOrderError as error:
        words = f"{error.problem} On the way to another encryption key that is fine."
        return Finding(Verdict.ADVICE, "replicas", words)
    return Finding(Verdict.OK, "replicas", f"{running}.")


async def _keys(
    database: Database, key_ring: KeyRing, projects: Sequence[WatchedProject]
) -> AsyncIterator[Finding]:
    part = "keys"
    lost, changed, behind = [], [], 0
    for project in projects:
        try:
            credentials_for(project, key_ring)
        except MismatchedKeyError:
            changed.append(project.id)
        except MalformedCredentials:
            continue
        except UnreadableKeyError:
            lost.append(project.id)
        else:
            behind += key_ring.needs_rotation(project.key_ciphertext or "")
    if lost:
        targets = ", ".join(await targets_of(database, lost))
        words = (
            f"No configured key decrypts the API keys of {targets}. Bring the missing key back to"
            " ENCRYPTION_KEYS (or FRIENDLI_TOKEN, where it was the operator's), or have an admin"
            " run `/friendli-deploy connect` there."
        )
        yield Finding(Verdict.PROBLEM, part, words)
    if changed:
        targets = ", ".join(await targets_of(database, changed))
        words = (
            f"The API keys stored for {targets} aren't those that were connected, so the bot"
            " doesn't use them. Someone changed the database: find out who, then have an admin run"
            " `/friendli-deploy connect` there."
        )
        yield Finding(Verdict.PROBLEM, part, words)
    if behind:
        words = f"{behind} stored under an older encryption key. Run `friendli-deploy keys rotate`."
        yield Finding(Verdict.ADVICE, part, words)
    if not lost and not changed and not behind:
        words = f"{len(projects)} stored, all under the first of ENCRYPTION_KEYS."
        yield Finding(Verdict.OK, part, words)


async def _friendli(
    settings: Settings, database: Database, key_ring: KeyRing, projects: Sequence[WatchedProject]
) -> AsyncIterator[Finding]:
    part = "friendli"
    wait = settings.friendli_retry_wait
    async with FriendliClient(settings.friendli_api_url, first_wait=wait) as friendli:
        for project in projects:
            targets = ", ".join(await targets_of(database, [project.id]))
            whose = f"project {project.project_id} of {targets}"
            try:
                credentials = credentials_for(project, key_ring)
                await friendli.list_endpoints(credentials, project.project_id, limit=1)
            except (UnreadableKeyError, MalformedCredentials):
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
    part = "slack"
    clients = SlackClients(
        settings.slack_bot_token, settings.slack_api_url, timeout=settings.slack_timeout
    )
    try:
        try:
            granted = await clients.granted_scopes()
        except SlackUnreachableError as error:
            yield _slack_failure("slack_bot_token", error.error, settings)
        else:
            yield _scopes(granted)
        if settings.slack_app_token is not None and settings.role.accepts_requests:
            token = settings.slack_app_token
            try:
                await clients.socket_url(token)
            except SlackUnreachableError as error:
                yield _slack_failure("slack_app_token", error.error, settings)
            else:
                yield Finding(Verdict.OK, part, "Opens Socket Mode connections.")
    finally:
        await clients.close()


def _slack_failure(setting: str, error: str, settings: Settings) -> Finding:
    name = setting.upper()
    if error in WORKSPACE_ERRORS:
        how = Settings.model_fields[setting].description
        words = f"{name} is refused by Slack ({error}). {how}"
    else:
        words = (
            f"Slack gave no usable answer ({error}), so {name} couldn't be tried. Check the network"
            f" and SLACK_API_URL ({settings.slack_api_url}), and try again in a minute."
        )
    return Finding(Verdict.PROBLEM, "slack", words)


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
