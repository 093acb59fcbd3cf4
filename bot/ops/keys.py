"""`keys rotate`: re-encrypts the stored API keys, and says what to do next."""

from collections.abc import Callable

from bot.config import KeySettings
from bot.db.encryption import KeyRing
from bot.db.key_rotation import OutOfOrderError, check_order, rotate
from bot.db.startup import is_prepared, opened
from bot.domain.errors import ConfigError


async def rotate_keys(settings: KeySettings, say: Callable[[str], object]) -> int:
    """Encrypt every stored API key with the first key, once every replica has it; 0 if all are."""
    key_ring = KeyRing(settings.encryption_keys)
    silent_after = settings.replica_silent_after
    async with opened(settings, create=False) as database:
        if not await is_prepared(database, settings):
            raise ConfigError(
                ["The database isn't up to date. Run `friendli-deploy migrate` or start the bot."]
            )
        try:
            await check_order(database, key_ring, silent_after)
        except OutOfOrderError as error:
            say(f"{error.problem} Nothing was changed.")
            say(error.next_step)
            return 1
        done = await rotate(database, key_ring)
        say(f"Encrypted anew: {done.rotated}. Under the first key before: {done.current}.")
        try:
            # A replica may have started meanwhile.
            await check_order(database, key_ring, silent_after)
        except OutOfOrderError as error:
            say(error.problem)
            say(error.next_step)
            return 1
    if done.lost:
        say(
            "No key of ENCRYPTION_KEYS decrypts the API keys of these targets"
            " (enterprise/workspace/channel/name). Bring the missing encryption key back and run"
            " this again, or have an admin run `/friendli-deploy connect` there:"
        )
        for target in done.lost:
            say(f"  {target}")
        return 1
    if len(settings.encryption_keys) > 1:
        say("Now drop the other keys from ENCRYPTION_KEYS everywhere, and restart.")
    return 0
