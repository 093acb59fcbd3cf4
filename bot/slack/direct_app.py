"""A Bolt app that hands the two most frequent kinds of requests straight to their listeners."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

Listener = Callable[[AsyncAck, dict[str, Any]], Awaitable[None]]
ErrorHandler = Callable[[Exception], Awaitable[BoltResponse]]


class DirectApp(AsyncApp):
    """Runs the listeners of a slash command and of block actions without Bolt's middleware.

    The middleware does nothing for them, and took as long as the handlers.

    Args:
        command: The name of the slash command.
        on_command: Its listener.
        on_action: The listener of block actions.
        on_error: Makes the response when a listener raises.
        options: Bolt's.
    """

    def __init__(
        self,
        command: str,
        on_command: Listener,
        on_action: Listener,
        on_error: ErrorHandler,
        **options: Any,  # noqa: ANN401 - Bolt's
    ) -> None:
        super().__init__(**options)
        self._command = command
        self._listeners = {"command": on_command, "action": on_action}
        self._on_error = on_error

    async def async_dispatch(self, req: AsyncBoltRequest) -> BoltResponse:
        listener = self._listeners.get(self._kind_of(req.body))
        if listener is None:
            return await super().async_dispatch(req)
        ack: Any = AsyncAck()  # type: ignore[no-untyped-call] # the library has no types here
        try:
            await listener(ack, req.body)
        except Exception as error:  # noqa: BLE001 - as Bolt does
            return await self._on_error(error)
        response: BoltResponse = ack.response
        return response

    def _kind_of(self, body: Mapping[str, Any]) -> str:
        if body.get("command") == self._command:
            return "command"
        if body.get("type") != "block_actions":
            return ""
        actions = body.get("actions")
        first = actions[0] if isinstance(actions, list) and actions else None
        return "action" if isinstance(first, dict) and "action_id" in first else ""
