"""The name of the slash command: one for the process, since a process serves one Slack app.

It is a part of so many texts that it is a constant, read when the first of them is imported.
`serve` puts the setting into the environment before that, wherever it was set.
"""

import os

from bot.domain.process.slash_setting import DEFAULT_SLASH, VARIABLE

SLASH = os.environ.get(VARIABLE) or DEFAULT_SLASH
