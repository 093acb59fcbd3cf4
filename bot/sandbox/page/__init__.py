"""A small Slack in the browser, over the sandbox's workspace."""
