"""The HTTP server: Slack's requests in HTTP mode, and the health routes in any mode."""

import errno
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from aiohttp import web
from pydantic import SecretStr
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_sdk.signature import SignatureVerifier

from bot import logs
from bot.errors import ConfigError

log = logs.get(__name__)

# Slack gives up on a request after this long, so nobody waits for a later answer.
_ANSWER_SECONDS = 3.0


@asynccontextmanager
async def listening(routes: Iterable[web.RouteDef], *, host: str, port: int) -> AsyncIterator[str]:
    """Listen until the block ends; yields the address.

    Args:
        routes: What is served.
        host: The address to listen on.
        port: The port to listen on; 0 takes a free one.

    Raises:
        ConfigError: Host and port can't be listened on.
    """
    server = web.Application()
    server.add_routes(routes)
    runner = web.AppRunner(
        server, access_log=None, handle_signals=False, shutdown_timeout=_ANSWER_SECONDS
    )
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise ConfigError([_problem(error, host, port)]) from None
        bound_host, bound_port = runner.addresses[0][:2]
        yield f"http://{bound_host}:{bound_port}"
    finally:
        await runner.cleanup()


def events_route(path: str, bolt: AsyncApp, signing_secret: SecretStr) -> web.RouteDef:
    """The route that takes Slack's requests.

    Args:
        path: Where Slack sends them.
        bolt: Takes those that Slack has signed within the last five minutes, and checks nothing.
        signing_secret: What Slack signs with.
    """
    verifier = SignatureVerifier(signing_secret.get_secret_value())

    async def events(request: web.Request) -> web.Response:
        # Bolt would check the signature too, but only after it has parsed the body, and it breaks
        # on bodies and timestamps that are nonsense.
        try:
            is_slacks = verifier.is_valid_request(await request.read(), dict(request.headers))
        except (ValueError, TypeError, OverflowError):
            is_slacks = False
        if not is_slacks:
            return web.Response(status=401)
        try:
            asked = await to_bolt_request(request)
            return await to_aiohttp_response(await bolt.async_dispatch(asked))
        except Exception:  # Bolt trips over what isn't as it expects in many ways
            log.exception("can't read what Slack sent")
            return web.Response(status=400)

    return web.post(path, events)


def _problem(error: OSError, host: str, port: int) -> str:
    # Newer Pythons skip each address that isn't this machine's (EADDRNOTAVAIL), and once none is
    # left raise an OSError without an errno.
    not_ours = error.errno in {errno.EADDRNOTAVAIL, None}
    if isinstance(error, socket.gaierror) or not_ours:
        return (
            f"HOST {host} isn't an address of this machine. Name one of its addresses, or 0.0.0.0"
            " for all of them."
        )
    if error.errno == errno.EADDRINUSE:
        return f"PORT {port} is taken by another program. Write a free port, from 1 to 65535."
    if error.errno == errno.EACCES:
        return f"PORT {port} needs rights that the bot doesn't have. Write a port above 1023."
    return f"PORT {port} can't be listened on ({error.strerror}). Write a free port."
