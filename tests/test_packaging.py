"""What the project's own files say about one another."""

import tomllib
from pathlib import Path

import yaml

PROJECT = Path(__file__).parents[1]


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
