"""Parsing of bodies and queries, with refusals in the shape that FastAPI gives them."""

from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel, JsonValue, ValidationError

from bot.sandbox.friendli.errors import ApiError, invalid

Model = TypeVar("Model", bound=BaseModel)


def parse_body(request: web.Request, content: bytes, model: type[Model]) -> Model:
    """Parse a JSON body.

    Raises:
        ApiError: 422 if it is missing, not declared as JSON, not JSON or not as the model wants it.
    """
    if not content:
        raise invalid(["body"], "Field required", "missing")
    if request.content_type != "application/json":
        raise invalid(["body"], "The content type must be application/json", "content_type")
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        raise _refusal("body", error) from error


def parse_query(request: web.Request, model: type[Model]) -> Model:
    """Parse the query parameters; a parameter that is given twice is refused.

    Raises:
        ApiError: 422 if they are not as the model wants them.
    """
    repeated = next((name for name in request.query if len(request.query.getall(name)) > 1), None)
    if repeated is not None:
        raise invalid(["query", repeated], "Given more than once", "repeated")
    try:
        return model.model_validate(dict(request.query))
    except ValidationError as error:
        raise _refusal("query", error) from error


def expect_no_body(content: bytes) -> None:
    """Check that an operation without a body got none.

    Raises:
        ApiError: 422 if it got one.
    """
    if content:
        raise invalid(["body"], "Extra inputs are not permitted", "extra_forbidden")


def _refusal(place: str, error: ValidationError) -> ApiError:
    detail: list[JsonValue] = [
        {"loc": [place, *entry["loc"]], "msg": entry["msg"], "type": entry["type"]}
        for entry in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    return ApiError(422, detail)
