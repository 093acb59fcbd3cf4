"""What a person was shown of an endpoint that may be a deployment's own."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict


class CandidateNote(BaseModel):
    """What was shown of a candidate when it was asked about, as rows keep it.

    Attributes:
        name: '' if it couldn't be read.
        setup: GPUs and replicas, such as "1 × H100"; what isn't known is left out.
        created_at: By the API's clock; None if it didn't say.
    """

    model_config = ConfigDict(frozen=True)

    name: str = ""
    setup: Sequence[str] = ()
    created_at: datetime | None = None
