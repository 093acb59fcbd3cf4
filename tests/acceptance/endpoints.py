"""Endpoints from Friendli Suite, responses to commands, request counts."""

from bot.sandbox.environment import PROJECT, Environment
from bot.sandbox.slack.conversations import Message


def create_in_suite(env: Environment, name: str, status: str = "RUNNING", replicas: int = 1) -> str:
    """Create an endpoint as in Friendli Suite, and return its id."""
    endpoint = env.friendli.create(project_id=PROJECT, name=name, replicas=replicas)
    env.friendli.set_status(endpoint, status)
    return endpoint


async def command_response(env: Environment, text: str) -> Message:
    """Type a command, and return the response."""
    before = len(env.member.ephemerals(env.channel))
    await env.member.command(env.channel, text)
    return await env.slack.until(lambda: env.member.ephemerals(env.channel)[before:][-1])


def request_count(env: Environment, operation: str) -> int:
    """How many requests of an operation have reached Friendli."""
    return sum(one.operation == operation for one in env.friendli.requests)


class RequestCounter:
    """Counts requests to Friendli by operation, from now on."""

    def __init__(self, env: Environment) -> None:
        self._operations: list[str] = []
        env.friendli.on_request(
            lambda record: self._operations.append(record.operation) if record.done else None
        )

    def of(self, operation: str) -> int:
        return self._operations.count(operation)
