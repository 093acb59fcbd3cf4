"""A small Slack in the browser, over the sandbox's workspace, to try the bot and to watch it."""
