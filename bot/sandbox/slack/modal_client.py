"""A user's actions in modals and menus: fill in, type, submit, close."""

from collections.abc import Sequence

from bot.sandbox.slack.base_client import BaseClient, ClientContext, NotPossibleError, find
from bot.sandbox.slack.blocks import (
    Problem,
    check_suggestions,
    check_view,
    check_view_errors,
)
from bot.sandbox.slack.conversations import Message, User
from bot.sandbox.slack.deliveries import Ack
from bot.sandbox.slack.fields import (
    EXTERNAL,
    TEXT_INPUTS,
    Field,
    chosen,
    grouped_options,
    options,
    pick,
    validation_error,
)
from bot.sandbox.slack.modals import StackFullError
from bot.sandbox.slack.view import View
from bot.sandbox.slack.wire import JsonObject


class ModalClient(BaseClient):
    def __init__(self, user: User, context: ClientContext) -> None:
        super().__init__(user, context)
        self._offered: dict[tuple[str, str, str], list[JsonObject]] = {}

    @property
    def modals(self) -> list[View]:
        """The open modals, the visible one last."""
        return self._slack.modals.stack(self.user.id)

    @property
    def modal(self) -> View | None:
        stack = self.modals
        return stack[-1] if stack else None

    @property
    def home(self) -> View | None:
        return self._slack.modals.home_tabs.get(self.user.id)

    @property
    def field_errors(self) -> dict[str, str]:
        view = self.modal
        if view is None:
            return {}
        labels = {item.block_id: item.label or item.block_id for item in view.fields()}
        return {labels.get(block_id, block_id): text for block_id, text in view.errors.items()}

    async def fill(
        self,
        field: str | Field,
        value: str | int | Sequence[str] | None,
        *,
        enter: bool = True,
        query: str | None = None,
    ) -> Ack | None:
        """Fill in a field of the visible modal.

        Args:
            field: Its label, placeholder, block_id or action_id, or the element itself.
            value: The text to type; an option's visible text or value; the id of a user or
                channel; an ISO date; several where several can be chosen; None clears it.
            enter: Whether the user presses Enter after typing.
            query: What to type into a select with external options; the value if omitted.
                An option of the last `suggest` can be picked without typing.

        Returns:
            The acknowledgement, if the field sends `block_actions`.

        Raises:
            LookupError: If there is no such field or option.
            ValueError: If the field can't take such a value.
            NotPossibleError: If no modal is open.
        """
        view = self._open_modal()
        item = find(view, field)
        choices = options(item.element)
        if item.type in EXTERNAL and value is not None:
            choices = await self._wanted(view, item, value, query)
        state = chosen(item.element, value, choices)
        view.set_value(item, state)
        view.errors.pop(item.block_id, None)
        self._slack.modals.touched(view)
        if not _tells_app(item, enter=enter):
            return None
        return await self._interact(
            self._slack.payloads.action(self.user, view, item, state, view.values)
        )

    async def suggest(
        self, field: str | Field, query: str, place: Message | View | None = None
    ) -> list[str]:
        """Type into a select with external options, and return the options' texts.

        Args:
            field: The select, named as in `fill`.
            place: Its message or view; the visible modal if omitted.

        Raises:
            LookupError: If there is no such field.
            NotPossibleError: If no modal is open, the user can't see the place, or the query is
                too short for Slack to send.
        """
        groups = await self.suggest_groups(field, query, place)
        return [str(option["text"]["text"]) for _, offered in groups for option in offered]

    async def suggest_groups(
        self, field: str | Field, query: str, place: Message | View | None = None
    ) -> list[tuple[str, list[JsonObject]]]:
        """As `suggest`, but the whole options by their group's label."""
        where = place or self._open_modal()
        self._must_see(where)
        item = find(where, field)
        answer = await self._suggestions(where, item, query)
        self._offered[_shown(where, item)] = options(answer)
        return grouped_options(answer)

    async def submit(self) -> Ack:
        """Press the visible modal's submit button.

        Fields that the client finds invalid stop it; `field_errors` has the reasons, and the
        acknowledgement's error is "incomplete".

        Raises:
            NotPossibleError: If no modal is open, or it has no such button.
        """
        view = self._open_modal()
        if not view.body.get("submit"):
            raise NotPossibleError(f"{view.title!r} has no submit button")
        complaints = {}
        for item in view.fields():
            state = view.value(item)
            if item.is_input and state is not None and (text := validation_error(item, state)):
                complaints[item.block_id] = text
        view.errors = complaints
        self._slack.modals.touched(view)
        if complaints:
            return Ack(None, "", 0.0, "incomplete", None)
        ack = await self._interact(self._slack.payloads.submission(self.user, view))
        if ack.ok and (problem := self._take_answer(view, ack)):
            self._notice(f"view_submission: {problem}")
            return Ack(ack.status, ack.body, ack.seconds, problem, ack.delivery, ack.plain)
        return ack

    async def close_modal(self) -> Ack | None:
        """Close the visible modal, and the whole stack if it has `clear_on_close`.

        Returns:
            The acknowledgement, with `notify_on_close`.

        Raises:
            NotPossibleError: If no modal is open.
        """
        view = self._open_modal()
        cleared = bool(view.body.get("clear_on_close"))
        if cleared:
            self._slack.modals.clear(self.user.id)
        else:
            self._slack.modals.close(view)
        if not view.body.get("notify_on_close"):
            return None
        return await self._interact(self._slack.payloads.closing(self.user, view, cleared=cleared))

    def _open_modal(self) -> View:
        if self.modal is None:
            raise NotPossibleError(f"{self.user.name} has no modal open")
        return self.modal

    async def _wanted(
        self,
        place: Message | View,
        item: Field,
        value: str | int | Sequence[str],
        query: str | None,
    ) -> list[JsonObject]:
        known = [item.element.get("initial_option"), *(item.element.get("initial_options") or [])]
        if isinstance(place, View):
            current = place.value(item) or {}
            known += [current.get("selected_option"), *(current.get("selected_options") or [])]
        wanted = [str(value)] if isinstance(value, str | int) else list(value)
        shown = self._offered.get(_shown(place, item), [])
        choices: list[JsonObject] = []
        for name in wanted:
            if any(name in (option["text"]["text"], option["value"]) for option in shown):
                choices.append(pick(shown, name))
                continue
            kept = [option for option in known if option]
            if any(name in (option["text"]["text"], option["value"]) for option in kept):
                choices.append(pick(kept, name))
                continue
            offered = options(await self._suggestions(place, item, query or name))
            choices.append(pick(offered, name))
        return choices

    async def _suggestions(self, place: Message | View, item: Field, query: str) -> JsonObject:
        if item.type not in EXTERNAL:
            raise NotPossibleError(f"a {item.type} brings its own options")
        if len(query) < item.element.get("min_query_length", 3):
            raise NotPossibleError(f"Slack doesn't ask for options with as little as {query!r}")
        ack = await self._interact(self._slack.payloads.suggestion(self.user, place, item, query))
        if not ack.ok:
            return {}
        if problem := _first(check_suggestions(ack.document)):
            self._notice(f"block_suggestion: {problem}")
            return {}
        return ack.document

    def _take_answer(self, view: View, ack: Ack) -> str:
        """Apply the response to a submission; returns what is wrong with it."""
        modals = self._slack.modals
        answer = ack.document
        if not ack.body.strip():
            modals.close(view)
            return ""
        match answer.get("response_action"):
            case "errors":
                errors = answer.get("errors")
                if problem := _first(check_view_errors(errors, view.body)):
                    return problem
                view.errors = dict(errors or {})
                modals.touched(view)
            case "update":
                if problem := _first(check_view(answer.get("view") or {})):
                    return problem
                modals.update(view, answer["view"])
            case "push":
                if problem := _first(check_view(answer.get("view") or {})):
                    return problem
                try:
                    modals.push(self.user.id, answer["view"])
                except StackFullError:
                    return "push_limit_reached"
            case "clear":
                modals.clear(self.user.id)
            case _:
                return f"invalid_response: {ack.body[:200]}"
        return ""


def _shown(place: Message | View, item: Field) -> tuple[str, str, str]:
    name = place.id if isinstance(place, View) else f"{place.channel_id} {place.ts}"
    return name, item.block_id, item.action_id


def _tells_app(item: Field, *, enter: bool) -> bool:
    if not item.dispatches:
        return False
    if item.type not in TEXT_INPUTS:
        return True
    config = item.element.get("dispatch_action_config") or {}
    moments = config.get("trigger_actions_on") or ["on_enter_pressed"]
    return "on_character_entered" in moments or (enter and "on_enter_pressed" in moments)


def _first(problems: Sequence[Problem]) -> str:
    return f"{problems[0].error}: {problems[0].detail}" if problems else ""
