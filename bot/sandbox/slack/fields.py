"""Interactive elements of blocks: lookup, state, and the client's validation."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.sandbox.slack.wire import JsonObject

# The keys of an element's state and of its initial value, by element type.
_SINGLE = {
    "plain_text_input": ("value", "initial_value"),
    "email_text_input": ("value", "initial_value"),
    "url_text_input": ("value", "initial_value"),
    "number_input": ("value", "initial_value"),
    "rich_text_input": ("rich_text_value", "initial_value"),
    "static_select": ("selected_option", "initial_option"),
    "external_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "users_select": ("selected_user", "initial_user"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "channels_select": ("selected_channel", "initial_channel"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
}
_MULTIPLE = {
    "multi_static_select": ("selected_options", "initial_options"),
    "multi_external_select": ("selected_options", "initial_options"),
    "checkboxes": ("selected_options", "initial_options"),
    "multi_users_select": ("selected_users", "initial_users"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
    "multi_channels_select": ("selected_channels", "initial_channels"),
}
_STATELESS = {"button", "overflow", "workflow_button", "icon_button", "feedback_buttons"}
TEXT_INPUTS = {"plain_text_input", "email_text_input", "url_text_input", "number_input"}
EXTERNAL = {"external_select", "multi_external_select"}


@dataclass(frozen=True, slots=True)
class Field:
    """An interactive element and its block.

    Attributes:
        label: The input's label, or the text beside an accessory; empty in an actions block.
        dispatch_action: Whether an input block sends `block_actions` as it is filled in.
    """

    block_id: str
    label: str
    element: JsonObject
    is_input: bool
    optional: bool
    dispatch_action: bool

    @property
    def type(self) -> str:
        return str(self.element["type"])

    @property
    def action_id(self) -> str:
        return str(self.element["action_id"])

    @property
    def text(self) -> str:
        """The visible text of a button, or a field's placeholder."""
        text = self.element.get("text") or self.element.get("placeholder")
        return str(text["text"]) if text else ""

    @property
    def dispatches(self) -> bool:
        """Whether using it sends `block_actions`: always outside input blocks."""
        return not self.is_input or self.dispatch_action

    def known_as(self, name: str) -> bool:
        """Whether a user or a test may refer to it by this name."""
        return name in (self.action_id, self.block_id, self.label, self.text)


def fields(blocks: Sequence[JsonObject]) -> Iterator[Field]:
    """Yield the interactive elements of blocks, top to bottom."""
    for block in blocks:
        elements: list[JsonObject]
        match block["type"]:
            case "input":
                elements, label = [block["element"]], block["label"]["text"]
            case "section" if "accessory" in block:
                elements, label = [block["accessory"]], (block.get("text") or {}).get("text", "")
            case "actions" | "context_actions":
                elements, label = block["elements"], ""
            case _:
                continue
        for element in elements:
            if element["type"] in _SINGLE | _MULTIPLE or element["type"] in _STATELESS:
                yield Field(
                    block_id=block["block_id"],
                    label=label,
                    element=element,
                    is_input=block["type"] == "input",
                    optional=bool(block.get("optional")),
                    dispatch_action=bool(block.get("dispatch_action")),
                )


def initial_value(element: JsonObject) -> JsonObject | None:
    """An untouched element's entry in `state.values`; None if it has none."""
    kind = element["type"]
    if kind in _SINGLE:
        key, initial = _SINGLE[kind]
        return {"type": kind, key: element.get(initial)}
    if kind in _MULTIPLE:
        key, initial = _MULTIPLE[kind]
        return {"type": kind, key: list(element.get(initial) or [])}
    return None


def grouped_options(element: JsonObject) -> list[tuple[str, list[JsonObject]]]:
    """The options by their group's label; "" for those without a group."""
    groups = [
        (str(group["label"]["text"]), list(group["options"]))
        for group in element.get("option_groups") or []
    ]
    own = list(element.get("options") or [])
    return [("", own), *groups] if own else groups


def options(element: JsonObject) -> list[JsonObject]:
    return [option for _, group in grouped_options(element) for option in group]


def pick(choices: Sequence[JsonObject], wanted: str) -> JsonObject:
    """The option with this visible text or value, or LookupError."""
    for option in choices:
        if wanted in (option["text"]["text"], option["value"]):
            return option
    shown = ", ".join(repr(option["text"]["text"]) for option in choices) or "nothing"
    raise LookupError(f"no option {wanted!r}; there is {shown}")


def chosen(
    element: JsonObject, value: str | int | Sequence[str] | None, choices: Sequence[JsonObject]
) -> JsonObject:
    """An element's entry in `state.values` after a user filled it in.

    Args:
        value: The text typed, the option picked (visible text or value), the id of a user or
            channel, an ISO date; several for an element that takes several; None clears it.

    Raises:
        LookupError: If there is no such option.
        ValueError: If the element can't take such a value.
    """
    kind = element["type"]
    picks = bool(choices) or "option" in {**_SINGLE, **_MULTIPLE}.get(kind, ("",))[0]
    if kind in _MULTIPLE:
        wanted = [value] if isinstance(value, str | int) else list(value or [])
        picked = [pick(choices, str(item)) if picks else str(item) for item in wanted]
        return {"type": kind, _MULTIPLE[kind][0]: picked}
    if kind not in _SINGLE:
        raise ValueError(f"nothing can be typed into a {kind}")
    if value is not None and not isinstance(value, str | int):
        raise ValueError(f"a {kind} takes one value")
    key = _SINGLE[kind][0]
    if value is None or value == "":
        return {"type": kind, key: None}
    if picks:
        return {"type": kind, key: pick(choices, str(value))}
    return {"type": kind, key: value if kind == "datetimepicker" else str(value)}


def validation_error(item: Field, state: JsonObject) -> str | None:
    """The client's error text for a field; None if it can be submitted."""
    key = {**_SINGLE, **_MULTIPLE}[item.type][0]
    value = state[key]
    if value in (None, "", []):
        return None if item.optional else "Please complete this required field."
    element = item.element
    if item.type == "plain_text_input":
        if len(value) < element.get("min_length", 0):
            return f"Please enter at least {element['min_length']} characters."
        if len(value) > element.get("max_length", 3000):
            return f"Please enter at most {element.get('max_length', 3000)} characters."
    if item.type == "number_input":
        return _number_error(element, value)
    if item.type == "email_text_input" and "@" not in value:
        return "Please enter a valid email address."
    if item.type == "url_text_input" and "://" not in value:
        return "Please enter a valid URL."
    if isinstance(value, list) and len(value) > element.get("max_selected_items", 100):
        return f"Please select at most {element['max_selected_items']} items."
    return None


def _number_error(element: JsonObject, value: str) -> str | None:
    try:
        number = float(value)
    except ValueError:
        return "Please enter a valid number."
    if not element.get("is_decimal_allowed") and not number.is_integer():
        return "Please enter a whole number."
    low, high = element.get("min_value"), element.get("max_value")
    if low is not None and number < float(low):
        return f"Please enter a number of at least {low}."
    if high is not None and number > float(high):
        return f"Please enter a number of at most {high}."
    return None
