import asyncio
from collections import Counter

import pytest

from bot.domain.friendli_errors import (
    FriendliError,
    NotFound,
    RateLimited,
    Refused,
    Unauthorized,
    Unavailable,
)
from bot.friendli.client import FriendliClient, TimeLimits
from tests.friendli.loopback import (
    ACCESS,
    STATUS,
    Reply,
    ScriptedApi,
    WireServer,
    refused_url,
    unaccepting_url,
)
from tests.friendli.wire_faults import LOST, UNREADABLE, Behaviour, body, drip_head, truncated

# Long enough for a loaded machine to do its part, short enough to wait for what never comes.
SHORT = TimeLimits(silence=0.3, read=1)
FAST = 0.001


async def read_once(url: str, limits: TimeLimits = SHORT) -> str:
    """Return what one reading call without retries comes to."""
    async with FriendliClient(url, limits=limits, attempts=1) as client:
        try:
            await client.get_endpoint_status(ACCESS, "e1")
        except FriendliError as error:
            return type(error).__name__
    return "read"


def expected(status: int) -> str:
    """Return what a reading call must come to, for any final HTTP status."""
    named = {401: "Unauthorized", 403: "Unauthorized", 404: "NotFound", 429: "RateLimited"}
    if status in named:
        return named[status]
    if status == 204:
        return "Unavailable"  # it has no body, so that there is no status to read
    if 200 <= status < 300:
        return "read"
    return "Refused" if 400 <= status < 500 and status not in (408, 425) else "Unavailable"


async def test_every_http_status_has_its_outcome(api: ScriptedApi) -> None:
    """Each status from 200 to 599 is read, refused or unavailable, and asked for once."""
    outcomes = {}
    async with FriendliClient(api.url, attempts=1) as client:
        for status in range(200, 600):
            api.replies(Reply(status, json=STATUS))
            try:
                await client.get_endpoint_status(ACCESS, "e1")
            except FriendliError as error:
                outcomes[status] = type(error).__name__
            else:
                outcomes[status] = "read"
    assert outcomes == {status: expected(status) for status in range(200, 600)}
    assert len(api.seen) == 400


async def test_the_api_is_quoted(api: ScriptedApi) -> None:
    """An error carries the operation, the status and the API's own words."""
    api.replies(Reply(400, json={"detail": "No such project."}))
    async with FriendliClient(api.url) as client:
        with pytest.raises(Refused) as caught:
            await client.list_all_endpoints(ACCESS, "project-1")
    assert (caught.value.status, caught.value.message) == (400, "No such project.")
    assert str(caught.value) == "list_all_endpoints: 400 No such project."


@pytest.mark.parametrize("behaviour", LOST.values(), ids=LOST)
async def test_a_lost_answer_is_unavailable(behaviour: Behaviour) -> None:
    """A connection that breaks before the answer leaves nothing to read."""
    async with WireServer.serve(behaviour) as wire:
        assert await read_once(wire.url) == "Unavailable"
        assert wire.requests == 1


@pytest.mark.parametrize("behaviour", UNREADABLE.values(), ids=UNREADABLE)
async def test_an_unreadable_answer_is_unavailable(behaviour: Behaviour) -> None:
    """A 200 whose body breaks off or isn't a status leaves nothing to read."""
    async with WireServer.serve(behaviour) as wire:
        assert await read_once(wire.url) == "Unavailable"
        assert wire.requests == 1


async def test_an_unreadable_answer_says_so() -> None:
    """The error for the log tells a broken answer from none."""
    async with (
        WireServer.serve(body(b"[]")) as wire,
        FriendliClient(wire.url, attempts=1) as client,
    ):
        with pytest.raises(Unavailable) as caught:
            await client.get_endpoint(ACCESS, "e1")
    assert str(caught.value) == "get_endpoint: 200 unreadable answer"


async def test_a_refusal_whose_body_breaks_off_is_still_a_refusal() -> None:
    """The status decides; only the words are missing."""
    async with WireServer.serve(truncated(404)) as wire:
        assert await read_once(wire.url) == "NotFound"


async def test_an_api_that_is_not_reached_is_unavailable() -> None:
    """Refused, unresolved, hanging and failing TLS connections leave nothing to read."""
    with unaccepting_url() as unaccepting:
        async with WireServer.serve(LOST["closed before the answer"]) as wire:
            urls = (
                refused_url(),
                "http://friendli.invalid",
                unaccepting,
                wire.url.replace("http:", "https:"),
                "nothing://at-all",
            )
            limits = TimeLimits(connect=0.3)
            assert [await read_once(url, limits) for url in urls] == ["Unavailable"] * 5
            assert wire.requests == 0


@pytest.mark.parametrize("status", [307, 408, 425, 429, 500, 502, 503, 504])
async def test_a_passing_fault_is_retried(api: ScriptedApi, status: int) -> None:
    """A reading call goes on after faults that may pass."""
    api.replies(Reply(status), Reply(status), Reply(json=STATUS))
    async with FriendliClient(api.url, attempts=3, first_wait=FAST) as client:
        await client.get_endpoint_status(ACCESS, "e1")
    assert len(api.seen) == 3


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, Refused), (401, Unauthorized), (403, Unauthorized), (404, NotFound), (422, Refused)],
)
async def test_a_refusal_is_not_retried(
    api: ScriptedApi, status: int, error: type[Exception]
) -> None:
    """Asking again would get the same refusal."""
    api.replies(Reply(status))
    async with FriendliClient(api.url, attempts=3, first_wait=FAST) as client:
        with pytest.raises(error):
            await client.get_endpoint_status(ACCESS, "e1")
    assert len(api.seen) == 1


@pytest.mark.parametrize("attempts", [1, 2, 4])
async def test_attempts_are_counted(api: ScriptedApi, attempts: int) -> None:
    """A fault that stays is raised after exactly that many requests; 1 means no retry."""
    api.replies(Reply(503, text="maintenance"))
    async with FriendliClient(api.url, attempts=attempts, first_wait=FAST) as client:
        with pytest.raises(Unavailable) as caught:
            await client.get_endpoint_status(ACCESS, "e1")
    assert caught.value.message == "maintenance"
    assert len(api.seen) == attempts


async def test_a_lost_connection_is_retried() -> None:
    """A reading call goes on after transport errors too."""
    async with (
        WireServer.serve(LOST["reset before the answer"]) as wire,
        FriendliClient(wire.url, attempts=3, first_wait=FAST) as client,
    ):
        with pytest.raises(Unavailable):
            await client.get_endpoint_status(ACCESS, "e1")
        assert wire.requests == 3


@pytest.mark.parametrize("status", [429, 503])
async def test_a_short_retry_after_is_obeyed(api: ScriptedApi, status: int) -> None:
    """The next attempt comes no sooner than the API asked, and not by our own back-off."""
    api.replies(Reply(status, headers={"Retry-After": "0.2"}), Reply(json=STATUS))
    async with FriendliClient(api.url, first_wait=60) as client:
        await client.get_endpoint_status(ACCESS, "e1")
    first, second = api.seen
    assert 0.2 <= second.at - first.at < 5


async def test_a_retry_after_of_zero_is_obeyed_at_once(api: ScriptedApi) -> None:
    """A wait of 0 s is a wait that the API named, not the absence of one."""
    api.replies(
        Reply(
            429,
            headers={
                "Date": "Mon, 02 Nov 2026 10:00:00 GMT",
                "Retry-After": "Mon, 02 Nov 2026 10:00:00 GMT",
            },
        ),
        Reply(json=STATUS),
    )
    async with FriendliClient(api.url, first_wait=60) as client:
        await client.get_endpoint_status(ACCESS, "e1")
    assert len(api.seen) == 2


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "3600"}, 3600),
        (
            {
                "Date": "Mon, 02 Nov 2026 10:00:00 GMT",
                "Retry-After": "Mon, 02 Nov 2026 10:02:00 GMT",
            },
            120,
        ),
    ],
    ids=["seconds", "date"],
)
async def test_a_long_retry_after_is_raised_at_once(
    api: ScriptedApi, headers: dict[str, str], seconds: float
) -> None:
    """A wait beyond the time limit is the caller's to plan, after one request."""
    api.replies(Reply(429, headers=headers))
    async with FriendliClient(api.url) as client:
        started = asyncio.get_running_loop().time()
        with pytest.raises(RateLimited) as caught:
            await client.list_all_endpoints(ACCESS, "project-1")
        took = asyncio.get_running_loop().time() - started
    assert caught.value.retry_after == seconds
    assert took < 10
    assert len(api.seen) == 1


async def test_a_rate_limit_without_a_time_is_retried_by_our_own(api: ScriptedApi) -> None:
    """A 429 that names no wait is backed off from, and says so in the end."""
    api.replies(Reply(429))
    async with FriendliClient(api.url, attempts=2, first_wait=FAST) as client:
        with pytest.raises(RateLimited) as caught:
            await client.get_endpoint_status(ACCESS, "e1")
    assert caught.value.retry_after is None
    assert len(api.seen) == 2


async def test_the_time_limit_ends_all_attempts(api: ScriptedApi) -> None:
    """Past the limit the last failure is raised, however many attempts were left."""
    api.replies(Reply(500, text="still down"))
    limits = TimeLimits(read=0.3)
    async with FriendliClient(api.url, limits=limits, attempts=1000, first_wait=0.05) as client:
        started = asyncio.get_running_loop().time()
        with pytest.raises(Unavailable) as caught:
            await client.get_endpoint_status(ACCESS, "e1")
        took = asyncio.get_running_loop().time() - started
    assert caught.value.message == "still down"
    assert 0.25 < took < 3


async def test_the_time_limit_ends_an_answer_that_drips() -> None:
    """An answer that never ends and is never silent is given up on."""
    async with WireServer.serve(drip_head) as wire:
        limits = TimeLimits(silence=10, read=0.3)
        async with FriendliClient(wire.url, limits=limits) as client:
            with pytest.raises(Unavailable) as caught:
                await client.get_endpoint_status(ACCESS, "e1")
    assert str(caught.value) == "get_endpoint_status: Deadline"


async def test_being_cancelled_is_not_taken_for_a_fault() -> None:
    """A caller that is cancelled gets its cancellation, and the request is not repeated."""
    async with (
        WireServer.serve(LOST["no answer in time"]) as wire,
        FriendliClient(wire.url) as client,
    ):
        reading = asyncio.create_task(client.get_endpoint_status(ACCESS, "e1"))
        await wire.received.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert wire.requests == 1


async def test_many_readers_share_the_client(api: ScriptedApi) -> None:
    """Calls made at once don't disturb each other."""
    api.replies(Reply(json=STATUS))
    async with FriendliClient(api.url, connections=5) as client:
        await asyncio.gather(
            *(client.get_endpoint_status(ACCESS, f"e{number % 10}") for number in range(50))
        )
    paths = Counter(seen.raw_path for seen in api.seen)
    assert set(paths.values()) == {5}
    assert len({seen.connection for seen in api.seen}) <= 5
