"""A strict Friendli API on loopback, for the demo and the tests."""

from bot.sandbox.friendli.errors import ApiError
from bot.sandbox.friendli.instances import INSTANCES
from bot.sandbox.friendli.journal import RequestRecord
from bot.sandbox.friendli.lifecycle import Durations
from bot.sandbox.friendli.scenarios import MODELS
from bot.sandbox.friendli.server import EndpointView, FriendliSandbox
from bot.sandbox.friendli.timeline import Leg
from bot.sandbox.friendli.wordings import WORDINGS, Wording

__all__ = [
    "INSTANCES",
    "MODELS",
    "WORDINGS",
    "ApiError",
    "Durations",
    "EndpointView",
    "FriendliSandbox",
    "Leg",
    "RequestRecord",
    "Wording",
]
