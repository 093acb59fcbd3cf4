"""Replies about requests and what prevents them."""

from dataclasses import replace
from decimal import Decimal
from typing import assert_never

from bot.domain.deployment_state import DeploymentState
from bot.domain.deployment_view import ClosingNote, DeploymentView
from bot.domain.operations import Cause, OperationKind, OperationWords
from bot.domain.process.slash_command import SLASH
from bot.domain.request.rule import LABELS
from bot.domain.schemas import InferenceDeploymentStatus as Status
from bot.domain.statuses import FAILED_MARK, facts_of
from bot.domain.text import clip
from bot.domain.version import Version
from bot.messages.blocks import Block, context, section
from bot.messages.body import body
from bot.messages.markup import bold, code, duration, escape, mention, money
from bot.messages.refusals import Refusal
from bot.messages.reply import News, Reply, say
from bot.messages.update_diff import changes

_API_WORDS_LIMIT = 500
_NAME = f"{LABELS['name']}:"


def refused(deployment: DeploymentView, refusal: Refusal) -> Reply:
    """The status message says the rest, with the buttons that help."""
    note = [refusal.text]
    if refusal.words and not refusal.words_first:
        note.append(f"Friendli said: {refusal.said}")
    closing = ClosingNote("\n".join(note), reconnects=refusal.reconnects)
    text = f"{FAILED_MARK} {bold(deployment.name)} wasn't created. {refusal.why}"
    return Reply(body(text, section(text)), News.FAILED, closing)


def repaired(person: str, name: str, before: Version, after: Version) -> Reply:
    """In the thread of a failed deployment that was requested anew.

    Args:
        person: Who requested it.
        name: Of the new endpoint.
        before: What failed.
        after: What was requested instead.
    """
    if before.request.revision is None:
        # What the main branch is now is no change that a person made.
        request = after.request.model_copy(update={"revision": None})
        after = replace(after, request=request)
    lines = [one for one in changes(before, after).splitlines() if not one.startswith(_NAME)]
    what = "\n".join(lines) or "Nothing was changed."
    again = f"{mention(person)} tries again as {bold(name)}, in its own thread."
    text = f"{again}\n{what}"
    return Reply(body(text, section(text)), closing_note=ClosingNote(again, is_repaired=True))


def rate_limited(words: str, seconds: float) -> Reply:
    """Friendli answered 429."""
    said = f" (429: “{escape(clip(words, _API_WORDS_LIMIT))}”)" if words else " (429)"
    return say(
        f"Friendli is rate-limiting requests{said}. Nothing was done yet; retrying in"
        f" {duration(seconds)}."
    )


def cancelled() -> Reply:
    """Nothing was sent."""
    return say("Cancelled. Nothing was created.")


def stop_asked(person: str) -> Reply:
    """Cancelled before the endpoint was known."""
    return say(f"{mention(person)} asked to cancel it.")


def operation_asked(
    kind: OperationKind, cause: Cause, by: str, detail: str = "", *, waits: bool = False
) -> Reply:
    """An operation was requested.

    Args:
        by: '' if no person caused it.
        detail: More lines, as mrkdwn.
        waits: It needs approval first.
    """
    asked = _asked(kind.facts.words, cause, by, waits=waits)
    return say("\n".join(filter(None, (asked, detail))))


def _asked(words: OperationWords, cause: Cause, by: str, *, waits: bool) -> str:
    match cause:
        case Cause.PERSON:
            return f"{mention(by)} asked to {words.infinitive}."
        case Cause.LIFETIME:
            return f"Lifetime over: {words.doing}."
        case Cause.SCHEDULE:
            return f"Schedule: {words.infinitive if waits else words.doing}."
        case _ as unknown:
            assert_never(unknown)


def operation_failed(kind: OperationKind, words: str) -> Reply:
    """Friendli refused, or couldn't be asked."""
    spoken = kind.facts.words
    said = f" It said: “{escape(clip(words, _API_WORDS_LIMIT))}”." if words else ""
    return say(f"Friendli didn't {spoken.infinitive}.{said} {spoken.else_true}", news=News.FAILED)


def update_refused(refusal: Refusal) -> Reply:
    """The status message's button opens the form again, with the API's words at the fields."""
    text = f"Friendli didn't update it. {refusal.text}"
    blocks: list[Block] = [section(text)]
    if refusal.words and not refusal.words_first:
        blocks.append(context(f"Friendli said: {refusal.said}"))
    stays = OperationKind.UPDATE.facts.words.else_true
    return Reply(body(text, *blocks, context(stays)), news=News.FAILED)


def costs_more(kind: OperationKind, agreed: Decimal | None, dollars: Decimal | None) -> Reply:
    """More at full scale than was shown; None for an unknown price."""
    before = "an unknown price" if agreed is None else f"up to {money(agreed)}"
    now = "an unknown price" if dollars is None else f"up to {money(dollars)}"
    words = kind.facts.words
    return say(
        f"Nothing was sent: the price changed from {before} to {now} since the request."
        f" {words.else_true} Request it again to approve the new price.",
        news=News.NEEDS_YOU,
    )


def updated_at_rest(deployment: DeploymentView, version: str | None) -> Reply | None:
    """A new version of an endpoint that doesn't run; None where a roll-out shows it."""
    called = f"version {code(version)}" if version else "the new version"
    status = deployment.endpoint_state.status if deployment.endpoint_state is not None else ""
    if facts_of(status).may_be_woken:
        return say(f"Friendli has {called}. It goes live when the endpoint wakes.")
    if status == Status.FAILED:
        return say(f"Friendli has {called}. It goes live after a restart.")
    return None


def update_overtaken(version: str) -> Reply:
    """Somebody elsewhere made a version after this update was agreed to."""
    return say(
        f"Version {code(version)} was created outside this channel in the meantime, so the update"
        " wasn't sent. Request it again to see what it would change now.",
        news=News.NEEDS_YOU,
    )


def update_unconfirmed() -> Reply:
    """The answer was lost, and no new version shows."""
    return say(
        "Friendli didn't confirm the update, and no new version shows. Nothing is sent twice:"
        " request it again if you still want it.",
        news=News.NEEDS_YOU,
    )


def dropped(deployment: DeploymentView, kind: OperationKind) -> Reply:
    """The endpoint is gone, unlisted or no longer watched."""
    why = "is no longer watched from here"
    if deployment.state is DeploymentState.ENDED:
        why = "is gone"
    elif deployment.unlisted_until is not None:
        why = "isn't listed by Friendli any more"
    text = f"{bold(deployment.name)} {why}, so it wasn't {kind.facts.words.being}."
    return say(text, news=News.FAILED)


def outage(seconds: float) -> Reply:
    return say(
        f"Friendli's API hasn't answered for {duration(seconds)}. The endpoint isn't touched; I'll"
        " post here what happened once Friendli answers."
    )


def key_refused() -> Reply:
    return say(
        "Friendli rejects this target's API key, so I can't watch the endpoint. It may still be"
        f" billed. An admin can connect a new key with `{SLASH} connect`."
    )


def key_unreadable() -> Reply:
    """The stored key can't be decrypted."""
    return say(
        "The bot can't decrypt this target's API key: its encryption keys changed. An admin can"
        f" reconnect the key with `{SLASH} connect`. The endpoint keeps running."
    )


def key_mismatched() -> Reply:
    """The stored key isn't the one that was connected."""
    return say(
        "The API key stored for this target isn't the one that was connected, so the bot doesn't"
        " use it. Someone may have changed the bot's database: tell its operator."
        f" `{SLASH} connect` stores the key again. The endpoint keeps running."
    )


def project_lost() -> Reply:
    """All endpoints of the project vanished at once."""
    return say(
        "Friendli lists none of this project's endpoints any more. Most likely the API key lost"
        " access to the project; the endpoints may still be billed. I keep watching."
    )


def disconnected(deployment: DeploymentView, person: str) -> Reply:
    return say(
        f"{mention(person)} disconnected {code(deployment.target_name)}, so this endpoint is no"
        " longer watched. It keeps running and is billed until someone stops it in Friendli Suite."
    )


def unfollowed(person: str) -> Reply:
    return say(
        f"{mention(person)} unfollowed it. It keeps running and is billed while live; this thread"
        " gets no more updates."
    )


def disconnected_unfound() -> Reply:
    """Disconnected while its endpoint was searched for."""
    return say(
        "The target was disconnected before the endpoint was found. It may have been created and"
        " may be billed: check Friendli Suite.",
        news=News.NEEDS_YOU,
    )


def watching_again() -> Reply:
    return say("Friendli is answering again; I keep watching.")
