"""A strict Friendli API on loopback, for the demo and the tests."""

from bot.sandbox.friendli.errors import ApiError
from bot.sandbox.friendli.instances import INSTANCES
from bot.sandbox.friendli.journal import RequestRecord
from bot.sandbox.friendli.lifecycle import Durations
from bot.sandbox.friendli.scenarios import MODELS
from bot.sandbox.friendli.server import EndpointView, FriendliSandbox
from bot.sandbox.friendli.timeline import Leg

__all__ = [
    "INSTANCES",
    "MODELS",
    "ApiError",
    "Durations",
    "EndpointView",
    "FriendliSandbox",
    "Leg",
    "RequestRecord",
]
