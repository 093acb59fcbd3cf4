"""Users where everything needs approval: they decide about deployments and operations."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random

from bot.messages.buttons import NO_OPERATION, ActionId
from bot.sandbox.friendli.timeline import Segment
from bot.sandbox.slack.conversations import Message
from bot.sandbox.slack.fields import Field, fields
from bot.sandbox.slack.user_client import UserClient
from tests.chaos.cells import Request, RequestKind
from tests.chaos.clicks import ANSWERS_WITHIN, ATTEMPTS, UserAction, UserRequest, Users
from tests.chaos.operations import (
    ACTIONS,
    SHOWS_WITHIN,
    Find,
    Press,
    agree,
    click,
    click_twice,
    fill_in_form,
    labelled,
    press_button,
)
from tests.chaos.scenario import FAILING, SLEEPING, UP

Ask = Callable[[Users, UserRequest, UserAction, Random], Awaitable[object]]
"""Asks for an operation on an endpoint that is there."""

HOURS = 8
MORE_HOURS = 9

_reject = partial(fill_in_form, field="Reason", text="not now")


@dataclass(frozen=True, slots=True)
class _Decision:
    """One user's click on a proposal."""

    who: UserClient
    label: str
    press: Press


def _plans(users: Users, rng: Random, *others_than: UserClient) -> list[list[_Decision]]:
    """Nobody may approve their own request."""
    first, second = rng.sample([one for one in users.admins if one not in others_than], 2)
    return [
        [_Decision(first, "Approve", click), _Decision(second, "Approve", click)],
        [_Decision(first, "Approve", click)],
        [_Decision(first, "Approve", click_twice)],
        [_Decision(first, "Approve", click), _Decision(second, "Reject", _reject)],
        [_Decision(first, "Reject", _reject)],
    ]


async def _decide(users: Users, deploy: UserRequest, action: UserAction, rng: Random) -> None:
    await _carry_out(users, deploy, action, rng, rng.choice(_plans(users, rng, deploy.who)))


async def _decide_at_once(
    users: Users, deploy: UserRequest, action: UserAction, rng: Random
) -> None:
    """Two approve, so that one of them is answered."""
    await _carry_out(users, deploy, action, rng, _plans(users, rng, deploy.who)[0])


async def _carry_out(
    users: Users, deploy: UserRequest, action: UserAction, rng: Random, plan: Sequence[_Decision]
) -> None:
    await users.until(lambda: labelled(deploy, ("Approve",)), SHOWS_WITHIN)
    await asyncio.sleep(rng.uniform(0, 0.5))
    users.due.set()
    if any(one.label == "Approve" for one in plan):
        users.decided.add(deploy.name)
    await _all_press(users, deploy, action, rng, plan)


async def _all_press(
    users: Users,
    deploy: UserRequest,
    action: UserAction,
    rng: Random,
    plan: Sequence[_Decision],
    find: Find = labelled,
) -> None:
    await asyncio.gather(
        *(
            press_button(
                users,
                deploy,
                action,
                Random(rng.random()),  # noqa: S311 - not a secret
                who=one.who,
                labels=(one.label,),
                press=one.press,
                find=find,
            )
            for one in plan
        )
    )


def _proposed(deploy: UserRequest, labels: tuple[str, ...]) -> tuple[Message, str] | None:
    """The status message, while it asks about an operation and not about the deployment."""
    root = deploy.root
    if root is None or not any(map(_is_of_operation, fields(root.blocks))):
        return None
    return next(((root, one) for one in root.buttons if one.startswith(labels)), None)


def _is_of_operation(item: Field) -> bool:
    is_approval = item.action_id == ActionId.APPROVE
    return is_approval and str(item.element["value"]).split()[1] != NO_OPERATION


async def _ask_and_decide(
    users: Users, deploy: UserRequest, action: UserAction, rng: Random, *, ask: Ask
) -> None:
    """Approve a deployment, request an operation on it, and decide about that."""
    admin = users.env.admin
    plans = _plans(users, rng, deploy.who, admin)
    users.decided.add(deploy.name)
    await _all_press(users, deploy, DECISION, rng, plans[1])
    await ask(users, deploy, action, rng)
    if await users.until(lambda: _proposed(deploy, ("Approve",)), SHOWS_WITHIN) is None:
        return
    await asyncio.sleep(rng.uniform(0, 0.5))
    plan = rng.choice(plans[:4])
    users.agreed.add(deploy.name)
    users.due.set()
    await _all_press(users, deploy, OPERATION_DECISION, rng, plan, _proposed)


def _by_button(label: str) -> Ask:
    async def ask(users: Users, deploy: UserRequest, action: UserAction, rng: Random) -> None:
        who, press = rng.choice([deploy.who, users.env.admin]), rng.choice([click, click_twice])
        await press_button(users, deploy, action, rng, who=who, labels=(label,), press=press)

    return ask


async def _by_update(users: Users, deploy: UserRequest, action: UserAction, rng: Random) -> None:
    if await users.until(lambda: deploy.thread_has("went live"), SHOWS_WITHIN):
        await agree(users, deploy, action, rng, f"update {deploy.name} --replicas 2", "Update")


def _by_line(line: str) -> Ask:
    async def ask(users: Users, deploy: UserRequest, action: UserAction, _rng: Random) -> None:
        if not await users.until(lambda: deploy.thread_has("went live"), SHOWS_WITHIN):
            return
        request = users.about(deploy, action, deploy.who)
        for _ in range(ATTEMPTS):
            users.route()
            ack = await deploy.who.command(deploy.where, line.format(deploy.name))
            request.acknowledged |= ack.ok
            if await users.until(lambda: _proposed(deploy, ("Approve",)), ANSWERS_WITHIN):
                return

    return ask


def _operation(
    infinitive: str, ask: Ask, way: Sequence[Segment], leads_to: str, options: str = ""
) -> UserAction:
    return UserAction(
        infinitive,
        partial(_ask_and_decide, ask=ask),
        way,
        options=options,
        asked=f"asked to {infinitive}.",
        refused=(f"Friendli didn't {infinitive}", "didn't confirm the update"),
        leads_to=leads_to,
        is_approved=True,
    )


DECISION = UserAction("decide about it", _decide, UP)
DECISION_AT_ONCE = UserAction("decide about it at once", _decide_at_once, UP)
OPERATION_DECISION = UserAction("decide about what was asked", _decide, UP)
EXTENSION = _operation(
    "extend it", _by_line(f"extend {{}} {MORE_HOURS}h"), UP, "RUNNING", f"--for {HOURS}h"
)
KEEPING = _operation("remove its lifetime", _by_line("keep {}"), UP, "RUNNING", f"--for {HOURS}h")
APPROVED_ACTIONS: Mapping[Request, UserAction] = {
    RequestKind.APPROVE: DECISION,
    RequestKind.ANSWER: DECISION_AT_ONCE,
    RequestKind.APPROVE_WAKE: _operation("wake it", _by_button("Wake ("), SLEEPING, "RUNNING"),
    RequestKind.APPROVE_RESTART: _operation(
        "restart it", _by_button("Restart ("), FAILING, "RUNNING"
    ),
    RequestKind.APPROVE_UPDATE: _operation("update it", _by_update, UP, "RUNNING"),
    RequestKind.APPROVE_EXTEND: EXTENSION,
    RequestKind.APPROVE_KEEP: KEEPING,
}
"""By the step that a cell is about."""
ALL_ACTIONS: Mapping[Request, UserAction] = {**ACTIONS, **APPROVED_ACTIONS}
