"""The role of a process: web, workers, or both."""

from enum import StrEnum


class Role(StrEnum):
    """What `serve` does in this process."""

    ALL = "all"
    WEB = "web"
    """Accepts commands and clicks, and stores their requests."""
    WORKER = "worker"
    """Carries out stored requests; accepts nothing from Slack."""

    @property
    def accepts_requests(self) -> bool:
        return self is not Role.WORKER

    @property
    def runs_workers(self) -> bool:
        return self is not Role.WEB
