"""`python -m tests.mutation`: does a test notice each mutation? Exit 0 if so."""

import argparse
import os
import sys
import time
from collections.abc import Sequence

from rich.console import Console

from tests.mutation.mutations import Mutation, mutations, stale
from tests.mutation.runner import Result, Verdict, baseline, run_all


def main(arguments: list[str]) -> int:
    """Run the mutations.

    Returns:
        0 if each was noticed or says why it can't be; 2 if the list doesn't fit the source, or the
        tests fail without any mutation.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--only", metavar="WORD", help="mutations with this in name or area")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="runs at a time")
    parser.add_argument("--list", action="store_true", help="show them and run nothing")
    parser.add_argument("--no-baseline", action="store_true", help="trust that the tests pass")
    parser.add_argument("--verbose", action="store_true", help="show pytest's words on survivors")
    asked = parser.parse_args(arguments)
    console = Console(width=140, highlight=False)
    listed = mutations()
    if problems := stale(listed):
        console.print("\n".join(problems), markup=False)
        return 2
    chosen = [one for one in listed if not asked.only or asked.only in f"{one.area} {one.name}"]
    if asked.list:
        for one in chosen:
            console.print(f"{one.area:12} {one.name}", markup=False)
        return 0
    if not asked.no_baseline and (failed := baseline(chosen, asked.jobs)):
        console.print(failed, markup=False)
        console.print("Tests fail without any mutation.")
        return 2
    return _run(console, chosen, asked.jobs, verbose=asked.verbose)


def _run(console: Console, chosen: Sequence[Mutation], jobs: int, *, verbose: bool) -> int:
    started = time.monotonic()
    results: list[Result] = []
    for result in run_all(chosen, jobs):
        results.append(result)
        one = result.mutation
        line = f"{result.verdict:8} {result.seconds:5.1f} s  {one.area:12} {one.name}"
        console.print(line, result.by, markup=False, soft_wrap=True)
        if result.verdict is Verdict.BROKEN or (verbose and result.verdict is Verdict.SURVIVED):
            console.print(result.output[-3_000:], markup=False)
    left = [one for one in results if one.verdict is not Verdict.KILLED]
    unexplained = [one for one in left if not one.mutation.reason]
    console.print(
        f"{len(results)} mutations, {len(results) - len(left)} killed,"
        f" {len(unexplained)} survive unexplained; {time.monotonic() - started:.0f} s"
    )
    for result in left:
        why = result.mutation.reason or "no test notices it"
        console.print(f"{result.verdict}: {result.mutation.name}: {why}", markup=False)
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
