"""The options of the deploy command as one table, and drafts written as lines."""

import re
from dataclasses import dataclass
from enum import Enum, auto

from bot.domain.command_line import quote
from bot.domain.instances import ID_PREFIX
from bot.domain.process.slash_command import SLASH
from bot.domain.request.draft import DeployDraft
from bot.domain.request.lifetime_rules import EXAMPLE_DURATION
from bot.domain.request.rules import EXAMPLE_INSTANCE
from bot.domain.schemas import DEFAULT_MAX_TOKEN_COUNT

COMMAND = SLASH


class Kind(Enum):
    """What follows an option."""

    WORD = auto()
    """One word."""
    PHRASE = auto()
    """One word, which often should have been several in quotes."""
    RANGE = auto()
    """MIN..MAX, either of which may be missing."""
    SWITCH = auto()
    """Nothing; the prefix "no-" negates it."""
    CHOICE = auto()
    """One of the words that its metavar lists."""
    FLAG = auto()
    """Nothing."""


@dataclass(frozen=True, slots=True)
class Option:
    """An option of the command.

    Attributes:
        fields: The draft's fields that it sets; none for `--yes`.
        metavar: The value's name in the help.
        prefix: Precedes the value in the draft, but not in the line.
    """

    name: str
    fields: tuple[str, ...]
    kind: Kind
    metavar: str
    help: str
    example: str = ""
    prefix: str = ""

    @property
    def choices(self) -> tuple[str, ...]:
        return tuple(self.metavar.split("|"))


OPTIONS: tuple[Option, ...] = (
    Option(
        "gpu",
        ("gpu",),
        Kind.PHRASE,
        "INSTANCE",
        "count and type of GPUs per replica",
        EXAMPLE_INSTANCE,
    ),
    Option(
        "instance-id",
        ("gpu",),
        Kind.WORD,
        "ID",
        "an instance option that `--gpu` doesn't know, by its id",
        "TwD5AqnBSVN0",
        prefix=ID_PREFIX,
    ),
    Option(
        "scaling",
        ("scaling",),
        Kind.CHOICE,
        "auto|fixed|friendli",
        "friendli: Friendli decides (default: the target's setting)",
        "auto",
    ),
    Option("replicas", ("replicas",), Kind.WORD, "N", "a fixed number of replicas", "1"),
    Option(
        "autoscale",
        ("min_replicas", "max_replicas"),
        Kind.RANGE,
        "MIN..MAX",
        "autoscaling range; with 0, the endpoint can sleep",
        "0..1",
    ),
    Option(
        "min-replicas", ("min_replicas",), Kind.WORD, "N", "only the minimum of autoscaling", "0"
    ),
    Option(
        "max-replicas", ("max_replicas",), Kind.WORD, "N", "only the maximum of autoscaling", "1"
    ),
    Option(
        "cooldown",
        ("cooldown",),
        Kind.WORD,
        "SECONDS",
        "idle seconds before scaling down (default 300)",
        "300",
    ),
    Option(
        "for",
        ("lifetime",),
        Kind.PHRASE,
        "TIME",
        "lifetime, such as 8h, 2d or 90m",
        EXAMPLE_DURATION,
    ),
    Option(
        "name",
        ("name",),
        Kind.PHRASE,
        "NAME",
        "endpoint name (default: from the model)",
        "my-llama",
    ),
    Option("to", ("target",), Kind.WORD, "TARGET", "one of this channel's targets", "prod"),
    Option("revision", ("revision",), Kind.WORD, "REVISION", "branch or full commit hash", "main"),
    Option(
        "comment", ("comment",), Kind.PHRASE, "TEXT", "comment on the first version", "first try"
    ),
    Option("max-batch-size", ("max_batch_size",), Kind.WORD, "N", "most requests in a batch", "64"),
    Option("max-input-length", ("max_input_length",), Kind.WORD, "TOKENS", "longest input", "4096"),
    Option(
        "max-token-count",
        ("max_token_count",),
        Kind.WORD,
        "TOKENS",
        f"the engine's max token count (default {DEFAULT_MAX_TOKEN_COUNT})",
        str(DEFAULT_MAX_TOKEN_COUNT),
    ),
    Option(
        "max-context-length",
        ("max_context_length",),
        Kind.WORD,
        "TOKENS",
        "longest input and output together",
        "8192",
    ),
    Option(
        "skip-special-tokens",
        ("skip_special_tokens",),
        Kind.SWITCH,
        "",
        "skip special tokens in the output (default on)",
    ),
    Option(
        "add-special-tokens",
        ("add_special_tokens",),
        Kind.SWITCH,
        "",
        "add special tokens to the input (default on)",
    ),
    Option(
        "content-logging",
        ("content_logging",),
        Kind.SWITCH,
        "",
        "log request and response bodies (default: Friendli decides)",
    ),
    Option(
        "queue-timeout-ms",
        ("queue_timeout_ms",),
        Kind.WORD,
        "MILLISECONDS",
        "longest wait of a request in the queue",
        "30000",
    ),
    Option(
        "queue-backpressure-metric",
        ("queue_backpressure_metric",),
        Kind.WORD,
        "METRIC",
        "backpressure metric, such as TTFT_MS",
        "TTFT_MS",
    ),
    Option(
        "queue-backpressure-threshold",
        ("queue_backpressure_threshold",),
        Kind.WORD,
        "NUMBER",
        "value above which the queue rejects requests",
        "500",
    ),
    Option(
        "anyway",
        ("anyway",),
        Kind.FLAG,
        "",
        "deploy a model although the check on the Hugging Face Hub fails",
    ),
    Option("yes", (), Kind.FLAG, "", "deploy without a confirmation"),
)


def options_help() -> str:
    return "\n".join(f"`{_usage(option)}`  {option.help}" for option in OPTIONS)


def _usage(option: Option) -> str:
    switch = "[no-]" if option.kind is Kind.SWITCH else ""
    return f"--{switch}{option.name} {option.metavar}".rstrip()


def to_line(draft: DeployDraft, *, yes: bool = False) -> str:
    """Write a draft as a line, without what its scaling leaves unused."""
    if draft.named_scaling is not None:
        draft = draft.effective()
        implied = draft.model_copy(update={"scaling": None})
        if implied.named_scaling == draft.scaling:
            draft = implied
    parts = [COMMAND]
    if draft.model:
        parts.append(quote(draft.model))
    written: set[str] = set()
    for option in OPTIONS:
        typed: list[object] = [getattr(draft, field) for field in option.fields]
        if written.isdisjoint(option.fields) and (words := _words(option, typed)):
            parts.append(words)
            written.update(option.fields)
    if yes:
        parts.append("--yes")
    return " ".join(parts)


def _words(option: Option, typed: list[object]) -> str | None:
    if not any(value is not None for value in typed):
        return None
    if option.kind is Kind.SWITCH:
        return f"--{option.name}" if typed[0] else f"--no-{option.name}"
    if option.kind is Kind.FLAG:
        return f"--{option.name}"
    if option.kind is Kind.RANGE:
        bounds = [str(value or "") for value in typed]
        # A bound that is no number is written with an option of its own.
        return (
            f"--{option.name} {bounds[0]}..{bounds[1]}"
            if re.fullmatch(r"[0-9]*", "".join(bounds))
            else None
        )
    value = str(typed[0])
    if option.fields == ("gpu",) and value.startswith(ID_PREFIX) != bool(option.prefix):
        return None
    return f"--{option.name} {quote(value[len(option.prefix) :])}"
