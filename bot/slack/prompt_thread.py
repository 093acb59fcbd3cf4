"""What an endpoint's thread has of prompts: earlier questions and answers, and open streams."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.domain.inference import ChatMessage, Role
from bot.domain.text import unescape
from bot.messages.prompt import quoted_in
from bot.slack.calls import Failure, read_pages
from bot.slack.clients import SlackClients, SlackUnreachableError

EVENT_TYPE = "friendli_prompt"
_PAGE = 200
_MAX_PAGES = 5
# Of context: messages, and characters of all of them.
MOST_MESSAGES = 20
MOST_CHARACTERS = 24_000

Message = Mapping[str, Any]


def question_metadata(public_id: str) -> dict[str, Any]:
    return {"event_type": EVENT_TYPE, "event_payload": {"prompt": public_id, "part": "question"}}


def answer_metadata(public_id: str, question_ts: str, length: int) -> dict[str, Any]:
    """Of an answer: its question's message, and how many characters the model wrote."""
    payload = {"prompt": public_id, "part": "answer", "question": question_ts, "length": length}
    return {"event_type": EVENT_TYPE, "event_payload": payload}


@dataclass(frozen=True, slots=True)
class PromptThread:
    """Reads threads."""

    clients: SlackClients

    async def conversation(
        self, channel_id: str, thread_ts: str, before: str
    ) -> Sequence[ChatMessage] | None:
        """The newest questions with their answers, oldest first; None if it can't be read."""
        messages = await self.messages(channel_id, thread_ts)
        return None if messages is None else conversation(messages, before)

    async def messages(
        self, channel_id: str, thread_ts: str, oldest: str | None = None
    ) -> Sequence[Message] | None:
        listing = await read_pages(
            lambda cursor: self.clients.reading.conversations_replies(
                channel=channel_id,
                ts=thread_ts,
                oldest=oldest or "0",
                inclusive=True,
                limit=_PAGE,
                cursor=cursor,
                include_all_metadata=True,
            ),
            "messages",
            limit=_MAX_PAGES,
        )
        if listing.failure is not None:
            return None
        try:
            bot = await self.clients.identity()
        except SlackUnreachableError:
            return None
        found = [one for one in listing.items if isinstance(one, Mapping)]
        # Any app can post our metadata.
        return [
            one
            for one in found
            if _payload(one) is None
            or one.get("user") == bot.user_id
            or (bot.bot_id is not None and one.get("bot_id") == bot.bot_id)
        ]

    async def open_stream(
        self, channel_id: str, thread_ts: str, after: str
    ) -> tuple[str | None, Failure | None]:
        """A message of the bot's that has no metadata yet, posted after a question."""
        messages = await self.messages(channel_id, thread_ts, after)
        bot = await self.clients.identity()
        for one in messages or ():
            is_ours = one.get("user") == bot.user_id
            if is_ours and one.get("ts", "") > after and "metadata" not in one:
                return str(one["ts"]), None
        return None, None


def conversation(messages: Sequence[Message], before: str) -> Sequence[ChatMessage]:
    by_ts = {str(one.get("ts")): one for one in messages}
    said: list[ChatMessage] = []
    left = MOST_CHARACTERS
    for one in reversed(messages):
        payload = _payload(one)
        if payload is None or payload.get("part") != "answer" or str(one.get("ts")) >= before:
            continue
        asked = by_ts.get(str(payload.get("question")))
        if asked is None:
            continue
        question = _question(asked)
        answer = _answer(one, payload)
        left -= len(question) + len(answer)
        if left < 0 or len(said) + 2 > MOST_MESSAGES:
            break
        if question and answer:
            said += [ChatMessage(Role.ASSISTANT, answer), ChatMessage(Role.USER, question)]
    return list(reversed(said))


def _payload(message: Message) -> Mapping[str, Any] | None:
    metadata = message.get("metadata")
    if not isinstance(metadata, Mapping) or metadata.get("event_type") != EVENT_TYPE:
        return None
    payload = metadata.get("event_payload")
    return payload if isinstance(payload, Mapping) else None


def _question(message: Message) -> str:
    blocks = message.get("blocks")
    if _payload(message) is not None and isinstance(blocks, list):
        return quoted_in(blocks)[0]
    return typed_behind_mention(str(message.get("text") or ""))


def _answer(message: Message, payload: Mapping[str, Any]) -> str:
    text = str(message.get("text") or "")
    blocks = message.get("blocks")
    for block in blocks if isinstance(blocks, list) else ():
        if isinstance(block, Mapping) and block.get("type") == "markdown":
            # Of an edited message: its text is shorter.
            text = str(block.get("text") or "")
    length = payload.get("length")
    kept = text[:length] if isinstance(length, int) else text
    return unescape(kept).strip()


def typed_behind_mention(text: str) -> str:
    """What follows a mention of the bot, Slack's markup undone."""
    _, _, behind = text.partition("<@")
    _, _, said = behind.partition(">")
    return unescape(said).strip()
