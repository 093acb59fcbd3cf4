"""What everything that writes wishes down is made of."""

from bot.config import Settings
from bot.db.session import Database
from bot.services.notifier import WorkerNotifier


class Service:
    """Writes down what people want, in one transaction each; who carries it out then looks at once.

    Args:
        database: Where it is written.
        settings: The bot's.
        notifier: Makes this process's workers look.
    """

    def __init__(self, database: Database, settings: Settings, notifier: WorkerNotifier) -> None:
        self._database = database
        self._settings = settings
        self._notifier = notifier
