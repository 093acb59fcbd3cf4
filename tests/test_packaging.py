"""What the project's own files say about one another."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).parents[1]
PAGES = sorted(
    page
    for pattern in ("*.md", ".github/*.md", "bot/**/*.md", "tests/*.md", "migrations/*.md")
    for page in PROJECT.glob(pattern)
)


def test_the_hosted_workflow_runs_on_every_supported_python() -> None:
    """Its jobs are the classifiers' Pythons."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
    prefix = "Programming Language :: Python :: 3."
    supported = [
        classifier.rpartition(" ")[2]
        for classifier in project["classifiers"]
        if classifier.startswith(prefix)
    ]
    workflow = yaml.safe_load((PROJECT / ".github/workflows/ci.yml").read_text("utf-8"))
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == supported


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_what_a_page_links_to_or_names_exists(page: Path) -> None:
    """Links, and paths between backticks: in the project, in bot/, or beside the page."""
    text = page.read_text("utf-8")
    linked = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    named = re.findall(r"`((?:[\w.]+/)*[\w.]+\.(?:py|md|toml|txt|yml)|(?:[\w.]+/)+)`", text)
    roots = (page.parent, PROJECT, PROJECT / "bot")
    missing = [name for name in linked if not (page.parent / name).exists()]
    missing += [name for name in named if not any((root / name).exists() for root in roots)]
    assert missing == []
