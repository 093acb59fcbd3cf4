"""A new operation is a few rows, and a row that is left out is missed."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from tests.chaos.mutants import Change, Mutant, mutated
from tests.new_operation.changes import (
    CHANGES,
    CLIENT_CALL,
    FACTS,
    SANDBOX_OPERATION,
    SANDBOX_STATUS,
    SANDBOX_WAKE,
    STATUS_FACTS,
    WARNING,
    WORDS,
)

PROJECT = Path(__file__).parents[1]
STARTS = "import bot.app"
SANDBOX_TEST = "tests.sandbox.friendli.test_status_table"
SANDBOX_TAKES = "test_what_the_bot_offers_the_sandbox_takes"


def with_changes(changes: Sequence[Change]) -> AbstractContextManager[Path]:
    """A copy of the bot with the changes."""
    return mutated(Mutant("pause", changes, ()))


def run(copy: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python with the copy before the project on its path."""
    environment = {**os.environ, "PYTHONPATH": f"{copy}{os.pathsep}{PROJECT}"}
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, *arguments],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )


@pytest.mark.timeout(240)
def test_a_new_operation_is_everywhere_once_its_rows_are_added() -> None:
    """A bot with `pause` and PAUSED offers it on every surface, and what is typed is done."""
    with with_changes(CHANGES) as copy:
        done = run(copy, "-m", "tests.new_operation.program")
        assert done.returncode == 0, done.stderr[-4000:]
    assert json.loads(done.stdout.splitlines()[-1]) == snapshot(
        {
            "question": """\
Pause *it*? Requests to it fail until somebody wakes it.
[Pause] [Cancel]\
""",
            "help": [
                "`/friendli-deploy pause [endpoint]`  Pauses an endpoint; only a wake ends that."
            ],
            "settings": ["Sleep, pause, wake and restart"],
            "buttons while it serves": [
                "Use it",
                "Try a prompt",
                "Open in Friendli",
                "Update",
                "Sleep",
                "Pause",
                "Terminate",
                "Deploy another like this",
                "Copy as command",
            ],
            "status message": """\
‖ *it* is paused
$0.00/h while it is paused; requests don't wake it.
org/model@ffc8550 · 1 × H100 · 1 replica · endpoint `ENDPOINT-1` · requested by @requester at TIME
[Wake ($5.00/h)] [Open in Friendli] [⋯ Terminate · Deploy another like this · Copy as command]\
""",
            "thread": [
                "@requester asked to pause it.",
                "Paused, as asked. It costs nothing until somebody wakes it.",
            ],
            "list": ["‖ *it* · paused · $0.00/h"],
            "status": ["‖ *it* is paused · since TIME"],
            "home": ["‖ *it* is paused", "$0.00/h while it is paused; requests don't wake it."],
            "audit": ["endpoint:pause"],
            "refusal": """\
Only workspace admins can sleep, pause, wake and restart in `prod`.
Ask @admin.
[Ask them]\
""",
            "metrics": ['operation="pause_endpoint"'],
            "sandbox": "pauses an endpoint",
            "fault proxy": "pause_endpoint",
            "cells": 12,
        }
    )


def test_it_touches_few_files_which_the_page_for_contributors_lists() -> None:
    """At most eight beside tests, with the pages that are written by hand or generated."""
    page = (PROJECT / ".github/CONTRIBUTING.md").read_text("utf-8")
    [section] = re.findall(r"## Adding an operation\n(.*?)\n## ", page, re.DOTALL)
    listed = set(re.findall(r"`((?:bot/|README|CHANGELOG)[\w./]*)`", section))
    assert {change.path for change in CHANGES} <= listed
    assert len(listed) <= 8


@pytest.mark.parametrize(
    ("left_out", "program", "error"),
    [
        (STATUS_FACTS, STARTS, "InferenceDeploymentStatus has members without a row: PAUSED"),
        (FACTS, STARTS, "OperationKind has members without a row: PAUSE"),
        (CLIENT_CALL, STARTS, "'FriendliClient' has no attribute 'pause_endpoint'"),
        (
            SANDBOX_STATUS,
            f"from {SANDBOX_TEST} import *; test_the_sandbox_knows_the_statuses_of_the_bot()",
            "AssertionError",
        ),
        (
            SANDBOX_OPERATION,
            f"from {SANDBOX_TEST} import *; test_the_sandbox_knows_the_operations_of_the_bot()",
            "AssertionError",
        ),
        (
            SANDBOX_WAKE,
            f"from {SANDBOX_TEST} import *; {SANDBOX_TAKES}(OperationKind.WAKE)",
            "AssertionError: PAUSED",
        ),
    ],
    ids=["status", "operation", "client", "sandbox status", "sandbox operation", "sandbox wake"],
)
def test_a_row_that_is_left_out_is_missed(left_out: Change, program: str, error: str) -> None:
    """The bot doesn't start, or a test is red."""
    with with_changes([change for change in CHANGES if change is not left_out]) as copy:
        done = run(copy, "-c", program)
        assert done.returncode != 0
        assert error in done.stderr


@pytest.mark.parametrize(
    ("change", "before", "after", "error"),
    [
        (FACTS, WORDS, "", "missing 1 required keyword-only argument: 'words'"),
        (FACTS, '                verb="pause",\n', "", "'verb'"),
        (FACTS, '            button=ButtonFacts("Pause"),\n', "", "'button'"),
        (FACTS, WARNING, "", "a command shows its warning, or has none"),
        (STATUS_FACTS, "            rank=2,\n", "", "'rank'"),
        (STATUS_FACTS, "            may_be_woken=True,\n", "", "may be woken if it rests"),
        (STATUS_FACTS, "            billing=Billing.NO,\n", "", "'billing'"),
    ],
)
def test_a_part_of_a_row_that_is_left_out_keeps_the_bot_from_starting(
    change: Change, before: str, after: str, error: str
) -> None:
    """With an error that names it."""
    assert before in change.after
    poorer = replace(change, after=change.after.replace(before, after))
    changes = [poorer if one is change else one for one in CHANGES]
    with with_changes(changes) as copy:
        done = run(copy, "-c", STARTS)
        assert done.returncode != 0
        assert error in done.stderr
