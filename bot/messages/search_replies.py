"""Replies while the endpoint of a create request is searched for."""

from collections.abc import Sequence

from bot.domain.deployment_view import ClosingNote, DeploymentView
from bot.domain.poll_failure import PollFailure
from bot.domain.process.slash_command import SLASH
from bot.domain.statuses import CHECKING_MARK, COMING_UP, FAILED_MARK
from bot.domain.text import clip
from bot.messages.blocks import section
from bot.messages.body import body
from bot.messages.markup import bold, code, duration, escape, mention
from bot.messages.reply import News, Reply, say
from bot.messages.status_message import price
from bot.messages.transitions import coming_up

_API_WORDS = 500
_CHECKING = "Checking whether it exists; it won't be sent twice."


def adopted(
    deployment: DeploymentView, *, late: bool, doubted: bool, differences: Sequence[str]
) -> Reply:
    """The endpoint was found.

    Args:
        late: The thread said before that nothing was created.
        doubted: The thread said before that the outcome is unknown.
        differences: To the request, as sentences of mrkdwn.
    """
    endpoint = code(deployment.endpoint_id or "")
    newest = deployment.history[-1] if deployment.history else None
    comes_up = newest is not None and newest.state.status in COMING_UP
    if late:
        # As the status message's button is called.
        when, end = ("once", "Cancel") if comes_up else ("while", "Terminate")
        made = (
            f"{bold(deployment.name)} was created after all: {endpoint}."
            f" It costs {price(deployment)} {when} live. {end} it if you don't want it any more."
        )
        text = " ".join([made, *differences])
        return say(text, news=News.NEEDS_YOU)
    found = "Found it" if doubted else "Endpoint created"
    # One event to people: it is made, and coming up.
    first = [coming_up(newest, None, deployment)] if newest is not None and comes_up else []
    return say(" ".join([f"{found}: {endpoint}.", *first, *differences]))


def doubtful(
    deployment: DeploymentView, status: int | None, words: str, *, was_interrupted: bool
) -> Reply:
    """The create request's outcome is unknown.

    Args:
        status: Of the answer; None if none came.
        words: The API's own.
        was_interrupted: The bot stopped before it saw an answer.
    """
    asked = f"when asked to create {bold(deployment.name)}"
    if was_interrupted:
        known = f"The bot stopped while asking Friendli to create {bold(deployment.name)}."
    elif status is None:
        known = f"Friendli didn't answer {asked}."
    elif words and not _is_success(status):
        known = f"Friendli answered {status} (“{escape(clip(words, _API_WORDS))}”) {asked}."
    elif _is_success(status):
        known = f"Friendli answered {status} {asked}, but the answer can't be read."
    else:
        known = f"Friendli answered {status} {asked}."
    return say(f"{known} {_CHECKING}")


def _is_success(status: int) -> bool:
    return 200 <= status < 300


def not_listed(deployment: DeploymentView, seconds: float) -> Reply:
    """Friendli said that it made the endpoint, and doesn't list it."""
    text = (
        f"Friendli accepted {bold(deployment.name)} but listed nothing new for"
        f" {duration(seconds)}. Check Friendli Suite before you try again: it may be billed."
    )
    return say(text, news=News.NEEDS_YOU)


def not_created(deployment: DeploymentView, seconds: float) -> Reply:
    """The search found nothing."""
    why = f"Nothing new was listed for {duration(seconds)}."
    text = f"{FAILED_MARK} {bold(deployment.name)} wasn't created: {why[0].lower()}{why[1:]}"
    return Reply(body(text, section(text)), News.FAILED, ClosingNote(why))


def unclear(deployment: DeploymentView) -> Reply:
    """A person has to say which endpoint is ours; the status message asks which."""
    count = len(deployment.candidates)
    if not deployment.candidate_notes:
        text = f"{count} new endpoints look like {bold(deployment.name)}. Choose above which it is."
    else:
        what = "a new endpoint" if count == 1 else f"{count} new endpoints"
        text = (
            f"Friendli lists {what} that may be {bold(deployment.name)}, and may be billed."
            " None has exactly that name. Choose above."
        )
    return say(f"{CHECKING_MARK} {text}", news=News.NEEDS_YOU)


def none_left() -> Reply:
    """All candidates belong to other deployments."""
    return say("Those endpoints belong to other deployments. Still searching.")


def chosen(deployment: DeploymentView, person: str) -> Reply:
    return say(f"{mention(person)} chose {code(deployment.endpoint_id or '')}.")


def chosen_none(person: str) -> Reply:
    return say(f"{mention(person)} chose none of them. Still searching; nothing is sent twice.")


def cant_search(failure: PollFailure, seconds: float) -> Reply:
    reconnect = f"An admin can reconnect the key with `{SLASH} connect`."
    why = {
        PollFailure.OUTAGE: f"Friendli's API hasn't answered for {duration(seconds)}.",
        PollFailure.KEY_REFUSED: f"Friendli refuses this target's API key. {reconnect}",
        PollFailure.KEY_UNREADABLE: (
            f"The bot can't decrypt this target's API key: its encryption keys changed. {reconnect}"
        ),
        PollFailure.KEY_MISMATCHED: (
            "The API key stored for this target isn't the one that was connected, so the bot"
            f" doesn't use it. Tell its operator. {reconnect}"
        ),
        PollFailure.PROJECT_LOST: (
            f"This target's API key can't see the project any more. {reconnect}"
        ),
    }[failure]
    return say(
        f"{why} Until this is fixed, I can't tell whether the endpoint was created; it may be"
        " billed. I keep searching.",
        news=News.NEEDS_YOU,
    )


def searching_again() -> Reply:
    return say("Friendli is answering again. Still checking whether it was created.")
