import pytest
from inline_snapshot import snapshot

from bot.sandbox.slack.base_client import NotPossibleError
from bot.sandbox.slack.rate_limits import Limits
from tests.sandbox.slack.scene import Scene, stage


async def test_text_in_the_acknowledgement_is_shown_to_the_sender_only(scene: Scene) -> None:
    """An answer of plain text becomes an ephemeral message."""
    ben = scene.slack.add_user("ben")
    scene.slack.set_member(scene.channel, ben, member=True)
    ack = await scene.ann.command(scene.channel, "say No GPU is called h10.")
    assert (ack.status, ack.body, ack.ok) == (200, "No GPU is called h10.", True)
    assert [each.text for each in scene.ann.ephemerals("ml")] == ["No GPU is called h10."]
    assert scene.slack.act_as(ben).ephemerals("ml") == []
    assert scene.slack.messages("ml") == []


async def test_blocks_in_the_acknowledgement_are_shown_with_their_buttons(scene: Scene) -> None:
    """An answer of JSON may carry blocks."""
    await scene.ann.command("ml", "blocks")
    (question,) = scene.ann.ephemerals("ml")
    assert (question.words, question.buttons) == ("Sure?\nYes", ["Yes"])


async def test_an_answer_that_slack_would_not_show_is_noticed(scene: Scene) -> None:
    """Blocks in an acknowledgement are as strictly checked as in a message."""
    await scene.ann.command("ml", "nonsense")
    assert scene.ann.ephemerals("ml") == []
    (notice,) = scene.ann.notices
    assert notice.startswith("/friendli-deploy: invalid_blocks: [ERROR] unsupported type: nonsense")


async def test_commands_work_in_the_direct_message(scene: Scene) -> None:
    """Slack calls it "directmessage"."""
    direct = scene.slack.direct_message(scene.ann.user)
    await scene.ann.command(direct, "say hi")
    assert scene.seen[0]["channel_name"] == "directmessage"
    assert [each.text for each in scene.ann.ephemerals(direct)] == ["hi"]
    with pytest.raises(LookupError, match="no channel 'nowhere'"):
        await scene.ann.command("nowhere", "say hi")


async def test_an_answer_for_the_channel_is_shown_to_everybody(scene: Scene) -> None:
    """`response_type: in_channel` posts an ordinary message."""
    await scene.ann.command("ml", "public")
    assert [each.text for each in scene.slack.messages("ml")] == ["For everybody"]


async def test_the_form_carries_everything_that_slack_sends(scene: Scene) -> None:
    """Bolt's listener sees all fields of a slash command as text."""
    await scene.ann.command("ml", "say hi")
    (body,) = scene.seen
    assert body.pop("response_url").startswith(f"{scene.slack.url}/response/T000000001/")
    assert body.pop("trigger_id").count(".") == 2
    assert body == snapshot(
        {
            "token": "legacy-verification-token",
            "team_id": "T000000001",
            "team_domain": "sandbox",
            "channel_id": "C000000001",
            "channel_name": "ml",
            "user_id": "U000000002",
            "user_name": "ann",
            "command": "/friendli-deploy",
            "text": "say hi",
            "api_app_id": "A000000001",
            "is_enterprise_install": "false",
        }
    )


async def test_a_private_channel_is_not_named(scene: Scene) -> None:
    """Slack says "privategroup" instead of a private channel's name."""
    secret = scene.slack.add_channel("secret", members=[scene.ann.user], is_private=True)
    await scene.ann.command(secret, "say hi")
    assert scene.seen[0]["channel_name"] == "privategroup"


async def test_a_late_acknowledgement_is_an_operation_timeout() -> None:
    """Who doesn't answer in time is given up on, and the person told so."""
    async with stage(limits=Limits(enabled=False, ack=0.1)) as scene:
        ack = await scene.ann.command("ml", "slow")
        assert (ack.status, ack.error) == (None, "operation_timeout")
        assert scene.ann.notices == ["/friendli-deploy: operation_timeout"]
        (entry,) = scene.slack.requests.calls("/friendli-deploy")
        assert (entry.status, entry.note) == (None, "operation_timeout")


async def test_a_wrong_signature_is_refused_by_bolt(scene: Scene) -> None:
    """Bolt answers 401 to a request that another secret signed, and no listener runs."""
    right, scene.slack.signing_secret = scene.slack.signing_secret, "somebody-else"
    ack = await scene.ann.command("ml", "say hi")
    assert (ack.status, ack.error, scene.seen) == (401, "dispatch_failed", [])
    assert scene.ann.ephemerals(scene.channel.id) == []
    scene.slack.signing_secret = right
    assert (await scene.ann.command("ml", "say hi")).ok


async def test_nobody_listening_is_a_failed_dispatch(scene: Scene) -> None:
    """A refused connection is told to the person."""
    scene.slack.events_url = "http://127.0.0.1:9/slack/events"
    ack = await scene.ann.command("ml", "say hi")
    assert (ack.status, ack.error) == (None, "dispatch_failed")


async def test_commands_work_where_the_bot_is_no_member(scene: Scene) -> None:
    """The bot needn't be in a channel to be called there."""
    scene.slack.remove_bot("ml")
    assert (await scene.ann.command("ml", "say hi")).ok


async def test_what_slack_does_not_offer_is_a_mistake_of_the_test(scene: Scene) -> None:
    """Nobody can type into a channel they aren't in, or into an archived one."""
    ben = scene.slack.act_as(scene.slack.add_user("ben"))
    with pytest.raises(NotPossibleError, match="ben isn't in #ml"):
        await ben.command("ml", "say hi")
    scene.slack.archive("ml")
    with pytest.raises(NotPossibleError, match="#ml is archived"):
        await scene.ann.command("ml", "say hi")


async def test_an_organisation_wide_installation_is_told_so() -> None:
    """Commands name the enterprise; interactions may come without a team."""
    async with stage(enterprise_id="E000000001", org_wide=True, team_missing=True) as scene:
        await scene.ann.command("ml", "blocks")
        (question,) = scene.ann.ephemerals("ml")
        await scene.ann.click(question, "Yes")
        command, click = scene.seen
        assert command["is_enterprise_install"] == "true"
        assert command["enterprise_id"] == "E000000001"
        assert click["team"] is None
        assert click["enterprise"] == {"id": "E000000001", "name": "Sandbox Organisation"}
        assert click["is_enterprise_install"] is True
        assert click["user"]["team_id"] == "T000000001"
