"""The replies in a deployment's thread: what happened, and how long the step before it took."""

from dataclasses import dataclass

from bot.db.acts import Cause, OperationKind
from bot.deployments.states import (
    COMING_UP,
    ENDED,
    SERVING,
    State,
    Told,
    cycles,
    seconds_between,
    seconds_to_serve,
)
from bot.friendli.schemas import InferenceDeploymentStatus as Status
from bot.friendli.schemas import Phase
from bot.friendli.statuses import STATUSES, phase_words, status_words
from bot.messages import buttons, operations
from bot.messages.body import Body, body
from bot.messages.facts import Facts
from bot.messages.failed import explain
from bot.messages.markup import (
    Block,
    actions,
    bold,
    clip,
    code,
    context,
    duration,
    escape,
    mention,
    moment,
    section,
)
from bot.messages.origin import was_asked
from bot.messages.refusals import Refusal
from bot.messages.root import price

_PHASE_ORDER = [phase.value for phase in Phase]
_API_WORDS_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply and how loud it is.

    Attributes:
        body: What it says.
        broadcast: Whether it reaches the channel itself too.
    """

    body: Body
    broadcast: bool = False


def transition(facts: Facts) -> Reply:
    """Tell the newest transition of a deployment."""
    newest = facts.history[-1]
    earlier = facts.history[-2] if len(facts.history) > 1 else None
    if newest.state.status == Status.FAILED:
        return _failure(facts)
    if newest.state.status in SERVING:
        return _serving(facts, earlier)
    if newest.state.status in COMING_UP:
        return _say(_coming_up(newest, earlier, facts))
    return _say(_standing(facts, newest.state))


def cycle(facts: Facts) -> Reply:
    """One reply for an endpoint that falls asleep and wakes over and over; it is rewritten."""
    history = [told.state for told in facts.history]
    words = escape(status_words(history[-1].status).name)
    since = facts.history[-1].observed_at
    return _say(
        f"It sleeps and wakes with its traffic: asleep {cycles(history)} times by now."
        f" Since {moment(since, '{time}')} it is {words}."
    )


def adopted(facts: Facts, *, late: bool, doubted: bool) -> Reply:
    """The endpoint is found."""
    endpoint = code(facts.endpoint_id or "")
    if late:
        text = (
            f"{bold(facts.name)} was made after all, as {endpoint}, and is billed:"
            f" {price(facts)} once it serves. Terminate it if you don't want it any more."
        )
        return Reply(body(text, section(text), actions(buttons.terminate(facts))), broadcast=True)
    found = "Found it: it was made" if doubted else "Friendli made it"
    newest = facts.history[-1] if facts.history else None
    # One reply for what is one event to people: it is made, and on its way.
    comes_up = newest is not None and newest.state.status in COMING_UP
    first = f" {_coming_up(newest, None, facts)}" if newest is not None and comes_up else ""
    return _say(f"{found}, as {endpoint}.{first}")


def doubtful(facts: Facts) -> Reply:
    """Nobody knows yet whether the endpoint was made."""
    return _say(
        f"Friendli didn't answer when we asked for {bold(facts.name)}."
        " Checking whether it was made; nothing is sent twice."
    )


def not_listed(facts: Facts, seconds: float) -> Reply:
    """Friendli said that it made the endpoint, and doesn't list it."""
    text = (
        f"Friendli said that it made {bold(facts.name)}, but listed nothing new for"
        f" {duration(seconds)}. Look in Friendli Suite before you try again: it may be billed."
    )
    return Reply(body(text, section(text), actions(buttons.try_again(facts))), broadcast=True)


def not_made(facts: Facts, seconds: float) -> Reply:
    """A doubtful create request made nothing."""
    text = f"It wasn't made: Friendli listed nothing new for {duration(seconds)}."
    return Reply(body(text, section(text), actions(buttons.try_again(facts))), broadcast=True)


def unclear(facts: Facts) -> Reply:
    """Several new endpoints look exactly like what was asked for."""
    listed = ", ".join(code(endpoint) for endpoint in facts.candidates[:24])
    text = f"{len(facts.candidates)} new endpoints look like it: {listed}. Which one is it?"
    return Reply(body(text, section(text), actions(*buttons.choices(facts))), broadcast=True)


def chosen(facts: Facts, person: str) -> Reply:
    """Somebody said which endpoint is ours."""
    return _say(f"{mention(person)} says it is {code(facts.endpoint_id or '')}.")


def chosen_none(person: str) -> Reply:
    """Somebody said that none of the endpoints is ours."""
    return _say(f"{mention(person)} says it is neither. Nothing more is looked for.")


def refused(facts: Facts, refusal: Refusal) -> Reply:
    """Nothing was made, and why."""
    text = f"{bold(facts.name)} wasn't made. {refusal.why} {refusal.advice}".strip()
    blocks: list[Block] = [section(text)]
    if refusal.words:
        blocks.append(context(f"Friendli said: “{escape(clip(refusal.words, _API_WORDS_LIMIT))}”"))
    blocks.append(actions(buttons.try_again(facts)))
    return Reply(body(text, *blocks), broadcast=True)


def cancelled() -> Reply:
    """Cancelled before anything was sent."""
    return _say("Cancelled. Nothing was made.")


def stop_asked(person: str) -> Reply:
    """Somebody cancelled the deployment before its endpoint was known."""
    return _say(f"{mention(person)} asked to cancel it.")


def operation_asked(kind: OperationKind, cause: Cause, by: str, detail: str = "") -> Reply:
    """Somebody, or something, wants something done with the endpoint.

    Args:
        kind: What.
        cause: Why.
        by: The person; '' if no person caused it.
        detail: More lines, as mrkdwn.
    """
    return _say("\n".join(filter(None, (operations.asked(kind, cause, by), detail))))


def operation_failed(kind: OperationKind, words: str) -> Reply:
    """Friendli didn't do it, or couldn't be asked."""
    spoken = operations.WORDS[kind]
    said = f" It said: “{escape(clip(words, _API_WORDS_LIMIT))}”." if words else ""
    return _say(f"Friendli didn't {spoken.infinitive}.{said} {spoken.else_true}", broadcast=True)


def updated_at_rest(facts: Facts, version: str | None) -> Reply | None:
    """Friendli has a new version of an endpoint that doesn't run; None where a rollout shows it."""
    called = f"version {code(version)}" if version else "the new version"
    status = facts.state.status if facts.state is not None else None
    if status == Status.SLEEPING:
        return _say(f"Friendli has {called}. It serves from the next time the endpoint wakes.")
    if status == Status.FAILED:
        text = f"Friendli has {called}. The endpoint has failed, and runs it after a restart."
        each = facts.setup.price_of_one
        price_once_up = None if each is None else each * max(1, facts.setup.least)
        restart, *_ = buttons.acting(facts.public_id, status, price_once_up)
        return Reply(body(text, section(text), actions(restart)))
    return None


def update_overtaken(version: str) -> Reply:
    """There is a version that nobody here knew of when the update was agreed to."""
    return _say(
        f"Version {code(version)} was made outside of this channel meanwhile, so the update wasn't"
        " sent. Ask again to see what it would change now.",
        broadcast=True,
    )


def update_unconfirmed() -> Reply:
    """The answer to an update was lost, and no new version shows."""
    return _say(
        "Friendli didn't confirm the update, and no new version shows. Nothing is sent twice: ask"
        " again if you still want it.",
        broadcast=True,
    )


def gone() -> Reply:
    """The endpoint was deleted."""
    return _say("The endpoint is gone from Friendli. It costs nothing any more.")


def outage(seconds: float) -> Reply:
    """The API doesn't answer."""
    return _say(
        f"Friendli's API hasn't answered for {duration(seconds)}. The endpoint isn't touched;"
        " what happens to it meanwhile is told here later."
    )


def key_refused() -> Reply:
    """The target's API key doesn't work any more."""
    return _say(
        "Friendli refuses the API key of this target, so nothing can be told about the endpoint."
        " It may be billed on. An admin can connect a new key with `/friendli-deploy connect`."
    )


def key_unreadable() -> Reply:
    """The stored key can't be decrypted."""
    return _say(
        "This target's API key can't be used any more: the bot's own keys were changed. An admin"
        " can connect the key again with `/friendli-deploy connect`. The endpoint runs on."
    )


def project_lost() -> Reply:
    """Every endpoint of the project vanished at once."""
    return _say(
        "Friendli lists none of this project's endpoints any more. Most likely the API key lost"
        " its access to the project; the endpoints may be billed on. Watching goes on."
    )


def disconnected(facts: Facts, person: str) -> Reply:
    """The target's key was wiped."""
    return _say(
        f"{mention(person)} disconnected {code(facts.target_name)}, so this endpoint is no"
        " longer watched. It runs on, and is billed, until it is ended in Friendli Suite."
    )


def unfollowed(person: str) -> Reply:
    """Somebody let an endpoint go that was made elsewhere."""
    return _say(
        f"{mention(person)} unfollowed it. It runs on as it is, and is billed while it serves;"
        " nothing more is told here."
    )


def disconnected_unfound() -> Reply:
    """The target's key was wiped while its endpoint was still looked for."""
    return _say(
        "The target was disconnected before the endpoint was found. It may have been made, and be"
        " billed: look in Friendli Suite.",
        broadcast=True,
    )


def watching_again() -> Reply:
    """What stood in the way of watching has passed."""
    return _say("Friendli answers again; watching goes on.")


def _say(text: str, *, broadcast: bool = False) -> Reply:
    return Reply(body(text, section(text)), broadcast=broadcast)


def _failure(facts: Facts) -> Reply:
    failed = explain(facts)
    text = f"{bold(facts.name)} {failed.headline}."
    row = buttons.for_root(facts)
    return Reply(
        body(
            f"{text} {failed.paragraph}",
            section(f"{text}\n{failed.paragraph}"),
            *([actions(*row)] if row else []),
        ),
        broadcast=True,
    )


def _serving(facts: Facts, earlier: Told | None) -> Reply:
    newest = facts.history[-1]
    took = seconds_to_serve(facts.history)
    after = f" after {duration(took)}" if took is not None else ""
    if any(told.state.status in SERVING for told in facts.history[:-1]):
        return _say(_serving_again(earlier, newest, after))
    text = f"● {bold(facts.name)} is serving{after} · {price(facts)} from now"
    lines = [section(text)]
    if facts.endpoint_id:
        lines.append(context(f"Its model name in requests is {code(facts.endpoint_id)}."))
    return Reply(body(text, *lines), broadcast=True)


def _serving_again(earlier: Told | None, newest: Told, after: str) -> str:
    before = earlier.state.status if earlier is not None else None
    if earlier is not None and before == Status.UPDATING:
        return f"The new version serves ({duration(seconds_between(earlier, newest))})."
    if before in {Status.SLEEPING, Status.AWAKING}:
        return f"Awake and serving again{after}."
    return f"Serving again{after}."


def _coming_up(newest: Told, earlier: Told | None, facts: Facts) -> str:
    state = newest.state
    began = earlier is None or earlier.state.status != state.status
    words = f"{escape(phase_words(state.phase).progress)}." if state.phase else ""
    if began:
        if state.status == Status.AWAKING:
            return f"Waking up. {words}".strip()
        if earlier is not None and earlier.state.status in ENDED and not was_asked(facts):
            return f"Restarted outside of this channel. {words}".strip()
        if earlier is not None and earlier.state.status in STATUSES:
            return f"Starting again. {words}".strip()
        return words or "Friendli is starting it."
    if earlier is None or earlier.state.phase is None:
        return words or "Friendli is starting it."
    if _goes_back(earlier.state.phase, state.phase):
        return f"Back to {escape(phase_words(state.phase or '').during)}."
    took = duration(seconds_between(earlier, newest))
    return f"{escape(_done(earlier.state.phase, state.phase))} ({took}). {words}"


def _done(before: str, now: str | None) -> str:
    """What is over between two phases, the ones that no poll saw among it."""
    first, *unseen = [before]
    if before in _PHASE_ORDER and now in _PHASE_ORDER:
        first, *unseen = _PHASE_ORDER[_PHASE_ORDER.index(before) : _PHASE_ORDER.index(now)]
    done = [phase_words(phase).done for phase in unseen]
    return ", ".join([phase_words(first).done, *(f"{one[:1].lower()}{one[1:]}" for one in done)])


def _goes_back(before: str, now: str | None) -> bool:
    if before not in _PHASE_ORDER or now not in _PHASE_ORDER:
        return False
    return _PHASE_ORDER.index(now) < _PHASE_ORDER.index(before)


def _standing(facts: Facts, state: State) -> str:
    words = {
        Status.SLEEPING.value: f"{_slept(facts)} $0.00/h while it sleeps; any request wakes it.",
        Status.UPDATING.value: (
            "Rolling out a new version"
            + ("" if was_asked(facts) else " that was made outside of this channel")
            + ". The one before serves until it's ready."
        ),
        Status.STOPPING.value: "Stopping.",
        Status.TERMINATING.value: (
            "Terminating."
            if was_asked(facts)
            else "It is being terminated outside of this channel."
        ),
        Status.TERMINATED.value: (
            "Terminated. It costs nothing now; a restart in Friendli Suite would be told here."
        ),
        Status.UNKNOWN.value: (
            "Friendli can't say what the endpoint is doing. It may be serving, and billed."
        ),
    }
    if state.status in words:
        return words[state.status]
    phase = f", phase {code(state.phase)}" if state.phase else ""
    return f"Friendli says {code(state.status)}{phase}, which this bot doesn't know."


def _slept(facts: Facts) -> str:
    if was_asked(facts):
        return "Asleep, as asked."
    if facts.setup.sleeps_when_idle and facts.setup.cooldown is not None:
        return f"Went to sleep after {duration(facts.setup.cooldown)} without requests."
    return "Put to sleep outside of this channel."
