"""Whatever is typed after the slash command is answered, and pings nobody."""

from hypothesis import given
from hypothesis import strategies as st

from bot.commands.features import registry
from tests.attacks.harness import AttackHarness
from tests.attacks.strategies import deploy_line, examples, odd_text, slash_text

NAMES = tuple(registry().commands)


@examples(60)
@given(typed=slash_text(NAMES))
async def test_any_text_is_answered(attack: AttackHarness, typed: str) -> None:
    """No text breaks a command, and none of its markup comes back as markup."""
    await attack.check_response(await attack.command(typed))


@examples(20)
@given(typed=deploy_line())
async def test_any_deployment_is_told_harmlessly(attack: AttackHarness, typed: str) -> None:
    """Names and comments reach the thread as they were typed, and never as markup."""
    await attack.check_response(await attack.command(typed))


@examples(60)
@given(name=st.sampled_from(NAMES), typed=odd_text())
async def test_an_admin_s_text_is_answered_too(
    attack: AttackHarness, name: str, typed: str
) -> None:
    """Behind an admin's commands lie forms, which must not be made of what Slack refuses."""
    await attack.check_response(await attack.command(f"{name} {typed}", person=attack.env.admin))
