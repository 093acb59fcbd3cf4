"""Everything that can be sent to the bot, and what of another place a stranger puts into it."""

from collections.abc import Mapping, Sequence

# What a stranger types behind each command, what the buttons say that they bring along, and so on:
# of the place that isn't theirs. PUBLIC is a deployment that serves, WAITING one that waits for
# approval, ENDPOINT and TARGET are theirs too.
_ABOUT = ("theirs", "ENDPOINT", "PUBLIC", "")
COMMANDS: Mapping[str, Sequence[str]] = {
    "": ("", "org/model --gpu 1xH100 --yes", "org/model --gpu 1xH100 --to TARGET --yes"),
    "connect": ("TARGET",),
    "disconnect": ("TARGET", ""),
    "targets": ("",),
    "settings": ("TARGET", ""),
    "audit": ("",),
    "list": ("TARGET", ""),
    "status": _ABOUT,
    "use": _ABOUT,
    "sleep": (*_ABOUT, "theirs at 18:00"),
    "wake": _ABOUT,
    "restart": _ABOUT,
    "terminate": _ABOUT,
    "delete": _ABOUT,
    "follow": _ABOUT,
    "unfollow": _ABOUT,
    "update": (*_ABOUT, "theirs --gpu 2xH100"),
    "rollback": ("theirs 0", "ENDPOINT 0"),
    "versions": _ABOUT,
    "extend": ("theirs 8h", "ENDPOINT 8h"),
    "keep": _ABOUT,
    "schedules": ("theirs", ""),
    "help": ("",),
}
_IDS = ("PUBLIC", "WAITING")
_PICKED = ("TARGET ENDPOINT",)
CLICKS: Mapping[str, Sequence[str]] = {
    "deploy": ("",),
    "preview.deploy": ("AGREEMENT",),
    "preview.change": ("DRAFT",),
    "preview.cancel": ("",),
    "line.run": ("key terminate PUBLIC", "key terminate theirs", "key delete ENDPOINT", "key"),
    "target.connect": ("",),
    "connect.back": ("",),
    "connect.deploy": ("",),
    "target.disconnect": ("TARGET",),
    "target.keep": ("TARGET",),
    "settings.who": ("endpoint:operate:terminate", "deploy"),
    "audit.older": ("1", "9223372036854775807"),
    "audit.newest": ("",),
    "endpoint.more": ("TARGET 0",),
    "endpoint.back": ("TARGET live 20",),
    "list.filter": ("TARGET mine 0",),
    "list.target": ("TARGET all 0",),
    "list.row": ("status", "terminate"),
    "help.topic": ("operate", "no such topic"),
    **{
        f"endpoint.pick.{command}": _PICKED
        for command in (
            "status",
            "use",
            "sleep",
            "wake",
            "restart",
            "terminate",
            "delete",
            "follow",
            "unfollow",
            "update",
            "rollback",
            "versions",
            "extend",
            "keep",
        )
    },
    "endpoint.follow": _PICKED,
    "endpoint.update": _IDS,
    "endpoint.edit": ("PUBLIC model", "WAITING model"),
    "endpoint.larger": ("PUBLIC 8xB200",),
    "endpoint.update_again": ("PUBLIC an-update",),
    "endpoint.versions": _IDS,
    "deployment.edit": ("PUBLIC model", "WAITING model"),
    "deployment.larger": ("PUBLIC 8xB200",),
    "update.agree": ("UPDATE",),
    "update.change": ("UPDATE",),
    "update.cancel": ("UPDATE",),
    "lifetime.extend": ("PUBLIC 0",),
    "lifetime.keep": _IDS,
    "lifetime.set": ("PUBLIC 3600",),
    "schedule.remove": ("a-schedule",),
    "endpoint.sleep": _IDS,
    "endpoint.wake": _IDS,
    "endpoint.restart": _IDS,
    "endpoint.terminate": _IDS,
    "endpoint.delete": _IDS,
    "deployment.cancel": _IDS,
    "deployment.try_again": _IDS,
    "deployment.choose": ("PUBLIC ENDPOINT", "WAITING ENDPOINT"),
    "deployment.choose_none": _IDS,
    "approval.approve": _IDS,
    "approval.reject": _IDS,
    "approval.withdraw": _IDS,
    "permission.ask": ("TERMINATE PUBLIC CHANNEL",),
    "home.refresh": ("",),
    "home.deploy": ("",),
    "deployment.open": ("",),
    "deployment.model_page": ("",),
    "deployment.integrations": ("",),
}
SUBMISSIONS = {
    "deploy",
    "deploy.price",
    "connect",
    "settings",
    "settings.who",
    "reject",
    "delete",
    "update",
    "update.review",
}
# By the ids of the blocks that the menus stand in.
SUGGESTIONS: Mapping[str, Sequence[str]] = {
    "deploy.model": ("deploy.model",),
    "settings.groups": ("settings.groups",),
    "endpoint.pick": ("ask  ", "ask TARGET "),
}
SHORTCUTS = {"endpoint.status"}
EVENTS: Mapping[str, Sequence[str]] = {
    "app_mention": (
        "status",
        "sleep",
        "terminate",
        "delete",
        "list TARGET",
        "status theirs",
        "sleep ENDPOINT",
    ),
    "app_home_opened": ("",),
}
