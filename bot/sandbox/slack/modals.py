"""Open modals and Home tabs; a user's modals stack up to three high."""

from collections import defaultdict

from bot.sandbox.slack.changes import Changes, ViewChanged, ViewClosed
from bot.sandbox.slack.conversations import User
from bot.sandbox.slack.view import View, ViewOwner
from bot.sandbox.slack.wire import JsonObject
from bot.sandbox.slack.workspace import Workspace

STACK_LIMIT = 3


class StackFullError(Exception):
    """A fourth view on the stack."""


class Modals:
    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._changes: Changes = workspace.changes
        self._stacks: defaultdict[str, list[View]] = defaultdict(list)
        self.views: dict[str, View] = {}
        self.home_tabs: dict[str, View] = {}

    def stack(self, user_id: str) -> list[View]:
        """A user's open modals, the visible one last."""
        return list(self._stacks[user_id])

    def with_external_id(self, external_id: str) -> View | None:
        for view in self.views.values():
            if not view.closed and view.body.get("external_id") == external_id:
                return view
        return None

    def open(self, user_id: str, body: JsonObject) -> View:
        """Show a modal as a new stack; replaces an older one."""
        self.clear(user_id)
        return self.push(user_id, body)

    def push(self, user_id: str, body: JsonObject) -> View:
        """Show a modal on top of the open ones, or raise `StackFullError` with three open."""
        stack = self._stacks[user_id]
        if len(stack) >= STACK_LIMIT:
            raise StackFullError
        view_id = self._workspace.ids.mint("V")
        view = View(
            id=view_id,
            user_id=user_id,
            body=self._with_block_ids(body),
            hash=self._new_hash(),
            root_id=stack[0].id if stack else view_id,
            previous_id=stack[-1].id if stack else None,
        )
        view.reset_values()
        stack.append(view)
        self.views[view_id] = view
        self._changes.publish(ViewChanged(view))
        return view

    def publish_home(self, user_id: str, body: JsonObject) -> View:
        view = self.home_tabs.get(user_id)
        if view is not None:
            self.update(view, body)
            return view
        view_id = self._workspace.ids.mint("V")
        body = self._with_block_ids(body)
        view = View(id=view_id, user_id=user_id, body=body, hash=self._new_hash(), root_id=view_id)
        view.reset_values()
        self.home_tabs[user_id] = self.views[view_id] = view
        self._changes.publish(ViewChanged(view))
        return view

    def update(self, view: View, body: JsonObject) -> None:
        view.replace(self._with_block_ids(body), self._new_hash())
        self._changes.publish(ViewChanged(view))

    def touched(self, view: View) -> None:
        """Publish that a user typed into a view, or that errors are shown in it."""
        self._changes.publish(ViewChanged(view))

    def close(self, view: View) -> None:
        stack = self._stacks[view.user_id]
        while view in stack:
            top = stack.pop()
            top.closed = True
            self._changes.publish(ViewClosed(top))

    def clear(self, user_id: str) -> None:
        for view in self.stack(user_id)[:1]:
            self.close(view)

    def document(self, view: View) -> JsonObject:
        identity = self._workspace.identity
        user: User = self._workspace.users[view.user_id]
        owner = ViewOwner(identity.app_id, identity.bot_id, user.team_id, identity.team_id)
        return owner.document(view)

    def _with_block_ids(self, body: JsonObject) -> JsonObject:
        return {**body, "blocks": self._workspace.with_block_ids(body["blocks"])}

    def _new_hash(self) -> str:
        return self._workspace.ids.view_hash(self._workspace.clock.now())
