"""Stories of the audit: who did what, and who wasn't allowed to."""

import json
import re

import pytest
from inline_snapshot import snapshot

from bot.db.session import Database
from bot.domain.actors import ChannelRef
from bot.domain.audit_effect import Effect
from bot.domain.permissions import Permission
from bot.sandbox.environment import API_KEY, BOT_TOKEN, SIGNING_SECRET, Environment, connect
from bot.sandbox.slack.user_client import UserClient
from bot.services import audit
from tests.acceptance.deploying import serve
from tests.acceptance.settings_form import grant, save_settings
from tests.acceptance.thread_assertions import (
    ephemeral_texts,
    has_replies,
    last_reply_contains,
    message_text,
    rendered_text,
    root,
    roots,
    thread,
)
from tests.test_cli import run

pytestmark = pytest.mark.usefixtures("bot")


async def shown(
    env: Environment, person: UserClient | None = None, text: str = "audit"
) -> list[str]:
    """The entries that the command shows, without their moments and days."""
    who = person or env.member
    seen = len(who.ephemerals(env.channel))
    await who.command(env.channel, text)
    await env.slack.until(lambda: len(who.ephemerals(env.channel)) > seen)
    said = rendered_text(env, who.ephemerals(env.channel)[-1].text)
    lines = [line.removeprefix("TIME · ") for line in said.split("\n")]
    return [line for line in lines if "writes the whole audit" not in line and line != "*TIME*"]


async def test_what_was_done_is_listed_newest_first(env: Environment) -> None:
    """With who, on which target, and what became of it; denials too."""
    await serve(env)
    await grant(env, Permission.TERMINATE, who="Workspace admins")
    await env.member.click(root(env), "Terminate")
    await env.slack.until(lambda: ephemeral_texts(env))
    await env.member.click(root(env), "Sleep")
    await env.slack.until(lambda: has_replies(env, 4))
    await save_settings(env, approval="Every request needs approval", lifetime=5)
    assert await shown(env) == snapshot(
        [
            "@admin · configure in `prod` · done · approval: never → always; lifetime: none → 5 h",
            "@requester · sleep *it* in `prod` · accepted",
            "@requester · terminate *it* in `prod` · denied",
            "@admin · configure in `prod` · done · terminate: everyone in the channel → workspace admins",
            "@requester · deploy *it* in `prod` · accepted · org/model on 1 × H100, 1 replica",
            "@admin · connect in `prod` · done · project sandbox-project",
        ]
    )


async def test_approvals_are_listed(env: Environment) -> None:
    """What was asked, who decided, and why."""
    await save_settings(env, approval="Every request needs approval")
    for number in range(2):
        line = f"org/model --gpu 1xH100 --replicas 1 --name it-{number} --yes"
        await env.member.command(env.channel, line)
    await env.slack.until(
        lambda: len([1 for one in env.channel.messages.values() if "is waiting" in one.text]) == 2
    )
    first, second = roots(env)
    await env.admin.click(first, "Reject")
    await env.slack.until(lambda: env.admin.modal)
    await env.admin.fill("Reason", "not <now>")
    await env.admin.submit()
    await env.slack.until(lambda: "wasn't approved" in first.text)
    await env.admin.click(second, "Approve")
    await env.slack.until(lambda: env.friendli.endpoints)
    assert await shown(env) == snapshot(
        [
            "@admin · approve *it-1* in `prod` · done",
            "@admin · reject *it-0* in `prod` · done · not <now>",
            "@requester · deploy *it-1* in `prod` · accepted · org/model on 1 × H100, 1 replica; waits for approval",
            "@requester · deploy *it-0* in `prod` · accepted · org/model on 1 × H100, 1 replica; waits for approval",
            "@admin · configure in `prod` · done · approval: never → always",
            "@admin · connect in `prod` · done · project sandbox-project",
        ]
    )


async def test_an_admin_s_acts_on_targets_are_listed(env: Environment) -> None:
    """Connecting and disconnecting, without the key."""
    await env.admin.command(env.channel, "disconnect")
    [question] = await env.slack.until(lambda: env.admin.ephemerals(env.channel))
    await env.admin.click(question, "Disconnect")
    await env.slack.until(lambda: "is disconnected" in env.admin.ephemerals(env.channel)[-1].text)
    assert await shown(env, env.admin) == snapshot(
        [
            "@admin · disconnect in `prod` · done · project sandbox-project",
            "@admin · connect in `prod` · done · project sandbox-project",
        ]
    )


async def test_older_acts_are_a_click_away(env: Environment) -> None:
    """Fifteen at a time, and back."""
    database = Database(env.database)
    place = ChannelRef("", "T000000001", env.channel.id)
    async with database.write() as session:
        for number in range(20):
            audit.write(session, place, env.member.user.id, f"test:{number:02}", Effect.DONE)
    await database.close()
    assert len(await shown(env)) == 15
    [page] = env.member.ephemerals(env.channel)
    assert page.buttons == ["Older"]
    await env.member.click(page, "Older")
    await env.slack.until(lambda: "Newest" in page.buttons)
    assert message_text(env, page) == snapshot("""\
*TIME*
TIME · @requester · 04 · done
TIME · @requester · 03 · done
TIME · @requester · 02 · done
TIME · @requester · 01 · done
TIME · @requester · 00 · done
TIME · @admin · connect in `prod` · done · project sandbox-project
`friendli-deploy audit export`, run where the bot runs, writes the whole audit.
[Newest]\
""")
    await env.member.click(page, "Newest")
    await env.slack.until(lambda: page.buttons == ["Older"])


async def test_the_audit_may_be_for_some(env: Environment) -> None:
    """As everything may."""
    await grant(env, Permission.AUDIT, who="Workspace admins")
    assert await shown(env) == snapshot(["Only workspace admins can read the audit. Ask @admin."])


async def test_each_target_has_its_own(env: Environment) -> None:
    """All of them that one may read, or one by its name; another's stays unseen."""
    await grant(env, Permission.AUDIT, who="Workspace admins")
    await connect(env, "staging")
    assert [
        await shown(env, env.admin),
        await shown(env, env.admin, "audit Staging"),
        await shown(env),
        await shown(env, text="audit prod"),
        await shown(env, text="audit prdo"),
    ] == snapshot(
        [
            [
                "@admin · connect in `staging` · done · project sandbox-project",
                "@admin · configure in `prod` · done · read the audit: everyone in the channel → workspace admins",
                "@admin · connect in `prod` · done · project sandbox-project",
            ],
            ["@admin · connect in `staging` · done · project sandbox-project"],
            ["@admin · connect in `staging` · done · project sandbox-project"],
            ["Only workspace admins can read the audit in `prod`. Ask @admin."],
            [
                "I don't know the target `prdo`. Did you mean `prod`? This channel deploys to `prod`, `staging`."
            ],
        ]
    )


async def test_the_export_is_a_line_of_json_for_each_act(env: Environment) -> None:
    """With the message that it came from, and without any secret."""
    await serve(env)
    await env.member.click(root(env), "Sleep")
    await env.slack.until(lambda: has_replies(env, 3))
    ended = await run(env, "audit", "export")
    lines = [json.loads(line) for line in ended.out.splitlines()]
    assert ended.code == 0
    assert [line["action"] for line in lines] == snapshot(
        ["target:connect", "endpoint:deploy", "endpoint:sleep"]
    )
    assert set(lines[-1]) == {
        "id",
        "at",
        "enterprise",
        "workspace",
        "channel",
        "person",
        "action",
        "target",
        "endpoint",
        "effect",
        "detail",
        "message_ts",
    }
    assert lines[-1]["message_ts"] == root(env).ts
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", lines[-1]["at"])
    for secret in (API_KEY, BOT_TOKEN, SIGNING_SECRET, env.encryption_key.get_secret_value()):
        assert secret not in ended.out
    later = await run(env, "audit", "export", "--since", "2999-01-01")
    assert (later.code, later.out) == (0, "")


async def test_asking_those_who_may_puts_the_wish_into_the_thread_once(env: Environment) -> None:
    """They are mentioned there and in the channel; a double click asks once."""
    await serve(env)
    await grant(env, Permission.TERMINATE, who="Workspace admins")
    await env.member.click(root(env), "Terminate")
    [refusal] = await env.slack.until(lambda: env.member.ephemerals(env.channel))
    assert message_text(env, refusal) == snapshot("""\
Only workspace admins can terminate in `prod`.
Ask @admin.
[Ask them]\
""")
    await env.member.double_click(refusal, "Ask them")
    await env.slack.until(lambda: last_reply_contains(env, "asks you"))
    await env.slack.until(lambda: "Ask them" not in env.member.ephemerals(env.channel)[0].buttons)
    assert thread(env)[2:] == snapshot(["# @admin, @requester asks you to terminate it."])
    assert "sked in the thread" in ephemeral_texts(env)[0]
    await env.member.click(root(env), "Terminate")
    await env.slack.until(lambda: len(ephemeral_texts(env)) == 2)
    await env.member.click(env.member.ephemerals(env.channel)[1], "Ask them")
    await env.slack.until(lambda: "already asked" in ephemeral_texts(env)[1])
    assert len(thread(env)) == 3


async def test_who_is_allowed_meanwhile_needn_t_ask(env: Environment) -> None:
    """The button says so instead."""
    await serve(env)
    await grant(env, Permission.OPERATE, who="Workspace admins")
    await env.member.click(root(env), "Sleep")
    [refusal] = await env.slack.until(lambda: env.member.ephemerals(env.channel))
    await grant(env, Permission.OPERATE, who="Everyone in the channel")
    await env.member.click(refusal, "Ask them")
    await env.slack.until(lambda: "can do this yourself" in ephemeral_texts(env)[0])
    assert len(thread(env)) == 2


async def test_what_was_refused_is_asked_for_whatever_the_endpoint_does_meanwhile(
    env: Environment,
) -> None:
    """The request names the operation, and doesn't guess it from the status."""
    endpoint = await serve(env)
    await grant(env, Permission.OPERATE, who="Workspace admins")
    await env.member.click(root(env), "Sleep")
    [refusal] = await env.slack.until(lambda: env.member.ephemerals(env.channel))
    env.friendli.set_status(endpoint, "SLEEPING")
    await env.slack.until(lambda: "is asleep" in root(env).text)
    await env.member.click(refusal, "Ask them")
    await env.slack.until(lambda: last_reply_contains(env, "asks you"))
    assert thread(env)[-1] == snapshot("# @admin, @requester asks you to put it to sleep.")


async def test_a_group_is_asked_by_its_name(env: Environment) -> None:
    """As it is written in Slack, so that all of it hear of it."""
    endpoint = await serve(env)
    group = env.slack.add_usergroup("ml-oncall", [env.admin.user])
    await grant(env, Permission.OPERATE, who="The people and groups below", groups=["@ml-oncall"])
    env.friendli.set_status(endpoint, "SLEEPING")
    await env.slack.until(lambda: "Wake ($5.00/h)" in root(env).buttons)
    await env.member.click(root(env), "Wake ($5.00/h)")
    [refusal] = await env.slack.until(lambda: env.member.ephemerals(env.channel))
    assert message_text(env, refusal).replace(group.id, "GROUP") == snapshot("""\
Only <!subteam^GROUP> can sleep, wake and restart in `prod`.
*Ask them* posts your request in this thread.
[Ask them]\
""")
    await env.member.click(refusal, "Ask them")
    await env.slack.until(lambda: last_reply_contains(env, "asks you"))
    assert thread(env)[-1].replace(group.id, "GROUP") == snapshot(
        "# <!subteam^GROUP>, @requester asks you to wake it."
    )
