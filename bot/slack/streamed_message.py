"""A reply whose text comes piece by piece: a stream of Slack's, or a message that is edited.

A workspace may refuse streams; then a message is edited instead, at the rate that edits have.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.calls import ErrorKind, Failure, attempt

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

# chat.update counts bytes of `text`; the block has all of it.
_TEXT = 900
_ATTEMPTS = 4
_LONGEST_WAIT = 30.0


@dataclass(slots=True)
class StreamSupport:
    """Whether Slack streams here, as far as it has answered."""

    is_refused: bool = False


@dataclass(slots=True)
class StreamedMessage:
    """One reply, in a thread of a channel.

    Attributes:
        recipient: User and workspace of the person who is answered: channels require them.
        ts: None before it has begun.
        is_streamed: Whether it is a stream.
    """

    client: AsyncWebClient
    channel_id: str
    thread_ts: str
    recipient: tuple[str, str]
    support: StreamSupport
    ts: str | None = None
    is_streamed: bool = True
    _text: str = ""
    _is_uncertain: bool = field(default=False, repr=False)

    async def begin(self, text: str) -> Failure | None:
        """Post the first piece; after a failure that isn't transient, nothing more can be shown."""
        if not self.support.is_refused:
            user, team = self.recipient
            answer = await attempt(
                self.client.chat_startStream(
                    channel=self.channel_id,
                    thread_ts=self.thread_ts,
                    markdown_text=text,
                    recipient_user_id=user,
                    recipient_team_id=team,
                )
            )
            if not isinstance(answer, Failure):
                self._began(answer, text, is_streamed=True)
                return None
            if answer.kind is not ErrorKind.REFUSED:
                return answer
            log.info("streams refused", error=answer.error)
            self.support.is_refused = True
        answer = await attempt(
            self.client.chat_postMessage(
                channel=self.channel_id,
                thread_ts=self.thread_ts,
                unfurl_links=False,
                unfurl_media=False,
                **_content(text),
            )
        )
        if isinstance(answer, Failure):
            return answer
        self._began(answer, text, is_streamed=False)
        return None

    async def append(self, text: str) -> Failure | None:
        whole = self._text + text
        if self.is_streamed:
            answer = await attempt(
                self.client.chat_appendStream(
                    channel=self.channel_id, ts=self.ts or "", markdown_text=text
                )
            )
        else:
            answer = await attempt(self._edit(whole))
        if isinstance(answer, Failure):
            if answer.kind is not ErrorKind.OUTCOME_UNKNOWN:
                return answer
            # Appended or not: the last edit shows the whole text.
            self._is_uncertain = True
        self._text = whole
        return None

    async def finish(self, text: str, metadata: Mapping[str, Any]) -> Failure | None:
        """Add the last piece, and end it; a few failures are waited out."""
        whole = self._text + text
        if self.is_streamed:
            failure = await _persistently(
                lambda: self.client.chat_stopStream(
                    channel=self.channel_id,
                    ts=self.ts or "",
                    markdown_text=text or None,
                    metadata=dict(metadata),
                )
            )
            if failure is None and not self._is_uncertain:
                return None
        return await _persistently(lambda: self._edit(whole, metadata))

    def _began(self, answer: Mapping[str, object], text: str, *, is_streamed: bool) -> None:
        self.ts = str(answer.get("ts") or "")
        self.is_streamed = is_streamed
        self._text = text

    def _edit(self, text: str, metadata: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401 - the SDK's coroutine
        return self.client.chat_update(
            channel=self.channel_id,
            ts=self.ts or "",
            metadata=None if metadata is None else dict(metadata),
            **_content(text),
        )


def _content(text: str) -> dict[str, Any]:
    return {"text": text[:_TEXT], "blocks": [{"type": "markdown", "text": text}]}


async def _persistently(call: Any) -> Failure | None:  # noqa: ANN401 - makes a coroutine of the SDK
    failure: Failure | None = None
    for _ in range(_ATTEMPTS):
        answer = await attempt(call())
        if not isinstance(answer, Failure):
            return None
        if answer.error == "message_not_in_streaming_state":
            # Ended by an attempt whose answer was lost.
            return None
        failure = answer
        if not answer.is_transient:
            break
        await asyncio.sleep(min(max(answer.retry_after, 0.2), _LONGEST_WAIT))
    return failure
