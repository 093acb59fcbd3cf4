"""The Hub's responses about a model, as pydantic models.

Shapes: https://huggingface.co/docs/hub/api and the Hub's OpenAPI document. Unknown fields are
ignored, and every field but the commit is optional: mirrors omit some.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field

from bot.domain.model_facts import Gate


def _mapping(value: object) -> object:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> object:
    return value if isinstance(value, list) else []


def _gate(value: object) -> object:
    """The Hub writes false, "auto" or "manual"; mirrors also true."""
    if isinstance(value, str):
        return {"false": Gate.NONE, "auto": Gate.AUTO}.get(value.lower(), Gate.MANUAL)
    return Gate.MANUAL if value else Gate.NONE


def _number(value: object) -> object:
    return value if isinstance(value, int) and value >= 0 else None


def _text(value: object) -> object:
    return value if isinstance(value, str) and value else None


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


class FoundParameters(BaseModel):
    """Their number alone."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    total: Annotated[int | None, BeforeValidator(_number)] = None


class TokenizerConfig(BaseModel):
    """What the Hub copies of a tokenizer's config."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    chat_template: Any = None
    chat_template_jinja: Any = None


class ConfigExcerpt(BaseModel):
    """What the Hub copies of a repo's configs."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    tokenizer_config: TokenizerConfig | None = None


class ModelInfo(BaseModel):
    """A model's repo at one commit: `GET /api/models/{repo}/revision/{revision}?blobs=true`.

    Attributes:
        sha: The commit of the revision.
        gated: What reading its files needs.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    sha: str
    gated: Annotated[Gate, BeforeValidator(_gate)] = Gate.NONE
    private: Annotated[bool, BeforeValidator(bool)] = False
    siblings: Annotated[Sequence[HubFile], BeforeValidator(_list)] = ()
    safetensors: ParameterCounts | None = None
    pipeline_tag: Annotated[str | None, BeforeValidator(_text)] = None
    config: ConfigExcerpt | None = None

    @property
    def has_chat_template(self) -> bool | None:
        """As far as the Hub copies the tokenizer's config; None where it doesn't."""
        tokenizer = self.config.tokenizer_config if self.config is not None else None
        if tokenizer is None:
            return None
        return bool(tokenizer.chat_template or tokenizer.chat_template_jinja)


class FoundModel(BaseModel):
    """A model in a search: `GET /api/models?search=…` with `expand`."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str = Field(min_length=1, max_length=200)
    gated: Annotated[Gate, BeforeValidator(_gate)] = Gate.NONE
    downloads: Annotated[int | None, BeforeValidator(_number)] = None
    pipeline_tag: Annotated[str | None, BeforeValidator(_text)] = None
    library_name: Annotated[str | None, BeforeValidator(_text)] = None
    safetensors: FoundParameters | None = None


class HubRef(BaseModel):
    """A branch or a tag."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str = Field(min_length=1, max_length=255)
    commit: str = Field(validation_alias="targetCommit", max_length=100)


class HubRefs(BaseModel):
    """`GET /api/models/{repo}/refs`."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    branches: Annotated[Sequence[HubRef], BeforeValidator(_list)] = ()
    tags: Annotated[Sequence[HubRef], BeforeValidator(_list)] = ()


class WeightIndex(BaseModel):
    """`model.safetensors.index.json`: in which file each tensor is."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    weight_map: dict[str, str] = Field(default_factory=dict)


JsonObject = dict[str, Any]
