"""Payloads with every optional field missing or null."""

import pytest

from bot.domain.actors import Actor, ChannelRef
from bot.sandbox.environment import Environment
from bot.sandbox.slack.deliveries import Kind
from bot.slack import payloads

TEAM = {"id": "T1", "domain": "acme"}
USER = {"id": "U1", "username": "one", "name": "one", "team_id": "T1"}
HERE = ChannelRef("", "T1", "C1")


def test_a_click_in_the_home_tab_comes_from_no_channel() -> None:
    """It has neither a message nor a response URL."""
    click = payloads.click(
        {
            "type": "block_actions",
            "user": USER,
            "team": TEAM,
            "enterprise": None,
            "container": {"type": "view", "view_id": "V1"},
            "trigger_id": "1.2.3",
            "view": {"id": "V1", "type": "home", "callback_id": "", "private_metadata": ""},
            "actions": [{"type": "button", "action_id": "home.refresh", "block_id": "home"}],
        }
    )
    assert click.is_in_home
    assert (click.place, click.response_url, click.value) == (ChannelRef("", "T1", ""), "", "")


def test_a_click_in_a_message() -> None:
    """In an organisation-wide install the user's team replaces a null one."""
    click = payloads.click(
        {
            "type": "block_actions",
            "user": USER,
            "team": None,
            "enterprise": {"id": "E1", "name": "acme"},
            "container": {
                "type": "message",
                "message_ts": "1.0",
                "channel_id": "C1",
                "is_ephemeral": None,
                "thread_ts": None,
            },
            "channel": {"id": "C1", "name": "one"},
            "trigger_id": "1.2.3",
            "response_url": None,
            "view": None,
            "actions": [
                {
                    "type": "external_select",
                    "action_id": "endpoint.pick.status",
                    "block_id": "ask",
                    "value": None,
                    "selected_option": None,
                }
            ],
        }
    )
    assert (click.place, click.thread_ts, click.value) == (ChannelRef("E1", "T1", "C1"), None, "")


@pytest.mark.parametrize(
    ("container", "place"),
    [
        ({"type": "message", "message_ts": "1.0", "channel_id": "C1"}, HERE),
        ({"type": "view", "view_id": "V1"}, ChannelRef("", "T1", "")),
    ],
)
def test_a_menu_that_is_searched_is_in_a_message_or_in_a_view(
    container: dict[str, str], place: ChannelRef
) -> None:
    """The typed text may be empty."""
    query = payloads.options_request(
        {
            "type": "block_suggestion",
            "user": USER,
            "team": TEAM,
            "container": container,
            "action_id": "endpoint.pick.status",
            "block_id": "ask",
            "value": None,
        }
    )
    assert (query.place, query.typed) == (place, "")


def test_a_shortcut_on_somebody_s_message() -> None:
    """Without thread and metadata."""
    used = payloads.shortcut(
        {
            "type": "message_action",
            "callback_id": "endpoint.status",
            "user": USER,
            "team": TEAM,
            "channel": {"id": "C1", "name": "one"},
            "message_ts": "1.0",
            "message": {"type": "message", "user": "U2", "ts": "1.0", "text": "hello"},
            "trigger_id": "1.2.3",
            "response_url": "https://hooks.slack.test/1",
        }
    )
    assert (used.callback_id, used.place, used.thread_ts, used.public_id) == (
        "endpoint.status",
        HERE,
        None,
        "",
    )


def test_a_mention_outside_of_threads() -> None:
    """It has no trigger."""
    told = {
        "team_id": "T1",
        "event_id": "Ev1",
        "event": {
            "type": "app_mention",
            "user": "U1",
            "text": "<@U0> list",
            "ts": "1.0",
            "channel": "C1",
            "event_ts": "1.0",
        },
    }
    assert payloads.event_type(told) == "app_mention"
    event = payloads.event(told)
    assert (event.place, event.person, event.thread_ts) == (HERE, Actor("U1", "T1"), None)


def test_a_command_without_an_organisation() -> None:
    """Enterprise fields are absent."""
    asked = payloads.command({"team_id": "T1", "channel_id": "C1", "user_id": "U1"})
    assert (asked.place, asked.text, asked.request_id) == (HERE, "", "")


@pytest.mark.usefixtures("bot")
async def test_an_event_that_isn_t_ours_is_acknowledged(env: Environment) -> None:
    """Otherwise Slack would repeat it."""
    for event in (
        {"type": "team_join", "user": {"id": "U9", "name": "nine"}},
        {"type": "channel_created", "channel": {"id": "C9", "name": "nine"}},
        {"type": "reaction_added", "user": "U1", "item": {"type": "message", "channel": "C1"}},
    ):
        told = env.slack._deliveries.prepare(
            Kind.EVENT, str(event["type"]), env.slack._payloads.event(event)
        )
        assert (await env.slack._deliveries.send(told)).status == 200
