"""Deployments by command line, up to a stage."""

from bot.sandbox.environment import Environment
from tests.acceptance.thread_assertions import has_replies, root, roots

REPLICA = "--gpu 1xH100 --replicas 1"


async def send_deploy(
    env: Environment, model: str = "org/model", name: str = "it", options: str = REPLICA
) -> None:
    """Send the command, whatever comes of it."""
    await env.member.command(env.channel, f"{model} {options} --name {name} --yes")


async def deploy(
    env: Environment, name: str = "it", model: str = "org/model", options: str = REPLICA
) -> str:
    """Deploy a model and wait until a new thread knows the endpoint; returns its id."""
    before = len(roots(env))
    await send_deploy(env, model, name, options)
    await env.slack.until(
        lambda: len(roots(env)) > before and env.channel.replies(roots(env)[-1].ts)
    )
    return list(env.friendli.endpoints)[-1]


async def serve(env: Environment, name: str = "it", options: str = REPLICA) -> str:
    """Deploy a model and wait until its thread says that it serves; returns the endpoint's id."""
    endpoint = await deploy(env, name, options=options)
    env.friendli.set_status(endpoint, "RUNNING")
    await env.slack.until(lambda: has_replies(env, 2) and "is live" in root(env).text)
    return endpoint
