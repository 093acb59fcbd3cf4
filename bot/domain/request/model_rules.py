"""The rules of the model and its revision."""

from bot.domain.request.hub_names import (
    LONGEST_PART,
    LONGEST_REVISION,
    RepoFault,
    RevisionFault,
    repo_fault,
    revision_fault,
    suggested_repo,
)
from bot.domain.request.parsed_draft import ParsedDraft
from bot.domain.request.rule import Rule, SuggestFix

EXAMPLE_MODEL = "meta-llama/Llama-3.1-8B-Instruct"


def _repo(fault: RepoFault, valid: str, bad: str, words: str) -> Rule:
    def nearest(parsed: ParsedDraft) -> str | None:
        return suggested_repo(parsed.model.repo or "")

    def suggest_fix(parsed: ParsedDraft) -> SuggestFix | None:
        # Replacing a pasted URL must keep its revision.
        revision = parsed.text("revision") or None
        return {"model": nearest(parsed), "revision": revision} if nearest(parsed) else None

    def broken(parsed: ParsedDraft) -> bool:
        repo = parsed.model.repo or ""
        return repo not in parsed.known_models and repo_fault(repo) is fault

    return Rule("model", valid, {"model": bad}, words, broken, nearest, suggest_fix)


def _revision(fault: RevisionFault, valid: str, bad: str, words: str) -> Rule:
    def broken(parsed: ParsedDraft) -> bool:
        revision = parsed.text("revision")
        return bool(revision) and revision_fault(revision) is fault

    return Rule("revision", valid, {"revision": bad}, words, broken)


MODEL_RULES: tuple[Rule, ...] = (
    Rule(
        "model",
        "needed",
        {"model": ""},
        f"Name the model as org/name, such as `{EXAMPLE_MODEL}`.",
        lambda parsed: not parsed.text("model"),
    ),
    Rule(
        "model",
        "org/name, or the address of the model's page on huggingface.co",
        {"model": "https://huggingface.co/datasets/org/name"},
        "{given} isn't a model page on huggingface.co. Paste its address, or write org/name.",
        lambda parsed: parsed.model.repo is None,
    ),
    _repo(
        RepoFault.SHAPE,
        "two parts with one slash between them",
        "gpt2",
        f"{{given}} isn't a full model name. Write org/name, such as `{EXAMPLE_MODEL}`.",
    ),
    _repo(
        RepoFault.CHARACTERS,
        "letters, digits, - _ and .",
        "org/na me",
        "{given} has a character that model names can't have. Use only letters, digits, `-`, `_`"
        " and dots.",
    ),
    _repo(
        RepoFault.LENGTH,
        f"at most {LONGEST_PART} characters in each part",
        "org/" + "n" * (LONGEST_PART + 1),
        f"{{given}} is too long. Each part of a model name has at most {LONGEST_PART} characters.",
    ),
    _repo(
        RepoFault.EDGES,
        "no part begins or ends with - or . or has -- or .. in it",
        "org/name-",
        "{given} isn't a model name. Parts can't start or end with `-` or `.`, or contain `--` or"
        " `..`.",
    ),
    _repo(
        RepoFault.GIT,
        "doesn't end in .git",
        "org/name.git",
        "{given} ends in .git, which model names can't.",
    ),
)

REVISION_RULES: tuple[Rule, ...] = (
    _revision(
        RevisionFault.SHORT_HASH,
        "not a shortened commit hash",
        "0e9e39f",
        "{given} looks like a shortened commit hash. Write all 40 characters, or a branch.",
    ),
    _revision(
        RevisionFault.WRONG_HASH,
        "not nearly a commit hash",
        "0e9e39f249a16976918f6564b8830bc894c8965O",
        "{given} looks like a commit hash, but isn't one. A hash has exactly 40 characters from"
        " 0–9 and a–f.",
    ),
    _revision(
        RevisionFault.LENGTH,
        f"at most {LONGEST_REVISION} characters",
        "x" * (LONGEST_REVISION + 1),
        f"Revision is {{length}} characters long; the limit is {LONGEST_REVISION}.",
    ),
    _revision(
        RevisionFault.BRANCH,
        "a branch that git allows, or a commit hash of 40 characters",
        "my branch",
        "{given} isn't a valid branch name. Branch names can't contain spaces, quotes, .. or @{{,"
        " or any of"
        " ~ ^ : ? * [ \\; no part starts with . or ends with .lock.",
    ),
)
