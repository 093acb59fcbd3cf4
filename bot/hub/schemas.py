"""The Hub's responses about a model, as pydantic models.

Shapes: https://huggingface.co/docs/hub/api and the Hub's OpenAPI document. Unknown fields are
ignored, and every field but the commit is optional: mirrors omit some.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field


def _mapping(value: object) -> object:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> object:
    return value if isinstance(value, list) else []


def _gate(value: object) -> object:
    return bool(value) if not isinstance(value, str) else value.lower() != "false"


class HubFile(BaseModel):
    """A file of a repo; `size` in bytes, None where the Hub doesn't report it.

    Attributes:
        type: "directory" for folders, in tree listings.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    path: str = Field(validation_alias=AliasChoices("rfilename", "path"))
    size: int | None = None
    type: str = "file"


class ParameterCounts(BaseModel):
    """Counts of parameters by safetensors type."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    parameters: Annotated[dict[str, int], BeforeValidator(_mapping)] = Field(default_factory=dict)


class ModelInfo(BaseModel):
    """A model's repo at one commit: `GET /api/models/{repo}/revision/{revision}?blobs=true`.

    Attributes:
        sha: The commit of the revision.
        gated: Whether reading its files needs a licence or a request.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    sha: str
    gated: Annotated[bool, BeforeValidator(_gate)] = False
    private: Annotated[bool, BeforeValidator(bool)] = False
    siblings: Annotated[Sequence[HubFile], BeforeValidator(_list)] = ()
    safetensors: ParameterCounts | None = None


class WeightIndex(BaseModel):
    """`model.safetensors.index.json`: in which file each tensor is."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    weight_map: dict[str, str] = Field(default_factory=dict)


JsonObject = dict[str, Any]
