"""A strict Block Kit validator, which refuses at least what Slack refuses.

Where Slack's documentation is ambiguous, the stricter reading holds. Unknown types, unknown fields
and nulls are refused everywhere.
"""

from bot.sandbox.slack.blocks.problems import Problem
from bot.sandbox.slack.blocks.surfaces import (
    check_message,
    check_suggestions,
    check_view,
    check_view_errors,
)

__all__ = ["Problem", "check_message", "check_suggestions", "check_view", "check_view_errors"]
