"""Whatever Friendli or Slack answers, the bot goes on, and the thread ends right."""

import gzip
import itertools
import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.sandbox.environment import Environment
from bot.sandbox.faults import DropRequest, Effect, GarbageBody, LoseReply, Respond, TruncateBody
from bot.sandbox.slack.conversations import Message
from tests.attacks.harness import AttackHarness
from tests.attacks.strategies import CANARIES, examples, odd_json, odd_text
from tests.conftest import THOROUGH

# Each example takes a third of a second, and what one database stores the other refuses.
pytestmark = pytest.mark.parametrize(
    "shared_database_url",
    ["sqlite", "postgresql"] if settings.get_current_profile_name() == THOROUGH else ["postgresql"],
    indirect=True,
    scope="module",
)

MOMENTS: tuple[object, ...] = (
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "2026-02-30T00:00:00Z",
    "yesterday",
    10**18,
    -1,
    1e308,
    None,
    {},
)
WELL = {"status": "INITIALIZING", "createdAt": "2026-11-01T10:00:00Z", "phase": None}
BODIES = (
    b"",
    b"null",
    b"[]",
    b'"RUNNING"',
    b"{",
    b'{"data": {"dep',
    b"\xff\xfe\x00{",
    json.dumps({"data": {}}).encode("utf-16"),
    b'{"status": "\\ud800", "createdAt": "2026-11-01T10:00:00Z"}',
    b'{"status": "A\\u0000B", "createdAt": "2026-11-01T10:00:00Z"}',
    b"[" * 100_000,
    b'{"data":' * 20_000,
    b'{"data": {}, "data": []}',
    b" " * 5_100_000,
    b'{"detail": "' + b"x" * 100_000 + b'"}',
    b"<html><title>&lt;!channel&gt; <!here></title>",
    json.dumps({"detail": " ".join(CANARIES)}).encode(),
    json.dumps({"data": {"": WELL}}).encode(),
    json.dumps({"data": {"../..": WELL, "a" * 4_000: WELL, "\x00": WELL}}).encode(),
    json.dumps({"data": {"dep": {**WELL, "status": "NEW_ONE" * 400}}}).encode(),
    json.dumps({"data": {}, "nextCursor": "x" * 100_000}).encode(),
    json.dumps({"data": {}, "nextCursor": {"a": 1}}).encode(),
)


def bodies() -> st.SearchStrategy[bytes]:
    """Bodies that are no answer to anything, or nearly one."""
    odd_status = st.builds(
        lambda at, key, odd: {**WELL, "createdAt": at, key: odd},
        st.sampled_from(MOMENTS),
        st.sampled_from(["status", "phase", "errorCode", "updatedAt"]),
        st.one_of(odd_text(), odd_json(), st.sampled_from(MOMENTS)),
    )
    documents = st.one_of(
        odd_json(),
        odd_status,
        st.builds(lambda id_, one: {"data": {id_: one}}, odd_text(), odd_status),
        odd_text().map(lambda words: {"detail": words}),
    )
    return st.one_of(
        st.sampled_from(BODIES),
        st.binary(max_size=60),
        documents.map(lambda d: json.dumps(d).encode()),
    )


HEADERS: tuple[dict[str, str], ...] = (
    {},
    {"Content-Type": "application/json; charset=utf-99"},
    {"Content-Type": "image/png"},
    {"Content-Encoding": "gzip"},
    {"Content-Encoding": "br, zstd, x-none"},
    {"Date": "Fri, 31 Dec 9999 23:59:59 -1200"},
    {"Date": "whenever"},
    {"Retry-After": "0"},
    {"Retry-After": "soon"},
    {"Location": "http://[", "Set-Cookie": "a=b; Domain=."},
)


def effects() -> st.SearchStrategy[Effect]:
    """Ways in which an answer can be wrong though a request was carried out."""
    statuses = st.sampled_from([200, 200, 200, 201, 206, 299, 302, 408, 500, 502, 503, 599])
    return st.one_of(
        st.builds(
            lambda status, body, headers: Respond(status, body, headers, acts=True),
            statuses,
            bodies(),
            st.sampled_from(HEADERS),
        ),
        st.integers(0, 40).map(TruncateBody),
        bodies().map(GarbageBody),
        st.just(LoseReply()),
    )


REFUSALS = st.builds(
    Respond,
    st.sampled_from([400, 401, 402, 403, 404, 409, 418, 422, 451]),
    bodies(),
)
# A few kilobytes that would be sixteen gigabytes if they were unpacked.
BOMB = gzip.compress(gzip.compress(bytes(16_000_000)) + bytes(2_000_000))


@pytest.fixture(scope="module")
def settings_overrides() -> dict[str, object]:
    """It looks again at once, whatever went wrong."""
    return {"poll_seconds_transitional": 0.05}


_numbers = itertools.count(1)


async def deploys(attack: AttackHarness) -> None:
    """Deploy, and see it to its end: it serves, or it was refused; and it was asked for once."""
    env = attack.env
    name, asked = f"number-{next(_numbers)}", creates(env)
    await attack.command(f"org/model --gpu 1xH100 --name {name} --yes")

    def root() -> Message:
        return next(
            message
            for message in env.channel.messages.values()
            if not message.is_reply and f"*{name}*" in message.text and not message.deleted
        )

    def over() -> bool:
        try:
            found = root()
        except StopIteration:
            return False
        for id_, endpoint in list(env.friendli.endpoints.items()):
            if (
                endpoint.name == name
                and endpoint.status == "INITIALIZING"
                and id_ in str(found.blocks)
            ):
                env.friendli.set_status(id_, "RUNNING")
        return f"*{name}* is live" in found.text or found.buttons == ["Try again"]

    await env.slack.until(over)
    made = [one for one in env.friendli.endpoints.values() if one.name == name]
    assert creates(env) - asked <= 1
    assert len(made) == (f"*{name}* is live" in root().text)
    for id_, endpoint in list(env.friendli.endpoints.items()):
        if endpoint.name == name:
            env.friendli.set_status(id_, "TERMINATED")
    await attack.wait_until_idle()
    attack.check(shapes_only=True)


def creates(env: Environment) -> int:
    """How many create requests reached the API."""
    return sum(one.operation == "create_endpoint" for one in env.friendli.requests)


@examples(4)
@given(effect=effects())
@example(effect=Respond(200, BOMB, {"Content-Encoding": "gzip, gzip"}, acts=True))
async def test_any_answer_to_create_leads_to_one_endpoint(
    attack: AttackHarness, effect: Effect
) -> None:
    """What hides the answer hides no endpoint: it is found, and never asked for again."""
    attack.env.friendli.faults.add(effect, operation="create_endpoint")
    await deploys(attack)


@examples(3)
@given(refusal=REFUSALS)
async def test_any_refusal_is_told(attack: AttackHarness, refusal: Respond) -> None:
    """Nothing was made, and what the API says about it pings nobody."""
    attack.env.friendli.faults.add(refusal, operation="create_endpoint")
    await deploys(attack)


@examples(4)
@given(
    operation=st.sampled_from(["list_endpoints", "get_endpoint", "get_endpoint_status"]),
    effect=st.one_of(effects(), st.just(DropRequest())),
    times=st.integers(1, 3),
)
@example(
    operation="list_endpoints",
    effect=Respond(200, json.dumps({"data": {"": WELL}}).encode()),
    times=6,
)
@example(
    operation="list_endpoints",
    effect=Respond(200, b'{"data": {}}', {"Date": "Fri, 31 Dec 9999 23:59:59 -1200"}),
    times=1,
)
async def test_any_answer_to_a_question_is_outlived(
    attack: AttackHarness, operation: str, effect: Effect, times: int
) -> None:
    """Lists and states that make no sense are asked for again, and nothing strange is adopted."""
    fault = attack.env.friendli.faults.add(effect, operation=operation, times=times)
    await deploys(attack)
    attack.env.friendli.faults.remove(fault)


@examples(4)
@given(
    method=st.sampled_from(
        [
            "chat.postMessage",
            "chat.update",
            "conversations.info",
            "response_url",
            "users.info",
            "users.list",
            "views.open",
        ]
    ),
    body=bodies(),
    acts=st.booleans(),
)
async def test_any_answer_of_slack_is_outlived(
    attack: AttackHarness, method: str, body: bytes, *, acts: bool
) -> None:
    """Whatever Slack's servers say for a moment, nothing is lost and nobody sees an error."""
    env = attack.env
    fault = env.slack.faults.add(Respond(200, body, acts=acts), operation=method)
    for person, typed in ((env.member, "help"), (env.member, ""), (env.admin, "connect")):
        await attack.command(typed, person=person)
    await attack.wait_until_idle()
    await deploys(attack)
    env.slack.faults.remove(fault)
