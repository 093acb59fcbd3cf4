"""The model field of the deploy modal, and what the check of the model changes in the form."""

from collections.abc import Iterable

from bot.commands.deploy_form_fit import answers
from bot.commands.deploy_form_state import ACTION_PREFIX, FormState, action_id
from bot.commands.model_lookup import model_of
from bot.domain.instances import Prices
from bot.domain.model_facts import CheckedModel, ModelFacts, NotChecked
from bot.domain.request.rules import EXAMPLE_MODEL, LABELS
from bot.messages import model_options
from bot.messages.blocks import Block, context, external_select, input_block
from bot.messages.markup import escape
from bot.messages.model_words import check_lines, revision_text
from bot.services.model_history import SeenBefore

CHECK_BLOCK = f"{ACTION_PREFIX}.check"
_MOST_LINES = 10


def model_field(state: FormState) -> Block:
    model = state.draft.model
    chosen = model_options.chosen(model) if model else None
    return input_block(
        LABELS["model"],
        external_select(action_id("model"), EXAMPLE_MODEL, chosen),
        # A prefilled model is drawn anew; one that is chosen keeps its block.
        block_id=action_id("model"),
        optional=state.updating is not None and state.updating.is_partial,
        hint="Type to search the Hugging Face Hub, or paste org/name or the address of its page.",
        dispatch=True,
    )


def check_block(state: FormState, checked: CheckedModel | None) -> Iterable[Block]:
    """What the Hub says about the model; that it is asked, before it does."""
    named = model_of(state.draft)
    if named is None:
        return
    if checked is None:
        lines = [f"Checking {escape(named[0])} on the Hugging Face Hub…"]
    else:
        revision = revision_text(checked, named[1]) if isinstance(checked, ModelFacts) else ""
        lines = list(check_lines(checked, revision))
    yield context(*lines[:_MOST_LINES], block_id=CHECK_BLOCK)


def with_check(
    state: FormState,
    checked: CheckedModel | None,
    prices: Prices,
    seen: SeenBefore | None = None,
) -> FormState:
    """Choose the cheapest instance that fits, unless the person chose one; and note the commit.

    What was checked is what is deployed, even if the branch moves on meanwhile.
    """
    state = state.model_copy(update={"unchecked": isinstance(checked, NotChecked)})
    if not isinstance(checked, ModelFacts) or state.updating is not None:
        return state
    named = model_of(state.draft)
    state = state.model_copy(
        update={"commit": checked.commit, "commit_of": _key(named) if named else ""}
    )
    if state.draft.gpu is not None and state.draft.gpu != state.preselected:
        return state
    fits = answers(state.draft, checked, prices, seen)
    key = fits.cheapest.key if fits is not None and fits.cheapest is not None else None
    return state.model_copy(
        update={"draft": state.draft.model_copy(update={"gpu": key}), "preselected": key}
    )


def noted_commit(state: FormState) -> str | None:
    """The commit that the form showed for its model and revision."""
    named = model_of(state.draft)
    return state.commit if named is not None and state.commit_of == _key(named) else None


def _key(named: tuple[str, str | None]) -> str:
    repo, revision = named
    return f"{repo}@{revision or ''}"[:80]
