"""Forms check the permission when they are submitted."""

from copy import deepcopy

from bot.sandbox.environment import Environment
from tests.permission_matrix.denials import Denials
from tests.permission_matrix.forms import IN_SETTINGS, admins_forms, fill, press_in_settings
from tests.permission_matrix.tables import SUBMISSIONS, P


async def test_every_form_asks_for_its_permission(env: Environment, denied: Denials) -> None:
    """A permission lost while the form was open is missed."""
    forms = await admins_forms(env)
    assert set(forms) == set(SUBMISSIONS)
    for name, form in forms.items():
        before = await denied.take()
        body = deepcopy(form)
        view = env.slack.modals.open(env.member.user.id, body)
        for action_id in IN_SETTINGS if name == "settings" else ():
            await press_in_settings(env, view, action_id)
            await env.slack.until(lambda view=view: "Only workspace admins" in str(view.body))  # type: ignore[misc] # bound in the loop
            before.append((env.member.user.id, P.CONFIGURE))
            assert await denied.take() == before, action_id
            view = env.slack.modals.open(env.member.user.id, body)
        await fill(env, name)
        await env.member.submit()
        await env.slack.until(lambda view=view: "Only workspace admins" in str(view.body))  # type: ignore[misc] # bound in the loop
        expected = (env.member.user.id, SUBMISSIONS[name])
        assert await denied.take() == [*before, expected], name
