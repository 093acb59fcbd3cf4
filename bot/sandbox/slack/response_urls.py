"""response_urls: valid for half an hour and five posts."""

import secrets
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from bot.sandbox.slack.conversations import Channel, Message, User
from bot.sandbox.slack.rate_limits import Limits
from bot.sandbox.slack.web_api.call import Backend, SlackError
from bot.sandbox.slack.web_api.chat import check_content, live_thread
from bot.sandbox.slack.wire import JsonObject


class Response(BaseModel):
    """What an app may post to a response_url."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    text: str | None = None
    blocks: list[JsonObject] | None = None
    attachments: list[JsonObject] | None = None
    metadata: JsonObject | None = None
    response_type: Literal["ephemeral", "in_channel"] = "ephemeral"
    replace_original: bool = False
    delete_original: bool = False
    thread_ts: str | None = None
    unfurl_links: bool | None = None
    unfurl_media: bool | None = None


@dataclass(slots=True)
class _Address:
    channel: Channel
    user: User
    original: Message | None
    minted: float
    uses: int = 0


class ResponseUrlError(Exception):
    """A refusal; the arguments are the HTTP status and Slack's error name."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status
        self.error = error


class ResponseUrls:
    """Creates response_urls and carries out what is posted to them."""

    def __init__(self, slack: Backend) -> None:
        self._slack = slack
        self._addresses: dict[str, _Address] = {}

    def mint(self, base: str, channel: Channel, user: User, original: Message | None) -> str:
        """Return a new response_url.

        Args:
            channel: Where new messages go.
            user: Who sees the ephemeral ones.
            original: The message to replace or delete.
        """
        key = secrets.token_urlsafe(18)
        minted = self._slack.workspace.clock.monotonic()
        self._addresses[key] = _Address(channel, user, original, minted)
        return f"{base}/response/{self._slack.workspace.identity.team_id}/{key}"

    def respond(self, key: str, fields: JsonObject | None) -> None:
        """Carry out what an app posted; the bot needn't be a member. Refused posts don't count.

        Raises:
            ResponseUrlError: 404 expired_url or used_url, or 400 with what is wrong.
        """
        address = self._addresses.get(key)
        if address is None:
            raise ResponseUrlError(404, "invalid_url")
        limits: Limits = self._slack.limits
        if self._slack.workspace.clock.monotonic() - address.minted > limits.response_url:
            raise ResponseUrlError(404, "expired_url")
        if address.uses >= limits.response_url_uses:
            raise ResponseUrlError(404, "used_url")
        try:
            self._carry_out(address, Response.model_validate(fields))
        except ValidationError:
            raise ResponseUrlError(400, "invalid_payload") from None
        except SlackError as error:
            raise ResponseUrlError(400, error.error) from None
        address.uses += 1

    def _carry_out(self, address: _Address, response: Response) -> None:
        workspace = self._slack.workspace
        original = address.original
        if (response.delete_original or response.replace_original) and (
            original is None or original.deleted
        ):
            raise SlackError("message_not_found")
        if response.delete_original and original is not None:
            workspace.delete(original)
            return
        content = check_content(response.model_dump(exclude_unset=True), self._slack.limits)
        if response.replace_original and original is not None:
            workspace.edit(original, content)
            return
        if address.channel.is_archived:
            raise SlackError("is_archived")
        workspace.post(
            address.channel,
            workspace.bot,
            content,
            thread_ts=live_thread(address.channel, response.thread_ts),
            ephemeral_to=address.user.id if response.response_type == "ephemeral" else None,
            unfurls=(response.unfurl_links, response.unfurl_media),
        )
