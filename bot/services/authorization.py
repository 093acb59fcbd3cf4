"""Decides what a person may do."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from bot.domain.actors import Actor, ChannelRef
from bot.domain.errors import UserError
from bot.domain.grants import Rules, Subject
from bot.domain.operations import OperationKind
from bot.domain.permission_words import VERBS
from bot.domain.permissions import ADMINS, DEFAULTS, EVERYONE, Permission
from bot.domain.subjects import SubjectKind
from bot.messages.blocks import Block, button
from bot.messages.markup import code, mention, who
from bot.services.audit import Audit
from bot.services.targets import Targets, TargetView, rules_of

_NAMED = 3
# Slack gives up on a request after three seconds.
_ASK_SLACK_SECONDS = 2.0


ASK_ACTION = "permission.ask"


class Directory(Protocol):
    """People of a workspace."""

    async def is_admin(self, person_id: str) -> bool | None:
        """Whether a person administers targets; None if it is unknown now."""

    async def admins(self) -> Sequence[str]: ...

    async def is_in_group(self, person_id: str, group_id: str) -> bool | None:
        """Whether a person belongs to a user group; None if it is unknown now."""


class Authorizer:
    """Decides by workspace, grants and admin rights; denials go to the audit."""

    def __init__(self, targets: Targets, audit: Audit, directory: Directory) -> None:
        self._targets = targets
        self._audit = audit
        self._directory = directory

    async def authorize(
        self,
        permission: Permission,
        person: Actor,
        place: ChannelRef,
        *,
        target: str = "",
        among: Sequence[TargetView] | None = None,
        about: str = "",
        message_ts: str = "",
        operation: OperationKind | None = None,
    ) -> None:
        """Return if the person may do it, otherwise record the denial and say who may.

        Args:
            target: '' while it isn't known: one that allows it is enough.
            among: The channel's targets, if they were just read.
            about: The public id of the deployment, if any: the refusal offers to ask in its thread.

        Raises:
            UserError: The person may not.
        """
        if permission is Permission.LOOK:
            return
        subjects = self._who_may(permission, person, place, target, await self._among(place, among))
        if subjects and await self._includes(subjects, person):
            return
        await self._audit.denied(
            place, person, permission, target, about=about, message_ts=message_ts
        )
        if not subjects:
            raise UserError(
                "You belong to another organisation, so you can look here but not act.",
                hint="Ask someone in this workspace to do it.",
            )
        raise await self._refusal(permission, subjects, place, target, about, operation)

    async def may(
        self,
        permission: Permission,
        person: Actor,
        place: ChannelRef,
        target: str = "",
        *,
        among: Sequence[TargetView] | None = None,
    ) -> bool:
        """Whether a person may do something; a denial isn't recorded."""
        if permission is Permission.LOOK:
            return True
        subjects = self._who_may(permission, person, place, target, await self._among(place, among))
        return bool(subjects) and await self._includes(subjects, person)

    async def whom(self, permission: Permission, place: ChannelRef, target: str) -> str:
        """Those who may do something, as mrkdwn that mentions them."""
        named = await self.named(permission, place, target)
        if not named:
            admins = await self._directory.admins()
            named = [mention(admin) for admin in admins[:_NAMED]]
        return " ".join(dict.fromkeys(named)) or who(ADMINS)

    async def named(self, permission: Permission, place: ChannelRef, target: str) -> Sequence[str]:
        """The people and groups in grants, as mrkdwn."""
        subjects = self._subjects(permission, await self.rules(place, target))
        return [who(subject) for subject in subjects if subject not in (EVERYONE, ADMINS)]

    async def rules(self, place: ChannelRef, target: str) -> Rules:
        """A target's rules; the defaults if there is no such target."""
        return (await self._targets.rules(place)).get(target, Rules())

    async def _among(
        self, place: ChannelRef, targets: Sequence[TargetView] | None
    ) -> Mapping[str, Rules]:
        return rules_of(await self._targets.of(place) if targets is None else targets)

    def _who_may(
        self,
        permission: Permission,
        person: Actor,
        place: ChannelRef,
        target: str,
        rules: Mapping[str, Rules],
    ) -> Sequence[Subject]:
        """Without targets whose policy excludes guests, if the person is one."""
        concerned = [rules.get(target, Rules())] if target else [*rules.values()] or [Rules()]
        if person.is_from_elsewhere(place):
            concerned = [each for each in concerned if each.policy.guests_may_act]
        return [subject for each in concerned for subject in self._subjects(permission, each)]

    def _subjects(self, permission: Permission, rules: Rules) -> Sequence[Subject]:
        return rules.granted.get(permission) or [DEFAULTS[permission]]

    async def _includes(self, subjects: Sequence[Subject], person: Actor) -> bool:
        if EVERYONE in subjects or Subject(SubjectKind.PERSON, person.id) in subjects:
            return True
        groups = {subject.id for subject in subjects if subject.kind is SubjectKind.GROUP}
        in_doubt = False
        try:
            async with asyncio.timeout(_ASK_SLACK_SECONDS):
                for group in groups:
                    belongs = await self._directory.is_in_group(person.id, group)
                    if belongs:
                        return True
                    in_doubt |= belongs is None
                # Admins may change the rules, so they are never locked out.
                administers = await self._directory.is_admin(person.id)
                if administers:
                    return True
                in_doubt |= administers is None
        except TimeoutError:
            in_doubt = True
        if in_doubt:
            raise UserError(
                "Slack didn't confirm your permissions in time, so nothing was done.",
                hint="Try again in a moment.",
            )
        return False

    async def _refusal(
        self,
        permission: Permission,
        subjects: Sequence[Subject],
        place: ChannelRef,
        target: str,
        about: str,
        operation: OperationKind | None,
    ) -> UserError:
        # The target may not exist yet.
        where = f" in {code(target)}" if target and permission is not Permission.CONNECT else ""
        named = [subject for subject in dict.fromkeys(subjects) if subject != ADMINS][:_NAMED]
        buttons: list[Block] = []
        if about:
            buttons = [ask_button(permission, about, place, operation)]
        if named:
            whom = " and ".join(who(subject) for subject in named)
            hint = "*Ask them* posts your request in this thread." if about else ""
            message = f"Only {whom} can {VERBS[permission]}{where}."
            return UserError(message, hint=hint, actions=buttons)
        return UserError(
            f"Only workspace admins can {VERBS[permission]}{where}.",
            hint=await self._whom(),
            actions=buttons,
        )

    async def _whom(self) -> str:
        admins = [mention(admin) for admin in (await self._directory.admins())[:_NAMED]]
        return f"Ask {' or '.join(admins)}." if admins else "Ask one of them."


def ask_button(
    permission: Permission, about: str, place: ChannelRef, operation: OperationKind | None = None
) -> Block:
    """A button that posts the request in the thread of the deployment with this public id."""
    value = " ".join(filter(None, (permission, about, place.channel_id, operation)))
    return button("Ask them", ASK_ACTION, value=value)
