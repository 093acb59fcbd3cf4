"""The name of the slash command; one per process, as a process serves one Slack app.

So many texts contain it that it is a constant, read when the first of them is imported. `serve`
exports the setting to the environment before that.
"""

import os

from bot.domain.process.slash_setting import DEFAULT_SLASH, VARIABLE

SLASH = os.environ.get(VARIABLE) or DEFAULT_SLASH
