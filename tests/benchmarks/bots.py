"""Settings of the bots that are measured, as values and as the environment of a process."""

from bot.config import Settings
from bot.db.encryption import new_encryption_key

SIGNING_SECRET = "sandbox-signing-secret"
BOT_TOKEN = "sandbox-bot-token"


def settings_of(outside: str, database: str, **more: str) -> tuple[Settings, dict[str, str]]:
    """Settings of a bot between an outside and a database.

    Args:
        outside: The address of both APIs.
        database: The database's URL.
        more: Settings that differ from their defaults, by their names in the environment.
    """
    environment = {
        "SLACK_BOT_TOKEN": BOT_TOKEN,
        "SLACK_SIGNING_SECRET": SIGNING_SECRET,
        "SLACK_API_URL": f"{outside}/api/",
        "FRIENDLI_API_URL": outside,
        # Nothing listens there: what isn't measured is refused at once.
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "DATABASE_URL": database,
        "ENCRYPTION_KEYS": new_encryption_key(),
        "PORT": "0",
        **more,
    }
    lower = {name.lower(): value for name, value in environment.items()}
    return Settings.model_validate(lower), environment
