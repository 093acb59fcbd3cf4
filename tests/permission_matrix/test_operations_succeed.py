"""Each operation succeeds on each surface that offers it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial

import pytest
from sqlalchemy import select

from bot.app import Running
from bot.db.deployment_tables import Deployment
from bot.db.operation_tables import AuditEntry, Operation
from bot.db.session import Database
from bot.domain.audit_effect import Effect
from bot.domain.operations import (
    BY_COMMAND,
    DELETING,
    LIFETIME_KINDS,
    Confirmation,
    Mechanism,
    OperationKind,
    OperationState,
)
from bot.domain.permissions import Permission
from bot.domain.schemas import InferenceDeploymentStatus as Status
from bot.domain.statuses import STATUSES, facts_of
from bot.domain.subjects import SubjectKind
from bot.messages import picker
from bot.messages.buttons import for_endpoint
from bot.sandbox.environment import Environment
from bot.sandbox.slack.conversations import Message
from bot.sandbox.slack.fields import fields, options
from bot.sandbox.slack.view import View
from tests.acceptance.endpoints import RequestCounter, command_response
from tests.acceptance.home_tab import home_tab, updated_home_tab
from tests.acceptance.test_lifetime import deploy
from tests.acceptance.thread_assertions import root, thread
from tests.permission_matrix.denials import grant_all

Act = Callable[[Environment, OperationKind], Awaitable[object]]

BY_BUTTON = tuple(kind for kind in OperationKind if kind.facts.button is not None)
ARGUMENTS: Mapping[OperationKind, str] = {
    OperationKind.UPDATE: " --replicas 2",
    OperationKind.EXTEND: " 9h",
}
SAID: Mapping[OperationKind, str] = {
    OperationKind.EXTEND: "extended the lifetime by",
    OperationKind.KEEP: "removed the lifetime",
}


@pytest.fixture
async def database(env: Environment, bot: Running) -> AsyncIterator[Database]:  # noqa: ARG001 - it has to run
    """Everybody may do everything."""
    opened = Database(env.database)
    await grant_all(opened, (SubjectKind.EVERYONE, ""))
    yield opened
    await opened.close()


def label(kind: OperationKind, buttons: list[str]) -> str:
    assert kind.facts.button is not None
    return next(one for one in buttons if one.startswith(kind.facts.button.label))


async def answer(env: Environment, kind: OperationKind, said: Message) -> None:
    """Confirm what a command or a mention asks."""
    command = kind.facts.command
    asks = Confirmation.NONE if command is None else command.confirmation
    if kind is OperationKind.UPDATE or asks is not Confirmation.NONE:
        await env.member.click(said, kind.capitalize())
    if asks is Confirmation.TYPED_NAME:
        await submit_form(env, kind)


async def submit_form(env: Environment, kind: OperationKind) -> None:
    await env.slack.until(lambda: env.member.modal)
    if kind is OperationKind.UPDATE:
        await env.slack.until(lambda: env.member.modal and env.member.modal.callback_id == "update")
        await env.member.fill("Instance", "2xH100")
        await env.member.submit()
    else:
        await env.member.fill("Type it to confirm", "it")
    await env.member.submit()


async def by_command(env: Environment, kind: OperationKind) -> None:
    said = await command_response(env, f"{kind} it{ARGUMENTS.get(kind, '')}")
    await answer(env, kind, said)


async def by_picker(env: Environment, kind: OperationKind) -> None:
    """Type the command alone, and choose the endpoint."""
    question = await command_response(env, kind)
    [option] = await env.member.suggest(picker.action_id(kind), "it", question)
    seen = env.member.ephemerals(env.channel)
    before = [one.text for one in seen]
    await env.member.choose(question, picker.action_id(kind), option)
    said = await env.slack.until(
        lambda: next(
            (
                one
                for one in env.member.ephemerals(env.channel)[len(seen) - 1 :]
                if one.text not in before
            ),
            None,
        )
    )
    await answer(env, kind, said)


async def by_mention(env: Environment, kind: OperationKind) -> None:
    seen = len(env.member.ephemerals(env.channel))
    text = f"{kind}{ARGUMENTS.get(kind, '')}"
    await env.member.mention(env.channel, text, thread=root(env))
    [said] = await env.slack.until(lambda: env.member.ephemerals(env.channel)[seen:])
    await answer(env, kind, said)


async def press(env: Environment, kind: OperationKind, place: Message | View) -> None:
    """A button or an option of the menu beside it; what is asked then is confirmed."""
    facts = kind.facts.button
    assert facts is not None
    shown = place.buttons if isinstance(place, Message) else home_labels(place)
    is_asked = facts.dialog is not None and not has_button(place, kind)
    seen = len(env.member.ephemerals(env.channel))
    updates = place.updates if isinstance(place, View) else 0
    await env.member.click(place, label(kind, shown))
    if is_asked:
        # A menu has no dialog of its own.
        if isinstance(place, View):
            tab = await updated_home_tab(env, updates)
            yes = next(one for one in fields(tab.blocks) if one.action_id == kind.action_id)
            await env.member.click(tab, yes)
        else:
            [question] = await env.slack.until(lambda: env.member.ephemerals(env.channel)[seen:])
            await env.member.click(question, kind.capitalize())
    command = kind.facts.command
    if command is None or command.confirmation is Confirmation.TYPED_NAME:
        await submit_form(env, kind)


def has_button(place: Message | View, kind: OperationKind) -> bool:
    return any(item.action_id == kind.action_id for item in fields(place.blocks))


def home_labels(view: View) -> list[str]:
    """Of buttons, and of the options of menus in a row with them."""
    return [
        text
        for item in fields(view.blocks)
        if not item.label
        for text in (item.text, *(one["text"]["text"] for one in options(item.element)))
    ]


async def by_button(env: Environment, kind: OperationKind) -> None:
    """Of the status message."""
    await press(env, kind, root(env))


async def in_status(env: Environment, kind: OperationKind) -> None:
    """The button of what `status` shows."""
    await press(env, kind, await command_response(env, "status it"))


async def in_list(env: Environment, kind: OperationKind) -> None:
    """Choose the endpoint in the list, and press its button."""
    shown = await command_response(env, "list")
    seen = len(env.member.ephemerals(env.channel))
    [option] = await env.member.suggest(picker.action_id("status"), "it", shown)
    await env.member.choose(shown, picker.action_id("status"), option)
    [said] = await env.slack.until(lambda: env.member.ephemerals(env.channel)[seen:])
    await press(env, kind, said)


async def at_home(env: Environment, kind: OperationKind) -> None:
    await press(env, kind, await home_tab(env))


def statuses(kind: OperationKind, *, at_home: bool) -> list[str]:
    """Where it is offered; the Home tab leaves out what is over."""
    hidden = kind.facts.button.hidden_in if kind.facts.button is not None else frozenset()
    fitting = [
        status.value
        for status in Status
        if kind.fits(status)
        and status not in hidden
        and not STATUSES[status].comes_up
        and not (at_home and STATUSES[status].is_over)
    ]
    return sorted(fitting, key=lambda status: not STATUSES[status].serves)


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("act", "kinds"),
    [
        (by_command, OperationKind),
        (by_picker, BY_COMMAND),
        (by_mention, OperationKind),
        (by_button, BY_BUTTON),
        (in_status, BY_BUTTON),
        (in_list, BY_BUTTON),
        (at_home, BY_BUTTON),
    ],
    ids=["command", "picker", "mention", "button", "status", "list", "home"],
)
async def test_each_operation_succeeds_where_it_is_offered(
    env: Environment, database: Database, act: Act, kinds: list[OperationKind]
) -> None:
    """Friendli is asked once; thread and audit name it."""
    endpoint = await deploy(env)
    done = []
    for kind in sorted(kinds, key=lambda kind: kind in DELETING):
        offered = statuses(kind, at_home=act is at_home)
        if not offered:
            continue
        env.friendli.set_status(endpoint, offered[0])
        await observed(env, database, offered[0])
        await env.slack.until(partial(shows, env, kind, offered[0]))
        counted = RequestCounter(env)
        await act(env, kind)
        call = kind.facts.client_call
        if call is not None:
            await env.friendli.until(partial(asked_once, counted, call))
        said = SAID.get(kind, f"asked to {kind.facts.words.infinitive}.")
        await env.slack.until(partial(tells, env, said))
        action = Permission.EXTEND.value if kind in LIFETIME_KINDS else kind.audit_action
        assert action in await audited(database), kind
        if kind not in LIFETIME_KINDS:
            done.append(kind)
            await settle(env, database, done)
            await caught_up(env, database, endpoint)
    assert set(done) >= {kind for kind in kinds if kind.facts.mechanism is Mechanism.VERSION}


async def observed(env: Environment, database: Database, status: str) -> None:
    """Wait until a poll has seen the status.

    The status message alone can't tell: it still shows the status of before while an edit waits.
    """
    while True:
        async with database.read() as session:
            if await session.scalar(select(Deployment.status)) == status:
                return
        await env.friendli.changed()


async def caught_up(env: Environment, database: Database, endpoint: str) -> None:
    """Wait until the last poll has seen what Friendli shows.

    Otherwise a status that is set next could be taken for seen, by its equal from before.
    """
    view = env.friendli.endpoints.get(endpoint)
    while view is not None:
        async with database.read() as session:
            if await session.scalar(select(Deployment.status)) == view.status:
                return
        await env.friendli.changed()
        view = env.friendli.endpoints.get(endpoint)


def shows(env: Environment, kind: OperationKind, status: str) -> bool:
    """The status message shows the status, with the operation's button."""
    name = facts_of(status).name
    button = kind.facts.button
    has_button = button is None or any(one.startswith(button.label) for one in root(env).buttons)
    return has_button and (name in root(env).text or facts_of(status).has_error_code)


def asked_once(counted: RequestCounter, call: str) -> bool:
    return counted.of(call) == 1


def tells(env: Environment, said: str) -> bool:
    return any(said in line for line in thread(env))


async def audited(database: Database) -> list[str]:
    """Accepted actions."""
    async with database.read() as session:
        rows = await session.scalars(
            select(AuditEntry.action).where(AuditEntry.effect == Effect.ACCEPTED)
        )
        return list(rows)


async def settle(env: Environment, database: Database, kinds: list[OperationKind]) -> None:
    """Wait until these operations, and no others, are done."""
    while True:
        async with database.read() as session:
            rows = (await session.execute(select(Operation.kind, Operation.state))).all()
        assert [kind for kind, _ in rows] == kinds
        if {state for _, state in rows} == {OperationState.DONE}:
            return
        await env.friendli.changed()


@pytest.mark.parametrize("kind", OperationKind)
@pytest.mark.parametrize("status", [*Status, "A_NEW_ONE"])
def test_a_button_is_shown_exactly_where_its_operation_fits(
    kind: OperationKind, status: str
) -> None:
    """On every surface with buttons: all come from here."""
    row = for_endpoint("id", status, None, open_suite=())
    shown = [str(element["action_id"]) for element in row]
    shown += [option["value"].split()[0] for one in row for option in one.get("options", ())]  # type: ignore[attr-defined]
    facts = kind.facts.button
    offered = facts is not None and kind.fits(status) and status not in facts.hidden_in
    assert shown.count(kind.action_id) == offered
