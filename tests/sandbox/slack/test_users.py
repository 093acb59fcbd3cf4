import pytest
from inline_snapshot import snapshot
from slack_sdk.errors import SlackApiError

from bot.sandbox.clock import SandboxClock
from tests.sandbox.slack.scene import Scene, stage


async def test_a_user_is_described_with_rights_and_time_zone() -> None:
    """users.info tells who is an admin, and the offset from UTC at that moment."""
    async with stage(clock=SandboxClock(speed=0)) as scene:
        kim = scene.slack.add_user("kim", real_name="Kim", is_owner=True, tz="Asia/Seoul")
        user = (await scene.client.users_info(user=kim.id))["user"]
        assert {
            key: user[key]
            for key in ("name", "real_name", "tz", "tz_offset", "is_admin", "is_owner", "is_bot")
        } == snapshot(
            {
                "name": "kim",
                "real_name": "Kim",
                "tz": "Asia/Seoul",
                "tz_offset": 32400,
                "is_admin": True,
                "is_owner": True,
                "is_bot": False,
            }
        )


async def test_somebody_from_elsewhere_has_no_rights_here(scene: Scene) -> None:
    """A stranger's own rank doesn't count in this workspace."""
    eve = scene.slack.add_user("eve", team_id="T000000099", is_admin=True)
    user = (await scene.client.users_info(user=eve.id))["user"]
    assert (user["team_id"], user["is_admin"], user["is_stranger"]) == ("T000000099", False, True)


async def test_people_are_listed_page_by_page(scene: Scene) -> None:
    """users.list has the workspace's own people, the bot among them."""
    for name in ("ben", "cho", "dee"):
        scene.slack.add_user(name)
    scene.slack.add_user("eve", team_id="T000000099")
    pages = [
        [user["name"] for user in page["members"]]
        async for page in await scene.client.users_list(limit=2)
    ]
    assert pages == [["friendli-deploy", "ann"], ["ben", "cho"], ["dee"]]


async def test_user_groups_are_listed_with_their_people(scene: Scene) -> None:
    """usergroups.list and usergroups.users.list agree."""
    group = scene.slack.add_usergroup("ml-oncall", [scene.ann.user])
    listed = await scene.client.usergroups_list(include_users=True, include_count=True)
    (found,) = listed["usergroups"]
    assert (found["id"], found["handle"], found["user_count"]) == (group.id, "ml-oncall", 1)
    users = await scene.client.usergroups_users_list(usergroup=group.id)
    assert users["users"] == found["users"] == [scene.ann.user.id]
    group.disabled = True
    assert (await scene.client.usergroups_list())["usergroups"] == []


async def test_members_are_listed(scene: Scene) -> None:
    """conversations.members has people and the bot."""
    answer = await scene.client.conversations_members(channel=scene.channel.id)
    assert answer["members"] == [scene.ann.user.id, scene.slack.workspace.bot.id]


async def test_the_app_knows_itself(scene: Scene) -> None:
    """auth.test names the team, the bot and its user."""
    answer = await scene.client.auth_test()
    assert answer.data == snapshot(
        {
            "ok": True,
            "url": "https://sandbox.slack.com/",
            "team": "Sandbox",
            "user": "friendli-deploy",
            "team_id": "T000000001",
            "user_id": "U000000001",
            "bot_id": "B000000001",
            "is_enterprise_install": False,
        }
    )


async def test_api_test_echoes(scene: Scene) -> None:
    """api.test needs no token and gives the arguments back."""
    answer = await scene.client.api_test(foo="bar")
    assert answer["args"] == {"foo": "bar"}


async def test_somebody_s_channels_are_listed(scene: Scene) -> None:
    """Private ones only where the bot is too, and only those of the kinds that were asked for."""
    slack, ann = scene.slack, scene.ann.user
    private = slack.add_channel("private", members=[ann], is_private=True)
    secret = slack.add_channel("secret", members=[ann], is_private=True, bot_member=False)
    other = slack.add_channel("other", members=[])
    kinds = "public_channel,private_channel"
    answer = await scene.client.users_conversations(user=ann.id, types=kinds)
    listed = {channel["id"] for channel in answer["channels"]}
    assert private.id in listed
    assert not {secret.id, other.id} & listed
    public = await scene.client.users_conversations(user=ann.id)
    assert private.id not in {channel["id"] for channel in public["channels"]}
    with pytest.raises(SlackApiError, match="user_not_found"):
        await scene.client.users_conversations(user="U404")
    slack.set_scopes({"channels:read"})
    with pytest.raises(SlackApiError, match="missing_scope"):
        await scene.client.users_conversations(user=ann.id, types=kinds)
