"""Uses the new operation on every surface of a bot over the sandbox, and prints what people read.

Run by `tests/test_new_operation.py` with the copy before the project on the path.
"""

import asyncio
import json
import re
import sys
import tempfile
from functools import partial
from pathlib import Path

import aiohttp

from bot.app import running
from bot.db.session import Database
from bot.domain.operations import OperationKind
from bot.domain.subjects import SubjectKind
from bot.sandbox.environment import Environment, connect, open_environment
from bot.sandbox.friendli.operations import OPERATIONS
from bot.sandbox.slack.conversations import Message
from tests.acceptance.deploying import serve
from tests.acceptance.endpoints import RequestCounter, command_response
from tests.acceptance.home_tab import home_tab, view_text
from tests.acceptance.settings_form import open_settings
from tests.acceptance.thread_assertions import message_text, root, thread
from tests.chaos.cells import cells
from tests.chaos.fault_proxy import friendli_operation
from tests.conftest import NO_LIMITS, SHORT_WAITS
from tests.databases import migrated_sqlite
from tests.permission_matrix.denials import grant_all
from tests.permission_matrix.test_operations_succeed import (
    audited,
    by_button,
    by_command,
    by_mention,
    in_list,
    tells,
)

ENDPOINT = "/dedicated/beta/endpoint/dep1"


async def main() -> None:
    """Print what was seen, as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        file = await migrated_sqlite(Path(folder))
        async with (
            open_environment(f"sqlite:///{file}", speed=0, limits=NO_LIMITS) as env,
            running(env.settings(**SHORT_WAITS)) as bot,
        ):
            env.slack.events_url = bot.events_url
            await connect(env)
            seen = await use(env, bot.events_url)
    json.dump(seen, sys.stdout)


async def use(env: Environment, events_url: str) -> dict[str, object]:
    """Pause an endpoint and wake it, each way."""
    kind = OperationKind("pause")
    database = Database(env.database)
    endpoint = await serve(env)
    question = await command_response(env, "pause it")
    seen: dict[str, object] = {
        "question": message_text(env, question),
        "help": lines(env, await command_response(env, "help operate"), "pause"),
        "settings": re.findall(r"Sleep, [^:]*", str((await open_settings(env)).body)),
        "buttons while it serves": root(env).buttons,
    }
    await env.admin.close_modal()
    for act in (by_command, by_mention, by_button, in_list):
        counted = RequestCounter(env)
        env.friendli.set_status(endpoint, "RUNNING")
        await env.slack.until(lambda: "Pause" in root(env).buttons)
        await act(env, kind)
        await env.friendli.until(lambda counted=counted: counted.of("pause_endpoint") == 1)  # type: ignore[misc] # bound in the loop
        await env.slack.until(lambda: "is paused" in root(env).text)
    await env.slack.until(partial(tells, env, "Paused, as asked."))
    home = view_text(env, await home_tab(env))
    seen |= {
        "status message": message_text(env, root(env)),
        "thread": [
            line for line in dict.fromkeys(thread(env)) if "aused" in line or "asked to" in line
        ],
        "list": lines(env, await command_response(env, "list"), "‖"),
        "status": lines(env, await command_response(env, "status it"), "‖"),
        "home": [line for line in home.splitlines() if "pause" in line],
        "audit": [action for action in dict.fromkeys(await audited(database)) if "pause" in action],
    }
    await env.member.click(root(env), next(one for one in root(env).buttons if "Wake" in one))
    await env.slack.until(lambda: "is waking up" in root(env).text)
    await grant_all(database, (SubjectKind.ADMINS, ""))
    env.friendli.set_status(endpoint, "RUNNING")
    await env.slack.until(lambda: "Pause" in root(env).buttons)
    seen["refusal"] = message_text(env, await command_response(env, "pause it"))
    await database.close()
    page = events_url.replace("/slack/events", "/metrics")
    async with aiohttp.ClientSession() as http, http.get(page) as response:
        metrics = re.findall(r'operation="pause_endpoint"', await response.text())
    return seen | {
        "metrics": sorted(set(metrics)),
        "sandbox": OPERATIONS["pause_endpoint"].told,
        "fault proxy": friendli_operation("PUT", f"{ENDPOINT}/pause"),
        "cells": sum(cell.request == kind for cell in cells()),
    }


def lines(env: Environment, message: Message, word: str) -> list[str]:
    """The lines of a message that have a word."""
    return [line for line in message_text(env, message).splitlines() if word in line]


if __name__ == "__main__":
    asyncio.run(main())
