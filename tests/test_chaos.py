"""A few runs of the chaos matrix: real processes, with faults at the steps that cost the most."""

import asyncio

import pytest
from aiohttp import web

from bot.domain.operations import BY_COMMAND, Mechanism, OperationKind
from bot.sandbox.clock import SandboxClock
from bot.sandbox.friendli import RESPONSE_VARIANTS
from bot.sandbox.friendli.app import Api
from bot.sandbox.friendli.credentials import Credentials
from bot.sandbox.friendli.endpoint_store import EndpointStore
from bot.sandbox.friendli.inference import Pace
from bot.sandbox.friendli.lifecycle import Durations
from tests.chaos.approvals import ALL_ACTIONS
from tests.chaos.cells import Cell, Fault, RequestKind, cells
from tests.chaos.databases import Databases, Engine
from tests.chaos.fault_proxy import friendli_operation, slack_method
from tests.chaos.mutants import MUTANTS, Mutant, mutated
from tests.chaos.operations import ACTIONS
from tests.chaos.prefork import ForkServers
from tests.chaos.run import run
from tests.chaos.setup import Setup
from tests.chaos.thread_assertions import ALWAYS

SHORT_RUN = (
    (Cell(RequestKind.CREATE, Fault.KILL_ACTED), Engine.POSTGRESQL),
    (Cell(RequestKind.REPLY, Fault.KILL_ACTED), Engine.SQLITE),
    (Cell(OperationKind.UPDATE, Fault.LOST_REPLY), Engine.SQLITE),
)


@pytest.mark.timeout(150)
async def test_kills_leave_nothing_twice_and_nothing_lost(postgresql_server: str) -> None:
    """Killed once the other side acted, or not answered, bots do nothing twice and lose nothing."""
    async with ForkServers() as fork_servers, Databases(postgresql_server) as databases:
        setup = Setup(fork_servers, databases)
        outcomes = await asyncio.gather(
            *(run(cell, engine, 0, setup) for cell, engine in SHORT_RUN)
        )
    assert [outcome.violations for outcome in outcomes] == [[], [], []], "\n".join(
        outcome.report for outcome in outcomes
    )
    assert all(outcome.injected for outcome in outcomes)


def test_every_operation_has_its_name_at_the_gates() -> None:
    """As the sandboxes serve them; a path that nobody knows has none, and is refused."""
    clock, app = SandboxClock(0), web.Application()
    fleet = EndpointStore(clock, Durations(), 0.0, new_id=str)
    api = Api(clock, Credentials(), fleet, lambda: RESPONSE_VARIANTS["published"], Pace())
    api.add_routes(app.router)
    for route in app.router.routes():
        assert route.resource is not None
        path = route.resource.canonical.replace("{endpoint_id}", "dep1")
        assert friendli_operation(route.method, path) == route.name
    assert friendli_operation("GET", "/dedicated/beta/endpoint/a%2Fb%3AV1") == "get_endpoint"
    assert friendli_operation("PUT", "/dedicated/beta/endpoint/dep1/pause") is None
    assert friendli_operation("POST", "/dedicated/beta/endpoint/dep1") is None
    assert slack_method("POST", "/api/chat.postMessage") == "chat.postMessage"
    assert slack_method("POST", "/api/chat.scheduleMessage") is None
    assert slack_method("POST", "/chat.postMessage") is None


def test_every_operation_has_cells() -> None:
    """Each request that an operation sends has cells, and each approval of one that spends."""
    requests = {cell.request for cell in cells()}
    for kind in OperationKind:
        facts = kind.facts
        assert facts.client_call is None or {kind} <= requests & set(ALL_ACTIONS), kind
        if facts.spends or facts.mechanism is Mechanism.VERSION:
            approved = RequestKind(f"approve {kind}")
            assert {approved} <= requests & set(ALL_ACTIONS), kind


def test_the_crash_runs_know_what_a_thread_says_of_each_status_that_an_operation_leads_to() -> None:
    """What has no words would pass for the first serving, or unseen."""
    leads_to = {ACTIONS[kind].leads_to for kind in BY_COMMAND}
    assert leads_to <= {"", "RUNNING", *ALWAYS}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mutants_can_be_made(mutant: Mutant) -> None:
    """What a mutant changes stands in the source exactly once, and its cells are in the matrix."""
    with mutated(mutant) as package:
        assert (package / "bot").is_dir()
    assert {cell for cell, _ in mutant.cells} <= set(cells())
