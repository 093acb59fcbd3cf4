"""Stories of targets that bring no API key, and use the one of whoever runs the bot."""

from inline_snapshot import snapshot

from bot.sandbox.environment import API_KEY, PROJECT, TEAM, Environment, connect
from tests.acceptance.thread_assertions import ephemeral_texts, has_replies, root, thread
from tests.conftest import StartBot

LINE = "org/model --gpu H100 --replicas 1 --name mine --yes"


async def connect_without_a_key(env: Environment) -> str:
    """What the form says once it has gone through with the key left empty."""
    await env.admin.command(env.channel, "connect prod")
    await env.slack.until(lambda: env.admin.modal)
    await env.admin.fill("Target name", "prod")
    await env.admin.fill("Friendli project id", PROJECT)
    await env.admin.submit()
    view = env.admin.modal
    assert view is not None
    await env.admin.close_modal()
    return str(view.body["blocks"][0].get("text", {}).get("text"))


async def test_a_key_left_empty_is_the_operators(env: Environment, start_bot: StartBot) -> None:
    """It is checked like any other, and deploys."""
    async with start_bot(friendli_token=API_KEY):
        assert await connect_without_a_key(env) == snapshot("""\
`prod` is connected to project `sandbox-project`, with the bot operator's key.
The project has no endpoints yet. If you expected some, check the project id.
Friendli's endpoint API is in beta: what it answers may change without notice.\
""")
        await env.member.command(env.channel, LINE)
        await env.slack.until(lambda: env.friendli.endpoints)
        await env.member.command(env.channel, "targets")
        await env.slack.until(lambda: ephemeral_texts(env))
        assert ephemeral_texts(env) == snapshot(
            ["*prod* · project `sandbox-project` · connected by @admin · default"]
        )


async def test_an_operators_key_that_friendli_refuses_is_told(
    env: Environment, start_bot: StartBot
) -> None:
    """On the field where another key can be typed."""
    async with start_bot(friendli_token="sandbox-wrong-key"):
        await env.admin.command(env.channel, "connect prod")
        await env.slack.until(lambda: env.admin.modal)
        await env.admin.fill("Friendli project id", PROJECT)
        await env.admin.submit()
        assert env.admin.field_errors == snapshot(
            {
                "Personal API key (flp_…)": "Friendli rejected this key. Check that it wasn't revoked."
            }
        )


async def test_a_key_that_is_typed_comes_first(env: Environment, start_bot: StartBot) -> None:
    """The operator's is only for targets that bring none."""
    async with start_bot(friendli_token="sandbox-wrong-key"):
        await connect(env)
        await env.member.command(env.channel, LINE)
        await env.slack.until(lambda: env.friendli.endpoints)


async def test_an_operators_key_can_be_changed_and_taken_away(
    env: Environment, start_bot: StartBot
) -> None:
    """The thread hears that it is gone, and goes on with the new one."""
    async with start_bot(friendli_token=API_KEY):
        await connect_without_a_key(env)
        await env.member.command(env.channel, LINE)
        await env.slack.until(lambda: has_replies(env, 1))
    async with start_bot():
        await env.slack.until(lambda: has_replies(env, 2))
        await env.admin.command(env.channel, "connect prod")
        await env.slack.until(lambda: env.admin.modal)
        await env.admin.fill("Friendli project id", PROJECT)
        await env.admin.submit()
        assert env.admin.field_errors == snapshot(
            {"Personal API key (flp_…)": "Please complete this required field."}
        )
    env.friendli.add_key("sandbox-new-key", team_id=TEAM)
    async with start_bot(friendli_token="sandbox-new-key"):
        env.clock.advance(600)
        await env.slack.until(lambda: "is live" in root(env).text)
        await env.slack.until(lambda: "live" in thread(env)[-1])
    assert thread(env) == snapshot(
        [
            "Endpoint created: `ENDPOINT-1`. Getting a GPU machine.",
            "The bot can't decrypt this target's API key: its encryption keys changed. An admin can reconnect the key with `/friendli-deploy connect`. The endpoint keeps running.",
            "Friendli is answering again; I keep watching.",
            """\
# 🟢 *mine* went live at TIME (took 4 min 8 s)\
""",
        ]
    )
