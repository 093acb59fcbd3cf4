"""The versions of an endpoint."""

from dataclasses import dataclass
from datetime import datetime

from bot.domain.schemas import DedicatedEndpointSpec
from bot.domain.version import Version


@dataclass(frozen=True, slots=True)
class RunningVersion:
    """The running version of an endpoint.

    Attributes:
        elsewhere: The number of a version that was created elsewhere: settings that the API
            doesn't report may differ from `version`.
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
        requested: The same without the API's own choices, for forms.
        requested_by: Who requested it here; '' for nobody.
    """

    number: str
    version: Version
    requested: Version
    spec: DedicatedEndpointSpec
    requested_by: str = ""
    requested_at: datetime | None = None

    @property
    def is_ours(self) -> bool:
        return self.requested_at is not None
