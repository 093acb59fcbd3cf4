"""Messages that Slack refuses: sent plainer, then dropped; they block nothing."""

from structlog.testing import capture_logs

from bot.db.deployment_tables import Deployment
from bot.domain.delivery import Delivery
from bot.messages.blocks import section
from bot.messages.body import Body, body
from bot.sandbox.faults import Call, Respond
from bot.sandbox.slack.rate_limits import Limits
from tests.slack.harness import EDIT, ON_SQLITE, POST, Harness, plan_body, text_body
from tests.slack.holding_proxy import hold_call, holding_proxy

WITHOUT_PLANS = Limits(enabled=False, refuse_plan=True)
# A section without text: no Slack draws it.
BAD = body("said in text", {"type": "section"})
REFUSED = Respond(200, {"ok": False, "error": "invalid_arguments"})


def is_hopeless(call: Call) -> bool:
    return "hopeless" in str(call.body["text"])


async def test_a_workspace_that_refuses_plans_gets_sections(delivery: Harness) -> None:
    """One refusal turns plans into sections in the whole workspace."""
    delivery.slack.limits = WITHOUT_PLANS
    thread = await delivery.thread(plan_body("first"))
    await delivery.run_until_idle(await delivery.sender())
    other = delivery.slack.add_channel("other", members=[delivery.env.member.user])
    await delivery.thread(plan_body("second"), channel=other)
    await delivery.redraw(thread, plan_body("edited"))
    await delivery.run_until_idle(await delivery.sender())
    [first] = delivery.channel.messages.values()
    assert first.words == "edited\nDeploying\n○ Serve"
    assert [block["type"] for block in first.blocks] == ["section", "section"]
    assert [call.error for call in delivery.calls(POST)] == ["invalid_blocks", "", ""]
    assert [call.error for call in delivery.calls(EDIT)] == [""]
    assert (await delivery.workspace_row()).plan_refused


@ON_SQLITE
async def test_an_edit_may_be_the_first_refused_plan(
    delivery: Harness,
) -> None:
    """The root keeps its blocks."""
    sender = await delivery.sender()
    thread = await delivery.thread()
    await delivery.run_until_idle(sender)
    delivery.slack.limits = WITHOUT_PLANS
    await delivery.redraw(thread, plan_body("edited"))
    await delivery.run_until_idle(sender)
    [root] = delivery.channel.messages.values()
    assert root.words == "edited\nDeploying\n○ Serve"


async def test_two_plans_refused_at_once_both_become_sections(delivery: Harness) -> None:
    """A second refusal of a plan sent before the first was recorded counts too."""
    delivery.slack.limits = WITHOUT_PLANS
    other = delivery.slack.add_channel("other", members=[delivery.env.member.user])
    await delivery.thread(plan_body("first"))
    await delivery.thread(plan_body("second"), channel=other)
    async with holding_proxy(delivery.slack.url) as proxy:
        sender = await delivery.sender(url=proxy.url)
        posts = [await hold_call(proxy, sender, claim, POST) for claim in await delivery.claims()]
        for post in posts:
            await post.arrive()
        await delivery.run_until_idle(sender)
    for place in (delivery.channel, other):
        [root] = place.messages.values()
        assert [block["type"] for block in root.blocks] == ["section", "section"]


@ON_SQLITE
async def test_a_plan_is_not_blamed_for_another_block(delivery: Harness) -> None:
    """An error that points at another block leaves plans on."""
    bad = Body(text="root", blocks=[{"type": "section"}, *plan_body("root").blocks])
    thread = await delivery.thread(bad)
    await delivery.run_until_idle(await delivery.sender())
    assert not (await delivery.workspace_row()).plan_refused
    assert (await delivery.row(thread, 0)).text_only
    assert delivery.shown() == ["root"]


@ON_SQLITE
async def test_a_message_with_bad_blocks_goes_as_text_only(delivery: Harness) -> None:
    """It keeps its place in the thread."""
    thread = await delivery.thread()
    await delivery.reply(thread, BAD, "two")
    await delivery.run_until_idle(await delivery.sender())
    assert delivery.shown() == ["root", "  said in text", "  two"]
    assert list(delivery.channel.messages.values())[1].blocks == []


@ON_SQLITE
async def test_a_root_edited_with_bad_blocks_shows_its_text_until_the_next_edit(
    delivery: Harness,
) -> None:
    """Outdated blocks are removed; the next body has blocks again."""
    sender = await delivery.sender()
    thread = await delivery.thread()
    await delivery.run_until_idle(sender)
    await delivery.redraw(thread, BAD)
    await delivery.run_until_idle(sender)
    [root] = delivery.channel.messages.values()
    assert (root.text, root.blocks) == ("said in text", [])
    await delivery.redraw(thread, "fine")
    await delivery.run_until_idle(sender)
    assert root.words == "fine"
    assert root.blocks


async def test_a_body_written_during_a_refused_edit_keeps_its_blocks(delivery: Harness) -> None:
    """Only the refused body goes as text only."""
    thread = await delivery.thread()
    await delivery.run_until_idle(await delivery.sender())
    await delivery.redraw(thread, BAD)
    async with holding_proxy(delivery.slack.url) as proxy:
        sender = await delivery.sender(url=proxy.url)
        edit = await hold_call(proxy, sender, await delivery.claim(), EDIT)
        await delivery.redraw(thread, "fine")
        await edit.arrive()
        await delivery.run_until_idle(sender)
    [root] = delivery.channel.messages.values()
    assert root.words == "fine"
    assert root.blocks


async def test_a_message_that_is_always_refused_is_dropped_and_logged(
    delivery: Harness,
) -> None:
    """Refused with and without blocks, it makes way for the next."""
    delivery.slack.faults.add(REFUSED, operation=POST, when=is_hopeless, times=None)
    thread = await delivery.thread()
    await delivery.reply(thread, "hopeless", "two")
    with capture_logs() as logged:
        await delivery.run_until_idle(await delivery.sender())
    assert delivery.shown() == ["root", "  two"]
    hopeless = await delivery.row(thread, 1)
    assert hopeless.delivery == Delivery.DROPPED
    assert {
        "event": "message dropped",
        "log_level": "error",
        "error": "invalid_arguments",
        "row": hopeless.id,
    } in logged
    tries = [call for call in delivery.calls(POST) if "hopeless" in call.body]
    assert ["blocks" in call.body for call in tries] == [True, False]


@ON_SQLITE
async def test_an_edit_that_is_always_refused_is_dropped(delivery: Harness) -> None:
    """The root's next change is tried again."""
    sender = await delivery.sender()
    thread = await delivery.thread()
    await delivery.run_until_idle(sender)
    delivery.slack.faults.add(REFUSED, operation=EDIT, times=2)
    await delivery.redraw(thread, "hopeless")
    await delivery.run_until_idle(sender)
    assert delivery.shown() == ["root"]
    await delivery.redraw(thread, "fine")
    await delivery.run_until_idle(sender)
    assert delivery.shown() == ["fine"]


async def test_a_dropped_root_makes_its_deployment_due(delivery: Harness) -> None:
    """The deployments worker handles a deployment without a thread."""
    delivery.slack.faults.add(REFUSED, operation=POST, times=2)
    thread = await delivery.thread()
    await delivery.run_until_idle(await delivery.sender())
    assert (await delivery.row(thread, 0)).delivery == Delivery.DROPPED
    async with delivery.database.read() as session:
        assert (await session.get_one(Deployment, thread.id)).due_at is not None


@ON_SQLITE
async def test_what_is_too_large_for_a_proxy_goes_as_text(delivery: Harness) -> None:
    """A repeat would be too large as well."""
    delivery.slack.faults.add(Respond(413, b"too large"), operation=POST)
    await delivery.thread()
    await delivery.run_until_idle(await delivery.sender())
    [root] = delivery.channel.messages.values()
    assert (root.text, root.blocks) == ("root", [])


@ON_SQLITE
async def test_everything_has_text_metadata_and_no_unfurling(delivery: Harness) -> None:
    """So do root, reply, edit and direct message."""
    sender = await delivery.sender()
    thread = await delivery.thread()
    await delivery.reply(thread, "one")
    await delivery.direct(delivery.env.member.user, "direct")
    await delivery.run_until_idle(sender)
    await delivery.redraw(thread, "changed")
    await delivery.run_until_idle(sender)
    async with delivery.database.read() as session:
        public_id = (await session.get_one(Deployment, thread.id)).public_id
    direct = delivery.slack.direct_message(delivery.env.member.user)
    messages = [*delivery.channel.messages.values(), *direct.messages.values()]
    assert [message.text for message in messages] == ["changed", "one", "direct"]
    assert {message.unfurls for message in messages} == {(False, False)}
    assert [message.metadata for message in messages] == [
        {
            "event_type": "friendli_deployment",
            "event_payload": {"deployment": deployment, "sequence": sequence},
        }
        for deployment, sequence in ((public_id, 0), (public_id, 1), ("", 3))
    ]


@ON_SQLITE
async def test_long_texts_in_any_script_are_accepted(delivery: Harness) -> None:
    """They are cut by UTF-8 bytes, as Slack counts."""
    long = "한국어 " * 2_000
    sender = await delivery.sender()
    thread = await delivery.thread(body(long, *[section(long)] * 5))
    await delivery.run_until_idle(sender)
    await delivery.redraw(thread, text_body("changed " + long))
    await delivery.run_until_idle(sender)
    assert [call.error for call in (*delivery.calls(POST), *delivery.calls(EDIT))] == ["", ""]
