"""A strict checker of Block Kit payloads, which refuses at least what Slack refuses.

Where Slack's documentation leaves a doubt, the stricter reading holds: what passes here is safe
to send. Unknown types, unknown fields and nulls are refused everywhere.
"""

from bot.sandbox.slack.blocks.problems import Problem
from bot.sandbox.slack.blocks.surfaces import (
    check_message,
    check_suggestions,
    check_view,
    check_view_errors,
)

__all__ = ["Problem", "check_message", "check_suggestions", "check_view", "check_view_errors"]
