import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from traceback import TracebackException

import pytest

from bot.domain.friendli_errors import FriendliError
from bot.friendli.client import FriendliClient, TimeLimits
from tests.friendli.loopback import (
    ACCESS,
    CREATE,
    KEY,
    Reply,
    ScriptedApi,
    WireServer,
    refused_url,
)
from tests.friendli.wire_faults import LOST, UNREADABLE

QUOTED = f"Authorization: Bearer {KEY} is not allowed"
REPLIES = {
    **{str(status): Reply(status, json={"detail": QUOTED}) for status in (302, 401, 429, 500)},
    "quoted in plain text": Reply(403, text=QUOTED),
    "quoted in an unreadable success": Reply(200, text=QUOTED),
    "quoted in headers": Reply(500, headers={"X-Quoted": QUOTED, "Location": QUOTED}),
}
Operation = Callable[[FriendliClient], Awaitable[object]]
OPERATIONS: dict[str, Operation] = {
    "read": lambda client: client.get_endpoint_status(ACCESS, "e1"),
    "list": lambda client: client.list_all_endpoints(ACCESS, "project-1"),
    "create": lambda client: client.create_endpoint(ACCESS, CREATE),
    "terminate": lambda client: client.terminate_endpoint(ACCESS, "e1"),
}


@pytest.fixture(params=[*REPLIES, *LOST, *UNREADABLE, "refused", "no TLS"])
async def failing_url(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """The address of an API that fails in one way; where it can, it quotes the key."""
    async with AsyncExitStack() as stack:
        name: str = request.param
        if name in REPLIES:
            api = await stack.enter_async_context(ScriptedApi.serve())
            api.replies(REPLIES[name])
            yield api.url
        elif name == "refused":
            yield refused_url()
        elif name == "no TLS":
            api = await stack.enter_async_context(ScriptedApi.serve())
            yield api.url.replace("http:", "https:")
        else:
            behaviour = {**LOST, **UNREADABLE}[name]
            yield (await stack.enter_async_context(WireServer.serve(behaviour))).url


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
async def test_no_failure_shows_the_key(
    failing_url: str, operation: Operation, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither an error's text, nor its traceback with all variables, nor any log has the key."""
    caplog.set_level(logging.DEBUG)
    # Its DEBUG level writes out the headers of answers, whatever they quote.
    caplog.set_level(logging.INFO, logger="httpcore")
    limits = TimeLimits(connect=0.1, silence=0.1, read=0.2, write=0.2)
    async with FriendliClient(failing_url, limits=limits, attempts=2, first_wait=0) as client:
        with pytest.raises(FriendliError) as caught:
            await operation(client)
    error = caught.value
    traceback = "".join(TracebackException.from_exception(error, capture_locals=True).format())
    told = f"{error} {error!r} {vars(error)} {traceback} {caplog.text}"
    assert "create_endpoint" in told or "e1" in told or "project-1" in told
    assert KEY not in told
    assert error.__cause__ is None
    assert error.__context__ is None
