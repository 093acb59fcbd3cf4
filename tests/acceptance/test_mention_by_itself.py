"""Stories of mentions in a thread that stand for commands: its endpoint needs no name there."""

from functools import partial

import pytest
from inline_snapshot import snapshot

from bot.domain.policy import Approval, Policy
from bot.sandbox.environment import Environment
from tests.acceptance.clock import decide
from tests.acceptance.listing import made_elsewhere
from tests.acceptance.test_lifetime import deploy
from tests.acceptance.test_mention import mentioned
from tests.acceptance.test_operations import sent
from tests.acceptance.test_polling import serve
from tests.acceptance.thread_assertions import ends, root, thread, words


@pytest.mark.usefixtures("bot")
async def test_it_is_given_more_time(here: Environment) -> None:
    """As long as at first, or as long as was written."""
    await deploy(here)
    assert words(here, await mentioned(here, "extend")) == snapshot(
        "It runs until TIME, then it is terminated."
    )
    await here.slack.until(partial(ends, here, "extended it"))
    assert thread(here)[-1] == snapshot(
        "@requester extended it by 8 h: it runs until TIME, then it is terminated. It costs $5.00/h."
    )
    await mentioned(here, "extend 2h")
    await here.slack.until(partial(ends, here, "by 2 h"))
    assert words(here, await mentioned(here, "extend me")) == snapshot(
        "`me` isn't a length of time. Write it as `8h`, `2d` or `90m`."
    )


@pytest.mark.usefixtures("bot")
async def test_it_is_kept(here: Environment) -> None:
    """Its end is taken away; one that has none is told so."""
    await deploy(here)
    assert words(here, await mentioned(here, "keep")) == snapshot("It has no end.")
    await here.slack.until(partial(ends, here, "keeps it running"))
    assert words(here, await mentioned(here, "keep")) == snapshot(
        "It has no end: it runs until somebody ends it, so there was nothing to do."
    )


@pytest.mark.usefixtures("bot")
async def test_it_is_updated(here: Environment) -> None:
    """With options before and after are shown; without, a button opens the form."""
    await serve(here)
    question = await mentioned(here, "update --gpu 2xH100")
    assert question.thread_ts == root(here).ts
    assert words(here, question) == snapshot("""\
Update *it*? Version `0` runs now.
Instance: `1 × H100` → `2 × H100`
It costs $5.00/h now, *$10.00/h* then. The version that runs serves until the new one is ready; until then both may be billed, up to $15.00/h.
Nothing is sent before you agree.
[Update] [Change] [Cancel]\
""")
    asked = await mentioned(here, "update")
    assert words(here, asked) == snapshot("""\
What shall change of *it*?
[Update]\
""")
    await here.member.click(asked, "Update")
    await here.slack.until(lambda: here.member.modal and here.member.modal.callback_id == "update")
    await here.member.close_modal()
    await here.member.click(question, "Update")
    await here.slack.until(lambda: sent(here, "update_endpoint") == 1)


@pytest.mark.usefixtures("bot")
async def test_another_one_can_be_named(here: Environment) -> None:
    """By its whole name or id; words that a command takes aren't read as the beginning of one."""
    await serve(here)
    made_elsewhere(here, "100h-run")
    assert words(here, await mentioned(here, "extend 100h")) == snapshot(
        "It runs until TIME, then it is terminated."
    )
    await here.slack.until(partial(ends, here, "gave it an end"))
    assert words(here, await mentioned(here, "extend 100h-run")) == snapshot("""\
*100h-run* was made elsewhere. Follow it first: what is done with it is then told in its thread.
[Follow]\
""")


@pytest.mark.usefixtures("bot")
async def test_what_it_does_at_times_of_day(here: Environment) -> None:
    """Made, and listed, without its name."""
    await serve(here)
    await mentioned(here, "sleep at 18:00 daily")
    await here.slack.until(partial(ends, here, "made a schedule"))
    listed = words(here, await mentioned(here, "schedules"))
    assert listed.startswith("*it* is put to sleep daily at 18:00")


@pytest.mark.usefixtures("bot")
async def test_one_that_isn_t_there_has_its_buttons(here: Environment) -> None:
    """What is asked of an endpoint that was never made is answered with how it stands."""
    await decide(here, Policy(approval=Approval.ALWAYS))
    await here.member.command(here.channel, "org/model --gpu 1xH100 --replicas 1 --name it --yes")
    await here.slack.until(lambda: "waits for approval" in root(here).text)
    await here.member.click(root(here), "Withdraw")
    await here.slack.until(partial(ends, here, "withdrew"))
    assert words(here, await mentioned(here, "update")) == snapshot("""\
*it* was cancelled
Nothing was made.
org/model · 1 × H100 · 1 replica
asked by @requester at TIME · target `prod`
[Try again]\
""")
