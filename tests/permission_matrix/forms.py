"""Forms as an admin gets them, and what they need before they ask whether one may."""

from copy import deepcopy

from sqlalchemy import update

from bot.db.deployment_tables import Target
from bot.db.session import Database
from bot.domain.policy import Policy
from bot.sandbox.environment import API_KEY, PROJECT, Environment
from bot.sandbox.slack.view import View
from bot.sandbox.slack.wire import JsonObject
from tests.acceptance.configuring import open_settings
from tests.acceptance.thread_assertions import root
from tests.permission_matrix.tables import P


async def fill(here: Environment, name: str) -> None:
    """Fill in what a form needs before it asks whether one may."""
    fields = {
        "deploy": {"Model": "org/model", "Instance": "1xH100"},
        "connect": {
            "Target name": "prod",
            "Friendli project id": PROJECT,
            "Personal API key (flp_…)": API_KEY,
        },
        "delete": {"Type it to confirm": "it"},
        "reject": {"Reason": "no"},
    }
    for label, value in fields.get(name, {}).items():
        await here.member.fill(label, value, enter=False)


async def admins_forms(here: Environment) -> dict[str, JsonObject]:
    """Each form as an admin gets it."""
    forms: dict[str, JsonObject] = {}

    def open_form(name: str) -> View | None:
        view = here.admin.modal
        return view if view is not None and view.callback_id == name else None

    async def keep(name: str) -> None:
        view = await here.slack.until(lambda: open_form(name))
        forms[name] = deepcopy(view.body)

    await here.admin.command(here.channel)
    await keep("deploy")
    await here.admin.close_modal()
    await here.admin.command(here.channel, "connect")
    await keep("connect")
    await here.admin.close_modal()
    settings = await open_settings(here)
    await keep("settings")
    await here.admin.click(settings, P.DEPLOY.value)
    await here.slack.until(lambda: here.admin.modal is not settings)
    await keep("settings.who")
    await here.admin.close_modal()
    await here.admin.close_modal()
    await here.admin.click(root(here), "Update")
    await keep("update")
    await here.admin.fill("Instance", "2xH100")
    await here.admin.submit()
    await keep("update.review")
    await here.admin.close_modal()
    endpoint = next(iter(here.friendli.endpoints))
    here.friendli.set_status(endpoint, "TERMINATED")
    await here.slack.until(lambda: "Delete" in root(here).buttons)
    await here.admin.click(root(here), "Delete")
    await keep("delete")
    await here.admin.close_modal()
    database = Database(here.database)
    async with database.write() as session:
        policy = Policy.model_validate({"approval": "always"}).model_dump(mode="json")
        await session.execute(update(Target).values(policy=policy))
    await database.close()
    await here.admin.command(here.channel, "org/model --gpu 1xH100 --replicas 1 --name waits --yes")
    waiting = await here.slack.until(
        lambda: next(
            (one for one in here.channel.messages.values() if "Reject" in one.buttons), None
        )
    )
    await here.admin.click(waiting, "Reject")
    await keep("reject")
    await here.admin.close_modal()
    return forms
