"""The list of mutations, read from `mutations.toml` beside this file.

A mutation is a snippet of source, what stands there instead, and the tests that must fail then.
Snippets are exact, so that a change of the source makes a mutation fail loudly instead of testing
nothing, and so that whoever renames something can rewrite them with the source.
"""

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter

ROOT = Path(__file__).parents[2]
_LIST = Path(__file__).with_name("mutations.toml")


class StaleMutationError(Exception):
    """A snippet isn't in its file exactly once: the source has changed."""


class Mutation(BaseModel):
    """One change of the bot's source.

    Attributes:
        name: What it breaks.
        area: Which promise, to group them.
        file: From the repository's root.
        before: What stands in the file exactly once.
        after: What stands there instead.
        tests: What pytest is given: files, or single tests.
        select: Of those, the ones whose names fit this expression; the default leaves out what
            needs a PostgreSQL server, which takes seconds to start.
        reason: Why no test can notice it, for one that is known to survive.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    area: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...]
    select: str = "not postgresql"
    reason: str = ""

    def applied(self, source: str) -> str:
        """The file's text with the change.

        Raises:
            StaleMutationError: The snippet isn't there exactly once.
        """
        if source.count(self.before) != 1 or self.after == self.before:
            found = source.count(self.before)
            raise StaleMutationError(f"{self.name}: {found} × in {self.file}: {self.before!r}")
        return source.replace(self.before, self.after)


class _File(BaseModel):
    mutation: tuple[Mutation, ...]


def mutations() -> tuple[Mutation, ...]:
    """All of them, in the order of the file."""
    parsed = TypeAdapter(_File).validate_python(tomllib.loads(_LIST.read_text()))
    return parsed.mutation


def stale(listed: tuple[Mutation, ...]) -> list[str]:
    """What no longer fits the source: snippets, files and tests that aren't there."""
    problems = []
    for one in listed:
        try:
            one.applied((ROOT / one.file).read_text())
        except (OSError, StaleMutationError) as error:
            problems.append(str(error))
        problems += [
            f"{one.name}: {test} isn't there"
            for test in one.tests
            if not (ROOT / test.partition("::")[0]).exists()
        ]
    return problems
