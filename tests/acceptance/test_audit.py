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
from bot.sandbox.slack.people import Actor
from bot.services import audit
from tests.acceptance.configuring import configure, grant
from tests.acceptance.test_polling import serve
from tests.acceptance.thread_assertions import (
    ends,
    plain,
    root,
    roots,
    thread,
    told,
    whispers,
    words,
)
from tests.test_cli import run

pytestmark = pytest.mark.usefixtures("bot")


async def shown(here: Environment, person: Actor | None = None, text: str = "audit") -> list[str]:
    """The lines that the command shows, without their moments."""
    who = person or here.member
    seen = len(who.ephemerals(here.channel))
    await who.command(here.channel, text)
    await here.slack.until(lambda: len(who.ephemerals(here.channel)) > seen)
    said = plain(here, who.ephemerals(here.channel)[-1].text)
    lines = [line.removeprefix("TIME · ") for line in said.split("\n")]
    return [line for line in lines if "writes all of it" not in line]


async def test_what_was_done_is_listed_newest_first(here: Environment) -> None:
    """With who, on which target, and what became of it; denials too."""
    await serve(here)
    await grant(here, Permission.TERMINATE, who="Workspace admins")
    await here.member.click(root(here), "Terminate")
    await here.slack.until(lambda: whispers(here))
    await here.member.click(root(here), "Sleep")
    await here.slack.until(lambda: told(here, 4))
    await configure(here, approval="Every request needs approval", lifetime=5)
    assert await shown(here) == snapshot(
        [
            "@admin · configure in `prod` · done · approval: never → always; time to live: no end → 5 h",
            "@requester · sleep *it* in `prod` · accepted",
            "@requester · terminate *it* in `prod` · denied",
            "@admin · configure in `prod` · done · terminating: everyone in the channel → workspace admins",
            "@requester · deploy *it* in `prod` · accepted · org/model on 1 × H100, 1 replica",
            "@admin · connect in `prod` · done · project sandbox-project",
        ]
    )


async def test_approvals_are_listed(here: Environment) -> None:
    """What was asked, who decided, and why."""
    await configure(here, approval="Every request needs approval")
    for number in range(2):
        line = f"org/model --gpu 1xH100 --replicas 1 --name it-{number} --yes"
        await here.member.command(here.channel, line)
    await here.slack.until(
        lambda: len([1 for one in here.channel.messages.values() if "waits" in one.text]) == 2
    )
    first, second = roots(here)
    await here.admin.click(first, "Reject")
    await here.slack.until(lambda: here.admin.modal)
    await here.admin.fill("Reason", "not <now>")
    await here.admin.submit()
    await here.slack.until(lambda: "wasn't approved" in first.text)
    await here.admin.click(second, "Approve")
    await here.slack.until(lambda: here.friendli.endpoints)
    assert await shown(here) == snapshot(
        [
            "@admin · approve *it-1* in `prod` · done",
            "@admin · reject *it-0* in `prod` · done · not <now>",
            "@requester · deploy *it-1* in `prod` · accepted · org/model on 1 × H100, 1 replica; waits for approval",
            "@requester · deploy *it-0* in `prod` · accepted · org/model on 1 × H100, 1 replica; waits for approval",
            "@admin · configure in `prod` · done · approval: never → always",
            "@admin · connect in `prod` · done · project sandbox-project",
        ]
    )


async def test_an_admin_s_acts_on_targets_are_listed(here: Environment) -> None:
    """Connecting and disconnecting, without the key."""
    await here.admin.command(here.channel, "disconnect")
    [question] = await here.slack.until(lambda: here.admin.ephemerals(here.channel))
    await here.admin.click(question, "Disconnect")
    await here.slack.until(
        lambda: "is disconnected" in here.admin.ephemerals(here.channel)[-1].text
    )
    assert await shown(here, here.admin) == snapshot(
        [
            "@admin · disconnect in `prod` · done · project sandbox-project",
            "@admin · connect in `prod` · done · project sandbox-project",
        ]
    )


async def test_older_acts_are_a_click_away(here: Environment) -> None:
    """Fifteen at a time, and back."""
    database = Database(here.database)
    place = ChannelRef("", "T000000001", here.channel.id)
    async with database.write() as session:
        for number in range(20):
            audit.write(session, place, here.member.user.id, f"test:{number:02}", Effect.DONE)
    await database.close()
    assert len(await shown(here)) == 15
    [page] = here.member.ephemerals(here.channel)
    assert page.buttons == ["Older"]
    await here.member.click(page, "Older")
    await here.slack.until(lambda: "Newest" in page.buttons)
    assert words(here, page) == snapshot("""\
TIME · @requester · 04 · done
TIME · @requester · 03 · done
TIME · @requester · 02 · done
TIME · @requester · 01 · done
TIME · @requester · 00 · done
TIME · @admin · connect in `prod` · done · project sandbox-project
`friendli-deploy audit export` writes all of it, where the bot runs.
[Newest]\
""")
    await here.member.click(page, "Newest")
    await here.slack.until(lambda: page.buttons == ["Older"])


async def test_the_audit_may_be_for_some(here: Environment) -> None:
    """As everything may."""
    await grant(here, Permission.AUDIT, who="Workspace admins")
    assert await shown(here) == snapshot(["Reading the audit is for workspace admins. Ask @admin."])


async def test_each_target_has_its_own(here: Environment) -> None:
    """All of them that one may read, or one by its name; another's stays unseen."""
    await grant(here, Permission.AUDIT, who="Workspace admins")
    await connect(here, "staging")
    assert [
        await shown(here, here.admin),
        await shown(here, here.admin, "audit Staging"),
        await shown(here),
        await shown(here, text="audit prod"),
        await shown(here, text="audit prdo"),
    ] == snapshot(
        [
            [
                "@admin · connect in `staging` · done · project sandbox-project",
                "@admin · configure in `prod` · done · reading the audit: everyone in the channel → workspace admins",
                "@admin · connect in `prod` · done · project sandbox-project",
            ],
            ["@admin · connect in `staging` · done · project sandbox-project"],
            ["@admin · connect in `staging` · done · project sandbox-project"],
            ["Reading the audit in `prod` is for workspace admins. Ask @admin."],
            [
                "No target here is called `prdo`. Nearest: `prod`. This channel deploys to `prod`, `staging`."
            ],
        ]
    )


async def test_the_export_is_a_line_of_json_for_each_act(here: Environment) -> None:
    """With the message that it came from, and without any secret."""
    await serve(here)
    await here.member.click(root(here), "Sleep")
    await here.slack.until(lambda: told(here, 3))
    ended = await run(here, "audit", "export")
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
    assert lines[-1]["message_ts"] == root(here).ts
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", lines[-1]["at"])
    for secret in (API_KEY, BOT_TOKEN, SIGNING_SECRET, here.encryption_key.get_secret_value()):
        assert secret not in ended.out
    later = await run(here, "audit", "export", "--since", "2999-01-01")
    assert (later.code, later.out) == (0, "")


async def test_asking_those_who_may_puts_the_wish_into_the_thread_once(here: Environment) -> None:
    """They are mentioned there and in the channel; a double click asks once."""
    await serve(here)
    await grant(here, Permission.TERMINATE, who="Workspace admins")
    await here.member.click(root(here), "Terminate")
    [refusal] = await here.slack.until(lambda: here.member.ephemerals(here.channel))
    assert words(here, refusal) == snapshot("""\
Terminating in `prod` is for workspace admins.
Ask @admin.
[Ask them]\
""")
    await here.member.double_click(refusal, "Ask them")
    await here.slack.until(lambda: ends(here, "asks you"))
    await here.slack.until(
        lambda: "Ask them" not in here.member.ephemerals(here.channel)[0].buttons
    )
    assert thread(here)[2:] == snapshot(["# @admin: @requester asks you to terminate it."])
    assert "request stands in the thread" in whispers(here)[0]
    await here.member.click(root(here), "Terminate")
    await here.slack.until(lambda: len(whispers(here)) == 2)
    await here.member.click(here.member.ephemerals(here.channel)[1], "Ask them")
    await here.slack.until(lambda: "asked already" in whispers(here)[1])
    assert len(thread(here)) == 3


async def test_who_is_allowed_meanwhile_needn_t_ask(here: Environment) -> None:
    """The button says so instead."""
    await serve(here)
    await grant(here, Permission.OPERATE, who="Workspace admins")
    await here.member.click(root(here), "Sleep")
    [refusal] = await here.slack.until(lambda: here.member.ephemerals(here.channel))
    await grant(here, Permission.OPERATE, who="Everyone in the channel")
    await here.member.click(refusal, "Ask them")
    await here.slack.until(lambda: "may do this yourself" in whispers(here)[0])
    assert len(thread(here)) == 2


async def test_a_group_is_asked_by_its_name(here: Environment) -> None:
    """As it is written in Slack, so that all of it hear of it."""
    endpoint = await serve(here)
    group = here.slack.add_usergroup("ml-oncall", [here.admin.user])
    await grant(here, Permission.OPERATE, who="The people and groups below", groups=["@ml-oncall"])
    here.friendli.set_status(endpoint, "SLEEPING")
    await here.slack.until(lambda: "Wake ($5.00/h)" in root(here).buttons)
    await here.member.click(root(here), "Wake ($5.00/h)")
    [refusal] = await here.slack.until(lambda: here.member.ephemerals(here.channel))
    assert words(here, refusal).replace(group.id, "GROUP") == snapshot("""\
Putting to sleep, waking and restarting in `prod` is for <!subteam^GROUP>.
Ask them posts your request in this thread.
[Ask them]\
""")
    await here.member.click(refusal, "Ask them")
    await here.slack.until(lambda: ends(here, "asks you"))
    assert thread(here)[-1].replace(group.id, "GROUP") == snapshot(
        "# <!subteam^GROUP>: @requester asks you to wake it."
    )
