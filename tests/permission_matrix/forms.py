"""Forms as an admin gets them, and what they need to be submitted."""

from copy import deepcopy

from sqlalchemy import update

from bot.db.deployment_tables import Target
from bot.db.session import Database
from bot.domain.policy import Policy
from bot.sandbox.environment import API_KEY, PROJECT, Environment
from bot.sandbox.slack.view import View
from bot.sandbox.slack.wire import JsonObject
from tests.acceptance.settings_form import open_settings
from tests.acceptance.thread_assertions import root
from tests.permission_matrix.tables import P

IN_SETTINGS = ("settings.who", "settings.approval", "settings.lifetime")


async def press_in_settings(env: Environment, view: View, action_id: str) -> None:
    """As the member."""
    match action_id:
        case "settings.who":
            await env.member.click(view, P.DEPLOY.value)
        case "settings.approval":
            await env.member.fill("approval", "always")
        case "settings.lifetime":
            await env.member.fill("lifetime", None)


async def fill(env: Environment, name: str) -> None:
    fields = {
        "deploy": {"Model": "org/model", "Instance": "1xH100"},
        "connect": {
            "Target name": "prod",
            "Friendli project id": PROJECT,
            "Personal API key (flp_…)": API_KEY,
        },
        "delete": {"Type it to confirm": "it"},
        "reject": {"Reason": "no"},
        "prompt": {"Prompt": "Hello"},
        "revisions": {"Revision": "main"},
    }
    for label, value in fields.get(name, {}).items():
        await env.member.fill(label, value, enter=False)


async def _choose_revision(env: Environment, endpoint: str) -> None:
    code = "WORKLOAD_INIT_MANIFEST_NOT_FOUND_ERROR"
    env.friendli.set_status(endpoint, "FAILED", error_code=code)
    await env.slack.until(lambda: "Choose revision" in root(env).buttons)
    await env.admin.click(root(env), "Choose revision")


async def _always_ask(env: Environment) -> None:
    """Let every request wait for approval."""
    database = Database(env.database)
    async with database.write() as session:
        policy = Policy.model_validate({"approval": "always"}).model_dump(mode="json")
        await session.execute(update(Target).values(policy=policy))
    await database.close()


async def admins_forms(env: Environment) -> dict[str, JsonObject]:
    forms: dict[str, JsonObject] = {}

    def open_form(name: str) -> View | None:
        view = env.admin.modal
        return view if view is not None and view.callback_id == name else None

    async def keep(name: str) -> None:
        view = await env.slack.until(lambda: open_form(name))
        forms[name] = deepcopy(view.body)

    await env.admin.command(env.channel)
    await keep("deploy")
    await env.admin.fill("Model", "org/model", enter=False)
    await env.admin.fill("Instance", "8xB200")
    await env.admin.fill("Maximum replicas", "10")
    await env.admin.submit()
    await keep("deploy.price")
    await env.admin.close_modal()
    await env.admin.close_modal()
    await env.admin.command(env.channel, "connect")
    await keep("connect")
    await env.admin.close_modal()
    settings = await open_settings(env)
    await keep("settings")
    await env.admin.click(settings, P.DEPLOY.value)
    await env.slack.until(lambda: env.admin.modal is not settings)
    await keep("settings.who")
    await env.admin.close_modal()
    await env.admin.close_modal()
    await env.admin.click(root(env), "Update")
    await keep("update")
    await env.admin.fill("Instance", "2xH100")
    await env.admin.submit()
    await keep("update.review")
    await env.admin.close_modal()
    await env.admin.click(root(env), "Try a prompt")
    await keep("prompt")
    await env.admin.close_modal()
    endpoint = next(iter(env.friendli.endpoints))
    await _choose_revision(env, endpoint)
    await keep("revisions")
    await env.admin.close_modal()
    env.friendli.set_status(endpoint, "TERMINATED")
    await env.slack.until(lambda: "Delete" in root(env).buttons)
    await env.admin.click(root(env), "Delete")
    await keep("delete")
    await env.admin.close_modal()
    await _always_ask(env)
    await env.admin.command(env.channel, "org/model --gpu 1xH100 --replicas 1 --name waits --yes")
    waiting = await env.slack.until(
        lambda: next(
            (one for one in env.channel.messages.values() if "Reject" in one.buttons), None
        )
    )
    await env.admin.click(waiting, "Reject")
    await keep("reject")
    await env.admin.close_modal()
    return forms
