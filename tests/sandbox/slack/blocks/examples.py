"""One valid example of every element and block, with all their fields."""

from tests.sandbox.slack.blocks.payloads import (
    Payload,
    actions,
    input_block,
    mrkdwn,
    option,
    plain,
    rich,
    section,
    task,
)

CONFIRM: Payload = {
    "title": plain("Terminate?"),
    "text": plain("It stops billing."),
    "confirm": plain("Terminate"),
    "deny": plain("Keep"),
    "style": "danger",
}
BUTTON: Payload = {
    "type": "button",
    "action_id": "sleep",
    "text": {"type": "plain_text", "text": "Sleep", "emoji": True},
    "value": "7",
    "url": "https://friendli.ai/suite",
    "style": "primary",
    "accessibility_label": "Put llama to sleep",
    "confirm": CONFIRM,
}
IMAGE: Payload = {"type": "image", "image_url": "https://friendli.ai/a.png", "alt_text": "A GPU"}
IMAGE_FILE: Payload = {"type": "image", "slack_file": {"id": "F1"}, "alt_text": "A GPU"}
OVERFLOW: Payload = {
    "type": "overflow",
    "action_id": "more",
    "options": [option("wake"), {**option("open"), "url": "https://friendli.ai"}],
    "confirm": CONFIRM,
}
STATIC: Payload = {
    "type": "static_select",
    "action_id": "gpu",
    "placeholder": plain("A GPU"),
    "options": [{**option("h100"), "description": plain("80 GB")}, option("h200")],
    "initial_option": option("h200"),
    "focus_on_load": False,
    "confirm": CONFIRM,
}
GROUPED: Payload = {
    "type": "static_select",
    "action_id": "gpu",
    "option_groups": [
        {"label": plain("One"), "options": [option("1xh100")]},
        {"label": plain("Two"), "options": [option("2xh100")]},
    ],
    "initial_option": option("2xh100"),
}
MULTI_STATIC: Payload = {
    "type": "multi_static_select",
    "action_id": "gpus",
    "options": [option("h100"), option("h200")],
    "initial_options": [option("h100"), option("h200")],
    "max_selected_items": 2,
}
EXTERNAL: Payload = {
    "type": "external_select",
    "action_id": "model",
    "initial_option": option("llama"),
    "min_query_length": 0,
}
MULTI_EXTERNAL: Payload = {
    "type": "multi_external_select",
    "action_id": "models",
    "initial_options": [option("llama")],
    "min_query_length": 2,
    "max_selected_items": 1,
}
USERS: Payload = {"type": "users_select", "action_id": "owner", "initial_user": "U1"}
MULTI_USERS: Payload = {
    "type": "multi_users_select",
    "action_id": "owners",
    "initial_users": ["U1", "W2"],
    "max_selected_items": 2,
}
CONVERSATIONS: Payload = {
    "type": "conversations_select",
    "action_id": "where",
    "initial_conversation": "C1",
    "default_to_current_conversation": True,
    "filter": {
        "include": ["public", "private"],
        "exclude_bot_users": True,
        "exclude_external_shared_channels": True,
    },
}
MULTI_CONVERSATIONS: Payload = {
    "type": "multi_conversations_select",
    "action_id": "wheres",
    "initial_conversations": ["C1", "D2"],
    "max_selected_items": 2,
    "default_to_current_conversation": False,
    "filter": {"include": ["im"]},
}
CHANNELS: Payload = {"type": "channels_select", "action_id": "channel", "initial_channel": "C1"}
MULTI_CHANNELS: Payload = {
    "type": "multi_channels_select",
    "action_id": "channels",
    "initial_channels": ["C1"],
    "max_selected_items": 1,
}
RADIO: Payload = {
    "type": "radio_buttons",
    "action_id": "scaling",
    "options": [
        {**option("fixed"), "description": mrkdwn("*$10.00/h*")},
        {"text": mrkdwn("*autoscaling*"), "value": "auto"},
    ],
    "initial_option": {"text": mrkdwn("*autoscaling*"), "value": "auto"},
}
CHECKBOXES: Payload = {
    "type": "checkboxes",
    "action_id": "tell",
    "options": [option("ready"), option("failed")],
    "initial_options": [option("failed")],
}
DATE: Payload = {
    "type": "datepicker",
    "action_id": "day",
    "initial_date": "2026-10-01",
    "placeholder": plain("A day"),
}
TIME: Payload = {
    "type": "timepicker",
    "action_id": "time",
    "initial_time": "23:59",
    "timezone": "Asia/Seoul",
    "placeholder": plain("A time"),
}
DATE_TIME: Payload = {
    "type": "datetimepicker",
    "action_id": "moment",
    "initial_date_time": 1790000000,
}
TEXT: Payload = {
    "type": "plain_text_input",
    "action_id": "name",
    "initial_value": "llama",
    "multiline": False,
    "min_length": 3,
    "max_length": 63,
    "placeholder": plain("A name"),
    "focus_on_load": False,
    "dispatch_action_config": {"trigger_actions_on": ["on_enter_pressed", "on_character_entered"]},
}
NUMBER: Payload = {
    "type": "number_input",
    "action_id": "replicas",
    "is_decimal_allowed": False,
    "initial_value": "1",
    "min_value": "0",
    "max_value": "10",
}
DECIMAL: Payload = {
    "type": "number_input",
    "action_id": "price",
    "is_decimal_allowed": True,
    "initial_value": "-0.5",
    "min_value": "-2",
    "max_value": "2.25",
}
EMAIL: Payload = {"type": "email_text_input", "action_id": "mail", "initial_value": "a@b.example"}
URL: Payload = {"type": "url_text_input", "action_id": "hub", "initial_value": "https://hf.co"}
RICH_INPUT: Payload = {"type": "rich_text_input", "action_id": "notes", "initial_value": rich()}
FEEDBACK: Payload = {
    "type": "feedback_buttons",
    "action_id": "verdict",
    "positive_button": {"text": plain("Good"), "value": "1", "accessibility_label": "It helped"},
    "negative_button": {"text": plain("Bad"), "value": "0"},
}
ICON: Payload = {
    "type": "icon_button",
    "action_id": "forget",
    "icon": "trash",
    "text": plain("Forget"),
    "value": "7",
    "accessibility_label": "Forget it",
    "visible_to_user_ids": ["U1"],
    "confirm": CONFIRM,
}
RICH: Payload = rich(
    {
        "type": "rich_text_section",
        "elements": [
            {"type": "text", "text": " ", "style": {"bold": True, "italic": False}},
            {"type": "text", "text": "x", "style": {"strike": True, "underline": True}},
            {"type": "link", "url": "https://friendli.ai", "text": "Suite", "unsafe": False},
            {"type": "link", "url": "mailto:support@friendli.ai", "style": {"code": True}},
            {"type": "emoji", "name": "wave", "unicode": "1f44b-1f3fb", "skin_tone": 2},
            {
                "type": "date",
                "timestamp": 1790000000,
                "format": "at {time}, {date_short}",
                "fallback": "10:42",
                "url": "https://friendli.ai",
            },
            {"type": "user", "user_id": "U1"},
            {"type": "usergroup", "usergroup_id": "S1"},
            {"type": "channel", "channel_id": "C1"},
            {"type": "broadcast", "range": "here"},
            {"type": "color", "value": "#F405B3"},
        ],
    },
    {
        "type": "rich_text_list",
        "style": "ordered",
        "indent": 8,
        "offset": 3,
        "border": 1,
        "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "one"}]}],
    },
    {"type": "rich_text_quote", "border": 0, "elements": [{"type": "text", "text": "quoth"}]},
    {
        "type": "rich_text_preformatted",
        "border": 0,
        "elements": [{"type": "text", "text": "OOM"}, {"type": "link", "url": "https://a.example"}],
    },
)
PLAN: Payload = {
    "type": "plan",
    "block_id": "plan",
    "title": "Deploying llama",
    "tasks": [
        task("machine", status="complete", details=rich(), output=RICH),
        task(
            "download",
            status="in_progress",
            sources=[{"type": "url", "url": "https://hf.co/llama", "text": "llama"}],
        ),
        task("engine"),
        task("serve", status="error", block_id="serve"),
    ],
}
TABLE: Payload = {
    "type": "table",
    "rows": [
        [{"type": "raw_text", "text": "Endpoint"}, {"type": "raw_text", "text": "$/h"}],
        [{"type": "raw_text", "text": "llama"}, rich()],
    ],
    "column_settings": [{"is_wrapped": True}, {"align": "right"}],
}

ELEMENTS: dict[str, Payload] = {
    "button": BUTTON,
    "bare button": {"type": "button", "action_id": "go", "text": plain("Go")},
    "channels": CHANNELS,
    "checkboxes": CHECKBOXES,
    "conversations": CONVERSATIONS,
    "date": DATE,
    "date and time": DATE_TIME,
    "decimal": DECIMAL,
    "email": EMAIL,
    "external": EXTERNAL,
    "feedback": FEEDBACK,
    "grouped": GROUPED,
    "icon": ICON,
    "image": IMAGE,
    "image file": IMAGE_FILE,
    "multi channels": MULTI_CHANNELS,
    "multi conversations": MULTI_CONVERSATIONS,
    "multi external": MULTI_EXTERNAL,
    "multi static": MULTI_STATIC,
    "multi users": MULTI_USERS,
    "number": NUMBER,
    "overflow": OVERFLOW,
    "radio": RADIO,
    "rich input": RICH_INPUT,
    "static": STATIC,
    "text": TEXT,
    "time": TIME,
    "url": URL,
    "users": USERS,
}
"""One of every element."""

BLOCKS: dict[str, Payload] = {
    "actions": {**actions(BUTTON, STATIC), "block_id": "buttons"},
    "alert": {"type": "alert", "text": mrkdwn("*GPUs* are scarce"), "level": "warning"},
    "bare section": section(),
    "card": {"type": "card", "title": mrkdwn("llama")},
    "context": {"type": "context", "elements": [plain("since"), mrkdwn("*10:42*"), IMAGE]},
    "context actions": {"type": "context_actions", "elements": [FEEDBACK, ICON]},
    "divider": {"type": "divider", "block_id": "line"},
    "fields": {"type": "section", "fields": [plain("GPU"), mrkdwn("*H100*")], "expand": True},
    "file": {"type": "file", "external_id": "a", "source": "remote"},
    "header": {"type": "header", "text": plain("Endpoints")},
    "image": {**IMAGE, "title": plain("A GPU"), "block_id": "picture"},
    "input": input_block(STATIC, hint=plain("Any"), optional=True, dispatch_action=True),
    "markdown": {"type": "markdown", "text": "**llama** <not checked>"},
    "plan": PLAN,
    "rich text": RICH,
    "section": section(fields=[plain("H100")], accessory=BUTTON),
    "table": TABLE,
    "task card": task("alone", output=rich()),
    "video": {"type": "video", "video_url": "https://a.example", "title": plain("A GPU")},
}
"""One of every block that is drawn here, and of some that aren't."""
