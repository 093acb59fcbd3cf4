"""Stories of mentions in a thread that stand for commands: its endpoint needs no name there."""

from functools import partial

import pytest
from inline_snapshot import snapshot

from bot.domain.policy import Approval, Policy
from bot.sandbox.environment import Environment
from tests.acceptance.deploying import REPLICA, serve
from tests.acceptance.due_times import set_policy
from tests.acceptance.endpoints import create_in_suite, request_count
from tests.acceptance.test_lifetime import deploy
from tests.acceptance.test_mention import mentioned
from tests.acceptance.thread_assertions import last_reply_contains, message_text, root, thread


@pytest.mark.usefixtures("bot")
async def test_it_is_given_more_time(env: Environment) -> None:
    """As long as at first, or as long as was written."""
    await deploy(env)
    assert message_text(env, await mentioned(env, "extend")) == snapshot("It terminates TIME.")
    await env.slack.until(partial(last_reply_contains, env, "extended the lifetime"))
    assert thread(env)[-1] == snapshot(
        "@requester extended the lifetime by 8 h: it terminates TIME. It costs $5.00/h while live."
    )
    await mentioned(env, "extend 2h")
    await env.slack.until(partial(last_reply_contains, env, "by 2 h"))
    assert message_text(env, await mentioned(env, "extend me")) == snapshot(
        "`me` isn't a duration. Write `8h`, `2d` or `90m`."
    )


@pytest.mark.usefixtures("bot")
async def test_it_is_kept(env: Environment) -> None:
    """Its end is taken away; one that has none is told so."""
    await deploy(env)
    assert message_text(env, await mentioned(env, "keep")) == snapshot(
        "It runs until someone stops it."
    )
    await env.slack.until(partial(last_reply_contains, env, "removed the lifetime"))
    assert message_text(env, await mentioned(env, "keep")) == snapshot(
        "It has no lifetime: it runs until someone stops it."
    )


@pytest.mark.usefixtures("bot")
async def test_it_is_updated(env: Environment) -> None:
    """With options before and after are shown; without, a button opens the form."""
    await serve(env)
    question = await mentioned(env, "update --gpu 2xH100")
    assert question.thread_ts == root(env).ts
    assert message_text(env, question) == snapshot("""\
Update *it*? Version `0` runs now.
Instance: `1 × H100` → `2 × H100`
$5.00/h → *$10.00/h* (up to $15.00/h during the rollout). The current version stays live until the new one is ready.
Nothing is sent until you confirm.
[Update] [Change] [Cancel]\
""")
    asked = await mentioned(env, "update")
    assert message_text(env, asked) == snapshot("""\
What should change in *it*?
[Update]\
""")
    await env.member.click(asked, "Update")
    await env.slack.until(lambda: env.member.modal and env.member.modal.callback_id == "update")
    await env.member.close_modal()
    await env.member.click(question, "Update")
    await env.slack.until(lambda: request_count(env, "update_endpoint") == 1)


@pytest.mark.usefixtures("bot")
async def test_another_one_can_be_named(env: Environment) -> None:
    """By its whole name or id; words that a command takes aren't read as the beginning of one."""
    await serve(env, options=f"{REPLICA} --for 8h")
    create_in_suite(env, "100h-run")
    assert message_text(env, await mentioned(env, "extend 100h")) == snapshot("It terminates TIME.")
    await env.slack.until(partial(last_reply_contains, env, "extended the lifetime by 4 d 4 h"))
    assert message_text(env, await mentioned(env, "extend 100h-run")) == snapshot("""\
*100h-run* was created elsewhere. Follow it first, so that its thread shows what happens to it.
[Follow]\
""")


@pytest.mark.usefixtures("bot")
async def test_what_it_does_at_times_of_day(env: Environment) -> None:
    """Made, and listed, without its name."""
    await serve(env)
    await mentioned(env, "sleep at 18:00 daily")
    await env.slack.until(partial(last_reply_contains, env, "added a schedule"))
    listed = message_text(env, await mentioned(env, "schedules"))
    assert listed.startswith("*it* will sleep daily at 18:00")


@pytest.mark.usefixtures("bot")
async def test_one_that_isn_t_there_has_its_buttons(env: Environment) -> None:
    """What is asked of an endpoint that was never made is answered with how it stands."""
    await set_policy(env, Policy(approval=Approval.ALWAYS))
    await env.member.command(env.channel, "org/model --gpu 1xH100 --replicas 1 --name it --yes")
    await env.slack.until(lambda: "is waiting for approval" in root(env).text)
    await env.member.click(root(env), "Withdraw")
    await env.slack.until(partial(last_reply_contains, env, "withdrew"))
    assert message_text(env, await mentioned(env, "update")) == snapshot("""\
⚪ *it* was cancelled
Nothing was created.
org/model@ffc8550 · 1 × H100 · 1 replica · requested by @requester at TIME
requested by @requester
[Try again]\
""")
