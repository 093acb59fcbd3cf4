"""Ends the answers of processes that died: says so in the thread, and asks nothing again."""

from collections.abc import Sequence
from datetime import timedelta

import structlog

from bot.config import Settings
from bot.db.claims import Claim
from bot.db.inference_tables import PromptRequest
from bot.db.session import Database
from bot.domain.prompt_state import UNDER_WAY, PromptState
from bot.messages import prompt as words
from bot.services.prompts import finish
from bot.slack.calls import Failure, attempt
from bot.slack.clients import SlackClients, SlackUnreachableError
from bot.slack.prompt_thread import Message, PromptThread, answer_metadata

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

_RETRY = timedelta(seconds=2)


class PromptRecovery:
    """Handles one claimed prompt, whose process didn't finish it."""

    def __init__(
        self, database: Database, clients: SlackClients, thread: PromptThread, settings: Settings
    ) -> None:
        self._database = database
        self._clients = clients
        self._thread = thread
        self._settings = settings

    async def handle(self, claim: Claim) -> timedelta | None:
        async with self._database.read() as session:
            row = await session.get_one(PromptRequest, claim.id)
        if row.state not in UNDER_WAY:
            await finish(self._database, self._settings, claim, row.state, "")
            return None
        try:
            messages = await self._thread.messages(
                row.channel_id, row.thread_ts, row.question_ts or row.thread_ts
            )
            answer_ts = row.answer_ts or await self._open_stream(row)
            is_told = False
            if answer_ts is not None and row.is_streamed:
                failure = await self._stop(row, answer_ts)
                if failure is not None and failure.is_transient:
                    return max(_RETRY, timedelta(seconds=failure.retry_after))
                is_told = failure is None
        except SlackUnreachableError:
            return _RETRY
        await self._without_stop(row, messages or ())
        log.info("ended the answer of a process that died", state=row.state)
        was_sent = row.state is not PromptState.ACCEPTED
        text = words.RESTARTED if was_sent else words.NOT_SENT
        reply = "" if is_told else text
        await finish(self._database, self._settings, claim, PromptState.CUT, reply)
        return None

    async def _open_stream(self, row: PromptRequest) -> str | None:
        """The answer that had begun before its message was recorded."""
        if row.state is not PromptState.ASKING or row.question_ts is None:
            return None
        found, _ = await self._thread.open_stream(row.channel_id, row.thread_ts, row.question_ts)
        return found

    async def _stop(self, row: PromptRequest, answer_ts: str) -> Failure | None:
        answer = await attempt(
            self._clients.posting.chat_stopStream(
                channel=row.channel_id,
                ts=answer_ts,
                markdown_text=f"\n\n_{words.RESTARTED}_",
                metadata=answer_metadata(row.public_id, "", 0),
            )
        )
        return answer if isinstance(answer, Failure) else None

    async def _without_stop(self, row: PromptRequest, messages: Sequence[Message]) -> None:
        for one in messages:
            blocks = one.get("blocks")
            if one.get("ts") == row.question_ts and isinstance(blocks, list):
                await attempt(
                    self._clients.posting.chat_update(
                        channel=row.channel_id,
                        ts=row.question_ts or "",
                        text=str(one.get("text") or ""),
                        blocks=[dict(block) for block in words.without_stop(blocks)],
                    )
                )
