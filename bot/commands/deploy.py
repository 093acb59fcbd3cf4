"""Deploy a model from a line of text, with a preview before it spends."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from bot.commands import bare_model, deploy_text
from bot.commands.bare_model import BareModels
from bot.commands.deploy_checks import (
    REPEATED,
    Approvers,
    checked,
    policy_of,
    request_id_of,
    scalings,
)
from bot.commands.deploy_modal import DeployForm
from bot.commands.invite import invitation, needs_invitation
from bot.commands.model_lookup import (
    HASTY_SECONDS,
    ModelLookup,
    at_commit,
    facts_in,
    not_checked,
    stopped,
)
from bot.commands.registry import DeferredTask, Feature, deferred
from bot.commands.target_lookup import NotConnectedError, TargetLookup
from bot.domain.errors import UserError
from bot.domain.instances import InstanceOption, Prices
from bot.domain.model_facts import CheckedModel
from bot.domain.permissions import Permission
from bot.domain.price_limit import agreed_price
from bot.domain.request.deploy_request import DeployRequest
from bot.domain.request.draft import DeployDraft
from bot.messages import preview, price_confirmation
from bot.messages.answer import answer
from bot.messages.approval_note import approval_note
from bot.messages.blocks import button
from bot.messages.body import Body
from bot.messages.markup import bold, escape
from bot.messages.suggestion import draft_value, open_in_form
from bot.services.authorization import Authorizer
from bot.services.deployments import Deployments, DeployOutcome, DeployResult
from bot.services.model_history import ModelHistory
from bot.services.targets import TargetView, rules_of
from bot.slack.people import People
from bot.slack.requests import BlockAction, SlashCommand

# After the acknowledgement, while the person looks at nothing.
_PREVIEW_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class LineDeployment:
    """Deploys from a line."""

    lookup: TargetLookup
    authorizer: Authorizer
    bare_models: BareModels
    deployments: Deployments
    approvers: Approvers
    people: People
    prices: Prices
    history: ModelHistory
    models: ModelLookup

    async def deploy(self, command: SlashCommand) -> DeferredTask:
        """Show what the line means and ask, or do it at once with `--yes`."""
        person, place = command.person, command.place
        targets = await self.lookup.targets.of(place)
        await self.authorizer.authorize(Permission.DEPLOY, person, place, among=targets)
        if not targets:
            raise NotConnectedError
        bare = await self.bare_models.look_up(deploy_text.model_of(command.text))
        parsed = deploy_text.read(
            command.text,
            targets=[target.name for target in targets],
            default_target=targets[0].name,
            scalings=scalings(targets),
            known_models=bare.known,
        )
        if isinstance(parsed, deploy_text.LineErrors):
            errors = [field_error.sentences for field_error in parsed.field_errors]
            form = open_in_form(preview.CHANGE_ACTION, draft_value(parsed.draft))
            return _say(command, preview.correction(errors, parsed.corrected_line, form))
        await self.authorizer.authorize(
            Permission.DEPLOY, person, place, target=parsed.request.target, among=targets
        )
        policy = policy_of(parsed.request, targets)
        request = parsed.request.with_default_lifetime(policy.lifetime_seconds)
        # What nobody could check is asked about, also with `--yes`.
        if not parsed.yes or bare.unchecked:
            return self._preview(command, parsed, request, targets, unchecked=bare.unchecked)
        found = await self.models.check(request.draft(), within=HASTY_SECONDS)
        if stopped(found) is not None and not parsed.draft.anyway:
            return self._stop(command, parsed, found)
        at = at_commit(request, found)
        # Committed before Slack is acknowledged: what spends money is written or refused.
        result = await self.deployments.deploy(
            *(place, person, at, command.request_id), line=command.text, facts=facts_in(found)
        )
        if result.outcome is DeployOutcome.UNCONFIRMED:
            return self._ask_price(command, at, result.dollars)
        if result.outcome is DeployOutcome.SAME_LINE:
            return self._preview(command, parsed, request, targets, is_second=True)
        if result.outcome is not DeployOutcome.ACCEPTED:
            raise _not_accepted(result, request)
        unchecked = not_checked(request.model, found)
        # Without anything to approve or to say, there is nothing left to do.
        return self._accepted(command, at, result, unchecked) if result.waits or unchecked else None

    async def _accepted(
        self, command: SlashCommand, request: DeployRequest, result: DeployResult, unchecked: str
    ) -> None:
        if unchecked:
            await command.responder.say(answer(unchecked))
        await self.approvers.call(command, request.target, result)

    async def _stop(
        self, command: SlashCommand, parsed: deploy_text.TextDeploy, found: CheckedModel | None
    ) -> None:
        """Say why the model can't be served, with the line that deploys it all the same."""
        _, why = stopped(found) or ("", "")
        anyway = parsed.draft.model_copy(update={"anyway": True})
        form = open_in_form(preview.CHANGE_ACTION, draft_value(parsed.draft))
        words = f"{parsed.request.model} would fail. {why} `--anyway` deploys it all the same:"
        await command.responder.say(preview.correction([words], deploy_text.to_line(anyway), form))

    async def _ask_price(
        self, command: SlashCommand, request: DeployRequest, dollars: Decimal
    ) -> None:
        membership = await self.people.membership(command.place)
        if needs_invitation(membership):
            raise await invitation(self.people, membership)
        await command.responder.say(_price_question(request, request_id_of(command), dollars))

    async def _preview(
        self,
        command: SlashCommand,
        parsed: deploy_text.TextDeploy,
        request: DeployRequest,
        targets: Sequence[TargetView],
        *,
        is_second: bool = False,
        unchecked: str = "",
    ) -> None:
        membership = await self.people.membership(command.place)
        if needs_invitation(membership):
            raise await invitation(self.people, membership)
        found = await self.models.check(request.draft(), within=_PREVIEW_SECONDS)
        if stopped(found) is not None and not parsed.draft.anyway:
            await self._stop(command, parsed, found)
            return
        option = request.option if isinstance(request.option, InstanceOption) else None
        seen = await self.history.of(command.place, request.model, option)
        typed = request.draft().model_copy(update={"anyway": parsed.draft.anyway})
        request = at_commit(request, found)
        draft = request.draft().to_json()
        await command.responder.say(
            preview.preview(
                request,
                self.prices,
                expiry_action=policy_of(request, targets).expiry_action,
                approval=approval_note(
                    request.target,
                    rules_of(targets)[request.target],
                    request.price_at_full_scale(self.prices),
                ),
                # A command whose preview is shown twice deploys once.
                deploy_value=f"{request_id_of(command)} {draft}",
                change_value=typed.to_json(),
                why_value=draft,
                checked=None if unchecked else found,
                is_second=is_second,
                unchecked=unchecked,
                observations=seen.observations,
                present=seen.present,
                usual=seen.usual,
            )
        )


async def confirmed(
    click: BlockAction,
    lookup: TargetLookup,
    authorizer: Authorizer,
    deployments: Deployments,
    approvers: Approvers,
    models: ModelLookup,
) -> DeferredTask:
    """Deploy what the preview shows. Above a price, ask for that first."""
    identified, _, json = click.value.partition(" ")
    request_id, _, agreed = identified.partition(":")
    targets = await lookup.all(click.place)
    draft = DeployDraft.from_json(json)
    # Whether the Hub has the model was looked up for the preview.
    request = checked(draft, targets, bare_model.as_shown(draft.model))
    if not isinstance(request, DeployRequest):
        # A target, or an instance option, is gone since the preview was shown.
        raise UserError(escape(" ".join(field_error.sentences for field_error in request)))
    await authorizer.authorize(
        Permission.DEPLOY, click.person, click.place, target=request.target, among=targets
    )
    # Nothing is asked before what spends money is written: the preview's check is remembered.
    facts = facts_in(models.cached(draft))
    result = await deployments.deploy(
        *(click.place, click.person, request, request_id),
        message_ts=click.message_ts,
        facts=facts,
        agreed=agreed_price(agreed),
    )
    if result.outcome is DeployOutcome.UNCONFIRMED:
        return _replace(click, _price_question(request, request_id, result.dollars))
    if result.outcome is not DeployOutcome.ACCEPTED:
        raise _not_accepted(result, request)
    return _under_way(click, request, result, approvers)


def _price_question(request: DeployRequest, request_id: str, dollars: Decimal) -> Body:
    draft = request.draft().to_json()
    return price_confirmation.question(
        request.name,
        dollars,
        "Deploy",
        preview.DEPLOY_ACTION,
        f"{request_id}:{dollars:f} {draft}",
        [
            button("Change", preview.CHANGE_ACTION, value=draft),
            button("Cancel", preview.CANCEL_ACTION),
        ],
    )


async def _replace(click: BlockAction, body: Body) -> None:
    await click.responder.replace(body)


async def _under_way(
    click: BlockAction, request: DeployRequest, result: DeployResult, approvers: Approvers
) -> None:
    await click.responder.replace(preview.under_way(request, waits=result.waits))
    await approvers.call(click, request.target, result)


async def _say(command: SlashCommand, body: Body) -> None:
    await command.responder.say(body)


@deferred
async def change(click: BlockAction, form: DeployForm) -> None:
    await form.open(click, DeployDraft.from_json(click.value))


@deferred
async def dismissed(click: BlockAction) -> None:
    await click.responder.remove()


def _not_accepted(result: DeployResult, request: DeployRequest) -> UserError:
    if result.outcome is DeployOutcome.REPEATED:
        return UserError(REPEATED)
    if result.outcome is DeployOutcome.NAME_TAKEN:
        return UserError(
            f"{bold(request.name)} is taken: another deployment has that name.",
            hint="Choose another with `--name`.",
        )
    return UserError("This target has been disconnected.", hint="Nothing was created.")


FEATURE = Feature(
    clicks={
        preview.DEPLOY_ACTION: confirmed,
        preview.CHANGE_ACTION: change,
        preview.CANCEL_ACTION: dismissed,
    },
)
