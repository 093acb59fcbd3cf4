"""A Hugging Face Hub on loopback.

Slow, down and unreadable are faults (`bot.sandbox.faults`), planned by operation.
"""

from bot.sandbox.hub.exchange import HubRequest
from bot.sandbox.hub.repo import File, Gate, Repo
from bot.sandbox.hub.server import HubSandbox

__all__ = ["File", "Gate", "HubRequest", "HubSandbox", "Repo"]
