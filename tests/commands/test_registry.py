"""Every button leads somewhere, and nothing is registered that no one can reach."""

import pytest

from bot.commands.endpoint_command import EndpointCommand, EndpointRequest
from bot.commands.features import registry
from bot.commands.injection import Injector
from bot.commands.registry import Command, DeferredTask, Feature, Registry
from bot.messages import preview, update_diff
from bot.messages.buttons import ActionId
from bot.slack.requests import SlashCommand


async def nothing(_command: SlashCommand) -> DeferredTask:
    return None


@pytest.mark.parametrize("action_id", list(ActionId))
def test_every_button_of_a_deployment_has_a_handler(action_id: ActionId) -> None:
    """A button that a message can show is one that a click can use."""
    assert registry().click(action_id) is not None


@pytest.mark.parametrize(
    "action_id",
    [
        preview.DEPLOY_ACTION,
        preview.CHANGE_ACTION,
        preview.CANCEL_ACTION,
        update_diff.AGREE_ACTION,
        update_diff.CHANGE_ACTION,
        update_diff.CANCEL_ACTION,
    ],
)
def test_every_button_of_a_question_has_a_handler(action_id: str) -> None:
    """So is each button of the question before a deployment, or an update."""
    assert registry().click(action_id) is not None


def test_a_button_in_a_numbered_row_shares_its_handler() -> None:
    """Slack wants distinct action ids within a row, so they end in a number."""
    assert registry().click(f"{ActionId.CHOOSE}.7") is registry().click(ActionId.CHOOSE)


def test_a_button_that_is_no_longer_ours_has_none() -> None:
    """An old message may show a button that a newer version dropped."""
    assert registry().click("deployment.from_long_ago") is None


def test_two_features_can_t_claim_one_name() -> None:
    """A word of the slash command means one thing."""
    twice = Feature(commands=[Command("same", "", "Does it.", nothing)])
    with pytest.raises(ValueError, match="same is registered twice"):
        Registry([twice, twice])


@pytest.mark.parametrize(
    ("typed", "meant"), [("conect", "connect"), ("HLP", "help"), ("xyz", None)]
)
def test_a_mistyped_word_has_a_nearest_command(typed: str, meant: str | None) -> None:
    """Close enough is offered; far off is not guessed."""
    assert registry().nearest(typed) == meant


class Service:
    """Something that a handler may declare."""


async def needing(_command: SlashCommand, _service: Service) -> DeferredTask:
    return None


async def needing_on_an_endpoint(_request: EndpointRequest, _service: Service) -> None:
    pass


ON_AN_ENDPOINT = EndpointCommand("needs", "Needs it.", needing_on_an_endpoint)


@pytest.mark.parametrize(
    "feature",
    [
        Feature(commands=[Command("needs", "", "Needs it.", needing)]),
        Feature(
            steps=EndpointCommand("needs", "Needs it.", needing_on_an_endpoint).feature().steps
        ),
    ],
    ids=["command", "command about an endpoint"],
)
def test_a_handler_gets_what_it_declares_or_the_bot_does_not_start(feature: Feature) -> None:
    """A service that nobody provides is found at start-up, not at the first click."""
    Registry([feature]).bind(Injector(Service()))
    with pytest.raises(TypeError, match=r"0 services are a .*Service"):
        Registry([feature]).bind(Injector())


def test_a_type_with_two_services_is_none() -> None:
    """Which of them is meant can't be told."""
    with pytest.raises(TypeError, match="2 services are a"):
        Injector(Service(), Service()).get(Service)
