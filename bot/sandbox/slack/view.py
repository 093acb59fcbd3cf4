"""A modal or Home tab: content, input, and position in the stack."""

from dataclasses import dataclass, field

from bot.sandbox.slack.fields import Field, fields, initial_value
from bot.sandbox.slack.wire import JsonObject


@dataclass(eq=False, slots=True)
class View:
    """A view on one user's screen.

    Attributes:
        body: What the app sent, its blocks each with a block_id.
        hash: Changes with every update by the app.
        values: The input by block_id and action_id, in the shape of `state.values`.
        root_id: The lowest view of the stack, maybe itself.
        errors: Error texts under fields, by block_id.
    """

    id: str
    user_id: str
    body: JsonObject
    hash: str
    root_id: str
    previous_id: str | None = None
    values: dict[str, dict[str, JsonObject]] = field(default_factory=dict)
    closed: bool = False
    errors: dict[str, str] = field(default_factory=dict)
    updates: int = 0

    @property
    def title(self) -> str:
        title = self.body.get("title")
        return str(title["text"]) if title else ""

    @property
    def blocks(self) -> list[JsonObject]:
        blocks: list[JsonObject] = self.body["blocks"]
        return blocks

    @property
    def callback_id(self) -> str:
        return str(self.body.get("callback_id") or "")

    @property
    def private_metadata(self) -> str:
        return str(self.body.get("private_metadata") or "")

    def fields(self) -> list[Field]:
        return list(fields(self.blocks))

    def reset_values(self) -> None:
        """Set initial values of new fields; those that keep both ids keep their input."""
        kept: dict[str, dict[str, JsonObject]] = {}
        for item in self.fields():
            value = self.value(item)
            if value is None or value["type"] != item.type:
                value = initial_value(item.element)
            if value is not None:
                kept.setdefault(item.block_id, {})[item.action_id] = value
        self.values = kept

    def value(self, item: Field) -> JsonObject | None:
        return self.values.get(item.block_id, {}).get(item.action_id)

    def set_value(self, item: Field, value: JsonObject) -> None:
        self.values.setdefault(item.block_id, {})[item.action_id] = value

    def replace(self, body: JsonObject, new_hash: str) -> None:
        """Replace the body; fields that keep both ids keep their input."""
        self.body = body
        self.hash = new_hash
        self.updates += 1
        self.errors = {}
        self.reset_values()


@dataclass(frozen=True, slots=True)
class ViewOwner:
    app_id: str
    bot_id: str
    team_id: str
    installed_team_id: str

    def document(self, view: View) -> JsonObject:
        body = view.body
        is_modal = body["type"] == "modal"
        return {
            "id": view.id,
            "team_id": self.team_id,
            "type": body["type"],
            "blocks": view.blocks,
            "private_metadata": view.private_metadata,
            "callback_id": view.callback_id,
            "state": {"values": view.values},
            "hash": view.hash,
            "title": body.get("title"),
            "clear_on_close": bool(body.get("clear_on_close")),
            "notify_on_close": bool(body.get("notify_on_close")),
            "close": body.get("close"),
            "submit": body.get("submit"),
            "previous_view_id": view.previous_id,
            "root_view_id": view.root_id,
            "app_id": self.app_id,
            "external_id": body.get("external_id") or "",
            "app_installed_team_id": self.installed_team_id,
            "bot_id": self.bot_id,
            **({"submit_disabled": bool(body.get("submit_disabled"))} if is_modal else {}),
        }
