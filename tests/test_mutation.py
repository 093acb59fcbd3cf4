"""The list of mutations fits the source; `python -m tests.mutation` runs it."""

import pytest

from tests.mutation.mutations import StaleMutationError, mutations, stale


def test_every_mutation_applies() -> None:
    """Each snippet stands in its file exactly once; one that doesn't says which and where."""
    assert stale(mutations()) == []


def test_a_snippet_that_is_not_there_once_is_stale() -> None:
    """A change of the source can't turn a mutation into nothing unseen."""
    mutation = mutations()[0]
    for source in ("", mutation.before * 2):
        with pytest.raises(StaleMutationError, match=mutation.name):
            mutation.applied(source)


def test_the_list_covers_every_area() -> None:
    """At least sixty mutations, each with a name of its own."""
    listed = mutations()
    assert len({one.name for one in listed}) == len(listed) >= 60
    assert {one.area for one in listed} >= {
        "claims",
        "states",
        "matching",
        "creating",
        "permissions",
        "approvals",
        "operations",
        "delivery",
        "encryption",
        "rules",
        "schedules",
    }
