"""What the Hub's API answers about a model, as pydantic models.

Shapes: https://huggingface.co/docs/hub/api and the Hub's OpenAPI document. Unknown fields are
ignored, and every field but the commit may be missing: mirrors leave some out.
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
    """A file of a repo.

    Attributes:
        path: From the repo's root.
        size: Bytes; None where the Hub doesn't tell.
        type: "directory" of what is no file, in the answers about a tree.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    path: str = Field(validation_alias=AliasChoices("rfilename", "path"))
    size: int | None = None
    type: str = "file"


class ParameterCounts(BaseModel):
    """How many numbers of each safetensors type a repo's weights have."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    parameters: Annotated[dict[str, int], BeforeValidator(_mapping)] = Field(default_factory=dict)


class ModelInfo(BaseModel):
    """A model's repo at one commit: `GET /api/models/{repo}/revision/{revision}?blobs=true`.

    Attributes:
        sha: The commit that the revision stands for.
        gated: Whether one has to accept a licence, or ask, before one may read its files.
        private: Whether only its owners see it.
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
