"""What is known of an endpoint's versions."""

from dataclasses import dataclass
from datetime import datetime

from bot.domain.schemas import DedicatedEndpointSpec
from bot.domain.version import Version


@dataclass(frozen=True, slots=True)
class RunningVersion:
    """What is known of what runs on an endpoint.

    Attributes:
        public_id: Of its deployment.
        number: Of the version that runs, as far as it was looked at.
        elsewhere: The number of a version that was made elsewhere: what the API doesn't tell of
            it may differ from what stands in `version`.
        status: What the endpoint is doing.
    """

    public_id: str
    name: str
    target: str
    version: Version
    number: str | None
    elsewhere: str | None
    status: str | None


@dataclass(frozen=True, slots=True)
class PastVersion:
    """One version of an endpoint.

    Attributes:
        number: As the API writes it.
        version: What is known of it.
        asked: The same without what the API chose where nobody did: what forms show.
        spec: What the API tells of it.
        made_by: Who asked for it; '' if no person did, or nobody here.
        made_at: When; None if it wasn't asked for here.
    """

    number: str
    version: Version
    asked: Version
    spec: DedicatedEndpointSpec
    made_by: str = ""
    made_at: datetime | None = None

    @property
    def is_ours(self) -> bool:
        """Whether it was asked for here."""
        return self.made_at is not None
