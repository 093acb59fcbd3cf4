"""The times of a run: the bot's own, shortened in proportion."""

from bot.sandbox.friendli.lifecycle import Durations
from bot.sandbox.slack.rate_limits import Limits

LEASE = 2.5
GIVES_UP_AFTER = 1.0
WAITS: dict[str, object] = {
    "poll_seconds_transitional": 0.1,
    "poll_seconds_stable": 0.25,
    "poll_seconds_ended": 0.3,
    "outage_notify_after": 1.0,
    "create_give_up_after": 5.0,
    "friendli_retry_wait": 0.05,
    "gone_confirmed_after": 0.5,
    "unknown_notify_after": 0.5,
    "slack_message_interval": 0.02,
    "slack_edit_interval": 0.02,
    "slack_reconcile_over": 0.6,
    "slack_stopped_retry": 0.5,
    "slack_timeout": GIVES_UP_AFTER,
    "create_timeout": GIVES_UP_AFTER,
    "lifetime_notice_min": 0.3,
    "lifetime_notice_max": 0.3,
    "lifetime_end_retry": 0.5,
    "lease": LEASE,
    "reconnect_after": 0.2,
    "smoke_test_give_up_after": 2.0,
    "shutdown_timeout": 2.0,
}
# The history lags by less than the bot searches.
LIMITS = Limits(enabled=False, history_lag=0.2)
# Sandbox seconds per real second: an endpoint takes one to terminate.
SPEED = 20.0
# Starts and roll-outs wait until the run moves them on.
DURATIONS = Durations(requesting_virtual_machine=1e6, updating=1e6)
