"""How long things take in a run: the bot's own waits, made short, so that what they mean stays."""

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
    "shutdown_timeout": 2.0,
}
# History lags, by less than the bot looks for what it doesn't find.
LIMITS = Limits(enabled=False, history_lag=0.2)
# Friendli's seconds in one of ours: an endpoint takes a second to go down.
SPEED = 20.0
# What comes up, or is rolled out, waits until the run moves it on.
DURATIONS = Durations(requesting_virtual_machine=1e6, updating=1e6)
