"""The sandbox's way to refuse a request: an HTTP status and the words beside it."""

from pydantic import JsonValue


class ApiError(Exception):
    """The request is refused.

    Attributes:
        status: The HTTP status of the answer.
        detail: What FastAPI puts under "detail": words, or a list of validation errors.
    """

    def __init__(self, status: int, detail: JsonValue) -> None:
        super().__init__(f"{status}: {detail}")
        self.status = status
        self.detail = detail


def invalid(loc: list[JsonValue], msg: str, kind: str = "value_error") -> ApiError:
    """Build a 422 in FastAPI's shape, with one entry."""
    return ApiError(422, [{"loc": loc, "msg": msg, "type": kind}])
