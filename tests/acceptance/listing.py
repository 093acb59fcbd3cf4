"""Endpoints that stories list, and what the member is answered about them."""

from bot.sandbox.environment import PROJECT, Environment
from bot.sandbox.slack.conversations import Message


def made_elsewhere(here: Environment, name: str, status: str = "RUNNING", replicas: int = 1) -> str:
    """Make an endpoint as from Friendli Suite, and return its id."""
    endpoint = here.friendli.create(project_id=PROJECT, name=name, replicas=replicas)
    here.friendli.set_status(endpoint, status)
    return endpoint


async def asked(here: Environment, text: str) -> Message:
    """Type a command, and return what it is answered."""
    before = len(here.member.ephemerals(here.channel))
    await here.member.command(here.channel, text)
    return await here.slack.until(lambda: here.member.ephemerals(here.channel)[before:][-1])


class Counted:
    """Counts requests to Friendli by their operation, from now on."""

    def __init__(self, here: Environment) -> None:
        self._operations: list[str] = []
        here.friendli.on_request(
            lambda record: self._operations.append(record.operation) if record.done else None
        )

    def of(self, operation: str) -> int:
        """How many there were."""
        return self._operations.count(operation)
