"""Query parameters, as in the Hub's API reference; unknown ones are refused."""

import base64
import binascii
from typing import Annotated, Literal, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.sandbox.hub.errors import HubApiError

Query = TypeVar("Query", bound="_Query")

Expand = Literal[
    "author", "config", "createdAt", "disabled", "downloads", "gated", "gguf", "lastModified",
    "library_name", "likes", "pipeline_tag", "private", "safetensors", "sha", "siblings", "tags",
    "usedStorage",
]  # fmt: skip


class _Query(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NoQuery(_Query):
    """The query of requests without parameters."""


class SearchQuery(_Query):
    search: str = ""
    author: str | None = None
    filter: list[str] = []
    pipeline_tag: str | None = None
    gated: bool | None = None
    sort: Literal["downloads", "likes", "lastModified", "createdAt", "trendingScore"] = (
        "trendingScore"
    )
    direction: Literal["-1"] = "-1"
    limit: Annotated[int, Field(ge=1, le=1000)] = 1000
    full: bool = False
    config: bool = False
    expand: list[Expand] = []
    cursor: str | None = None


class InfoQuery(_Query):
    blobs: bool = False
    expand: list[Expand] = []


class TreeQuery(_Query):
    recursive: bool = False
    expand: bool = False
    limit: Annotated[int, Field(ge=1, le=1000)] | None = None
    cursor: str | None = None


class RefsQuery(_Query):
    include_prs: bool = False


class ResolveQuery(_Query):
    download: bool = False


def parse_query(request: web.Request, model: type[Query]) -> Query:
    """Parse the query, or raise `HubApiError` 400."""
    given: dict[str, object] = {}
    for key in dict.fromkeys(request.query):
        name = key.removesuffix("[]")
        values = request.query.getall(key)
        field = model.model_fields.get(name)
        takes_several = field is not None and field.default == []
        if not takes_several and len(values) > 1:
            raise HubApiError(400, f'"{name}" is given more than once')
        given[name] = values if takes_several else values[0]
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise HubApiError(400, f'"{place}": {first["msg"]}') from None


def cursor_at(position: int) -> str:
    return base64.urlsafe_b64encode(f"after {position}".encode()).decode()


def position_of(cursor: str | None) -> int:
    """The position that a cursor stands for, or raise `HubApiError` 400."""
    if cursor is None:
        return 0
    try:
        words = base64.urlsafe_b64decode(cursor.encode()).decode()
        return int(words.removeprefix("after "))
    except (binascii.Error, ValueError):
        raise HubApiError(400, '"cursor" is invalid') from None
