"""The access to Friendli that a watched project's row holds."""

from bot.db.crypto import UnreadableKeyError, Vault
from bot.db.models import WatchedProject
from bot.friendli.access import Access


class NoKeyError(Exception):
    """The project's API key was wiped: its last target is disconnected."""


def access_to(project: WatchedProject, vault: Vault) -> Access:
    """Decrypt a project's key.

    Raises:
        NoKeyError: There is no key any more.
        UnreadableKeyError: No configured encryption key fits.
    """
    if project.key_ciphertext is None:
        raise NoKeyError
    return Access(vault.decrypt(project.key_ciphertext), project.team_id)


__all__ = ["NoKeyError", "UnreadableKeyError", "access_to"]
