import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.config import Settings
from bot.db.session import Database
from bot.db.startup import open_database, prepare
from bot.domain.errors import ConfigError
from bot.domain.process.startup_retry import UnreachableError
from tests.friendli.loopback import refused_url

HOW = "Write sqlite:////folder/file.sqlite3 or postgresql://user:password@host/name."
UNUSABLE = "DATABASE_URL leads to a database that can't be used:"


def settings(**values: object) -> Settings:
    needed = {
        "slack_bot_token": "made-up-bot-token",
        "slack_signing_secret": "made-up-signing-secret",
        "encryption_keys": ["A" * 43 + "="],
    }
    return Settings.model_validate({**needed, **values})


async def start(**values: object) -> None:
    chosen = settings(**values)
    database = open_database(chosen)
    try:
        await prepare(database, chosen)
    finally:
        await database.close()


async def refusal(**values: object) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        await start(**values)
    return list(caught.value.problems)


async def test_a_folder_that_is_missing_is_made(tmp_path: Path) -> None:
    """A first start needs no preparation."""
    await start(data_dir=tmp_path / "new" / "folder")
    assert (tmp_path / "new" / "folder" / "friendli-deploy.sqlite3").is_file()


async def test_a_folder_that_cant_be_made_is_told_by_its_setting(tmp_path: Path) -> None:
    """Which is DATA_DIR unless DATABASE_URL is set."""
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "folder"
    reason = "its folder can't be created (Not a directory)"
    how = "Name a folder that the bot may write to."
    assert await refusal(data_dir=folder) == [
        f"DATA_DIR leads to a database that can't be used: {reason}. {how}"
    ]
    assert await refusal(database_url=f"sqlite:///{folder}/x") == [f"{UNUSABLE} {reason}. {HOW}"]


async def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    """It is left as it is."""
    (tmp_path / "letter").write_text("Dear reader,\n" * 100)
    assert await refusal(database_url=f"sqlite:///{tmp_path}/letter") == [
        f"{UNUSABLE} its file is no SQLite database. {HOW}"
    ]
    assert (tmp_path / "letter").read_text().startswith("Dear reader")


async def test_a_folder_in_place_of_a_file_is_told(tmp_path: Path) -> None:
    """A volume mounted at the file's own path ends like this."""
    assert await refusal(database_url=f"sqlite:///{tmp_path}") == [
        f"{UNUSABLE} its file can't be opened. {HOW}"
    ]


async def test_a_user_or_a_name_that_postgresql_refuses_is_told(postgresql_server: str) -> None:
    """Neither will be right the next time."""
    stranger = postgresql_server.replace("postgres:@", "stranger:made-up-password@")
    assert await refusal(database_url=stranger) == [
        f"{UNUSABLE} it refuses the user or the password. {HOW}"
    ]
    elsewhere = postgresql_server.replace("/postgres?", "/elsewhere?")
    assert await refusal(database_url=elsewhere) == [
        f"{UNUSABLE} it has no database of that name. {HOW}"
    ]


async def test_a_parameter_that_nobody_knows_is_told(postgresql_server: str) -> None:
    """Most likely it is mistyped."""
    assert await refusal(database_url=f"{postgresql_server}&sslmoed=disable") == [
        f"{UNUSABLE} it doesn't know a parameter of the address. {HOW}"
    ]


async def test_a_database_of_a_newer_version_is_told(database: Database, database_url: str) -> None:
    """An old bot doesn't work on tables that it doesn't know."""
    async with database.connection() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = 'newer'"))
    assert await refusal(database_url=database_url) == [
        f"{UNUSABLE} a newer version of this bot has migrated it. {HOW}"
    ]


async def test_a_server_that_refuses_connections_may_come_up_later() -> None:
    """Nothing is wrong with the setting."""
    address = refused_url().replace("http://", "postgresql://bot:made-up@")
    with pytest.raises(UnreachableError) as caught:
        await start(database_url=f"{address}/name")
    assert caught.value.reason == "ConnectionRefusedError"


async def test_a_server_that_starts_up_may_be_up_later() -> None:
    """PostgreSQL answers, and says that it isn't ready."""
    async with starting_up() as address:
        with pytest.raises(UnreachableError) as caught:
            await start(database_url=address)
    assert caught.value.reason == "57P03"


@asynccontextmanager
async def starting_up() -> AsyncIterator[str]:
    """The address of a PostgreSQL that says that it is starting up."""
    fields = b"SFATAL\0C57P03\0Mthe database system is starting up\0\0"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        (length,) = struct.unpack("!I", await reader.readexactly(4))
        await reader.readexactly(length - 4)
        writer.write(b"E" + struct.pack("!I", len(fields) + 4) + fields)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"postgresql://bot:made-up@127.0.0.1:{port}/name?sslmode=disable"


@pytest.mark.parametrize(
    "address",
    [
        "postgres://{}&sslmode=disable",
        "postgresql+psycopg://{}&sslmode=prefer&channel_binding=prefer&connect_timeout=10",
        "postgresql://{}&application_name=bot&target_session_attrs=any&ssl=disable",
    ],
)
async def test_addresses_for_other_drivers_are_taken(postgresql_server: str, address: str) -> None:
    """As hosting platforms hand them out."""
    _, _, rest = postgresql_server.partition("://")
    await start(database_url=address.format(rest))
