"""Refused requests: an HTTP status and its detail."""

from pydantic import JsonValue


class ApiError(Exception):
    """The request is refused. `detail`: FastAPI's "detail": text or a list of validation errors."""

    def __init__(self, status: int, detail: JsonValue) -> None:
        super().__init__(f"{status}: {detail}")
        self.status = status
        self.detail = detail


def invalid(loc: list[JsonValue], msg: str, kind: str = "value_error") -> ApiError:
    """A 422 in FastAPI's shape, with one entry."""
    return ApiError(422, [{"loc": loc, "msg": msg, "type": kind}])
