"""The users' actions on endpoints."""

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
from tests.chaos.clicks import ANSWERS_WITHIN, ATTEMPTS, Perform, UserAction, UserRequest, Users
from tests.chaos.scenario import FAILING, SLEEPING, UP

SHOWS_WITHIN = 30.0
_AT_TWICE = 0.3
_TERMINATE = "Terminate"

Press = Callable[[Users, UserRequest, Message, str], Awaitable[bool]]
"""Presses a button of a message; returns whether the bot took it."""


Find = Callable[[UserRequest, tuple[str, ...]], tuple[Message, str] | None]
"""Finds the message of a thread that has one of these buttons, and which."""


async def click(users: Users, request: UserRequest, message: Message, label: str) -> bool:
    asked = await _asked(users, request, message, label)
    return asked is not None and (await request.who.click(asked, label)).ok


async def _asked(
    users: Users, request: UserRequest, message: Message, label: str
) -> Message | None:
    """The message that decides: of what ends an endpoint, the question that the menu asks."""
    if label != _TERMINATE or message.ephemeral_to:
        return message
    who = request.who
    before = len(who.ephemerals(request.where))
    if not (await who.click(message, label)).ok:
        return None
    return await users.until(
        lambda: next(
            (one for one in who.ephemerals(request.where)[before:] if label in one.buttons), None
        ),
        ANSWERS_WITHIN,
    )


async def click_twice(users: Users, request: UserRequest, message: Message, label: str) -> bool:
    asked = await _asked(users, request, message, label)
    if asked is None:
        return False
    request.clicks = 2
    first, second = await request.who.double_click(asked, label)
    return first.ok or second.ok


def clicked(rng: Random) -> Press:
    return click_twice if rng.random() < _AT_TWICE else click


async def fill_in_form(
    users: Users, request: UserRequest, message: Message, label: str, *, field: str, text: str
) -> bool:
    """Press a button that opens a form with one field, and submit it."""
    who = request.who
    async with users.form:
        # Somebody may have decided meanwhile.
        if label not in message.buttons or not (await who.click(message, label)).ok:
            return False
        if await users.until(lambda: who.modal, ANSWERS_WITHIN) is None:
            # There is nothing left to decide; or the bot is down.
            return bool(request.ephemerals)
        await who.fill(field, text)
        users.route()
        # A form that stays shows an error.
        taken = (await who.submit()).ok and who.modal is None
        while who.modal is not None:
            await who.close_modal()
    return taken


async def press_button(
    users: Users,
    deploy: UserRequest,
    action: UserAction,
    rng: Random,
    *,
    who: UserClient,
    labels: tuple[str, ...],
    press: Press,
    find: "Find | None" = None,
) -> None:
    """Press it again if Slack reports a failure."""
    look = find or labelled
    timeout = SHOWS_WITHIN
    for _ in range(ATTEMPTS):
        found = await users.until(lambda: look(deploy, labels), timeout)
        if found is None:
            return
        request = users.about(deploy, action, who)
        users.route()
        request.acknowledged = await press(users, request, *found)
        if request.acknowledged:
            return
        # If it was taken after all, the button disappears.
        timeout = ANSWERS_WITHIN
        await asyncio.sleep(rng.uniform(0.3, 1.2))


def labelled(deploy: UserRequest, labels: tuple[str, ...]) -> tuple[Message, str] | None:
    """The status message, and its first button with such a label."""
    root = deploy.root
    if root is None:
        return None
    return next(((root, label) for label in root.buttons if label.startswith(labels)), None)


async def _stop(users: Users, deploy: UserRequest, action: UserAction, rng: Random) -> None:
    """Cancel or terminate it."""
    await asyncio.sleep(rng.choice([0, rng.uniform(0, 2.5)]))
    who = rng.choice([deploy.who, users.env.admin])
    labels = ("Cancel", _TERMINATE)
    await press_button(users, deploy, action, rng, who=who, labels=labels, press=click)


async def _stop_once_sent(
    users: Users, deploy: UserRequest, action: UserAction, rng: Random
) -> None:
    """Wait for the create request first."""
    if await users.has_arrived(deploy.name, SHOWS_WITHIN):
        await _stop(users, deploy, action, rng)


def _by_button(label: str) -> Perform:
    async def perform(users: Users, deploy: UserRequest, action: UserAction, rng: Random) -> None:
        who, press = rng.choice([deploy.who, users.env.admin]), clicked(rng)
        await asyncio.sleep(rng.uniform(0, 0.5))
        await press_button(users, deploy, action, rng, who=who, labels=(label,), press=press)

    return perform


def _by_form(label: str) -> Perform:
    async def perform(users: Users, deploy: UserRequest, action: UserAction, rng: Random) -> None:
        """Only admins may."""
        fill_in = partial(fill_in_form, field=f"Type {deploy.name} to confirm", text=deploy.name)
        admin = users.env.admin
        await press_button(users, deploy, action, rng, who=admin, labels=(label,), press=fill_in)

    return perform


def _by_row(
    kind: OperationKind, command: CommandFacts | None, button: ButtonFacts | None
) -> UserAction:
    """Request an operation with its button, in a status that it fits."""
    if command is None or button is None:
        raise ValueError(f"{kind} has no button of its own")
    label = f"{button.label} (" if button.shows_price else button.label
    typed = command.confirmation is Confirmation.TYPED_NAME
    perform = _by_form(label) if typed else _by_button(label)
    way = next(one for one in (UP, SLEEPING, FAILING) if kind.fits(one[-1].status))
    return UserAction.operation(kind.facts.words.infinitive, perform, way, _settles_in(kind))


def _settles_in(kind: OperationKind) -> str:
    """The last status after an operation; '' if the endpoint is gone."""
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


async def _update(users: Users, deploy: UserRequest, action: UserAction, rng: Random) -> None:
    """Make a version, and at times go back."""
    if not await users.until(lambda: deploy.thread_has("went live"), SHOWS_WITHIN):
        return
    name, goes_back = deploy.name, rng.random() < 0.5
    if (
        await agree(users, deploy, action, rng, f"update {name} --replicas 2", "Update")
        and goes_back
        and await users.until(lambda: deploy.thread_has("The new version is live"), SHOWS_WITHIN)
    ):
        await agree(users, deploy, action, rng, f"rollback {name} 0", "Roll back")


async def agree(
    users: Users, deploy: UserRequest, action: UserAction, rng: Random, line: str, label: str
) -> bool:
    """Type a line and confirm, until the bot has taken it."""
    asking = UserRequest(deploy.name, rng.choice([deploy.who, users.env.admin]), deploy.where)
    press = clicked(rng)
    for _ in range(ATTEMPTS):
        question = await users.asked(asking, line, label)
        if question is not None:
            break
        await asyncio.sleep(rng.uniform(0.3, 1.2))
    else:
        return False
    request = users.about(deploy, action, asking.who)
    for _ in range(ATTEMPTS):
        users.route()
        # Repeated clicks count once.
        if await press(users, request, question, label):
            request.acknowledged = True
            break
        await asyncio.sleep(rng.uniform(0.3, 1.2))
    request.clicks = 1
    return request.acknowledged


async def _let_time_pass(
    users: Users, deploy: UserRequest, action: UserAction, _rng: Random
) -> None:
    if await users.until(lambda: deploy.thread_has("went live"), SHOWS_WITHIN):
        await _fall_due(users, deploy, action)


async def _schedule(users: Users, deploy: UserRequest, action: UserAction, rng: Random) -> None:
    """Make a schedule, and make it due."""
    if not await users.until(lambda: deploy.thread_has("went live"), SHOWS_WITHIN):
        return
    # Hours away in every user's time zone.
    hour, often = (datetime.now(UTC).hour + 6) % 24, rng.choice(["", " daily"])
    for _ in range(ATTEMPTS):
        users.route()
        await deploy.who.command(deploy.where, f"sleep {deploy.name} at {hour}:00{often}")
        if await users.until(lambda: deploy.thread_has("added a schedule"), ANSWERS_WITHIN):
            await _fall_due(users, deploy, action)
            return


async def _fall_due(users: Users, deploy: UserRequest, action: UserAction) -> None:
    await users.fall_due(deploy.name)
    users.due.set()
    users.about(deploy, action, deploy.who).acknowledged = True


STOP = UserAction("terminate", _stop)
ACTIONS: Mapping[Request, UserAction] = {
    **{kind: _by_row(kind, kind.facts.command, kind.facts.button) for kind in BY_COMMAND},
    OperationKind.TERMINATE: UserAction("terminate", _stop_once_sent, UP),
    OperationKind.UPDATE: UserAction(
        "update it",
        _update,
        UP,
        asked="asked to update it",
        refused=("didn't update it", "didn't confirm the update", "so the update wasn't sent"),
        leads_to="RUNNING",
    ),
    RequestKind.LIFETIME: UserAction(
        "end it in time",
        _let_time_pass,
        UP,
        options="--for 8h",
        asked="Lifetime over: terminating it",
        refused=("is still running past its lifetime",),
        leads_to="TERMINATED",
        is_tried_again=True,
    ),
    RequestKind.SCHEDULE: UserAction(
        "put it to sleep by its schedule",
        _schedule,
        UP,
        asked="Schedule: putting it to sleep",
        refused=("didn't put it to sleep",),
        leads_to="SLEEPING",
    ),
}
"""By the step that a cell is about."""
ANYTHING = tuple(action for step, action in ACTIONS.items() if step is not OperationKind.TERMINATE)
"""What may be done besides, whatever a cell is about."""
