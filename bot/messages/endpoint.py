"""What `status` and its shortcut show of one endpoint."""

from bot.domain.listed_endpoint import ListedEndpoint
from bot.domain.schemas import InferenceDeploymentStatus as Status
from bot.domain.statuses import COMING_UP, facts_of
from bot.messages import cost
from bot.messages.blocks import Block, actions, button, context, section
from bot.messages.body import Body, body
from bot.messages.buttons import ActionId, follow, for_endpoint
from bot.messages.endpoint_facts import EndpointFacts, facts_line
from bot.messages.failure import explain_code
from bot.messages.listing import doing, mark, price, who
from bot.messages.markup import bold, code, escape, link, moment, money
from bot.messages.status_message import root


def status(
    listed: ListedEndpoint,
    facts: EndpointFacts | None,
    *,
    suite_link: str | None,
    thread_link: str | None,
) -> Body:
    """As Friendli lists it; `facts` is None of one that isn't deployed or followed from here."""
    headline = f"{mark(listed)} {bold(listed.name)} is {doing(listed)}"
    if listed.status.status == Status.FAILED:
        headline = f"{mark(listed)} {bold(listed.name)} failed"
    if listed.status.updated_at is not None:
        headline += f" · {moment(listed.status.updated_at, lead='since ')}"
    note = _note(listed)
    blocks = [
        section("\n".join(filter(None, (headline, note)))),
        section(" · ".join(_setup(listed))),
        context(" · ".join(_origin(listed, facts, thread_link))),
        *_cost_note(facts),
    ]
    row = buttons_for(listed, suite_link=suite_link)
    if row:
        blocks.append(actions(*row))
    return body(f"{headline} {_cost(listed)}", *blocks)


def status_of_thread(facts: EndpointFacts) -> Body:
    """The status message as it is now, with the facts that change without an edit."""
    # The workspace's Slack may refuse plans.
    drawn = root(facts.deployment).without_plan()
    blocks = list(drawn.blocks)
    at = len(blocks) - (blocks[-1]["type"] == "actions")
    blocks[at:at] = [context(facts_line(facts)), *_cost_note(facts)]
    return body(drawn.text, *blocks)


def _cost_note(facts: EndpointFacts | None) -> list[Block]:
    note = cost.origin(facts.spend) if facts is not None else ""
    return [context(note)] if note else []


def buttons_for(listed: ListedEndpoint, *, suite_link: str | None) -> list[Block]:
    """The next step, Open, Update, and a menu with the rest."""
    open_suite = []
    if suite_link is not None:
        open_suite = [
            button("Open in Friendli", ActionId.OPEN, value=listed.endpoint_id, url=suite_link)
        ]
    if listed.ours is None:
        return [follow(listed.target, listed.endpoint_id), *open_suite]
    if not listed.ours.is_here:
        return open_suite
    status = str(listed.status.status)
    price = listed.price_once_up
    return for_endpoint(listed.ours.public_id, status, price, open_suite=open_suite)


def _note(listed: ListedEndpoint) -> str:
    if listed.status.status != Status.FAILED:
        return facts_of(listed.status.status).note_in_status
    error_code = listed.status.error_code
    return explain_code(
        str(error_code) if error_code is not None else None,
        model=listed.model,
        endpoint_id=listed.endpoint_id,
    )[0]


def _setup(listed: ListedEndpoint) -> list[str]:
    if listed.spec is None:
        return ["Friendli didn't return its configuration", _cost(listed)]
    parts = [listed.model, listed.gpus, listed.replicas]
    return [*(escape(part) for part in parts if part), _cost(listed)]


def _cost(listed: ListedEndpoint) -> str:
    now = bold(price(listed)) if listed.price_now is None else f"{bold(price(listed))} now"
    if listed.price_once_up is not None and listed.status.status in COMING_UP:
        return f"{now}, {money(listed.price_once_up)} once live"
    return now


def _origin(
    listed: ListedEndpoint, facts: EndpointFacts | None, thread_link: str | None
) -> list[str]:
    parts = [f"endpoint {code(listed.endpoint_id)}", f"target {code(listed.target)}"]
    if listed.status.created_at is not None:
        parts.append(moment(listed.status.created_at, lead="created "))
    parts.append(who(listed) if facts is None else facts_line(facts))
    if thread_link is not None:
        parts.append(link(thread_link, f"{listed.name}'s thread"))
    return parts
