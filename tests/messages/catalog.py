"""Every string that people read, on one page: `python -m tests.messages.catalog`.

Messages, modals and the Home tab are rendered by their own builders. What is written where it is
raised or printed (refusals, answers, the command line, settings) is read from the source, with `…`
for what is filled in.
"""

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from itertools import chain
from pathlib import Path

import bot
from bot.commands.features import registry
from bot.commands.help import TOPICS
from bot.commands.help import page as help_page
from bot.domain.deployment_state import DeploymentState
from bot.domain.deployment_view import DeploymentView
from bot.domain.error_codes import FAILURES, failure
from bot.domain.instances import PUBLISHED_PRICES
from bot.domain.operations import Cause, OperationKind, OperationState
from bot.domain.permissions import Permission
from bot.domain.poll_failure import PollFailure
from bot.domain.request.draft import DeployDraft
from bot.domain.request.parsed_draft import ParsedDraft
from bot.domain.request.rules import RULES
from bot.domain.smoke_test import SmokeTestState, SmokeTestView
from bot.domain.version_history import PastVersion
from bot.messages import (
    access_request,
    announcements,
    approvals,
    lifetime_replies,
    preview,
    price_confirmation,
    replies,
    restored_replies,
    schedule_replies,
    search_replies,
    smoke_test,
    transitions,
    undeliverable,
    unlisted_replies,
    update_diff,
    use_it,
    versions,
)
from bot.messages.body import Body
from bot.messages.reply import News, Reply
from bot.messages.settings import Change
from tests.messages import shown

_ROOT = Path(bot.__file__).parent
# Packages and modules whose texts people read; logs, tables and the sandbox have none.
_READ = ("commands", "domain", "friendli", "hub", "messages", "ops", "services", "slack", "workers")
_READ_MODULES = ("cli.py", "config.py", "db/startup.py", "db/key_rotation.py", "db/file_lock.py")
_LOGGED = frozenset(
    {"debug", "info", "warning", "error", "exception", "critical", "bind", "execute"}
)
_DATE = re.compile(r"<!date\^\d+\^[^|>]*\|([^>]*)>")
_SENTENCE = re.compile(r"(?<=[.?!])\s+|\n+")


@dataclass(frozen=True, slots=True)
class Text:
    """A string as a person reads it.

    Attributes:
        kind: Where it stands: the name of the part of a block.
        surface: The heading on the page.
    """

    surface: str
    kind: str
    text: str


def of_tree(surface: str, part: object, kind: str = "") -> Iterator[Text]:
    """Every text in blocks or in a view."""
    if isinstance(part, Mapping):
        if part.get("type") in ("plain_text", "mrkdwn") and isinstance(part.get("text"), str):
            yield Text(surface, kind, str(part["text"]))
            return
        here = str(part.get("type", kind))
        for key, inner in part.items():
            if isinstance(inner, str):
                if here in ("plan", "task_card") and key in ("title", "output"):
                    yield Text(surface, here, inner)
            else:
                yield from of_tree(surface, inner, _kind(here, key, kind))
    elif isinstance(part, Sequence) and not isinstance(part, str | bytes):
        for inner in part:
            yield from of_tree(surface, inner, kind)


def _kind(type_: str, key: str, outer: str) -> str:
    if key in ("elements", "accessory", "blocks", "fields", "options", "element", "tasks"):
        return key if key == "options" else outer
    if key in ("label", "hint", "placeholder", "submit", "close", "confirm", "deny", "title"):
        return key
    return type_ if type_ in ("button", "section", "header", "context", "modal") else key


def heads() -> Iterator[str]:
    """The sentence that heads each message."""
    for body in bodies():
        for block in body.blocks:
            if block["type"] == "section":
                yield _SENTENCE.split(_DATE.sub(r"\1", str(block["text"]["text"])))[0]
                break


@cache
def bodies() -> Sequence[Body]:
    """Every message, of each state of a deployment at least one."""
    views = chain(shown.every_facts(), shown.every_failure())
    states = (one for one in views if one.state is DeploymentState.LIVE or not one.history)
    return [
        *shown.of_deployments(states),
        *shown.of_lists(),
        *shown.of_questions(),
        *others(),
    ]


def others() -> Iterator[Body]:
    """The messages without buttons, and those that follow a click."""
    for topic in ("", *TOPICS):
        yield help_page(topic, registry().commands)
    for reply in replies_of(example()):
        if reply is not None:
            yield reply.body
    for error in ("is_archived", "not_in_channel", "something_new"):
        yield undeliverable.nothing_made("it", "C1", error)
        yield undeliverable.waits("it", "C1", error)
        yield undeliverable.still_watched([("it", "5")], [("two", "FAILED")], "C1", error)
    yield undeliverable.not_announced("it", "C1")
    yield undeliverable.for_admin(undeliverable.not_announced("it", "C1"), "U1")
    yield preview.under_way(shown.REQUEST, waits=False)
    yield preview.under_way(shown.REQUEST, waits=True)
    yield update_diff.under_way("it", waits=False)
    yield use_it.use_it("it", "dep1", "https://friendli.test", team_id="", kind=None)
    yield price_confirmation.question("it", Decimal(7200), "Deploy", "deploy", "1", [])
    spec = shown.listed("RUNNING").spec
    if spec is not None:
        version = shown.after()
        past = [PastVersion(number, version, version, spec, "U1", shown.AT) for number in "12"]
        past.append(PastVersion("3", version, version, spec))
        yield versions.listing(shown.runs(), past, PUBLISHED_PRICES)
    yield schedule_replies.listing([], "it")
    yield announcements.connected("U1", "prod", "p", is_new_key=False)
    yield announcements.connected("U1", "prod", "p", is_new_key=True)
    yield announcements.disconnected("U1", "prod", "p")
    yield announcements.settings_changed("U1", "prod", [Change("approval", "never", "always")])
    yield announcements.asks_to_connect("U1", "<@U2>")


def example() -> DeploymentView:
    """A live endpoint that was deployed from here."""
    return next(
        facts
        for facts in shown.every_facts()
        if facts.state is DeploymentState.LIVE and facts.history and not facts.is_imported
    )


def replies_of(live: DeploymentView) -> Iterator[Reply | None]:
    """Every reply that offers nothing to press."""
    for permission in Permission:
        yield access_request.asks("U1", permission, None, "<@U2>", News.NEEDS_YOU)
    yield approvals.deployment_repriced(live)
    yield approvals.approved("U1")
    yield approvals.withdrawn("U1")
    yield lifetime_replies.extended(live, "U1", 3600)
    yield lifetime_replies.lifetime_set(live, "U1", 3600)
    yield lifetime_replies.kept(live, "U1")
    yield replies.rate_limited("slow down", 30)
    yield replies.cancelled()
    yield replies.stop_asked("U1")
    for kind in OperationKind:
        operation = shown.act(OperationState.PROPOSED)
        yield approvals.approved("U1", operation)
        yield approvals.withdrawn("U1", operation)
        yield replies.operation_failed(kind, "no capacity")
        yield replies.dropped(live, kind)
        yield replies.costs_more(kind, Decimal(5), Decimal(6))
        yield restored_replies.not_done(live, kind)
        yield schedule_replies.missed(kind, shown.AT)
        yield schedule_replies.unconnected(live, kind)
        for cause in Cause:
            yield replies.operation_asked(kind, cause, "U1")
            yield replies.operation_asked(kind, cause, "U1", waits=True)
    yield replies.repaired("U1", "it-2", shown.runs().version, shown.after())
    yield smoke_test.explanation()
    for status in (None, 200, 401, 402, 404, 500):
        yield smoke_test.failed(
            "it", SmokeTestView(SmokeTestState.FAILED, error="no", status=status)
        )
    yield replies.update_overtaken("2")
    yield replies.update_unconfirmed()
    yield replies.outage(300)
    yield replies.key_mismatched()
    yield replies.project_lost()
    yield replies.disconnected(live, "U1")
    yield replies.unfollowed("U1")
    yield replies.disconnected_unfound()
    yield replies.watching_again()
    yield restored_replies.looking(live)
    yield schedule_replies.removed(shown.PLANNED, "U1")
    yield schedule_replies.retry_planned(shown.PLANNED, shown.AT)
    for status, words in ((None, ""), (200, ""), (500, "Internal error"), (502, "")):
        yield search_replies.doubtful(live, status, words, was_interrupted=False)
    yield search_replies.doubtful(live, None, "", was_interrupted=True)
    yield search_replies.none_left()
    yield search_replies.chosen(live, "U1")
    yield search_replies.chosen_none("U1")
    for reason in PollFailure:
        yield search_replies.cant_search(reason, 300)
    yield search_replies.searching_again()
    yield transitions.cycle(live)
    yield unlisted_replies.unlisted(live)
    yield unlisted_replies.listed_again(live)
    yield unlisted_replies.gone()


def rendered() -> Iterator[Text]:
    """Everything that a builder draws, each text once."""
    for body in bodies():
        yield from of_tree("Messages", body.blocks)
    for view in shown.of_views():
        yield from of_tree("Modals and the Home tab", view)
    for rule in RULES:
        draft = DeployDraft.model_validate({"model": "org/model", "gpu": "1xH100", **rule.bad})
        said = rule.field_error(ParsedDraft(draft, ("prod",))).sentences
        yield Text("Errors beside fields", rule.field, said)
    for code in FAILURES:
        known = failure(code, model_repo="org/model", endpoint_id="dep1")
        yield Text("Failures", str(code), f"{known.cause} {known.advice}")


def sources() -> Iterator[Path]:
    for package in _READ:
        yield from sorted((_ROOT / package).rglob("*.py"))
    yield from (_ROOT / name for name in _READ_MODULES)


def written() -> Iterator[Text]:
    """Every phrase in the source that isn't logged, executed or a docstring."""
    for path in sources():
        name = path.relative_to(_ROOT.parent).as_posix()
        for text in phrases(path.read_text()):
            yield Text(name, "source", text)


def phrases(source: str) -> Iterator[str]:
    """The literals of a module with at least two words, in order."""
    tree = ast.parse(source)
    hidden = {id(inner) for node in ast.walk(tree) for inner in _hidden(node)}
    found = []
    for node in ast.walk(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.JoinedStr):
            found.append((node.lineno, node.col_offset, _joined(node)))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.append((node.lineno, node.col_offset, node.value))
    for _, _, text in sorted(found):
        if re.search(r"[a-z…`*.,)] [a-z…`*(<]", text, re.IGNORECASE):
            yield text


def _hidden(node: ast.AST) -> Iterator[ast.AST]:
    """What belongs to no person: docstrings, logs, and the parts of a longer literal."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        yield node.value
    if isinstance(node, ast.JoinedStr):
        yield from (inner for inner in ast.walk(node) if inner is not node)
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _LOGGED
    ):
        yield from (inner for one in node.args for inner in ast.walk(one))


def _joined(node: ast.JoinedStr) -> str:
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values
    )


@cache
def texts() -> Sequence[Text]:
    """All of them, each once on its surface."""
    return list(dict.fromkeys(chain(rendered(), written())))


def page(found: Iterable[Text]) -> str:
    """Markdown: a heading for each surface, a line for each text."""
    lines = ["# Catalog"]
    surface = ""
    for one in sorted(
        found, key=lambda text: (text.surface[:4] == "bot/", text.surface, text.kind)
    ):
        if one.surface != surface:
            surface = one.surface
            lines += ["", f"## {surface}", ""]
        shown_text = one.text.replace("\n", " ⏎ ")
        lines.append(f"- {one.kind}: {shown_text}" if one.kind != "source" else f"- {shown_text}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(page(texts()) + "\n")
