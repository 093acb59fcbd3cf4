"""Sends accepted prompts, and streams their answers into the endpoint's thread.

The prompt and its answer are in this process's memory and in Slack, nowhere else: neither logs nor
tables have them. The row of the prompt remembers that an answer is open; see `prompt_recovery`.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from bot.config import Settings
from bot.domain.friendli_errors import FriendliError, Refused
from bot.domain.inference import (
    ChatMessage,
    InferenceKind,
    Prompt,
    Role,
    Stopwatch,
)
from bot.domain.prompt_state import PromptState
from bot.friendli.inference import InferenceClient
from bot.messages import prompt as words
from bot.messages.body import Body
from bot.messages.markup import escape
from bot.services.prompts import AcceptedPrompt, Prompts
from bot.slack.calls import ErrorKind, Failure, attempt
from bot.slack.clients import SlackClients
from bot.slack.prompt_thread import PromptThread, answer_metadata, question_metadata
from bot.slack.streamed_message import StreamedMessage, StreamSupport

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

# How soon a stop from another process is noticed.
_LOOK_SECONDS = 1.0
_POST_ATTEMPTS = 4
_LONGEST_WAIT = 30.0
# Of the workspace's calls a minute, each stream gets a share: appendStream is of tier 4.
_SHARE = 0.6
_ENTITY_START = re.compile(r"&[a-z]{0,3}\Z")


@dataclass(frozen=True, slots=True)
class Question:
    """What a person asks.

    Attributes:
        temperature: None for the model's own.
        mention_ts: The message that mentions the bot, which then is the question; else None.
    """

    text: str
    system: str = ""
    max_tokens: int = 512
    temperature: float | None = None
    mention_ts: str | None = None


@dataclass(slots=True)
class _Answer:
    """An answer as it comes; `changed` is set with each piece and at the end, `over` at the end."""

    watch: Stopwatch
    pending: str = ""
    length: int = 0
    has_reasoned: bool = False
    finish_reason: str | None = None
    error: FriendliError | None = None
    over: asyncio.Event = field(default_factory=asyncio.Event)
    is_too_long: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, text: str) -> None:
        shown = escape(text)
        room = words.LONGEST_ANSWER - self.length
        if len(shown) > room:
            # Not within an entity.
            shown = _ENTITY_START.sub("", shown[:room])
            self.is_too_long = True
        self.pending += shown
        self.length += len(shown)

    def take(self) -> str:
        text, self.pending = self.pending, ""
        return text


class _Upkeep:
    """Keeps the claim while an answer streams."""

    def __init__(
        self, prompts: Prompts, prompt: AcceptedPrompt, stopped: asyncio.Event, renew_every: float
    ) -> None:
        self._prompts = prompts
        self._prompt = prompt
        self._stopped = stopped
        self._renew_every = renew_every
        self._renewed = asyncio.get_running_loop().time()

    async def end(self) -> PromptState | None:
        """Why the answer ends now; None if it goes on."""
        present = asyncio.get_running_loop().time()
        if self._stopped.is_set():
            return PromptState.STOPPED
        if present - self._renewed > self._renew_every:
            self._renewed = present
            if not await self._prompts.goes_on(self._prompt):
                return PromptState.CUT
        return None


class PromptAnswers:
    """Answers prompts."""

    def __init__(
        self,
        prompts: Prompts,
        inference: InferenceClient,
        clients: SlackClients,
        thread: PromptThread,
        settings: Settings,
    ) -> None:
        self._prompts = prompts
        self._inference = inference
        self._clients = clients
        self._thread = thread
        self._settings = settings
        self._support = StreamSupport()
        # Of those that are answered by this process.
        self._stops: dict[str, asyncio.Event] = {}
        self._looking: asyncio.Task[None] | None = None

    def stop(self, public_id: str) -> None:
        """Stop an answer of this process at once."""
        if public_id in self._stops:
            self._stops[public_id].set()

    async def answer(self, prompt: AcceptedPrompt, question: Question) -> None:
        """Send a prompt, once, and stream its answer; whatever fails is said in the thread."""
        self._stops[prompt.public_id] = asyncio.Event()
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_for_stops())
        try:
            await self._run(prompt, question)
        finally:
            del self._stops[prompt.public_id]

    async def _look_for_stops(self) -> None:
        """Notice stops that other processes have taken, with one query for all answers."""
        while self._stops:
            await asyncio.sleep(_LOOK_SECONDS)
            if not self._stops:
                # The database may be closed by now.
                return
            try:
                stopped = await self._prompts.stopped_among(list(self._stops))
            except (SQLAlchemyError, OSError, TimeoutError) as error:
                log.warning("database unavailable", error=type(error).__name__)
                continue
            for public_id in stopped:
                self.stop(public_id)

    async def _run(self, prompt: AcceptedPrompt, question: Question) -> None:
        earlier: list[ChatMessage] = []
        notes: list[str] = []
        if question.mention_ts is not None:
            said = await self._thread.conversation(
                prompt.place.channel_id, prompt.thread_ts, question.mention_ts
            )
            if said is None:
                notes.append(words.WITHOUT_CONTEXT)
            earlier = list(said or ())
        shown = self._question(prompt, question, stop=prompt.public_id)
        question_ts = await self._post(prompt, shown, question_metadata(prompt.public_id))
        if question_ts is None:
            # Whether Slack shows the question or not, nothing is sent for it.
            await self._prompts.finish(prompt, PromptState.FAILED, reply=words.NOT_POSTED)
            return
        if not await self._prompts.asking(prompt, question_ts):
            await self._prompts.finish(prompt, PromptState.STOPPED)
        else:
            state = await self._ask(prompt, question, earlier, question_ts, notes)
            await self._prompts.finish(prompt, state)
        await self._close_question(prompt, question, question_ts)

    async def _ask(
        self,
        prompt: AcceptedPrompt,
        question: Question,
        earlier: list[ChatMessage],
        question_ts: str,
        notes: list[str],
    ) -> PromptState:
        system = [ChatMessage(Role.SYSTEM, question.system)] if question.system else []
        messages = [*system, *earlier, ChatMessage(Role.USER, question.text)]
        sent = Prompt(messages, question.max_tokens, question.temperature)
        answer = _Answer(Stopwatch(asyncio.get_running_loop().time()))
        reading = asyncio.create_task(self._read(prompt, sent, answer))
        message = StreamedMessage(
            self._clients.posting,
            prompt.place.channel_id,
            prompt.thread_ts,
            (prompt.person.id, await self._team(prompt)),
            self._support,
        )
        try:
            state = await self._show(prompt, answer, message, question_ts)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        notes += _notes(answer, state)
        if message.ts is None and answer.error is not None:
            await self._post(prompt, _plain(words.failed(prompt.name, answer.error)), None)
            return PromptState.FAILED
        rest = answer.take()
        written = answer.length
        text = rest + words.ending(answer.watch.speed, *notes)
        source = question.mention_ts or question_ts
        metadata = answer_metadata(prompt.public_id, source, written)
        if message.ts is None:
            failure = await self._begin(prompt, message, text.strip(), question_ts)
            if failure is None:
                failure = await message.finish("", metadata)
        else:
            failure = await message.finish(text, metadata)
        if failure is not None:
            log.warning("answer not finished", error=failure.error)
        return state

    async def _read(self, prompt: AcceptedPrompt, sent: Prompt, answer: _Answer) -> None:
        """Read the answer to its end; a model without chats gets a completion."""
        kinds = [prompt.kind or InferenceKind.CHAT]
        if prompt.kind is None:
            kinds.append(InferenceKind.COMPLETION)
        clock = asyncio.get_running_loop().time
        try:
            for kind in kinds:
                try:
                    async with self._inference.stream(
                        prompt.credentials, prompt.endpoint_id, kind, sent
                    ) as chunks:
                        async for chunk in chunks:
                            answer.watch.add(chunk, clock())
                            answer.has_reasoned |= bool(chunk.reasoning)
                            answer.finish_reason = chunk.finish_reason or answer.finish_reason
                            if chunk.text:
                                answer.add(chunk.text)
                                answer.changed.set()
                            if answer.is_too_long:
                                break
                    break
                except Refused as error:
                    if kind is kinds[-1] or error.status not in (400, 404, 422):
                        raise
        except FriendliError as error:
            answer.error = error
        finally:
            answer.over.set()
            answer.changed.set()

    async def _show(
        self, prompt: AcceptedPrompt, answer: _Answer, message: StreamedMessage, question_ts: str
    ) -> PromptState:
        """Show pieces until the answer is over; all but the last are shown when this returns."""
        stopped = self._stops[prompt.public_id]
        upkeep = _Upkeep(self._prompts, prompt, stopped, self._settings.lease / 3)
        clock = asyncio.get_running_loop().time
        next_at = 0.0
        while not answer.over.is_set():
            await _first_of(answer.changed, stopped, seconds=_LOOK_SECONDS)
            end = await upkeep.end()
            if end is not None:
                return end
            if not answer.changed.is_set():
                continue
            if clock() < next_at:
                wait = min(next_at - clock(), _LOOK_SECONDS)
                await _first_of(stopped, answer.over, seconds=wait)
                continue
            answer.changed.clear()
            failure = await self._show_piece(prompt, answer, message, question_ts)
            if failure is not None and not failure.is_transient:
                log.warning("answer not shown", error=failure.error)
                return PromptState.FAILED
            wait = self._interval(message) if failure is None else max(failure.retry_after, 0.2)
            next_at = clock() + min(wait, _LONGEST_WAIT)
            if failure is not None:
                answer.changed.set()
        return PromptState.FAILED if answer.error is not None else PromptState.DONE

    async def _show_piece(
        self, prompt: AcceptedPrompt, answer: _Answer, message: StreamedMessage, question_ts: str
    ) -> Failure | None:
        text = answer.take()
        if not text:
            return None
        if message.ts is None:
            failure = await self._begin(prompt, message, text, question_ts)
        else:
            failure = await message.append(text)
        if failure is not None:
            answer.pending = text + answer.pending
        return failure

    async def _begin(
        self, prompt: AcceptedPrompt, message: StreamedMessage, text: str, question_ts: str
    ) -> Failure | None:
        failure = await message.begin(text or words.NO_TEXT)
        if failure is not None and failure.kind is ErrorKind.OUTCOME_UNKNOWN:
            found, _ = await self._thread.open_stream(
                prompt.place.channel_id, prompt.thread_ts, question_ts
            )
            if found is not None:
                message.ts, failure = found, None
        if failure is None and message.ts is not None:
            await self._prompts.streaming(prompt, message.ts, is_streamed=message.is_streamed)
        return failure

    def _interval(self, message: StreamedMessage) -> float:
        """Seconds between two pieces, so that all streams together stay within Slack's rate."""
        base = self._settings.slack_stream_interval
        if not message.is_streamed:
            return max(base, self._settings.slack_edit_interval * len(self._stops))
        return base * max(1.0, _SHARE * len(self._stops))

    def _question(self, prompt: AcceptedPrompt, question: Question, *, stop: str | None) -> Body:
        if question.mention_ts is not None and stop is not None:
            return words.asking(prompt.name, stop)
        return words.question(
            prompt.name, prompt.person.id, question.text, question.system, stop=stop
        )

    async def _close_question(
        self, prompt: AcceptedPrompt, question: Question, question_ts: str
    ) -> None:
        """Take the Stop button away; of a mention, the whole message."""
        channel, client = prompt.place.channel_id, self._clients.posting
        if question.mention_ts is not None:
            await attempt(client.chat_delete(channel=channel, ts=question_ts))
            return
        shown = self._question(prompt, question, stop=None)
        await attempt(
            client.chat_update(
                channel=channel, ts=question_ts, text=shown.text, blocks=shown.blocks
            )
        )

    async def _post(
        self, prompt: AcceptedPrompt, shown: Body, metadata: Mapping[str, Any] | None
    ) -> str | None:
        """Post a reply; None if Slack doesn't take it."""
        for _ in range(_POST_ATTEMPTS):
            answer = await attempt(
                self._clients.posting.chat_postMessage(
                    channel=prompt.place.channel_id,
                    thread_ts=prompt.thread_ts,
                    text=shown.text,
                    blocks=shown.blocks,
                    unfurl_links=False,
                    unfurl_media=False,
                    metadata=None if metadata is None else dict(metadata),
                )
            )
            if not isinstance(answer, Failure):
                return str(answer.get("ts") or "")
            log.warning("prompt not shown", error=answer.error)
            if answer.kind not in (ErrorKind.RETRY_LATER, ErrorKind.NOT_SENT):
                break
            await asyncio.sleep(min(max(answer.retry_after, 0.2), _LONGEST_WAIT))
        return None

    async def _team(self, prompt: AcceptedPrompt) -> str:
        own = prompt.person.workspace_id or prompt.place.workspace_id
        return own or (await self._clients.identity()).team_id


def _notes(answer: _Answer, state: PromptState) -> list[str]:
    if state is PromptState.STOPPED:
        return [words.STOPPED]
    if answer.error is not None:
        return [words.broke_off(answer.error)]
    if answer.is_too_long:
        return [words.TOO_LONG]
    if not answer.length:
        return [words.ONLY_REASONING if answer.has_reasoned else words.NO_TEXT]
    return [words.TOKEN_LIMIT] if answer.finish_reason == "length" else []


def _plain(text: str) -> Body:
    return Body(text=text, blocks=[])


async def _first_of(*events: asyncio.Event, seconds: float) -> None:
    """Wait for one of the events, at most so long."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
