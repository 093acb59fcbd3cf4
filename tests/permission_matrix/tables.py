"""The permission that each command, button, form, mention and menu needs."""

from collections.abc import Mapping

from bot.domain.permissions import Permission

P = Permission
# None: it only looks, or opens a form that checks on submission.
COMMANDS: Mapping[str, Permission | None] = {
    "": P.DEPLOY,
    "org/model --gpu 1xH100 --replicas 1 --yes": P.DEPLOY,
    "connect": P.CONNECT,
    "disconnect": P.CONNECT,
    "targets": None,
    "settings": P.CONFIGURE,
    "audit": P.AUDIT,
    "list": None,
    "status": None,
    "use": None,
    "sleep": P.OPERATE,
    "wake": P.OPERATE,
    "restart": P.OPERATE,
    "terminate": P.TERMINATE,
    "delete": P.DELETE,
    "follow": P.FOLLOW,
    "unfollow": P.FOLLOW,
    "update": P.UPDATE,
    "rollback": P.UPDATE,
    "versions": None,
    "extend": P.EXTEND,
    "keep": P.EXTEND,
    "schedules": None,
    "help": None,
}
# Checked once the endpoint is named.
NEEDS_ENDPOINT = {
    "sleep",
    "wake",
    "restart",
    "terminate",
    "delete",
    "follow",
    "unfollow",
    "update",
    "rollback",
    "extend",
    "keep",
}
CLICKS: Mapping[str, Permission | None] = {
    "deploy": None,
    "preview.deploy": P.DEPLOY,
    "preview.change": P.DEPLOY,
    "preview.cancel": None,
    # Checked as the line is.
    "line.run": None,
    "target.connect": P.CONNECT,
    "connect.back": None,
    "connect.deploy": None,
    "target.disconnect": P.CONNECT,
    "target.keep": None,
    "settings.who": P.CONFIGURE,
    "audit.older": P.AUDIT,
    "audit.newest": P.AUDIT,
    "endpoint.more": None,
    "endpoint.back": None,
    "list.filter": None,
    "list.target": None,
    # Runs the command that was chosen, which checks its own permission.
    "list.row": None,
    "endpoint.pick.status": None,
    "endpoint.pick.use": None,
    "endpoint.pick.sleep": P.OPERATE,
    "endpoint.pick.wake": P.OPERATE,
    "endpoint.pick.restart": P.OPERATE,
    "endpoint.pick.terminate": P.TERMINATE,
    "endpoint.pick.delete": P.DELETE,
    "endpoint.pick.follow": P.FOLLOW,
    "endpoint.pick.unfollow": P.FOLLOW,
    "endpoint.pick.update": P.UPDATE,
    "endpoint.pick.rollback": P.UPDATE,
    "endpoint.pick.versions": None,
    "endpoint.pick.extend": P.EXTEND,
    "endpoint.pick.keep": P.EXTEND,
    "endpoint.follow": P.FOLLOW,
    "endpoint.update": P.UPDATE,
    "endpoint.edit": P.UPDATE,
    "endpoint.larger": P.UPDATE,
    "endpoint.update_again": P.UPDATE,
    "endpoint.versions": None,
    "update.agree": P.UPDATE,
    "update.change": P.UPDATE,
    "update.cancel": None,
    "lifetime.extend": P.EXTEND,
    "lifetime.keep": P.EXTEND,
    "lifetime.set": P.EXTEND,
    "schedule.remove": P.OPERATE,
    "endpoint.sleep": P.OPERATE,
    "endpoint.wake": P.OPERATE,
    "endpoint.restart": P.OPERATE,
    "endpoint.terminate": P.TERMINATE,
    "endpoint.delete": P.DELETE,
    "deployment.cancel": P.TERMINATE,
    "deployment.try_again": P.DEPLOY,
    "deployment.edit": P.DEPLOY,
    "deployment.larger": P.DEPLOY,
    "deployment.retry_later": P.OPERATE,
    "deployment.revisions": P.DEPLOY,
    "deployment.support": None,
    "deployment.choose": P.DEPLOY,
    "deployment.choose_none": P.DEPLOY,
    "approval.approve": P.APPROVE,
    "approval.reject": P.APPROVE,
    # One's own needs none.
    "approval.withdraw": P.TERMINATE,
    # For those without the permission.
    "permission.ask": None,
    "help.topic": None,
    "home.refresh": None,
    "home.deploy": P.DEPLOY,
    "deployment.open": None,
    "deployment.model_page": None,
    "deployment.integrations": None,
}
SUBMISSIONS: Mapping[str, Permission] = {
    "deploy": P.DEPLOY,
    "deploy.price": P.DEPLOY,
    "connect": P.CONNECT,
    "settings": P.CONFIGURE,
    "settings.who": P.CONFIGURE,
    "reject": P.APPROVE,
    "delete": P.DELETE,
    "revisions": P.DEPLOY,
    "update": P.UPDATE,
    "update.review": P.UPDATE,
}
# In a thread. None: it only looks, or says where to type the command.
MENTIONS: Mapping[str, Permission | None] = {
    **{word: permission for word, permission in COMMANDS.items() if word.isalpha()},
    "": None,
    "connect": None,
    "disconnect": None,
    "settings": None,
}
# Everybody may look.
SHORTCUTS: Mapping[str, Permission | None] = {"endpoint.status": None}
SUGGESTIONS: Mapping[str, Permission | None] = {"settings.groups": None, "endpoint.pick": None}
# A mention checks what is above.
EVENTS: Mapping[str, Permission | None] = {"app_home_opened": None, "app_mention": None}
