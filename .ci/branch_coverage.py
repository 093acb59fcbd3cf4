"""Print the branch coverage that pytest-cov measured: a figure to look at, not a gate.

usage: python .ci/branch_coverage.py FILE

COVERAGE_FILE holds the data; FILE gets the details as JSON. Use the Python that measured.
"""

import json
import os
import subprocess
import sys
from pathlib import Path


def main(details: Path) -> None:
    """Print one line, and add it to the hosted workflow's summary if there is one."""
    command = [sys.executable, "-m", "coverage", "json", "--quiet", "-o", str(details)]
    subprocess.run(command, check=True)
    totals = json.loads(details.read_text("utf-8"))["totals"]
    line = (
        f"Branch coverage of bot/: {totals['covered_branches'] / totals['num_branches']:.1%} of"
        f" {totals['num_branches']:,} branches,"
        f" {totals['covered_lines'] / totals['num_statements']:.1%} of"
        f" {totals['num_statements']:,} statements, without what runs in processes of its own"
    )
    print(line)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
