"""A story of a deployment that ended so long ago that the bot has forgotten it."""

from inline_snapshot import snapshot

from bot.db.deployment_tables import Deployment
from bot.db.session import Database
from bot.sandbox.environment import Environment, connect
from bot.sandbox.faults import Respond
from tests.acceptance.thread_assertions import ephemeral_texts, root, thread
from tests.conftest import StartBot


async def test_buttons_of_a_forgotten_deployment_answer_plainly(
    env: Environment, start_bot: StartBot
) -> None:
    """Its thread still stands in Slack, and so do its buttons, also older ones."""
    env.friendli.faults.add(Respond(400, {"detail": "no"}), operation="create_endpoint")
    async with start_bot():
        await connect(env)
        await env.member.command(env.channel, "org/model --gpu H100 --replicas 1 --name it --yes")
        await env.slack.until(lambda: thread(env))
        await env.slack.until(lambda: "Try again" in root(env).buttons)
    database = Database(env.database)
    async with start_bot(keep_finished_days=1e-9, retention_interval=0.1):
        forgotten = False
        while not forgotten:
            async with database.read() as session:
                forgotten = await session.get(Deployment, 1) is None
        await env.member.click(root(env), "Try again")
        await env.slack.until(lambda: ephemeral_texts(env))
        assert ephemeral_texts(env) == snapshot(
            [
                "This deployment ended long ago, and the bot has deleted it. `/friendli-deploy` opens an empty form."
            ]
        )
        assert env.member.modal is None
    await database.close()
