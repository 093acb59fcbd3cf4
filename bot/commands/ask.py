"""`ask [endpoint] [prompt]`, "Try a prompt", mentions that are none of the commands, and Stop.

A prompt is accepted, with its limits, before Slack is acknowledged; its answer streams into the
endpoint's thread. Prompts are never logged.
"""

from collections.abc import Coroutine
from dataclasses import dataclass

from bot.commands.ask_form import CALLBACK_ID, LONGEST_PROMPT, AskForm, build, parse, read
from bot.commands.deployment_access import DeploymentAccess
from bot.commands.endpoint_command import EndpointCommand, EndpointRequest
from bot.commands.registry import SLASH, DeferredTask, Feature, ViewResponse, deferred
from bot.domain.errors import UserError
from bot.domain.permissions import Permission
from bot.messages.action_ids import ActionId
from bot.messages.answer import answer
from bot.messages.markup import bold, code
from bot.messages.prompt import STOP_ACTION
from bot.services.authorization import Authorizer
from bot.services.prompts import Prompts
from bot.slack.modals import Modals
from bot.slack.prompt_answers import PromptAnswers, Question
from bot.slack.requests import BlockAction, Event, Request, ViewSubmission

ASK = "ask"


@dataclass(frozen=True, slots=True)
class Asking:
    """Accepts prompts of people who may send them."""

    access: DeploymentAccess
    prompts: Prompts
    answers: PromptAnswers

    async def accept(
        self, request: Request, target: str, public_id: str, question: Question, request_id: str
    ) -> Coroutine[object, object, None] | None:
        """Write the prompt down without its text; returns what answers it.

        Raises:
            UserError: The person may not, or the endpoint can't answer.
        """
        await self.access.authorize(Permission.ASK, request, target, public_id)
        accepted = await self.prompts.accept(request.place, request.person, public_id, request_id)
        # A redelivery is answered already.
        return None if accepted is None else self.answers.answer(accepted, question)

    async def mention(
        self, event: Event, target: str, public_id: str, text: str
    ) -> Coroutine[object, object, None] | None:
        """Go on with the conversation in an endpoint's thread."""
        question = Question(text[:LONGEST_PROMPT], mention_ts=event.ts)
        return await self.accept(event, target, public_id, question, f"event {event.event_id}")


@deferred
async def clicked(click: BlockAction, access: DeploymentAccess, modals: Modals) -> None:
    deployment = await access.require(Permission.ASK, click, click.value)
    form = AskForm(place=click.place, public_id=deployment.public_id)
    await modals.open(click.trigger_id, build(form, deployment.name))


async def submitted(
    submission: ViewSubmission, access: DeploymentAccess, asking: Asking
) -> ViewResponse:
    question = parse(submission.view)
    if not isinstance(question, Question):
        return ViewResponse(errors=question)
    deployment = await access.find(submission, read(submission.view).public_id)
    request_id = f"view {submission.view.get('id', '')}"
    work = await asking.accept(
        submission, deployment.target_name, deployment.public_id, question, request_id
    )
    return ViewResponse(work=work)


async def ask(request: EndpointRequest, asking: Asking, modals: Modals) -> None:
    """Send what is typed, or open the form."""
    endpoint, ours = request.endpoint, request.endpoint.ours
    if ours is None:
        raise UserError(
            f"{bold(endpoint.name)} has no thread yet in which it could answer.",
            hint=code(f"{SLASH} follow {endpoint.name}"),
        )
    if not ours.is_here:
        raise UserError(f"{bold(endpoint.name)} answers in its thread, which is elsewhere.")
    prompt = request.rest.strip()
    if not prompt:
        form = AskForm(place=request.place, public_id=ours.public_id)
        await modals.open(request.trigger_id, build(form, endpoint.name))
        return
    question = Question(prompt[:LONGEST_PROMPT])
    request_id = f"command {request.request_id}"
    work = await asking.accept(request, endpoint.target, ours.public_id, question, request_id)
    if work is not None:
        await request.answer(answer(f"{bold(endpoint.name)} answers in its thread."))
        await work


async def stop(
    click: BlockAction, authorizer: Authorizer, prompts: Prompts, answers: PromptAnswers
) -> DeferredTask:
    public_id = await prompts.deployment_of(click.place, click.value)
    if public_id is not None:
        await authorizer.authorize(
            Permission.ASK, click.person, click.place, about=public_id, message_ts=click.message_ts
        )
        if await prompts.stop(click.value, click.person):
            answers.stop(click.value)
            return None
    return _say(click, "It has ended already.")


async def _say(click: BlockAction, text: str) -> None:
    await click.responder.say(answer(text))


FEATURES = (
    EndpointCommand(
        ASK,
        "Sends a prompt to an endpoint; it answers in its thread.",
        ask,
        arguments="[prompt]",
        permission=Permission.ASK,
        is_text=True,
    ).feature(),
    Feature(
        clicks={ActionId.ASK: clicked, STOP_ACTION: stop},
        submissions={CALLBACK_ID: submitted},
    ),
)
