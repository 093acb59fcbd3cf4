"""The action ids of buttons that are no operations."""

from enum import StrEnum


class ActionId(StrEnum):
    """Slack reports clicks on links too."""

    OPEN = "deployment.open"
    MORE = "deployment.more"
    COPY = "deployment.copy"
    CANCEL = "deployment.cancel"
    APPROVE = "approval.approve"
    REJECT = "approval.reject"
    WITHDRAW = "approval.withdraw"
    FOLLOW = "endpoint.follow"
    TRY_AGAIN = "deployment.try_again"
    EDIT = "deployment.edit"
    RETRY_LATER = "deployment.retry_later"
    CHOOSE_REVISION = "deployment.revisions"
    SUPPORT = "deployment.support"
    LARGER = "deployment.larger"
    UPDATE_EDIT = "endpoint.edit"
    UPDATE_LARGER = "endpoint.larger"
    UPDATE_AGAIN = "endpoint.update_again"
    VERSIONS = "endpoint.versions"
    CHOOSE = "deployment.choose"
    CHOOSE_NONE = "deployment.choose_none"
    CONNECT = "target.connect"
    MODEL_PAGE = "deployment.model_page"
    INTEGRATIONS = "deployment.integrations"
    USE = "endpoint.use"
    ASK = "endpoint.ask"
