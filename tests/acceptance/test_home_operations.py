"""Stories of what people do from their Home tab, which belongs to no channel."""

from functools import partial

import pytest
from inline_snapshot import snapshot

from bot.domain.permissions import Permission
from bot.domain.policy import Approval, Policy
from bot.sandbox.environment import Environment
from tests.acceptance.at_home import clicked, home, redrawn, seen
from tests.acceptance.clock import decide
from tests.acceptance.configuring import grant
from tests.acceptance.test_lifetime import deploy
from tests.acceptance.test_operations import sent
from tests.acceptance.test_polling import serve
from tests.acceptance.thread_assertions import ends, root, thread

pytestmark = pytest.mark.usefixtures("bot")


async def test_updating(here: Environment) -> None:
    """The form, before and after, and the yes are those of the channel, which tells the rest."""
    await serve(here)
    await here.member.click(await home(here), "Update")
    await here.slack.until(lambda: here.member.modal and here.member.modal.callback_id == "update")
    await here.member.fill("Instance", "2xH100")
    await here.member.submit()
    assert here.member.modal is not None
    assert here.member.modal.callback_id == "update.review"
    await here.member.submit()
    await here.slack.until(partial(ends, here, "asked to update it"))
    await here.friendli.until(lambda: sent(here, "update_endpoint") == 1)
    assert here.member.modal is None


async def test_what_waits_for_approval(here: Environment) -> None:
    """One's own request is for somebody else to approve; it can be rejected, or taken back."""
    await decide(here, Policy(approval=Approval.ALWAYS))
    await grant(here, Permission.APPROVE, who="everyone")
    await here.member.command(here.channel, "org/model --gpu 1xH100 --replicas 1 --name it --yes")
    await here.slack.until(lambda: "waits for approval" in root(here).text)
    view = await home(here)
    assert "[Approve] [Reject] [Withdraw]" in seen(here, view)
    told = seen(here, await clicked(here, "Approve")).splitlines()[0]
    assert told == snapshot(
        "You asked for this yourself, so somebody else has to approve it: everyone in the channel may."
    )
    assert here.member.home is not None
    await here.member.click(here.member.home, "Reject")
    await here.slack.until(lambda: here.member.modal)
    await here.member.fill("Reason", "too early")
    await here.member.submit()
    await here.slack.until(lambda: "wasn't approved" in root(here).text)
    assert "Nothing of yours runs now" in seen(here, await clicked(here, "Refresh"))
    assert not here.friendli.endpoints


async def test_extending(here: Environment) -> None:
    """It says until when it runs; the button moves that once, and is drawn anew."""
    await deploy(here)
    view = await home(here)
    assert "until TIME, then it is terminated" in seen(here, view)
    stale = here.member.button(view, "Extend 8 h")
    await clicked(here, "Extend 8 h")
    await here.slack.until(partial(ends, here, "extended it by 8 h"))
    assert here.member.home is not None
    before = here.member.home.updates
    await here.member.click(here.member.home, stale)
    assert seen(here, await redrawn(here, before)).splitlines()[0] == snapshot(
        "Somebody decided already. It runs until TIME, then it is terminated."
    )
    assert sum("extended it" in line for line in thread(here)) == 1


async def test_asking_those_who_may(here: Environment) -> None:
    """A refusal says whom it is for, and its button asks them in the thread of its channel."""
    await serve(here)
    await grant(here, Permission.TERMINATE, who="admins")
    await home(here)
    refused = seen(here, await clicked(here, "Terminate")).split("---")[0]
    assert refused == snapshot("""\
Terminating in `prod` is for workspace admins.
Ask @admin.
[Ask them]
""")
    assert seen(here, await clicked(here, "Ask them")).splitlines()[0] == snapshot(
        "Your request stands in the thread."
    )
    await here.slack.until(partial(ends, here, "asks you to terminate it"))
    assert sent(here, "terminate_endpoint") == 0
