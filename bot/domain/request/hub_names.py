"""Valid model names and revisions of the Hugging Face Hub.

The rules for names are those of `huggingface_hub.utils.validate_repo_id`, except that the
organization is required and no longer than the name. A revision is a branch under the rules of
git-check-ref-format, or a whole commit hash.
"""

import re
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

LONGEST_PART = 96
LONGEST_REVISION = 255

_PAGE = re.compile(r"(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co)(?:/|$)", re.IGNORECASE)
# First parts of Hub URLs that are no organization.
_NOT_MODELS = frozenset(
    {"datasets", "spaces", "models", "docs", "papers", "collections", "blog", "api", "settings"}
)
# Third parts of URLs that a revision follows.
_BEFORE_REVISION = frozenset({"tree", "blob", "resolve", "raw", "commit", "commits"})


class ModelReference(NamedTuple):
    """A model as a person named it.

    Attributes:
        repo: Meant to be org/name, unchecked; None for a pasted URL that is no model's page.
    """

    repo: str | None
    revision: str | None = None


def read_model(typed: str) -> ModelReference:
    """Parse a model's name or the URL of its page, of a file in it or of a commit."""
    typed = typed.strip()
    page = _PAGE.match(typed)
    if page is None:
        return ModelReference(None if "://" in typed else typed)
    parts = [part for part in urlsplit("//hub/" + typed[page.end() :]).path.split("/") if part]
    if not parts or parts[0].lower() in _NOT_MODELS:
        return ModelReference(None)
    if len(parts) == 1:
        # An old model without an organisation, or an organisation's page.
        return ModelReference(parts[0])
    repo = "/".join(parts[:2])
    if len(parts) > 3 and parts[2] in _BEFORE_REVISION:
        # A slash within the revision is %2F in the Hub's URLs.
        return ModelReference(repo, unquote(parts[3]))
    return ModelReference(repo)


class RepoFault(StrEnum):
    """Why a text is no org/name."""

    SHAPE = "not two parts"
    CHARACTERS = "a character that is not valid"
    LENGTH = "a part that is too long"
    EDGES = "a hyphen or dot where none may be"
    GIT = "ends in .git"


def repo_fault(repo: str) -> RepoFault | None:
    parts = repo.split("/")
    if len(parts) != 2 or not all(parts):
        return RepoFault.SHAPE
    if re.search(r"[^A-Za-z0-9._/-]", repo):
        return RepoFault.CHARACTERS
    if any(len(part) > LONGEST_PART for part in parts):
        return RepoFault.LENGTH
    if any(part[0] in "-." or part[-1] in "-." or re.search(r"--|\.\.", part) for part in parts):
        return RepoFault.EDGES
    if repo.endswith(".git"):
        return RepoFault.GIT
    return None


def is_bare_name(repo: str) -> bool:
    """Whether a text could be a model's name without an organisation, such as "gpt2"."""
    return "/" not in repo and repo_fault(f"org/{repo}") is None


def suggested_repo(repo: str) -> str | None:
    parts = []
    for part in re.sub(r"[^A-Za-z0-9._/-]", "", repo).split("/"):
        single = re.sub(r"-{2,}", "-", re.sub(r"\.{2,}", ".", part))
        parts.append(single.strip("-.").removesuffix(".git").strip("-."))
    suggested = "/".join(parts)
    return suggested if repo_fault(suggested) is None else None


class RevisionFault(StrEnum):
    """Why a text is no revision."""

    SHORT_HASH = "a shortened commit hash"
    WRONG_HASH = "nearly a commit hash"
    LENGTH = "too long"
    BRANCH = "against git's rules for a branch"


_HASH = re.compile(r"[0-9a-f]{40}", re.IGNORECASE)
_NO_BRANCH = re.compile(
    # Space, control characters and git's own signs. Git allows quotation marks, but a revision must
    # survive being pasted into a command line.
    r"""[\x00-\x20\x7f~^:?*\[\\"'`]|\.\.|@\{|//|(?:^|/)\.|\.lock(?:/|$)|^[-/]|[/.]$|^@$"""
)


def revision_fault(revision: str) -> RevisionFault | None:
    """What is wrong with a branch or a commit hash, or None.

    A shortened hash would pass for a branch, so text that looks like one is refused: 7 to 39
    hexadecimal digits in which letters and digits alternate. Names such as "feb2024", whose
    letters and digits stay apart, are branches.
    """
    if _HASH.fullmatch(revision):
        return None
    if re.fullmatch(r"[0-9a-fA-F]+", revision):
        turns = sum(a.isdigit() != b.isdigit() for a, b in pairwise(revision))
        if len(revision) > 40:
            return RevisionFault.WRONG_HASH
        if len(revision) >= 7 and turns > 1:
            return RevisionFault.SHORT_HASH
    elif len(revision) == 40 and len(re.sub(r"[^0-9a-fA-F]", "", revision)) >= 36:
        return RevisionFault.WRONG_HASH
    if len(revision) > LONGEST_REVISION:
        return RevisionFault.LENGTH
    return RevisionFault.BRANCH if _NO_BRANCH.search(revision) else None
