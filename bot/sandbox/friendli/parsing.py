"""Parsing of bodies and queries; refusals in FastAPI's shape."""

from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel, JsonValue, ValidationError

from bot.sandbox.friendli.errors import ApiError, invalid

Model = TypeVar("Model", bound=BaseModel)


def parse_body(request: web.Request, content: bytes, model: type[Model]) -> Model:
    """Parse a JSON body, or raise `ApiError` 422."""
    if not content:
        raise invalid(["body"], "Field required", "missing")
    if request.content_type != "application/json":
        raise invalid(["body"], "The content type must be application/json", "content_type")
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        raise _refusal("body", error) from error


def parse_query(request: web.Request, model: type[Model]) -> Model:
    """Parse the query, or raise `ApiError` 422; repeated parameters are refused."""
    repeated = next((name for name in request.query if len(request.query.getall(name)) > 1), None)
    if repeated is not None:
        raise invalid(["query", repeated], "Given more than once", "repeated")
    try:
        return model.model_validate(dict(request.query))
    except ValidationError as error:
        raise _refusal("query", error) from error


def expect_no_body(content: bytes) -> None:
    """Raise `ApiError` 422 if an operation without a body got one."""
    if content:
        raise invalid(["body"], "Extra inputs are not permitted", "extra_forbidden")


def _refusal(place: str, error: ValidationError) -> ApiError:
    detail: list[JsonValue] = [
        {"loc": [place, *entry["loc"]], "msg": entry["msg"], "type": entry["type"]}
        for entry in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    return ApiError(422, detail)
