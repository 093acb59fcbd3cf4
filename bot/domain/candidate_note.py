"""The stored description of a candidate endpoint."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict


class CandidateNote(BaseModel):
    """What a candidate showed when a person was asked about it.

    Attributes:
        name: '' if it couldn't be read.
        setup: GPUs and replicas, such as "1 × H100"; unknown parts are omitted.
        created_at: By the API's clock; None if unknown.
    """

    model_config = ConfigDict(frozen=True)

    name: str = ""
    setup: Sequence[str] = ()
    created_at: datetime | None = None
