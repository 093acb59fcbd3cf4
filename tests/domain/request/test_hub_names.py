import pytest

from bot.domain.request.hub_names import (
    ModelReference,
    RepoFault,
    RevisionFault,
    read_model,
    repo_fault,
    revision_fault,
    suggested_repo,
)

HASH = "0e9e39f249a16976918f6564b8830bc894c89659"


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("org/name", ModelReference("org/name")),
        ("  org/name ", ModelReference("org/name")),
        ("gpt2", ModelReference("gpt2")),
        ("https://huggingface.co/org/name", ModelReference("org/name")),
        ("http://www.huggingface.co/org/name/", ModelReference("org/name")),
        ("huggingface.co/org/name", ModelReference("org/name")),
        ("https://hf.co/org/name?library=transformers#usage", ModelReference("org/name")),
        ("https://huggingface.co/org/name/tree/main", ModelReference("org/name", "main")),
        (
            f"https://huggingface.co/org/name/tree/{HASH}/onnx",
            ModelReference("org/name", HASH),
        ),
        (f"https://huggingface.co/org/name/commit/{HASH}", ModelReference("org/name", HASH)),
        (
            "https://huggingface.co/org/name/blob/refs%2Fpr%2F1/config.json",
            ModelReference("org/name", "refs/pr/1"),
        ),
        ("https://huggingface.co/org/name/discussions/7", ModelReference("org/name")),
        ("https://huggingface.co/datasets/org/name", ModelReference(None)),
        ("https://huggingface.co/gpt2", ModelReference("gpt2")),
        ("https://huggingface.co", ModelReference(None)),
        ("https://example.com/org/name", ModelReference(None)),
    ],
)
def test_a_model_is_read_from_its_name_or_from_a_pasted_address(
    typed: str, read: ModelReference
) -> None:
    """A page's address gives the model, and the revision that the page shows."""
    assert read_model(typed) == read


@pytest.mark.parametrize(
    "repo",
    [
        "meta-llama/Llama-3.1-8B-Instruct",
        "a/b",
        "_a/b_",
        "01-ai/Yi-1.5-9B",
        f"{'o' * 96}/{'n' * 96}",
    ],
)
def test_the_hubs_own_names_are_valid(repo: str) -> None:
    """Names as the Hub has them have no fault."""
    assert repo_fault(repo) is None


@pytest.mark.parametrize(
    ("repo", "fault"),
    [
        ("", RepoFault.SHAPE),
        ("gpt2", RepoFault.SHAPE),
        ("a/b/c", RepoFault.SHAPE),
        ("/b", RepoFault.SHAPE),
        ("a/", RepoFault.SHAPE),
        ("a b/c", RepoFault.CHARACTERS),
        ("a/caf\N{LATIN SMALL LETTER E WITH ACUTE}", RepoFault.CHARACTERS),
        ("a/b@main", RepoFault.CHARACTERS),
        (f"a/{'n' * 97}", RepoFault.LENGTH),
        (f"{'o' * 97}/b", RepoFault.LENGTH),
        ("-a/b", RepoFault.EDGES),
        ("a./b", RepoFault.EDGES),
        ("a/b-", RepoFault.EDGES),
        ("a/.b", RepoFault.EDGES),
        ("a/b--c", RepoFault.EDGES),
        ("a/b..c", RepoFault.EDGES),
        ("a/b.git", RepoFault.GIT),
    ],
)
def test_each_fault_of_a_name_is_told_apart(repo: str, fault: RepoFault) -> None:
    """The fault that is found is the one that a person has to mend."""
    assert repo_fault(repo) is fault


@pytest.mark.parametrize(
    ("repo", "suggested"),
    [
        ("a/b.git", "a/b"),
        ("a/b--c..d", "a/b-c.d"),
        ("-a/b.", "a/b"),
        ("a b/c", "ab/c"),
        ("gpt2", None),
        ("a/-", None),
    ],
)
def test_a_name_is_mended_only_by_leaving_out(repo: str, suggested: str | None) -> None:
    """No part of a name is made up."""
    assert suggested_repo(repo) == suggested


@pytest.mark.parametrize(
    "revision",
    [
        "main",
        HASH,
        HASH.upper(),
        "refs/pr/1",
        "v1.0",
        "feature/x",
        "feb2024",
        "20240101",
        "1234567",
    ],
)
def test_branches_and_whole_hashes_are_revisions(revision: str) -> None:
    """Branches, also those that happen to be hexadecimal, and whole hashes have no fault."""
    assert revision_fault(revision) is None


@pytest.mark.parametrize(
    ("revision", "fault"),
    [
        (HASH[:7], RevisionFault.SHORT_HASH),
        (HASH[:39], RevisionFault.SHORT_HASH),
        (HASH + "0", RevisionFault.WRONG_HASH),
        ("O" + HASH[1:], RevisionFault.WRONG_HASH),
        ("x" * 256, RevisionFault.LENGTH),
        ("a b", RevisionFault.BRANCH),
        ("a..b", RevisionFault.BRANCH),
        ("a~1", RevisionFault.BRANCH),
        ("a^", RevisionFault.BRANCH),
        ("a:b", RevisionFault.BRANCH),
        ("a?", RevisionFault.BRANCH),
        ("a*", RevisionFault.BRANCH),
        ("a[0]", RevisionFault.BRANCH),
        ("a\\b", RevisionFault.BRANCH),
        ("a@{1}", RevisionFault.BRANCH),
        ("@", RevisionFault.BRANCH),
        (".a", RevisionFault.BRANCH),
        ("a/.b", RevisionFault.BRANCH),
        ("a.lock", RevisionFault.BRANCH),
        ("a.lock/b", RevisionFault.BRANCH),
        ("a//b", RevisionFault.BRANCH),
        ("/a", RevisionFault.BRANCH),
        ("a/", RevisionFault.BRANCH),
        ("a.", RevisionFault.BRANCH),
        ("-a", RevisionFault.BRANCH),
        ("a\x7f", RevisionFault.BRANCH),
        ('a"', RevisionFault.BRANCH),
    ],
)
def test_each_fault_of_a_revision_is_told_apart(revision: str, fault: RevisionFault) -> None:
    """What no branch or commit can be called is refused with its own reason."""
    assert revision_fault(revision) is fault
