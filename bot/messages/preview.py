"""What a person sees before and after a deployment from text."""

from collections.abc import Sequence
from datetime import datetime

from bot.domain.fit_history import FitObservation
from bot.domain.instances import Prices
from bot.domain.model_facts import CheckedModel, ModelFacts
from bot.domain.model_fit import fit_of_request
from bot.domain.phase_times import UsualTime
from bot.domain.policy import ExpiryAction
from bot.domain.request.deploy_request import DeployRequest, replicas_text
from bot.messages import sent_fields
from bot.messages.blocks import Block, actions, button, context, section
from bot.messages.body import Body, body
from bot.messages.forecast import before_click
from bot.messages.lifetime import planned
from bot.messages.markup import bold, code, duration, escape
from bot.messages.model_fit import fit_block
from bot.messages.model_words import check_lines, named_model
from bot.messages.suggestion import run_this

DEPLOY_ACTION = "preview.deploy"
CHANGE_ACTION = "preview.change"
CANCEL_ACTION = "preview.cancel"

_MOST_NOTES = 10
_SECOND = "You sent the same line less than a minute ago, and it was accepted. Deploy a second one?"


def preview(
    request: DeployRequest,
    prices: Prices,
    *,
    expiry_action: ExpiryAction,
    deploy_value: str,
    change_value: str,
    is_second: bool = False,
    unchecked: str = "",
    checked: CheckedModel | None = None,
    why_value: str = "",
    observations: Sequence[FitObservation] = (),
    present: datetime,
    usual: UsualTime | None = None,
    approval: str = "",
) -> Body:
    """What would be made, its price, and the question whether to.

    Args:
        expiry_action: If it has an end.
        deploy_value: Comes back with Deploy, at most 2,000 characters.
        change_value: Comes back with Change, at most 2,000 characters.
        is_second: The same line was sent just before.
        unchecked: What couldn't be checked, as mrkdwn.
        checked: What the Hub says about the model.
        why_value: Comes back with Why?, at most 2,000 characters.
        observations: What was seen of the model here.
        present: By the database's clock.
        usual: How long such a start usually takes.
        approval: That somebody has to approve it, as mrkdwn.
    """
    line = before_click(request.forecast(prices), present=present, usual=usual, approval=approval)
    text = (
        f"{bold(request.name)} on {escape(request.option.label)}, {request.replicas_text}, in"
        f" {code(request.target)}: {line}"
    )
    if is_second:
        text = f"{_SECOND}\n{text}"
    facts = checked if isinstance(checked, ModelFacts) else None
    fit = fit_of_request(facts, request, prices, observations)
    said = [] if checked is None else check_lines(checked)
    notes = [
        named_model(request.model, request.revision),
        *said,
        scaling_note(request),
        *([unchecked] if unchecked else []),
        *([planned(request.lifetime_seconds, expiry_action)] if request.lifetime_seconds else []),
    ]
    return body(
        text,
        section(text),
        *([fit_block(fit, why_value, present)] if fit is not None else []),
        *sent_fields.block(request.sent, whole=True),
        context(*notes[:_MOST_NOTES]),
        actions(
            button(
                "Deploy a second one" if is_second else "Deploy",
                DEPLOY_ACTION,
                value=deploy_value,
                style="primary",
            ),
            button("Change", CHANGE_ACTION, value=change_value),
            button("Cancel", CANCEL_ACTION),
        ),
    )


def scaling_note(request: DeployRequest) -> str:
    """What the scaling means for the bill."""
    auto, (least, _) = request.autoscaling, request.replica_bounds
    if least is None:
        return "Friendli chooses the number of replicas."
    if auto is None and least == 1:
        return "A fixed replica never sleeps: it is billed until someone stops it."
    if auto is None:
        return "Fixed replicas never sleep: all are billed until someone stops them."
    if least == 0:
        return (
            f"Sleeps after {duration(auto.cooldown_period)} without requests ($0.00/h); any"
            " request wakes it."
        )
    return f"Never sleeps: always at least {replicas_text(least, least)} live and billed."


def under_way(request: DeployRequest, *, waits: bool) -> Body:
    """Replaces the preview; `waits` if it needs approval first."""
    how = "waits for approval" if waits else "is being created"
    text = f"{bold(request.name)} {how}; see its thread in this channel."
    return body(text, section(text))


def correction(
    sentences: Sequence[str], corrected_line: str | None, open_form: Sequence[Block]
) -> Body:
    """What is wrong with a line, and the corrected line.

    Args:
        sentences: Plain, with typed text between backticks.
        corrected_line: Plain; None if there is none.
        open_form: The button that opens the form with what was understood.
    """
    lines = [escape(sentence) for sentence in sentences]
    blocks: list[Block] = [section("\n".join(lines))]
    buttons = [*open_form]
    if corrected_line is not None:
        # Fenced, for copying.
        blocks.append(section(f"```{escape(corrected_line)}```"))
        buttons = [*run_this(corrected_line), *buttons]
    if buttons:
        blocks.append(actions(*buttons))
    return body("\n".join([*lines, escape(corrected_line or "")]).strip(), *blocks)
