"""What people do where everything needs approval: they decide about deployments and operations."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random

from bot.sandbox.friendli.timeline import Segment
from bot.sandbox.slack.conversations import Message
from bot.sandbox.slack.user_client import UserClient
from tests.chaos.cells import Request, RequestKind
from tests.chaos.clicks import ANSWERS_WITHIN, ATTEMPTS, Crowd, OperationView, Wish
from tests.chaos.operations import (
    ACTS,
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

Ask = Callable[[Crowd, Wish, OperationView, Random], Awaitable[object]]
"""Asks for an operation on an endpoint that is there."""

HOURS = 8
MORE_HOURS = 9

_reject = partial(fill_in_form, field="Reason", text="not now")


@dataclass(frozen=True, slots=True)
class _Decision:
    """Who presses what about one proposal."""

    who: UserClient
    label: str
    press: Press


def _plans(crowd: Crowd, lots: Random, *others_than: UserClient) -> list[list[_Decision]]:
    """One person, one person twice, or two at once; nobody may approve what they asked for."""
    first, second = lots.sample([one for one in crowd.admins if one not in others_than], 2)
    return [
        [_Decision(first, "Approve", click), _Decision(second, "Approve", click)],
        [_Decision(first, "Approve", click)],
        [_Decision(first, "Approve", click_twice)],
        [_Decision(first, "Approve", click), _Decision(second, "Reject", _reject)],
        [_Decision(first, "Reject", _reject)],
    ]


async def _decide(crowd: Crowd, deploy: Wish, act: OperationView, lots: Random) -> None:
    """Approve or reject a deployment."""
    await _carry_out(crowd, deploy, act, lots, lots.choice(_plans(crowd, lots, deploy.who)))


async def _decide_at_once(crowd: Crowd, deploy: Wish, act: OperationView, lots: Random) -> None:
    """Two approve a deployment, so that one of them is answered."""
    await _carry_out(crowd, deploy, act, lots, _plans(crowd, lots, deploy.who)[0])


async def _carry_out(
    crowd: Crowd, deploy: Wish, act: OperationView, lots: Random, plan: Sequence[_Decision]
) -> None:
    await crowd.until(lambda: labelled(deploy, ("Approve",)), SHOWS_WITHIN)
    await asyncio.sleep(lots.uniform(0, 0.5))
    crowd.due.set()
    if any(one.label == "Approve" for one in plan):
        crowd.decided.add(deploy.name)
    await _all_press(crowd, deploy, act, lots, plan)


async def _all_press(
    crowd: Crowd,
    deploy: Wish,
    act: OperationView,
    lots: Random,
    plan: Sequence[_Decision],
    find: Find = labelled,
) -> None:
    await asyncio.gather(
        *(
            press_button(
                crowd,
                deploy,
                act,
                Random(lots.random()),  # noqa: S311 - not a secret
                who=one.who,
                labels=(one.label,),
                press=one.press,
                find=find,
            )
            for one in plan
        )
    )


def _proposed(deploy: Wish, labels: tuple[str, ...]) -> tuple[Message, str] | None:
    """The thread's newest reply that waits for approval, and the first of these buttons."""
    root = deploy.root
    if root is None:
        return None
    for reply in reversed(deploy.where.replies(root.ts)):
        label = next((one for one in reply.buttons if one.startswith(labels)), None)
        if label is not None:
            return reply, label
    return None


async def _ask_and_decide(
    crowd: Crowd, deploy: Wish, act: OperationView, lots: Random, *, ask: Ask
) -> None:
    """Approve a deployment, ask for an operation on its endpoint, and decide about that."""
    admin = crowd.env.admin
    plans = _plans(crowd, lots, deploy.who, admin)
    crowd.decided.add(deploy.name)
    await _all_press(crowd, deploy, DECISION, lots, plans[1])
    await ask(crowd, deploy, act, lots)
    if await crowd.until(lambda: _proposed(deploy, ("Approve",)), SHOWS_WITHIN) is None:
        return
    await asyncio.sleep(lots.uniform(0, 0.5))
    plan = lots.choice(plans[:4])
    crowd.agreed.add(deploy.name)
    crowd.due.set()
    await _all_press(crowd, deploy, OPERATION_DECISION, lots, plan, _proposed)


def _by_button(label: str) -> Ask:
    async def ask(crowd: Crowd, deploy: Wish, act: OperationView, lots: Random) -> None:
        who, press = lots.choice([deploy.who, crowd.env.admin]), lots.choice([click, click_twice])
        await press_button(crowd, deploy, act, lots, who=who, labels=(label,), press=press)

    return ask


async def _by_update(crowd: Crowd, deploy: Wish, act: OperationView, lots: Random) -> None:
    if await crowd.until(lambda: deploy.tells("is serving"), SHOWS_WITHIN):
        await agree(crowd, deploy, act, lots, f"update {deploy.name} --replicas 2", "Update")


def _by_line(line: str) -> Ask:
    async def ask(crowd: Crowd, deploy: Wish, act: OperationView, _lots: Random) -> None:
        if not await crowd.until(lambda: deploy.tells("is serving"), SHOWS_WITHIN):
            return
        wish = crowd.about(deploy, act, deploy.who)
        for _ in range(ATTEMPTS):
            crowd.front()
            ack = await deploy.who.command(deploy.where, line.format(deploy.name))
            wish.acknowledged |= ack.ok
            if await crowd.until(lambda: _proposed(deploy, ("Approve",)), ANSWERS_WITHIN):
                return

    return ask


def _operation(
    infinitive: str, ask: Ask, way: Sequence[Segment], leads_to: str, options: str = ""
) -> OperationView:
    return OperationView(
        infinitive,
        partial(_ask_and_decide, ask=ask),
        way,
        options=options,
        asked=f"asked to {infinitive}.",
        refused=(f"Friendli didn't {infinitive}", "didn't confirm the update"),
        leads_to=leads_to,
        is_approved=True,
    )


DECISION = OperationView("decide about it", _decide, UP)
DECISION_AT_ONCE = OperationView("decide about it at once", _decide_at_once, UP)
OPERATION_DECISION = OperationView("decide about what was asked", _decide, UP)
EXTENSION = _operation(
    "extend it", _by_line(f"extend {{}} {MORE_HOURS}h"), UP, "RUNNING", f"--for {HOURS}h"
)
KEEPING = _operation("keep it running", _by_line("keep {}"), UP, "RUNNING", f"--for {HOURS}h")
APPROVED_ACTS: Mapping[Request, OperationView] = {
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
ALL_ACTS: Mapping[Request, OperationView] = {**ACTS, **APPROVED_ACTS}
