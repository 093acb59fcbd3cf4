"""The TLS parameters of a PostgreSQL address: each works, or is refused by its name."""

from pathlib import Path
from urllib.parse import urlencode

import pytest
from pydantic import SecretStr

from bot.config import DatabaseSettings
from bot.db.startup import open_database, prepare
from bot.domain.errors import ConfigError
from tests.pooler import pooler
from tests.tls import Authority, speaking_tls


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    """Signed the server's certificate."""
    return Authority(tmp_path / "ours", "ours")


@pytest.fixture
def another(tmp_path: Path) -> Authority:
    """Signed none of the server's."""
    return Authority(tmp_path / "another", "another")


async def start(url: str, **parameters: object) -> None:
    settings = DatabaseSettings(database_url=SecretStr(f"{url}?{urlencode(parameters)}"))
    database = open_database(settings)
    try:
        await prepare(database, settings)
    finally:
        await database.close()


async def refusal(url: str, **parameters: object) -> str:
    with pytest.raises(ConfigError) as caught:
        await start(url, **parameters)
    return str(caught.value)


async def test_a_certificate_of_our_own_is_accepted(postgresql_url: str, ours: Authority) -> None:
    """With every mode that asks for TLS, and with the root that signed it where that is checked."""
    async with speaking_tls(postgresql_url, ours.issue("server", "127.0.0.1")) as url:
        await start(url, sslmode="require")
        await start(url, sslmode="verify-ca", sslrootcert=ours.root)
        await start(url, sslmode="verify-full", sslrootcert=ours.root)
        await start(url, ssl="verify-full", sslrootcert=ours.root)
        await start(
            url,
            sslmode="verify-full",
            sslrootcert=ours.root,
            ssl_min_protocol_version="TLSv1.3",
            connect_timeout=10,
            channel_binding="prefer",
        )


async def test_a_certificate_that_isnt_trusted_is_refused_by_name(
    postgresql_url: str, ours: Authority, another: Authority
) -> None:
    """It won't be trusted the next time either, so this is no outage to wait out."""
    async with speaking_tls(postgresql_url, ours.issue("server", "127.0.0.1")) as url:
        said = await refusal(url, sslmode="verify-full", sslrootcert=another.root)
    assert "its certificate isn't accepted" in said
    assert "in sslrootcert" in said
    async with speaking_tls(postgresql_url, ours.issue("elsewhere", "192.0.2.1")) as url:
        await start(url, sslmode="verify-ca", sslrootcert=ours.root)
        said = await refusal(url, sslmode="verify-full", sslrootcert=ours.root)
    assert "IP address mismatch" in said


async def test_a_client_certificate_is_shown(
    postgresql_url: str, ours: Authority, another: Authority
) -> None:
    """With its key, where the server asks for one; a key of another one is refused by name."""
    client, stranger = ours.issue("client"), another.issue("stranger")
    server = ours.issue("server", "127.0.0.1")
    async with speaking_tls(postgresql_url, server, clients=ours.root) as url:
        root = {"sslmode": "verify-full", "sslrootcert": ours.root}
        await start(url, **root, sslcert=client.certificate, sslkey=client.key)
        said = await refusal(url, **root, sslcert=client.certificate, sslkey=stranger.key)
    assert "sslcert and sslkey can't be used (KEY_VALUES_MISMATCH)" in said


async def test_a_server_without_tls_is_told(postgresql_url: str) -> None:
    """Instead of being tried again for ever."""
    async with pooler(postgresql_url) as plain:
        said = await refusal(plain.url.partition("?")[0], sslmode="require")
    assert "it doesn't speak TLS, which sslmode asks for" in said


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"sslmode": "on"}, "sslmode=on can't be used. Write one of disable, allow, prefer"),
        ({"sslrootcert": "system"}, "Name a file, such as /etc/ssl/certs/ca-certificates.crt"),
        ({"sslrootcert": "/nowhere"}, "sslrootcert names a file that doesn't exist"),
        ({"sslcert": "/nowhere"}, "sslcert names a file that doesn't exist"),
        ({"sslkey": "/nowhere"}, "sslkey names a file that doesn't exist"),
        ({"sslcrl": "/nowhere"}, "sslcrl names a file that doesn't exist"),
        ({"sslcrldir": "/etc"}, "Name one file in sslcrl"),
        ({"channel_binding": "require"}, "write sslmode=verify-full"),
        ({"gssencmode": "require"}, "write sslmode=verify-full"),
        ({"requiressl": "1"}, "Write sslmode=require"),
        ({"ssl_min_protocol_version": "TLSv9"}, "Write TLSv1.2 or TLSv1.3"),
        ({"pgbouncer": "yes"}, "Write pgbouncer=true or pgbouncer=false"),
    ],
)
async def test_what_cant_be_kept_is_refused_by_name(parameters: dict[str, str], words: str) -> None:
    """Before anything is connected, with what to write instead."""
    said = await refusal("postgresql://bot@127.0.0.1:1/name", **parameters)
    assert said.startswith("DATABASE_URL: ")
    assert words in said


async def test_verification_without_a_root_is_refused(
    postgresql_url: str, ours: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In the driver's words, which name the file that it looked for."""
    monkeypatch.setenv("HOME", str(tmp_path))
    async with speaking_tls(postgresql_url, ours.issue("server", "127.0.0.1")) as url:
        said = await refusal(url, sslmode="verify-full")
    assert "root.crt" in said
