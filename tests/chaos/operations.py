"""What people do with endpoints that they asked for: a table, and how each is done."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from random import Random
from typing import assert_never

from bot.domain.operations import (
    BY_COMMAND,
    ButtonFacts,
    CommandFacts,
    Confirmation,
    OperationKind,
)
from bot.sandbox.friendli.operations import OPERATIONS, Effect
from bot.sandbox.slack.conversations import Message
from bot.sandbox.slack.user_client import UserClient
from tests.chaos.cells import Request, RequestKind
from tests.chaos.clicks import ANSWERS_WITHIN, ATTEMPTS, Crowd, OperationView, Perform, Wish
from tests.chaos.scenario import FAILING, SLEEPING, UP

SHOWS_WITHIN = 30.0
_AT_TWICE = 0.3

Press = Callable[[Crowd, Wish, Message, str], Awaitable[bool]]
"""Presses a button of a message; returns whether the bot took it."""


Find = Callable[[Wish, tuple[str, ...]], tuple[Message, str] | None]
"""Finds the message of a thread that has one of these buttons, and which."""


async def click(_crowd: Crowd, wish: Wish, message: Message, label: str) -> bool:
    return (await wish.who.click(message, label)).ok


async def click_twice(_crowd: Crowd, wish: Wish, message: Message, label: str) -> bool:
    wish.clicks = 2
    first, second = await wish.who.double_click(message, label)
    return first.ok or second.ok


def clicked(lots: Random) -> Press:
    return click_twice if lots.random() < _AT_TWICE else click


async def fill_in_form(
    crowd: Crowd, wish: Wish, message: Message, label: str, *, field: str, text: str
) -> bool:
    """Press a button that opens a form with one field, and submit that."""
    who = wish.who
    async with crowd.form:
        # Somebody may have decided while this person waited for their turn.
        if label not in message.buttons or not (await who.click(message, label)).ok:
            return False
        if await crowd.until(lambda: who.modal, ANSWERS_WITHIN) is None:
            # There is nothing to ask any more, as this person was told; or the bot is gone.
            return bool(wish.whispers)
        await who.fill(field, text)
        crowd.front()
        # A form that stays says why nothing was done.
        taken = (await who.submit()).ok and who.modal is None
        while who.modal is not None:
            await who.close_modal()
    return taken


async def press_button(
    crowd: Crowd,
    deploy: Wish,
    act: OperationView,
    lots: Random,
    *,
    who: UserClient,
    labels: tuple[str, ...],
    press: Press,
    find: "Find | None" = None,
) -> None:
    """Press a button of the root, or of what is found, again if Slack says that it failed."""
    look = find or labelled
    timeout = SHOWS_WITHIN
    for _ in range(ATTEMPTS):
        found = await crowd.until(lambda: look(deploy, labels), timeout)
        if found is None:
            return
        wish = crowd.about(deploy, act, who)
        crowd.front()
        wish.acknowledged = await press(crowd, wish, *found)
        if wish.acknowledged:
            return
        # If it was taken all the same, the button is gone soon.
        timeout = ANSWERS_WITHIN
        await asyncio.sleep(lots.uniform(0.3, 1.2))


def labelled(deploy: Wish, labels: tuple[str, ...]) -> tuple[Message, str] | None:
    """The root, and the first of its buttons that begins like one of these."""
    root = deploy.root
    if root is None:
        return None
    return next(((root, label) for label in root.buttons if label.startswith(labels)), None)


async def _stop(crowd: Crowd, deploy: Wish, act: OperationView, lots: Random) -> None:
    """Cancel it, or terminate it if it is there."""
    await asyncio.sleep(lots.choice([0, lots.uniform(0, 2.5)]))
    who = lots.choice([deploy.who, crowd.env.admin])
    labels = ("Cancel", "Terminate")
    await press_button(crowd, deploy, act, lots, who=who, labels=labels, press=click)


async def _stop_once_sent(crowd: Crowd, deploy: Wish, act: OperationView, lots: Random) -> None:
    """The same, once the create request has arrived: then there is something to terminate."""
    if await crowd.has_arrived(deploy.name, SHOWS_WITHIN):
        await _stop(crowd, deploy, act, lots)


def _by_button(label: str) -> Perform:
    async def perform(crowd: Crowd, deploy: Wish, act: OperationView, lots: Random) -> None:
        who, press = lots.choice([deploy.who, crowd.env.admin]), clicked(lots)
        await asyncio.sleep(lots.uniform(0, 0.5))
        await press_button(crowd, deploy, act, lots, who=who, labels=(label,), press=press)

    return perform


def _by_form(label: str) -> Perform:
    async def perform(crowd: Crowd, deploy: Wish, act: OperationView, lots: Random) -> None:
        """Type its name into the form; only admins may."""
        fill_in = partial(fill_in_form, field=f"Type {deploy.name} to confirm", text=deploy.name)
        admin = crowd.env.admin
        await press_button(crowd, deploy, act, lots, who=admin, labels=(label,), press=fill_in)

    return perform


def _by_row(
    kind: OperationKind, command: CommandFacts | None, button: ButtonFacts | None
) -> OperationView:
    """Ask for an operation with its button, where an endpoint gets into a status that it fits."""
    if command is None or button is None:
        raise ValueError(f"{kind} has no button of its own")
    label = f"{button.label} (" if button.shows_price else button.label
    typed = command.confirmation is Confirmation.TYPED_NAME
    perform = _by_form(label) if typed else _by_button(label)
    way = next(one for one in (UP, SLEEPING, FAILING) if kind.fits(one[-1].status))
    return OperationView.operation(kind.facts.words.infinitive, perform, way, _settles_in(kind))


def _settles_in(kind: OperationKind) -> str:
    """What an endpoint shows at last after an operation; '' if it is gone."""
    operation = OPERATIONS[kind.facts.client_call or ""]
    match operation.effect:
        case Effect.STARTS:
            return UP[-1].status
        case Effect.SHOWS:
            return operation.status
        case Effect.GOES_DOWN:
            return "TERMINATED"
        case Effect.VANISHES:
            return ""
        case _ as unknown:
            assert_never(unknown)


async def _update(crowd: Crowd, deploy: Wish, act: OperationView, lots: Random) -> None:
    """Ask for another version, and at times for the first one again."""
    if not await crowd.until(lambda: deploy.tells("is serving"), SHOWS_WITHIN):
        return
    name, goes_back = deploy.name, lots.random() < 0.5
    if (
        await agree(crowd, deploy, act, lots, f"update {name} --replicas 2", "Update")
        and goes_back
        and await crowd.until(lambda: deploy.tells("The new version serves"), SHOWS_WITHIN)
    ):
        await agree(crowd, deploy, act, lots, f"rollback {name} 0", "Roll back")


async def agree(
    crowd: Crowd, deploy: Wish, act: OperationView, lots: Random, line: str, label: str
) -> bool:
    """Type a line and agree to what is asked then, until the bot has taken it."""
    asking = Wish(deploy.name, lots.choice([deploy.who, crowd.env.admin]), deploy.where)
    press = clicked(lots)
    for _ in range(ATTEMPTS):
        question = await crowd.asked(asking, line, label)
        if question is not None:
            break
        await asyncio.sleep(lots.uniform(0.3, 1.2))
    else:
        return False
    wish = crowd.about(deploy, act, asking.who)
    for _ in range(ATTEMPTS):
        crowd.front()
        # However often: the question is answered once.
        if await press(crowd, wish, question, label):
            wish.acknowledged = True
            break
        await asyncio.sleep(lots.uniform(0.3, 1.2))
    wish.clicks = 1
    return wish.acknowledged


async def _let_time_pass(crowd: Crowd, deploy: Wish, act: OperationView, _lots: Random) -> None:
    """Its time is over, some time after it serves."""
    if await crowd.until(lambda: deploy.tells("is serving"), SHOWS_WITHIN):
        await _fall_due(crowd, deploy, act)


async def _schedule(crowd: Crowd, deploy: Wish, act: OperationView, lots: Random) -> None:
    """Make a schedule, whose time then comes."""
    if not await crowd.until(lambda: deploy.tells("is serving"), SHOWS_WITHIN):
        return
    # Hours away on every clock that people have here.
    hour, often = (datetime.now(UTC).hour + 6) % 24, lots.choice(["", " daily"])
    for _ in range(ATTEMPTS):
        crowd.front()
        await deploy.who.command(deploy.where, f"sleep {deploy.name} at {hour}:00{often}")
        if await crowd.until(lambda: deploy.tells("made a schedule"), ANSWERS_WITHIN):
            await _fall_due(crowd, deploy, act)
            return


async def _fall_due(crowd: Crowd, deploy: Wish, act: OperationView) -> None:
    await crowd.fall_due(deploy.name)
    crowd.due.set()
    crowd.about(deploy, act, deploy.who).acknowledged = True


STOP = OperationView("terminate", _stop)
ACTS: Mapping[Request, OperationView] = {
    **{kind: _by_row(kind, kind.facts.command, kind.facts.button) for kind in BY_COMMAND},
    OperationKind.TERMINATE: OperationView("terminate", _stop_once_sent, UP),
    OperationKind.UPDATE: OperationView(
        "update it",
        _update,
        UP,
        asked="asked to update it",
        refused=("didn't update it", "didn't confirm the update", "so the update wasn't sent"),
        leads_to="RUNNING",
    ),
    RequestKind.LIFETIME: OperationView(
        "end it in time",
        _let_time_pass,
        UP,
        options="--for 8h",
        asked="Its time is over: it is terminated",
        refused=("runs on although its time is over",),
        leads_to="TERMINATED",
        is_tried_again=True,
    ),
    RequestKind.SCHEDULE: OperationView(
        "put it to sleep by its schedule",
        _schedule,
        UP,
        asked="By its schedule, it is put to sleep",
        refused=("didn't put it to sleep",),
        leads_to="SLEEPING",
    ),
}
"""By the step that a cell is about."""
ANYTHING = tuple(act for step, act in ACTS.items() if step is not OperationKind.TERMINATE)
"""What may be done besides, whatever a cell is about."""
