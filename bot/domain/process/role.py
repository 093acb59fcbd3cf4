"""Which half of the bot a process is: the one that answers Slack, the one that works, or both."""

from enum import StrEnum


class Role(StrEnum):
    """What `serve` does in this process."""

    ALL = "all"
    WEB = "web"
    """Takes commands and clicks, and writes down what they ask for."""
    WORKER = "worker"
    """Carries out what is written down; takes nothing from Slack."""

    @property
    def takes_requests(self) -> bool:
        """Whether Slack's requests are answered here."""
        return self is not Role.WORKER

    @property
    def works(self) -> bool:
        """Whether the workers run here."""
        return self is not Role.WEB
