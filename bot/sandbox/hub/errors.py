"""Refused requests, with the headers that the Hub documents for its clients."""


class HubApiError(Exception):
    """The request is refused.

    Attributes:
        code: For `X-Error-Code`: "RepoNotFound", "RevisionNotFound", "EntryNotFound", "GatedRepo";
            None where the Hub sends none.
    """

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code

    @property
    def headers(self) -> dict[str, str]:
        code = {"X-Error-Code": self.code} if self.code is not None else {}
        return {"X-Error-Message": self.message, **code}
