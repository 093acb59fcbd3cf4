"""Stories of models without an organisation, which are told from commands with a typo."""

import pytest
from inline_snapshot import snapshot

from bot.sandbox.environment import Environment
from bot.sandbox.faults import Hang
from tests.acceptance.thread_assertions import message_text, root

pytestmark = pytest.mark.usefixtures("bot")

LINE = "gpt2 --gpu 1xH100 --name it"


async def answered(env: Environment, line: str) -> str:
    """What only the member sees after a line."""
    seen = len(env.member.ephemerals(env.channel))
    await env.member.command(env.channel, line)
    await env.slack.until(lambda: len(env.member.ephemerals(env.channel)) > seen)
    return message_text(env, env.member.ephemerals(env.channel)[-1])


async def sent_model(env: Environment) -> object:
    """The model of the only create request."""
    await env.friendli.until(lambda: env.friendli.endpoints)
    [create] = [one for one in env.friendli.requests if one.operation == "create_endpoint"]
    assert isinstance(create.body, dict)
    return create.body["hfModelRepo"]


async def test_a_model_without_organisation_passes_when_the_hub_has_it(env: Environment) -> None:
    """The line asks as any other, and the name is sent as it is."""
    assert "not checked" not in await answered(env, LINE)
    await env.member.click(env.member.ephemerals(env.channel)[-1], "Deploy")
    assert await sent_model(env) == "gpt2"
    await env.slack.until(lambda: "is starting" in root(env).text)


async def test_the_form_takes_it_as_well(env: Environment) -> None:
    """Its own field says so where the Hub has no such model."""
    await env.member.command(env.channel)
    await env.slack.until(lambda: env.member.modal)
    await env.member.fill("Model", "gpt3")
    await env.member.fill("Instance", "1xH100")
    await env.member.submit()
    assert env.member.field_errors == snapshot(
        {
            "Model": "“gpt3” isn't a full model name. Write org/name, such as “meta-llama/Llama-3.1-8B-Instruct”."
        }
    )
    await env.member.fill("Model", "gpt2")
    await env.member.submit()
    assert await sent_model(env) == "gpt2"


async def test_one_that_can_not_be_checked_is_asked_about(env: Environment) -> None:
    """With `--yes`, too: the note says that nobody knows whether there is such a model."""
    env.hub.faults.add(Hang(), times=None)
    assert await answered(env, f"{LINE} --yes") == snapshot("""\
*it* on 1 × H100, 0–1 replicas, in `prod`: *$5.00/h* while live ($3,650/month), $0.00/h asleep
Skip special tokens: `on` · Add special tokens: `on` · Cool-down: `300 s`
gpt2
Sleeps after 5 min without requests ($0.00/h); any request wakes it.
`gpt2` isn't checked: the Hugging Face Hub isn't answering.
[Deploy] [Change] [Cancel]\
""")
    assert not env.friendli.endpoints
    await env.member.click(env.member.ephemerals(env.channel)[-1], "Deploy")
    assert await sent_model(env) == "gpt2"


@pytest.mark.parametrize("away", [False, True])
async def test_a_command_with_a_typo_is_no_model(env: Environment, *, away: bool) -> None:
    """It gets its suggestion, whether the Hub can be asked or not."""
    if away:
        env.hub.faults.add(Hang(), times=None)
    for rest in ("it", "--to prod"):
        assert await answered(env, f"sttus {rest}") == (
            "I don't know the command `sttus`. Did you mean `status`?\n"
            f"`/friendli-deploy status {rest}`\n[Run this]"
        )
    assert not env.friendli.endpoints


async def test_what_is_neither_is_told(env: Environment) -> None:
    """A word that no command is like and that the Hub doesn't know."""
    assert await answered(env, "please") == snapshot("""\
I don't know `please`. Models look like org/name.
`/friendli-deploy help` lists the commands.\
""")
    assert await answered(env, "gpt3 --gpu 1xH100") == snapshot("""\
I don't know `gpt3`. Models look like org/name.
`/friendli-deploy help` lists the commands.\
""")
