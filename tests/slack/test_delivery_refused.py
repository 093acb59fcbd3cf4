"""Messages that Slack refuses as they are: they go plainer, then aside, and block nothing."""

from structlog.testing import capture_logs

from bot.db.deployment_tables import Deployment
from bot.domain.delivery import Delivery
from bot.messages.blocks import section
from bot.messages.body import Body, body
from bot.sandbox.faults import Call, Respond
from bot.sandbox.slack.rate_limits import Limits
from tests.slack.holding_proxy import holding_proxy, stall
from tests.slack.outgoing import EDIT, ON_SQLITE, POST, Outgoing, planned, said

WITHOUT_PLANS = Limits(enabled=False, refuse_plan=True)
# A section without text: no Slack draws it.
BAD = body("said in text", {"type": "section"})
REFUSED = Respond(200, {"ok": False, "error": "invalid_arguments"})


def is_hopeless(call: Call) -> bool:
    """Whether a call is about the message that Slack never takes."""
    return "hopeless" in str(call.body["text"])


async def test_a_workspace_that_draws_no_plans_gets_sections(outgoing: Outgoing) -> None:
    """After one refusal the whole workspace gets its plans as sections, in posts and edits."""
    outgoing.slack.limits = WITHOUT_PLANS
    thread = await outgoing.thread(planned("first"))
    await outgoing.settle(await outgoing.sender())
    other = outgoing.slack.add_channel("other", members=[outgoing.env.member.user])
    await outgoing.thread(planned("second"), channel=other)
    await outgoing.redraw(thread, planned("edited"))
    await outgoing.settle(await outgoing.sender())
    [first] = outgoing.channel.messages.values()
    assert first.words == "edited\nDeploying\n○ Serve"
    assert [block["type"] for block in first.blocks] == ["section", "section"]
    assert [call.error for call in outgoing.calls(POST)] == ["invalid_blocks", "", ""]
    assert [call.error for call in outgoing.calls(EDIT)] == [""]
    assert (await outgoing.workspace_row()).plan_refused


@ON_SQLITE
async def test_an_edit_may_be_the_first_to_learn_that_no_plans_are_drawn(
    outgoing: Outgoing,
) -> None:
    """The root keeps its blocks."""
    sender = await outgoing.sender()
    thread = await outgoing.thread()
    await outgoing.settle(sender)
    outgoing.slack.limits = WITHOUT_PLANS
    await outgoing.redraw(thread, planned("edited"))
    await outgoing.settle(sender)
    [root] = outgoing.channel.messages.values()
    assert root.words == "edited\nDeploying\n○ Serve"


async def test_two_that_learn_it_at_once_both_get_sections(outgoing: Outgoing) -> None:
    """The second refusal, of a plan that was sent before the first was written down, counts too."""
    outgoing.slack.limits = WITHOUT_PLANS
    other = outgoing.slack.add_channel("other", members=[outgoing.env.member.user])
    await outgoing.thread(planned("first"))
    await outgoing.thread(planned("second"), channel=other)
    async with holding_proxy(outgoing.slack.url) as line:
        sender = await outgoing.sender(url=line.url)
        posts = [await stall(line, sender, held, POST) for held in await outgoing.claims()]
        for post in posts:
            await post.arrive()
        await outgoing.settle(sender)
    for place in (outgoing.channel, other):
        [root] = place.messages.values()
        assert [block["type"] for block in root.blocks] == ["section", "section"]


@ON_SQLITE
async def test_a_plan_is_not_blamed_for_another_block(outgoing: Outgoing) -> None:
    """Where Slack points at a block that isn't the plan, plans are drawn on."""
    bad = Body(text="root", blocks=[{"type": "section"}, *planned("root").blocks])
    thread = await outgoing.thread(bad)
    await outgoing.settle(await outgoing.sender())
    assert not (await outgoing.workspace_row()).plan_refused
    assert (await outgoing.row(thread, 0)).text_only
    assert outgoing.shown() == ["root"]


@ON_SQLITE
async def test_a_message_with_bad_blocks_goes_as_text_only(outgoing: Outgoing) -> None:
    """What it says arrives, in its place in the thread."""
    thread = await outgoing.thread()
    await outgoing.reply(thread, BAD, "two")
    await outgoing.settle(await outgoing.sender())
    assert outgoing.shown() == ["root", "  said in text", "  two"]
    assert list(outgoing.channel.messages.values())[1].blocks == []


@ON_SQLITE
async def test_a_root_edited_with_bad_blocks_shows_its_text_until_the_next_edit(
    outgoing: Outgoing,
) -> None:
    """Its old blocks would say what isn't so any more; a body that is fine has blocks again."""
    sender = await outgoing.sender()
    thread = await outgoing.thread()
    await outgoing.settle(sender)
    await outgoing.redraw(thread, BAD)
    await outgoing.settle(sender)
    [root] = outgoing.channel.messages.values()
    assert (root.text, root.blocks) == ("said in text", [])
    await outgoing.redraw(thread, "fine")
    await outgoing.settle(sender)
    assert root.words == "fine"
    assert root.blocks


async def test_a_message_that_can_never_be_sent_is_set_aside_and_logged(
    outgoing: Outgoing,
) -> None:
    """Refused with blocks and without, it makes way for what comes after it in its thread."""
    outgoing.slack.faults.add(REFUSED, operation=POST, when=is_hopeless, times=None)
    thread = await outgoing.thread()
    await outgoing.reply(thread, "hopeless", "two")
    with capture_logs() as logged:
        await outgoing.settle(await outgoing.sender())
    assert outgoing.shown() == ["root", "  two"]
    hopeless = await outgoing.row(thread, 1)
    assert hopeless.delivery == Delivery.DROPPED
    assert {
        "event": "message dropped",
        "log_level": "error",
        "error": "invalid_arguments",
        "row": hopeless.id,
    } in logged
    tries = [call for call in outgoing.calls(POST) if "hopeless" in call.body]
    assert ["blocks" in call.body for call in tries] == [True, False]


@ON_SQLITE
async def test_an_edit_that_can_never_be_made_is_set_aside(outgoing: Outgoing) -> None:
    """The next change of the root is tried again."""
    sender = await outgoing.sender()
    thread = await outgoing.thread()
    await outgoing.settle(sender)
    outgoing.slack.faults.add(REFUSED, operation=EDIT, times=2)
    await outgoing.redraw(thread, "hopeless")
    await outgoing.settle(sender)
    assert outgoing.shown() == ["root"]
    await outgoing.redraw(thread, "fine")
    await outgoing.settle(sender)
    assert outgoing.shown() == ["fine"]


async def test_a_root_that_can_never_be_sent_wakes_its_deployment(outgoing: Outgoing) -> None:
    """The deployments worker decides what becomes of a deployment without a thread."""
    outgoing.slack.faults.add(REFUSED, operation=POST, times=2)
    thread = await outgoing.thread()
    await outgoing.settle(await outgoing.sender())
    assert (await outgoing.row(thread, 0)).delivery == Delivery.DROPPED
    async with outgoing.database.read() as session:
        assert (await session.get_one(Deployment, thread.id)).due_at is not None


@ON_SQLITE
async def test_what_a_proxy_finds_too_large_goes_as_text(outgoing: Outgoing) -> None:
    """It would be too large the next time, too."""
    outgoing.slack.faults.add(Respond(413, b"too large"), operation=POST)
    await outgoing.thread()
    await outgoing.settle(await outgoing.sender())
    [root] = outgoing.channel.messages.values()
    assert (root.text, root.blocks) == ("root", [])


@ON_SQLITE
async def test_everything_has_text_metadata_and_no_unfurling(outgoing: Outgoing) -> None:
    """Root, reply, edit and direct message carry what notifications and a later search need."""
    sender = await outgoing.sender()
    thread = await outgoing.thread()
    await outgoing.reply(thread, "one")
    await outgoing.direct(outgoing.env.member.user, "direct")
    await outgoing.settle(sender)
    await outgoing.redraw(thread, "changed")
    await outgoing.settle(sender)
    async with outgoing.database.read() as session:
        public_id = (await session.get_one(Deployment, thread.id)).public_id
    direct = outgoing.slack.direct_message(outgoing.env.member.user)
    messages = [*outgoing.channel.messages.values(), *direct.messages.values()]
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
async def test_long_texts_in_any_script_are_taken(outgoing: Outgoing) -> None:
    """They are cut by the bytes that Slack counts, in posts, possible repeats and edits."""
    long = "한국어 " * 2_000
    sender = await outgoing.sender()
    thread = await outgoing.thread(body(long, *[section(long)] * 5))
    await outgoing.settle(sender)
    await outgoing.redraw(thread, said("changed " + long))
    await outgoing.settle(sender)
    assert [call.error for call in (*outgoing.calls(POST), *outgoing.calls(EDIT))] == ["", ""]
