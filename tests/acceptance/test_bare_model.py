"""Stories of models without an organisation, which are told from commands with a typo."""

import pytest
from inline_snapshot import snapshot

from bot.sandbox.environment import Environment
from bot.sandbox.faults import Hang
from tests.acceptance.thread_assertions import root, words

pytestmark = pytest.mark.usefixtures("bot")

LINE = "gpt2 --gpu 1xH100 --name it"


async def answered(here: Environment, line: str) -> str:
    """What only the member sees after a line."""
    seen = len(here.member.ephemerals(here.channel))
    await here.member.command(here.channel, line)
    await here.slack.until(lambda: len(here.member.ephemerals(here.channel)) > seen)
    return words(here, here.member.ephemerals(here.channel)[-1])


async def sent_model(here: Environment) -> object:
    """The model of the only create request."""
    await here.friendli.until(lambda: here.friendli.endpoints)
    [create] = [one for one in here.friendli.requests if one.operation == "create_endpoint"]
    assert isinstance(create.body, dict)
    return create.body["hfModelRepo"]


async def test_a_model_without_organisation_passes_when_the_hub_has_it(here: Environment) -> None:
    """The line asks as any other, and the name is sent as it is."""
    assert "not checked" not in await answered(here, LINE)
    await here.member.click(here.member.ephemerals(here.channel)[-1], "Deploy")
    assert await sent_model(here) == "gpt2"
    await here.slack.until(lambda: "is coming up" in root(here).text)


async def test_the_form_takes_it_as_well(here: Environment) -> None:
    """Its own field says so where the Hub has no such model."""
    await here.member.command(here.channel)
    await here.slack.until(lambda: here.member.modal)
    await here.member.fill("Model", "gpt3")
    await here.member.fill("Instance", "1xH100")
    await here.member.submit()
    assert here.member.field_errors == snapshot(
        {
            "Model": "“gpt3” isn't a whole model name. Write org/name, such as “meta-llama/Llama-3.1-8B-Instruct”."
        }
    )
    await here.member.fill("Model", "gpt2")
    await here.member.submit()
    assert await sent_model(here) == "gpt2"


async def test_one_that_can_not_be_checked_is_asked_about(here: Environment) -> None:
    """With `--yes`, too: the note says that nobody knows whether there is such a model."""
    here.hub.faults.add(Hang(), times=None)
    assert await answered(here, f"{LINE} --yes") == snapshot("""\
*it* on 1 × H100, 0–1 replicas, in `prod`: *$5.00/h* once it serves.
Skip special tokens: `on` · Add special tokens: `on` · Cool-down: `300 s`
gpt2
It sleeps after 5 min without requests, at $0.00/h; any request wakes it.
`gpt2` is not checked: the Hugging Face Hub can't be asked right now.
[Deploy] [Change] [Cancel]\
""")
    assert not here.friendli.endpoints
    await here.member.click(here.member.ephemerals(here.channel)[-1], "Deploy")
    assert await sent_model(here) == "gpt2"


@pytest.mark.parametrize("away", [False, True])
async def test_a_command_with_a_typo_is_no_model(here: Environment, *, away: bool) -> None:
    """It gets its suggestion, whether the Hub can be asked or not."""
    if away:
        here.hub.faults.add(Hang(), times=None)
    for line in ("sttus it", "sttus --to prod"):
        assert await answered(here, line) == snapshot("""\
No command is called `sttus`. Nearest: `status`.
`/friendli-deploy status`\
""")
    assert not here.friendli.endpoints


async def test_what_is_neither_is_told(here: Environment) -> None:
    """A word that no command is like and that the Hub doesn't know."""
    assert await answered(here, "please") == snapshot("""\
`please` is neither a command nor a model. A model is written org/name.
`/friendli-deploy help` shows what can be typed.\
""")
    assert await answered(here, "gpt3 --gpu 1xH100") == snapshot("""\
`gpt3` is neither a command nor a model. A model is written org/name.
`/friendli-deploy help` shows what can be typed.\
""")
