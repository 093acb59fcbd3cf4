"""What an update changes and costs."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.instances import Prices
from bot.domain.request.sent_fields import sent_fields
from bot.domain.statuses import facts_of
from bot.domain.text import clip
from bot.domain.update import back_comment
from bot.domain.update import body as update_body
from bot.domain.version import ENGINE, Cost, Difference, Version, changed, differences
from bot.messages.blocks import Block, actions, button, context, section
from bot.messages.body import Body, body
from bot.messages.markup import bold, code, escape, money
from bot.messages.sent_fields import line

AGREE_ACTION = "update.agree"
CHANGE_ACTION = "update.change"
CANCEL_ACTION = "update.cancel"

_NOT_KNOWN = "unknown"
_PRICE_UNKNOWN = "an unknown price"
_UNTOLD = {
    "model": "model",
    "revision": "revision",
    "max_token_count": "token count",
    "content_logging": "logging",
    "queue_timeout_ms": "queue",
    "queue_backpressure_metric": "queue",
    "queue_backpressure_threshold": "queue",
}
_LONGEST_SHOWN = 500
_MOST_LINES = 20


@dataclass(frozen=True, slots=True)
class UpdateStage:
    """From one version to the next.

    Attributes:
        number: Of the running version; None if unknown.
        elsewhere: A version made outside of this channel that still matters.
        back_to: The version that a rollback goes to; None for an ordinary update.
        is_whole: Whether everything of that version is known.
    """

    name: str
    number: str | None
    before: Version
    after: Version
    status: str | None
    elsewhere: str | None = None
    back_to: str | None = None
    is_whole: bool = True


def heading(step: UpdateStage) -> str:
    if step.back_to is not None:
        return f"Roll back {bold(step.name)} to version {code(step.back_to)}?"
    now = f" Version {code(step.number)} runs now." if step.number else ""
    return f"Update {bold(step.name)}?{now}"


def paragraphs(step: UpdateStage, prices: Prices) -> list[str]:
    """Changes, costs, and what happens meanwhile: mrkdwn."""
    said = [
        changes(step.before, step.after, back_to=step.back_to),
        unchanged(step.before, step.after),
        money_line(step, prices),
    ]
    return [text for text in said if text]


def question(step: UpdateStage, prices: Prices, *, value: str, approval: str = "") -> Body:
    """A message with buttons; `value` comes back with them, at most 2,000 characters.

    Args:
        approval: That somebody has to approve it, as mrkdwn.
    """
    back = step.back_to is not None
    row = [
        button("Roll back" if back else "Update", AGREE_ACTION, value=value, style="primary"),
        button("Change", CHANGE_ACTION, value=value),
        button("Cancel", CANCEL_ACTION),
    ]
    said = [*paragraphs(step, prices), *_sentence(approval)]
    return body(
        " ".join([heading(step), *said]),
        section(heading(step)),
        *(section(text) for text in said),
        context(*notes(step)),
        actions(*row),
    )


def under_way(name: str, *, waits: bool) -> Body:
    """Replaces the question; `waits` if it needs approval first."""
    text = f"{bold(name)} is being updated; see its thread."
    if waits:
        text = f"The update of {bold(name)} waits for approval in its thread."
    return body(text, section(text))


def view_blocks(
    step: UpdateStage, prices: Prices, *, value: str, approval: str = ""
) -> list[Block]:
    """For a modal, whose own buttons agree and cancel; `approval` as for `question`."""
    return [
        section(heading(step)),
        *(section(text) for text in [*paragraphs(step, prices), *_sentence(approval)]),
        context(*notes(step)),
        actions(button("Change", CHANGE_ACTION, value=value)),
    ]


def _sentence(approval: str) -> list[str]:
    return [f"{approval}."] if approval else []


def changes(before: Version, after: Version, *, back_to: str | None = None) -> str:
    """A line each, as mrkdwn; the comment that every rollback has isn't one."""
    lines = [_line(one) for one in differences(before, after)[:_MOST_LINES]]
    if after.request.comment and after.request.comment != back_comment(back_to or ""):
        lines.append(f"Comment: “{escape(clip(after.request.comment, _LONGEST_SHOWN))}”")
    return "\n".join(lines)


def unchanged(before: Version, after: Version) -> str:
    """What is sent although it stays, on one line of mrkdwn; '' for nothing.

    The API takes the engine's settings as one object.
    """
    sent = update_body(before, after)
    if sent is None:
        return ""
    shown = changed(before, after) | {"comment"}
    if "replicas" in shown:
        shown |= {"min_replicas", "max_replicas", "cooldown"}
    rest = [one for one in sent_fields(sent) if one.form_field not in shown]
    return f"Sent unchanged: {line(rest)}" if rest else ""


def in_thread(
    before: Version, after: Version, prices: Prices, *, back_to: str | None = None
) -> str:
    """For the thread; `back_to` is the version that a rollback goes to."""
    money_words = cost_change(before.cost(prices), after.cost(prices))
    back = [f"Rolls back to version {code(back_to)}."] if back_to is not None else []
    lines = [*back, changes(before, after, back_to=back_to), unchanged(before, after), money_words]
    return "\n".join(filter(None, lines))


def _line(one: Difference) -> str:
    old = _NOT_KNOWN if one.before is None else code(clip(one.before, _LONGEST_SHOWN))
    return f"{one.label}: {old} → {code(clip(one.after, _LONGEST_SHOWN))}"


def cost(one: Cost) -> str:
    """Dollars per hour: fixed, or from the least to the most."""
    if one.each is None:
        return _PRICE_UNKNOWN
    if one.most is None:
        return f"{money(one.each)} per replica"
    if one.most in {one.least, 1}:
        return money(one.each * one.most)
    return f"{money(one.each)} per replica, {money(one.each * one.most)} at most"


def cost_change(before: Cost, after: Cost) -> str:
    if cost(before) == cost(after):
        return f"{cost(after)}, unchanged"
    return f"{cost(before)} → *{cost(after)}*"


def money_line(step: UpdateStage, prices: Prices) -> str:
    """Before, afterwards and in between."""
    before, after = step.before.cost(prices), step.after.cost(prices)
    said = cost_change(before, after)
    at_rest = facts_of(step.status).update_note
    if at_rest:
        return f"{said}. {at_rest}"
    both = "both versions may be billed"
    if before.at_full_scale is not None and after.at_full_scale is not None:
        both = f"up to {money(before.at_full_scale + after.at_full_scale)}"
    return (
        f"{said} ({both} during the rollout). The current version stays live until the new one is"
        " ready."
    )


def _untold(version: Version) -> str:
    """Such as "model, revision and queue"."""
    unknown = [word for field, word in _UNTOLD.items() if field in version.unknown]
    *others, last = dict.fromkeys(unknown) or ["other"]
    return f"{', '.join(others)} and {last}" if others else last


def notes(step: UpdateStage) -> Sequence[str]:
    """mrkdwn, never empty."""
    said = []
    if step.back_to is not None and not step.is_whole:
        said.append(
            "The bot doesn't know the model, revision, token count, logging and queue settings of"
            f" version {code(step.back_to)}; they stay unchanged."
        )
    elif step.before.unknown:
        said.append(
            f"Friendli doesn't return the {_untold(step.before)} settings of endpoints created"
            " elsewhere. They stay unchanged unless you set them."
        )
    elif step.elsewhere is not None and not (step.back_to and step.is_whole):
        said.append(
            f"Version {code(step.elsewhere)} was created outside this channel. Its model,"
            " revision, token count, logging and queue settings may differ from what was set here;"
            " they stay unchanged unless you change them."
        )
    sends_engine = not changed(step.before, step.after).isdisjoint(ENGINE)
    if sends_engine and (step.before.unknown or step.elsewhere):
        said.append(
            "Engine settings are sent together: unknown ones may return to Friendli's defaults."
        )
    said.append("Nothing is sent until you confirm.")
    return said
