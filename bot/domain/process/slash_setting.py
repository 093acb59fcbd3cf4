"""The setting of the slash command; `bot.domain.process.slash_command` has its value."""

VARIABLE = "SLASH_COMMAND"
DEFAULT_SLASH = "/friendli-deploy"
# https://docs.slack.dev/reference/app-manifest: 32 characters at most, with the slash.
SLASH_COMMAND_PATTERN = r"^/[a-z0-9][a-z0-9_-]{0,30}$"
