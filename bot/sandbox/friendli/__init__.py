"""A strict Friendli API on loopback, for the demo and the tests."""

from bot.sandbox.friendli.errors import ApiError
from bot.sandbox.friendli.instances import INSTANCES
from bot.sandbox.friendli.lifecycle import Durations
from bot.sandbox.friendli.request_log import RequestRecord
from bot.sandbox.friendli.response_variants import RESPONSE_VARIANTS, ResponseVariant
from bot.sandbox.friendli.scenarios import MODELS
from bot.sandbox.friendli.server import EndpointView, FriendliSandbox
from bot.sandbox.friendli.timeline import Segment

__all__ = [
    "INSTANCES",
    "MODELS",
    "RESPONSE_VARIANTS",
    "ApiError",
    "Durations",
    "EndpointView",
    "FriendliSandbox",
    "RequestRecord",
    "ResponseVariant",
    "Segment",
]
