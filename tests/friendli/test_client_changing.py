import asyncio
from collections.abc import Awaitable, Callable

import pytest

from bot.domain.friendli_errors import (
    FriendliError,
    NotApplied,
    NotFound,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    Refused,
)
from bot.domain.schemas import DedicatedEndpointUpdateBody
from bot.friendli.client import FriendliClient, TimeLimits
from tests.friendli.loopback import (
    ACCESS,
    CREATE,
    STATUS,
    Reply,
    ScriptedApi,
    WireServer,
    refused_url,
    unaccepting_url,
)
from tests.friendli.wire_faults import LOST, UNREADABLE, Behaviour, drip_head, truncated

# Long enough for a loaded machine to do its part, short enough to wait for what never comes.
SHORT = TimeLimits(silence=0.3, write=1)
Operation = Callable[[FriendliClient], Awaitable[object]]
UPDATE = DedicatedEndpointUpdateBody(new_version_comment="second")
# One create, and one changing call of each other verb.
OPERATIONS: dict[str, Operation] = {
    "create": lambda client: client.create_endpoint(ACCESS, CREATE),
    "update": lambda client: client.update_endpoint(ACCESS, "e1", UPDATE),
    "terminate": lambda client: client.terminate_endpoint(ACCESS, "e1"),
    "delete": lambda client: client.delete_endpoint(ACCESS, "e1"),
}
every_operation = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)


async def change(url: str, operation: Operation, limits: TimeLimits = SHORT) -> FriendliError:
    """Return the error that a changing call ends with."""
    async with FriendliClient(url, limits=limits) as client:
        with pytest.raises(FriendliError) as caught:
            await operation(client)
    return caught.value


def expected(status: int) -> str:
    """Return what a create must come to, for any final HTTP status."""
    named = {401: "Unauthorized", 403: "Unauthorized", 404: "NotFound", 429: "RateLimited"}
    if status in named:
        return named[status]
    if status == 204:
        return "OutcomeUnknown"  # it has no body, so that nothing says what was made
    if 200 <= status < 300:
        return "made"
    return "Refused" if 400 <= status < 500 and status not in (408, 425) else "OutcomeUnknown"


async def test_every_http_status_has_its_outcome(api: ScriptedApi) -> None:
    """Each status from 200 to 599 means made, nothing made or nobody knows, after one POST."""
    outcomes = {}
    nothing_made = {}
    async with FriendliClient(api.url) as client:
        for status in range(200, 600):
            api.replies(Reply(status, json=STATUS))
            try:
                await client.create_endpoint(ACCESS, CREATE)
            except FriendliError as error:
                outcomes[status] = type(error).__name__
                nothing_made[status] = isinstance(error, NotApplied)
            else:
                outcomes[status] = "made"
    assert outcomes == {status: expected(status) for status in range(200, 600)}
    assert nothing_made == {
        status: expected(status) != "OutcomeUnknown"
        for status in outcomes
        if expected(status) != "made"
    }
    assert [seen.method for seen in api.seen] == ["POST"] * 400


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(api: ScriptedApi, status: int) -> None:
    """A create is sent to one address only, whatever that answers."""
    api.replies(Reply(status, headers={"Location": f"{api.url}/elsewhere"}), Reply(json=STATUS))
    assert isinstance(await change(api.url, OPERATIONS["create"]), OutcomeUnknown)
    assert len(api.seen) == 1


@every_operation
@pytest.mark.parametrize("behaviour", LOST.values(), ids=LOST)
async def test_a_lost_answer_is_ambiguous(behaviour: Behaviour, operation: Operation) -> None:
    """A connection that breaks after the request leaves the outcome open; nothing is resent."""
    async with WireServer.serve(behaviour) as wire:
        error = await change(wire.url, operation)
        assert type(error) is OutcomeUnknown
        assert error.status is None
        assert wire.requests == 1


@pytest.mark.parametrize("operation", ["create", "update", "terminate"])
@pytest.mark.parametrize("behaviour", UNREADABLE.values(), ids=UNREADABLE)
async def test_an_unreadable_success_is_ambiguous(behaviour: Behaviour, operation: str) -> None:
    """A 200 whose body breaks off or has another shape leaves the outcome open."""
    async with WireServer.serve(behaviour) as wire:
        error = await change(wire.url, OPERATIONS[operation])
        assert type(error) is OutcomeUnknown
        assert (error.status, error.reason) == (200, "unreadable answer")
        assert wire.requests == 1


async def test_a_refusal_whose_body_breaks_off_is_still_a_refusal() -> None:
    """The status says that nothing was made; only the words are missing."""
    async with WireServer.serve(truncated(422)) as wire:
        error = await change(wire.url, OPERATIONS["create"])
    assert type(error) is Refused
    assert (error.status, error.message) == (422, "")


@every_operation
async def test_a_request_that_found_no_connection_never_left(
    api: ScriptedApi, operation: Operation
) -> None:
    """Refused, unresolved and hanging connections, and failing TLS, mean that nothing was sent."""
    with unaccepting_url() as unaccepting:
        async with WireServer.serve(LOST["no answer in time"]) as wire:
            errors = [
                await change(url, operation, TimeLimits(connect=0.3))
                for url in (
                    refused_url(),
                    "http://friendli.invalid",
                    unaccepting,
                    wire.url.replace("http:", "https:"),
                    api.url.replace("http:", "https:"),
                    "nothing://at-all",
                )
            ]
            assert wire.requests == len(api.seen) == 0
    assert [(type(error), error.reason) for error in errors] == [
        (NotSent, "ConnectError"),
        (NotSent, "ConnectError"),
        (NotSent, "ConnectTimeout"),
        (NotSent, "ConnectTimeout"),
        (NotSent, "ConnectError"),
        (NotSent, "UnsupportedProtocol"),
    ]


async def test_a_create_that_found_no_free_connection_never_left() -> None:
    """A create that waits too long behind others was not sent, and theirs were sent once."""
    limits = TimeLimits(connect=0.3)
    async with (
        WireServer.serve(LOST["no answer in time"]) as wire,
        FriendliClient(wire.url, limits=limits, connections=1) as client,
    ):
        first = asyncio.create_task(client.create_endpoint(ACCESS, CREATE))
        await wire.received.wait()
        with pytest.raises(NotSent) as caught:
            await client.create_endpoint(ACCESS, CREATE)
        assert caught.value.reason == "PoolTimeout"
        assert wire.requests == 1
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first


async def test_a_request_that_could_only_be_sent_in_part_is_ambiguous() -> None:
    """A server that stops taking bytes may still act on those that it has."""
    large = CREATE.model_copy(update={"initial_version_comment": "x" * 30_000_000})
    async with WireServer.serve(LOST["closed before the answer"], reads=False) as wire:
        error = await change(
            wire.url,
            lambda client: client.create_endpoint(ACCESS, large),
            TimeLimits(silence=0.3, write=20),
        )
    assert type(error) is OutcomeUnknown
    assert error.reason == "WriteTimeout"


@every_operation
async def test_the_time_limit_is_a_total(operation: Operation) -> None:
    """An answer that is never silent and never ends doesn't hold a changing call for longer."""
    limits = TimeLimits(silence=10, write=0.5)
    async with WireServer.serve(drip_head) as wire:
        error = await change(wire.url, operation, limits)
        assert type(error) is OutcomeUnknown
        assert error.reason == "Deadline"
        assert wire.requests == 1


@every_operation
@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_changing_call_is_never_repeated(
    api: ScriptedApi, operation: Operation, status: int
) -> None:
    """Not even an answer that invites to come back makes the client send it again."""
    api.replies(Reply(status, headers={"Retry-After": "0"}))
    error = await change(api.url, operation)
    assert error.retry_after == 0
    assert len(api.seen) == 1


@every_operation
@pytest.mark.parametrize(
    ("status", "error_type"),
    [(404, NotFound), (409, Refused), (402, Refused), (502, OutcomeUnknown)],
)
async def test_a_changing_call_tells_what_became_of_it(
    api: ScriptedApi, operation: Operation, status: int, error_type: type[FriendliError]
) -> None:
    """Refusals and open outcomes carry the status and the API's own words."""
    api.replies(Reply(status, json={"message": "Top up first"}))
    error = await change(api.url, operation)
    assert type(error) is error_type
    assert (error.status, error.message) == (status, "Top up first")


async def test_a_rate_limit_says_how_long_to_wait(api: ScriptedApi) -> None:
    """A create that was refused for the rate made nothing, and names the wait."""
    api.replies(Reply(429, json={"detail": "slow down"}, headers={"Retry-After": "17"}))
    error = await change(api.url, OPERATIONS["create"])
    assert isinstance(error, RateLimited)
    assert error.retry_after == 17
