"""The page's controls: time, failures, outages, the bot's process."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from enum import StrEnum
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, field_validator, model_validator

from bot.domain.errors import ConfigError
from bot.sandbox.faults import (
    Effect,
    Fault,
    FaultPlan,
    GarbageBody,
    LoseReply,
    Respond,
    Slow,
    TruncateBody,
)
from bot.sandbox.friendli import RESPONSE_VARIANTS, FriendliSandbox, RequestRecord
from bot.sandbox.friendli.lifecycle import DOWNLOADING, FAILING_PHASES
from bot.sandbox.friendli.operations import OPERATIONS, status_of
from bot.sandbox.friendli.operations import Effect as OperationEffect
from bot.sandbox.page.bot_process import BotProcess
from bot.sandbox.page.context import PageContext
from bot.sandbox.page.examples import Preparation
from bot.sandbox.slack.base_client import NotPossibleError

_STARTS = {"create_endpoint", "update_endpoint"} | {
    name for name, operation in OPERATIONS.items() if operation.effect is OperationEffect.STARTS
}
_DOWN_SECONDS = 2.0
_DOWNLOAD_TIMEOUT = 120.0


Service: TypeAlias = Literal["slack", "friendli", "hub"]


class Condition(StrEnum):
    WORKS = "works"
    DOWN = "down"
    LIMITED = "rate-limited"
    SLOW = "slow"


class InferenceCondition(StrEnum):
    WORKS = "works"
    SLOW = "slow"
    CUT = "cut"
    LIMITED = "rate-limited"
    UNAVAILABLE = "unavailable"
    GARBAGE = "garbage"


_INFERENCE = frozenset({"chat_completions", "completions", "embeddings"})
_INFERENCE_EFFECTS: dict[InferenceCondition, tuple[Effect, str]] = {
    InferenceCondition.SLOW: (Slow(5), "Endpoints take 5 s to answer."),
    InferenceCondition.CUT: (TruncateBody(), "Answers of endpoints break off half-way."),
    InferenceCondition.LIMITED: (
        Respond(429, {"detail": "Too many requests for this endpoint."}),
        "Endpoints answer 429 to every request.",
    ),
    InferenceCondition.UNAVAILABLE: (
        Respond(503, {"detail": "Endpoint is unavailable"}),
        "Endpoints answer 503 to every request.",
    ),
    InferenceCondition.GARBAGE: (GarbageBody(), "Endpoints answer with garbage."),
}
# Longer than Slack waits.
_SLOW_SECONDS = 5
_ANSWERS: dict[tuple[str, Condition], Effect] = {
    ("slack", Condition.DOWN): Respond(503),
    ("slack", Condition.LIMITED): Respond(
        429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "3"}
    ),
    ("friendli", Condition.DOWN): Respond(503, {"detail": "Service Unavailable"}),
    ("friendli", Condition.LIMITED): Respond(
        429, {"detail": "Too many requests."}, {"Retry-After": "3"}
    ),
    ("hub", Condition.DOWN): Respond(503, {"error": "Service Unavailable"}),
    ("hub", Condition.LIMITED): Respond(
        429,
        {"error": "Too many requests"},
        {
            "RateLimit": '"api";r=0;t=60',
            "RateLimit-Policy": '"fixed window";"api";q=500;w=300',
        },
    ),
    ("hub", Condition.SLOW): Slow(_SLOW_SECONDS),
}
_NAMES = {"slack": "Slack's API", "friendli": "Friendli's API", "hub": "The Hugging Face Hub"}
_WAITS = {"slack": "3 s", "friendli": "3 s", "hub": "60 s"}


class _Control(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Speed(_Control):
    """How many times faster than in life endpoints start; 0 for never."""

    control: Literal["speed"]
    speed: Annotated[float, Field(ge=0, le=1000)]


class FailNext(_Control):
    """Let the endpoint that starts now fail, or else the next one."""

    control: Literal["fail"]
    code: str

    @field_validator("code")
    @classmethod
    def _is_documented(cls, code: str) -> str:
        if code not in FAILING_PHASES:
            raise ValueError("isn't a documented error code")
        return code


class LoseNextReply(_Control):
    control: Literal["lose"]


class SetCondition(_Control):
    """Take a service down, rate-limit it, or restore it."""

    control: Literal["condition"]
    service: Service
    condition: Condition

    @model_validator(mode="after")
    def _is_in_the_table(self) -> Self:
        if self.condition is not Condition.WORKS and (self.service, self.condition) not in _ANSWERS:
            raise ValueError(f"{_NAMES[self.service]} can't be {self.condition}")
        return self


class SetInference(_Control):
    """Let requests to endpoints fail in one way."""

    control: Literal["inference"]
    condition: InferenceCondition


class SetWording(_Control):
    """Choose how the API describes endpoints from now on."""

    control: Literal["wording"]
    wording: str

    @field_validator("wording")
    @classmethod
    def _is_in_the_table(cls, wording: str) -> str:
        if wording not in RESPONSE_VARIANTS:
            raise ValueError("isn't a wording of the sandbox")
        return wording


class Bot(_Control):
    control: Literal["bot"]
    do: Literal["start", "restart", "kill"]


class Replay(_Control):
    control: Literal["replay"]


class Prepare(_Control):
    control: Literal["prepare"]
    preparation: Preparation


Control: TypeAlias = Annotated[
    Speed
    | FailNext
    | LoseNextReply
    | SetCondition
    | SetInference
    | SetWording
    | Bot
    | Replay
    | Prepare,
    Field(discriminator="control"),
]
CONTROL: TypeAdapter[Control] = TypeAdapter(Control)


class ControlsDocument(BaseModel):
    """The state of the controls.

    Attributes:
        bot: "starting", "running" or "stopped"; None where another process runs it.
        wording: The response variant; None where the real API is used.
        failing: The code with which the next start fails.
        losing: Whether the next response to a create request gets lost.
    """

    bot: str | None
    pid: int | None
    speed: float | None
    slack: Condition | None
    friendli: Condition | None
    hub: Condition | None
    inference: InferenceCondition | None
    wording: str | None
    failing: str | None
    losing: bool


class Controls:
    """Carries out controls. `changed`: called after every change."""

    def __init__(self, context: PageContext, changed: Callable[[], None]) -> None:
        self._context = context
        self._changed = changed
        self._conditions: dict[str, tuple[Condition, Fault]] = {}
        self._inference: tuple[InferenceCondition, Fault] | None = None
        self._variant = "published"
        self._failing: str | None = None
        self._losing: Fault | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def document(self) -> ControlsDocument:
        bot = self._context.bot
        return ControlsDocument(
            bot=bot.state.value if bot is not None else None,
            pid=bot.pid if bot is not None else None,
            speed=self._context.friendli.start_speed
            if self._context.friendli is not None
            else None,
            slack=self._condition("slack") if self._context.slack is not None else None,
            friendli=self._condition("friendli") if self._context.friendli is not None else None,
            hub=self._condition("hub") if self._context.hub is not None else None,
            inference=self._inference_condition if self._context.friendli is not None else None,
            wording=self._variant if self._context.friendli is not None else None,
            failing=self._failing,
            losing=self._losing is not None,
        )

    async def apply(self, control: Control) -> str:
        """Carry out a control and return its effect as a sentence.

        Raises:
            NotPossibleError: The service is the real one, or there is nothing to apply it to.
            ConfigError: The bot doesn't start.
        """
        sentence = await self._apply(control)
        self._changed()
        return sentence

    def on_request(self, record: RequestRecord) -> None:
        if record.done and record.acted and record.operation in _STARTS:
            self._failing = None
        if self._losing is not None and self._losing.taken:
            self._losing = None

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def _friendli(self) -> FriendliSandbox:
        if self._context.friendli is None:
            raise NotPossibleError("Friendli is the real one here")
        return self._context.friendli

    @property
    def _bot(self) -> BotProcess:
        if self._context.bot is None:
            raise NotPossibleError("the bot runs elsewhere")
        return self._context.bot

    def _condition(self, service: str) -> Condition:
        return self._conditions[service][0] if service in self._conditions else Condition.WORKS

    @property
    def _inference_condition(self) -> InferenceCondition:
        return InferenceCondition.WORKS if self._inference is None else self._inference[0]

    async def _apply(self, control: Control) -> str:
        match control:
            case Speed():
                return self._set_speed(control.speed)
            case FailNext():
                return self._fail(control.code)
            case LoseNextReply():
                return self._lose()
            case SetCondition():
                return self._set(control.service, control.condition)
            case SetInference():
                return self._set_inference(control.condition)
            case SetWording():
                return self._set_variant(control.wording)
            case Bot():
                return await self._control_bot(control.do)
            case Replay():
                return await self._replay()
            case Prepare():
                return self._prepare(control.preparation)

    def _set_speed(self, speed: float) -> str:
        self._friendli.start_speed = speed
        if not speed:
            return "Endpoints stay as they are."
        return f"Endpoints start {speed:g} times as fast as in life."

    def _fail(self, code: str) -> str:
        friendli = self._friendli
        for endpoint in reversed(friendli.endpoints.values()):
            if status_of(endpoint.status).is_starting:
                friendli.set_status(endpoint.id, "FAILED", error_code=code)
                return f"{endpoint.name} fails now with {code}."
        friendli.fail_next(code)
        self._failing = code
        return f"The next endpoint that starts fails with {code}."

    def _lose(self) -> str:
        if self._losing is None:
            self._losing = self._friendli.faults.add(LoseReply(), operation="create_endpoint")
        return "The next endpoint is made, and Friendli's answer gets lost."

    def _set(self, service: Service, condition: Condition) -> str:
        plan = self._plan(service)
        if service in self._conditions:
            plan.remove(self._conditions.pop(service)[1])
        if condition is not Condition.WORKS:
            fault = plan.add(_ANSWERS[service, condition], times=None)
            self._conditions[service] = (condition, fault)
        name = _NAMES[service]
        return {
            Condition.WORKS: f"{name} works again.",
            Condition.DOWN: f"{name} answers 503 to every request.",
            Condition.LIMITED: f"{name} answers 429 to every request: wait {_WAITS[service]}.",
            Condition.SLOW: f"{name} takes {_SLOW_SECONDS} s for every answer.",
        }[condition]

    def _set_inference(self, condition: InferenceCondition) -> str:
        plan = self._friendli.faults
        if self._inference is not None:
            plan.remove(self._inference[1])
            self._inference = None
        if condition is InferenceCondition.WORKS:
            return "Endpoints answer again."
        effect, sentence = _INFERENCE_EFFECTS[condition]
        fault = plan.add(effect, when=lambda call: call.operation in _INFERENCE, times=None)
        self._inference = (condition, fault)
        return sentence

    def _set_variant(self, wording: str) -> str:
        self._friendli.variant = RESPONSE_VARIANTS[wording]
        self._variant = wording
        return f"Friendli's API words endpoints so: {RESPONSE_VARIANTS[wording].description}"

    def _plan(self, service: Service) -> FaultPlan:
        if service == "hub":
            if self._context.hub is None:
                raise NotPossibleError("the Hub is the real one here")
            return self._context.hub.faults
        if service == "friendli":
            return self._friendli.faults
        if self._context.slack is None:
            raise NotPossibleError("Slack is the real one here")
        return self._context.slack.faults

    async def _control_bot(self, do: Literal["start", "restart", "kill"]) -> str:
        if do == "kill":
            await self._bot.kill()
            return "The bot was killed. Start it, and it goes on where it was."
        await (self._bot.start() if do == "start" else self._bot.restart())
        return "The bot is running again."

    async def _replay(self) -> str:
        if self._context.slack is None:
            raise NotPossibleError("Slack is the real one here")
        ack = await self._context.slack.deliver_again()
        name = ack.delivery.name if ack.delivery is not None else ""
        return f"{name} was sent once more, byte by byte: {ack.error or 'acknowledged'}."

    def _prepare(self, preparation: Preparation) -> str:
        if preparation is Preparation.LOSE_REPLY:
            return self._lose()
        self._in_background(self._kill_half_way(self._friendli, self._bot))
        return "The bot will be killed during the download, and started again soon after."

    async def _kill_half_way(self, friendli: FriendliSandbox, bot: BotProcess) -> None:
        before = set(friendli.endpoints)

        def downloads() -> bool:
            return any(
                endpoint.phase == DOWNLOADING
                for id_, endpoint in friendli.endpoints.items()
                if id_ not in before
            )

        # A bot that doesn't come back shows as stopped, with a button that starts it.
        with contextlib.suppress(TimeoutError, ConfigError):
            await friendli.until(downloads, within=_DOWNLOAD_TIMEOUT)
            await bot.kill()
            await asyncio.sleep(_DOWN_SECONDS)
            await bot.start()

    def _in_background(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
