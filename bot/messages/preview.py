"""What a person sees before and right after they ask for a deployment from text."""

from collections.abc import Sequence

from bot.deployments.request.deploy_request import DeployRequest
from bot.deployments.targets.policy import LeaseEnd
from bot.friendli.instances import Prices
from bot.messages import sent_fields
from bot.messages.blocks import Block, actions, button, context, section
from bot.messages.body import Body, body
from bot.messages.lease import planned
from bot.messages.markup import bold, code, escape, money

DEPLOY_ACTION = "preview.deploy"
CHANGE_ACTION = "preview.change"
CANCEL_ACTION = "preview.cancel"


def preview(
    request: DeployRequest,
    prices: Prices,
    *,
    lease_end: LeaseEnd,
    deploy_value: str,
    change_value: str,
) -> Body:
    """What would be made and what it costs, with the question whether to.

    Args:
        request: What was asked for.
        prices: Of GPUs.
        lease_end: What happens when its time is over, if it has one.
        deploy_value: Comes back with Deploy, at most 2,000 characters.
        change_value: Comes back with Change, at most 2,000 characters.
    """
    text = (
        f"{bold(request.name)} on {request.option.label}, {request.replicas_text}, in"
        f" {code(request.target)}: *{cost(request, prices)}* once it serves."
    )
    return body(
        text,
        section(text),
        *sent_fields.block(request.sent, whole=True),
        context(
            escape(request.model) + (f" @ {code(request.revision)}" if request.revision else ""),
            *([planned(request.lease_seconds, lease_end)] if request.lease_seconds else []),
        ),
        actions(
            button("Deploy", DEPLOY_ACTION, value=deploy_value, style="primary"),
            button("Change", CHANGE_ACTION, value=change_value),
            button("Cancel", CANCEL_ACTION),
        ),
    )


def cost(request: DeployRequest, prices: Prices) -> str:
    """Dollars per hour: of what is fixed, or from the least to the most that may run."""
    each = request.price_per_replica(prices)
    least, most = request.replica_bounds
    if least == most:
        return money(each * most)
    if most == 1:
        return money(each)
    return f"{money(each)} per replica, {money(each * most)} at most"


def under_way(request: DeployRequest, *, waits: bool) -> Body:
    """Takes the preview's place once it was agreed to.

    Args:
        request: What was asked for.
        waits: Whether somebody has to approve it first.
    """
    how = "waits for approval" if waits else "is on its way"
    text = f"{bold(request.name)} {how}; its thread is in this channel."
    return body(text, section(text))


def slipped(sentences: Sequence[str], corrected_line: str | None) -> Body:
    """What is wrong with a line, and the line as it was probably meant.

    Args:
        sentences: Plain text with what was typed between backticks.
        corrected_line: Plain text; None if nobody can tell.
    """
    lines = [escape(sentence) for sentence in sentences]
    blocks: list[Block] = [section("\n".join(lines))]
    if corrected_line is not None:
        # Fenced, so that it can be copied as a whole.
        blocks.append(section(f"```{escape(corrected_line)}```"))
    return body("\n".join([*lines, escape(corrected_line or "")]).strip(), *blocks)
