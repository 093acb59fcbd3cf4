"""Rows of a bot that has been at work for a while, written straight into its database."""

import random
from collections.abc import Iterator

from pydantic import SecretStr
from sqlalchemy import insert

from bot.config import Settings
from bot.db.clock import after, now
from bot.db.deployment_tables import Deployment, Target, Transition, WatchedProject
from bot.db.encryption import KeyRing, fingerprint, last_four
from bot.db.message_tables import Channel, Message, Workspace
from bot.db.migrate import migrate
from bot.db.session import Database
from bot.domain.delivery import Delivery, MessageKind
from bot.domain.deployment_state import DeploymentState
from bot.domain.request.deploy_request import DeployRequest

API_KEY = SecretStr("sandbox-key-not-a-secret")
_ROWS_AT_ONCE = 1_000
_REQUEST = DeployRequest(
    target="prod",
    model="meta-llama/Llama-3.1-8B-Instruct",
    name="llama",
    instance_option_id="zfTutSiLn0Hq",
    replicas=1,
)


async def seed(
    settings: Settings, *, projects: int, endpoints: int, channels: int, workspaces: int = 1
) -> None:
    """Write projects of so many live deployments each, whose threads stand in the channels.

    The project `project-<n>` watches the endpoints `project-<n>-<number>`. All of them were last
    seen as the outside shows them first.

    Args:
        settings: Of the bot that will watch them.
        projects: How many.
        endpoints: Of each project.
        channels: Among which the projects are spread.
        workspaces: Among which the channels are spread.
    """
    database = Database(settings.database)
    key_ring = KeyRing(settings.encryption_keys, None)
    await migrate(database)
    try:
        async with database.write() as session:
            for number in range(1, workspaces + 1):
                session.add(Workspace(id=number, enterprise_id="", workspace_id=f"T{number}"))
            await session.flush()
            await session.execute(
                insert(Channel),
                [
                    {
                        "id": number,
                        "workspace_row_id": _workspace(number, workspaces),
                        "address": f"C{number}",
                        "channel_id": f"C{number}",
                    }
                    for number in range(1, channels + 1)
                ],
            )
            for number in range(1, projects + 1):
                session.add(
                    WatchedProject(
                        id=number,
                        api_base=settings.friendli_api_url,
                        team_id="",
                        project_id=f"project-{number}",
                        key_fingerprint=fingerprint(API_KEY),
                        key_last_four=last_four(API_KEY),
                        key_ciphertext=key_ring.encrypt(API_KEY),
                        due_at=after(random.uniform(0, settings.poll_seconds_transitional)),  # noqa: S311 - not a secret
                    )
                )
            await session.flush()
            for number in range(1, channels + 1):
                session.add(
                    Target(
                        enterprise_id="",
                        workspace_id=f"T{_workspace(number, workspaces)}",
                        channel_id=f"C{number}",
                        name="prod",
                        is_default=True,
                        watched_project_id=1,
                        connected_by="U1",
                        connected_at=now(),
                    )
                )
        for rows in _batches(projects, endpoints, channels):
            async with database.write() as session:
                await session.execute(
                    insert(Deployment).values(
                        api_base=settings.friendli_api_url, requested_at=now()
                    ),
                    [_deployment(*row, workspaces) for row in rows],
                )
                await session.execute(
                    insert(Transition).values(observed_at=now()),
                    [{"deployment_id": id_, **_STATE, "sequence": 1} for id_, *_ in rows],
                )
                await session.execute(insert(Message), [_root(*row) for row in rows])
    finally:
        await database.close()


_Row = tuple[int, int, int, int]
_STATE = {"status": "INITIALIZING", "phase": "REQUESTING_VIRTUAL_MACHINE"}


def _batches(projects: int, endpoints: int, channels: int) -> Iterator[list[_Row]]:
    """Deployment, project, number in its project, channel."""
    rows: list[_Row] = []
    for project in range(projects):
        for number in range(endpoints):
            id_ = project * endpoints + number + 1
            rows.append((id_, project + 1, number, project % channels + 1))
            if len(rows) == _ROWS_AT_ONCE:
                yield rows
                rows = []
    if rows:
        yield rows


def root_of(deployment: int) -> str:
    """The timestamp of a deployment's root message."""
    return f"{1_700_000_000 + deployment}.000000"


def _workspace(channel: int, workspaces: int) -> int:
    return (channel - 1) % workspaces + 1


def _deployment(
    id_: int, project: int, number: int, channel: int, workspaces: int
) -> dict[str, object]:
    return {
        "id": id_,
        "request_id": f"request-{id_}",
        "public_id": f"{id_:032x}",
        "channel_row_id": channel,
        "enterprise_id": "",
        "workspace_id": f"T{_workspace(channel, workspaces)}",
        "channel_id": f"C{channel}",
        "requester_id": "U1",
        "target_name": "prod",
        "watched_project_id": project,
        "friendli_project_id": f"project-{project}",
        "friendli_team_id": "",
        "name": f"llama-{number}",
        "request": _REQUEST.model_dump(mode="json", exclude_none=True),
        "price_per_hour": "5.0",
        "state": DeploymentState.LIVE,
        "thread_ts": root_of(id_),
        "endpoint_id": f"project-{project}-{number}",
        **_STATE,
    }


def _root(id_: int, _project: int, _number: int, channel: int) -> dict[str, object]:
    return {
        "channel_row_id": channel,
        "deployment_id": id_,
        "sequence": 0,
        "kind": MessageKind.ROOT,
        "body": {"text": "Deploying llama", "blocks": []},
        "delivery": Delivery.SENT,
        "sent_version": 1,
        "ts": root_of(id_),
    }
