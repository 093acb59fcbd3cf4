"""Requests that Slack didn't sign, or signed long ago, are refused before anything reads them."""

import json
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.registry import SLASH
from bot.sandbox.environment import SIGNING_SECRET
from tests.acceptance.thread_assertions import roots
from tests.attacks.harness import AttackHarness, form_encoded, signature_headers
from tests.attacks.strategies import examples

TYPED = "org/model --gpu 1xH100 --name forged --yes"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
SOME_SIGNATURE = "v0=" + "0" * 64


def a_command(isolated_attack: AttackHarness, typed: str = TYPED) -> bytes:
    """A slash command, not signed yet."""
    member = isolated_attack.env.member
    return form_encoded(
        member._slack.payloads.command(member.user, isolated_attack.env.channel, SLASH, typed)
    )


def nothing_happened(isolated_attack: AttackHarness) -> bool:
    """Whether nobody was shown anything, and nothing was made."""
    env = isolated_attack.env
    return not (roots(env) or env.channel.ephemerals or env.friendli.endpoints)


# Whether the endpoint is known by then, is a race that either may win.
_WISH = re.compile("asked to (cancel|terminate) it")


@pytest.fixture(scope="module")
def shared_database_url(shared_sqlite_url: str) -> str:
    """What is refused at the door reaches no database."""
    return shared_sqlite_url


@pytest.mark.parametrize("minutes", [-6, -60, 6, 1_000_000])
async def test_what_was_not_signed_just_now_is_refused(
    attack: AttackHarness, minutes: float
) -> None:
    """More than five minutes ago, or ahead, is no time to be trusted, whoever signed."""
    body = a_command(attack)
    answer = await attack.raw(body, FORM | signature_headers(body, at=time.time() + minutes * 60))
    assert (answer.status, answer.body) == (401, "")
    assert nothing_happened(attack)


async def test_what_was_signed_four_minutes_ago_is_taken(isolated_attack: AttackHarness) -> None:
    """Slack's own retries come late, and within five minutes they count."""
    body = a_command(isolated_attack)
    answer = await isolated_attack.raw(body, FORM | signature_headers(body, at=time.time() - 240))
    assert answer.status == 200
    await isolated_attack.env.slack.until(lambda: roots(isolated_attack.env))


@pytest.mark.parametrize(
    "timestamp", ["", "now", "1e9", "0x5f", "-1", "NaN", "9" * 400, "12 34", "1.5"]
)
async def test_a_timestamp_that_is_no_number_is_refused(
    attack: AttackHarness, timestamp: str
) -> None:
    """A correct signature over a nonsensical time is still no proof of when it was made."""
    body = a_command(attack)
    answer = await attack.raw(body, FORM | signature_headers(body, at=timestamp))
    assert answer.status == 401
    assert nothing_happened(attack)


@pytest.mark.parametrize("missing", ["X-Slack-Signature", "X-Slack-Request-Timestamp", "both"])
async def test_a_request_without_its_signature_is_refused(
    attack: AttackHarness, missing: str
) -> None:
    """Both headers are needed."""
    body = a_command(attack)
    headers = {} if missing == "both" else signature_headers(body)
    headers.pop(missing, None)
    assert (await attack.raw(body, FORM | headers)).status == 401
    assert nothing_happened(attack)


@pytest.mark.parametrize(
    "made_up",
    [
        pytest.param("", id="empty"),
        pytest.param("v0=", id="no digest"),
        pytest.param(SOME_SIGNATURE, id="zeros"),
        pytest.param("v1=" + "0" * 64, id="another version"),
        pytest.param("v0=\xe9\xff", id="not ASCII"),
        pytest.param("v0=" + "0" * 4_000, id="long"),
    ],
)
async def test_a_made_up_signature_is_refused(attack: AttackHarness, made_up: str) -> None:
    """Whatever stands where the signature belongs, only the right one opens the door."""
    body = a_command(attack)
    headers = FORM | signature_headers(body) | {"X-Slack-Signature": made_up}
    assert (await attack.raw(body, headers)).status == 401
    assert nothing_happened(attack)


async def test_another_app_s_secret_opens_nothing(attack: AttackHarness) -> None:
    """Slack signs for each app with its own secret."""
    body = a_command(attack)
    for secret in ("another-secret", SIGNING_SECRET.upper(), SIGNING_SECRET + " ", "\x00"):
        assert (await attack.raw(body, FORM | signature_headers(body, secret=secret))).status == 401
    assert nothing_happened(attack)


async def test_a_signature_belongs_to_its_body_and_its_time(attack: AttackHarness) -> None:
    """It can't be carried over to another body, nor to a later moment."""
    body, other = a_command(attack), a_command(attack, TYPED + " --replicas 2")
    headers = FORM | signature_headers(body, at=time.time() - 200)
    assert (await attack.raw(other, headers)).status == 401
    later = headers | {"X-Slack-Request-Timestamp": str(int(time.time()))}
    assert (await attack.raw(body, later)).status == 401
    assert nothing_happened(attack)


@examples(100)
@given(
    body=st.binary(max_size=200),
    timestamp=st.one_of(st.text(st.characters(codec="latin-1"), max_size=12), st.none()),
    made_up=st.one_of(st.text(st.characters(codec="latin-1"), max_size=70), st.none()),
)
async def test_random_requests_are_refused(
    attack: AttackHarness, body: bytes, timestamp: str | None, made_up: str | None
) -> None:
    """Noise at the door is 401, without a word in the log."""
    given_ = {
        "X-Slack-Request-Timestamp": timestamp or str(int(time.time())),
        "X-Slack-Signature": made_up or SOME_SIGNATURE,
    }
    # A header can't hold what would end it.
    headers = {
        name: "".join(char for char in value if char >= " " and char != "\x7f")
        for name, value in given_.items()
    }
    assert (await attack.raw(body, headers)).status == 401
    assert nothing_happened(attack)


@examples(100)
@given(
    body=st.one_of(
        st.binary(max_size=200),
        st.sampled_from(
            [
                b"",
                b"payload=",
                b"payload=null",
                b"payload=[]",
                b"payload={}",
                b'payload="text"',
                b"payload=" + b"[" * 100_000,
                b"payload=%ED%A0%80",
                b"payload=%7B%22type%22%3A%22block_actions%22%7D",
                b"command=%2Ffriendli-deploy",
                b"command=%2Ffriendli-deploy&text=x&channel_id=C1&user_id=U1",
                b"ssl_check=1",
                b"&=&=&",
                b"\xff\xfe",
            ]
        ),
    ),
    kind=st.sampled_from(
        [
            "application/x-www-form-urlencoded",
            "application/json",
            "text/plain",
            "multipart/form-data; boundary=x",
            "application/json; charset=utf-99",
            "",
        ]
    ),
)
async def test_signed_nonsense_is_refused(attack: AttackHarness, body: bytes, kind: str) -> None:
    """With Slack's own signature on it, nonsense is still only refused."""
    answer = await attack.signed(body, kind)
    await attack.check_response(answer, frozenset({200, 400, 401, 404}))
    assert nothing_happened(attack)


async def test_a_body_without_end_is_refused(attack: AttackHarness) -> None:
    """Nobody makes the bot keep megabytes to check a signature."""
    answer = await attack.signed(b"x" * 3_000_000)
    assert answer.status in (401, 413)


@pytest.mark.parametrize("times", [1, 5])
async def test_a_replay_within_five_minutes_does_nothing_more(
    isolated_attack: AttackHarness, times: int
) -> None:
    """Who recorded a request may send it again; what it asked for is asked for once."""
    env = isolated_attack.env
    body = a_command(isolated_attack)
    headers = FORM | signature_headers(body)
    assert (await isolated_attack.raw(body, headers)).status == 200
    await env.slack.until(lambda: roots(env))
    for _ in range(times):
        assert (await isolated_attack.raw(body, headers)).status == 200
    await isolated_attack.wait_until_idle()
    await env.friendli.until(lambda: env.friendli.endpoints)
    assert len(env.friendli.endpoints) == 1
    assert sum(one.operation == "create_endpoint" for one in env.friendli.requests) == 1
    said = [message.text for message in env.member.ephemerals(env.channel)]
    assert len(said) == times
    assert all("Nothing was created twice" in one for one in said)


async def test_replayed_clicks_and_forms_do_nothing_more(attack: AttackHarness) -> None:
    """The same holds for a button and for a form."""
    env = attack.env
    await attack.command("org/model --gpu 1xH100 --name it")
    preview = await env.slack.until(lambda: env.member.ephemerals(env.channel)[-1])
    value = next(
        str(element["value"])
        for block in preview.blocks
        if block["type"] == "actions"
        for element in block["elements"]
        if element["action_id"] == "preview.deploy"
    )
    click = attack.click("preview.deploy", value)
    body = form_encoded({"payload": json.dumps(click)})
    headers = FORM | signature_headers(body)
    for _ in range(3):
        assert (await attack.raw(body, headers)).status == 200
    await env.friendli.until(lambda: env.friendli.endpoints)
    [root] = await env.slack.until(lambda: roots(env))
    assert root.metadata is not None
    stop = attack.click("deployment.cancel", root.metadata["event_payload"]["deployment"])
    body = form_encoded({"payload": json.dumps(stop)})
    headers = FORM | signature_headers(body)
    for _ in range(3):
        assert (await attack.raw(body, headers)).status == 200
    await attack.wait_until_idle()
    await env.friendli.until(
        lambda: any(one.operation == "terminate_endpoint" for one in env.friendli.requests)
    )
    await env.slack.until(
        lambda: any(_WISH.search(reply.text) for reply in env.channel.replies(root.ts))
    )
    assert len(env.friendli.endpoints) == 1
    asked = [reply for reply in env.channel.replies(root.ts) if _WISH.search(reply.text)]
    assert len(asked) == 1
