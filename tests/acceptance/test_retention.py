"""A story of a deployment that ended so long ago that the bot has forgotten it."""

from inline_snapshot import snapshot

from bot.db.deployment_tables import Deployment
from bot.db.session import Database
from bot.sandbox.environment import Environment, connect
from bot.sandbox.faults import Answer
from tests.acceptance.thread_assertions import root, thread, whispers
from tests.conftest import StartBot


async def test_buttons_of_a_forgotten_deployment_answer_plainly(
    here: Environment, start_bot: StartBot
) -> None:
    """Its thread still stands in Slack, and so do its buttons, also older ones."""
    here.friendli.faults.add(Answer(400, {"detail": "no"}), operation="create_endpoint")
    async with start_bot():
        await connect(here)
        await here.member.command(here.channel, "org/model --gpu H100 --replicas 1 --name it --yes")
        await here.slack.until(lambda: thread(here))
        await here.slack.until(lambda: "Try again" in root(here).buttons)
    database = Database(here.database)
    async with start_bot(keep_finished_days=1e-9, retention_interval=0.1):
        forgotten = False
        while not forgotten:
            async with database.read() as session:
                forgotten = await session.get(Deployment, 1) is None
        await here.member.click(root(here), "Try again")
        await here.slack.until(lambda: whispers(here))
        assert whispers(here) == snapshot(
            [
                "This deployment ended long ago, and I don't know it any more. `/friendli-deploy` opens an empty form."
            ]
        )
        assert here.member.modal is None
    await database.close()
