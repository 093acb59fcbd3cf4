"""The picker of endpoints: question, options, and the state that it carries."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from bot.domain.listed_endpoint import ListedEndpoint, Listing
from bot.domain.statuses import facts_of
from bot.domain.text import clip
from bot.messages.blocks import Block, actions, external_select, option, section, static_select
from bot.messages.body import Body, body
from bot.messages.listing import lines as endpoint_lines
from bot.messages.markup import code

__all__ = ["Block", "PickerState", "action_id", "menu", "options", "several", "unknown", "which"]

PREFIX = "endpoint.pick"

_PLACEHOLDER = "Choose an endpoint"
_NO_ANSWER = "Friendli isn't answering; choose this for details"
# Slack's limits.
_OPTIONS = 100
_OPTION_VALUE = 150
_OPTION_TEXT = 75
_BLOCK_ID = 255
_LINES = 10


def action_id(command: str) -> str:
    return f"{PREFIX}.{command}"


@dataclass(frozen=True, slots=True)
class PickerState:
    """State kept in the block id: menus carry nothing else of ours.

    Attributes:
        target: Only this target's endpoints are offered; '' for all.
        rest: What was typed behind the endpoint.
        stays: The message stays after the choice.
    """

    target: str = ""
    rest: str = ""
    stays: bool = False

    @property
    def block_id(self) -> str:
        return f"{'show' if self.stays else 'ask'} {self.target} {self.rest}"

    @property
    def fits(self) -> bool:
        """Slack takes a block id that long."""
        return len(self.block_id) <= _BLOCK_ID

    @classmethod
    def read(cls, block_id: str) -> Self:
        kind, _, carried = block_id.partition(" ")
        target, _, rest = carried.partition(" ")
        return cls(target, rest, stays=kind == "show")


def menu(command: str, carried: PickerState, placeholder: str = _PLACEHOLDER) -> Block:
    return actions(
        external_select(action_id(command), placeholder), block_id=carried.block_id[:_BLOCK_ID]
    )


def which(command: str, carried: PickerState) -> Body:
    """Ask for an endpoint that wasn't named."""
    asked = "Which endpoint?"
    return body(asked, section(asked), menu(command, carried))


def unknown(command: str, typed: str, nearest: Sequence[str], carried: PickerState) -> Body:
    """No endpoint has the typed name."""
    text = f"I don't know the endpoint {code(typed)}."
    if nearest:
        text += f" Did you mean {' or '.join(code(clip(name, 80)) for name in nearest)}?"
    blocks = [section(text)]
    if carried.fits:
        blocks.append(menu(command, carried))
    return body(text, *blocks)


def several(
    command: str,
    typed: str,
    endpoints: Sequence[ListedEndpoint],
    carried: PickerState,
    is_exact: bool,  # noqa: FBT001 - reads like the rest
) -> Body:
    """Several endpoints match."""
    asked = (
        f"{len(endpoints)} endpoints are called {code(typed)}. Which one?"
        if is_exact
        else f"{len(endpoints)} endpoints begin with {code(typed)}. Which one?"
    )
    lines = [
        f"{endpoint_lines(listed)} · {code(listed.endpoint_id)}" for listed in endpoints[:_LINES]
    ]
    if len(endpoints) > _LINES:
        lines.append(f"and {len(endpoints) - _LINES} more")
    choices = [
        _option(listed, tell_apart=True) for listed in endpoints[:_OPTIONS] if _is_carried(listed)
    ]
    blocks = [section(asked), *(section(one) for one in lines)]
    if carried.fits and choices:
        menu_ = static_select(action_id(command), _PLACEHOLDER, choices)
        blocks.append(actions(menu_, block_id=carried.block_id))
    return body("\n".join([asked, *lines]), *blocks)


def options(listings: Sequence[Listing], typed: str) -> list[Block]:
    """Endpoints that have each typed word in name, id, model or status."""
    endpoints = _distinct(listings)
    terms = typed.casefold().split()
    found = [listed for listed in endpoints if _fits(listed, terms) and _is_carried(listed)]
    if not found and not all(listing.is_current for listing in listings):
        return [option(_NO_ANSWER, f"{listings[0].target} ")]
    names = [listed.name for listed in endpoints]
    return [_option(listed, tell_apart=names.count(listed.name) > 1) for listed in found[:_OPTIONS]]


def _distinct(listings: Sequence[Listing]) -> list[ListedEndpoint]:
    found: dict[tuple[str, str], ListedEndpoint] = {}
    for listing in listings:
        for listed in listing.endpoints:
            found.setdefault((listed.project_id, listed.endpoint_id), listed)
    return list(found.values())


def _fits(listed: ListedEndpoint, terms: Sequence[str]) -> bool:
    said = " ".join(
        (
            listed.name,
            listed.endpoint_id,
            listed.model or "",
            listed.target,
            # People type what they see.
            _text(listed, tell_apart=True),
        )
    ).casefold()
    return all(word in said for word in terms)


def _is_carried(listed: ListedEndpoint) -> bool:
    return len(_value(listed)) <= _OPTION_VALUE


def _value(listed: ListedEndpoint) -> str:
    return f"{listed.target} {listed.endpoint_id}"


def _option(listed: ListedEndpoint, *, tell_apart: bool) -> Block:
    return option(_text(listed, tell_apart=tell_apart), _value(listed))


def _text(listed: ListedEndpoint, *, tell_apart: bool) -> str:
    deployment = [clip(facts_of(listed.status.status).name, 20), listed.gpus]
    if tell_apart:
        deployment = [clip(listed.endpoint_id, 20), *deployment]
    rest = clip(" · ".join(filter(None, deployment)), 45)
    # Slack refuses a menu with a blank text.
    name = " ".join(listed.name.split()) or "?"
    return f"{clip(name, _OPTION_TEXT - len(rest) - 3)} · {rest}"
