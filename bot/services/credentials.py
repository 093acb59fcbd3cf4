"""Friendli credentials of a watched project."""

import hmac

from bot.db.deployment_tables import WatchedProject
from bot.db.encryption import KeyRing, MismatchedKeyError, UnreadableKeyError, fingerprint
from bot.friendli.credentials import Credentials


class NoKeyError(Exception):
    """The project's API key was wiped: its last target is disconnected."""


def credentials_for(project: WatchedProject, key_ring: KeyRing) -> Credentials:
    """Decrypt a project's key, and compare it with the fingerprint of the connected one.

    Otherwise a person with write access to the database could pay one target's endpoints with the
    key of another.

    Raises:
        NoKeyError: There is no key any more.
        MismatchedKeyError: It isn't the key that was connected.
        UnreadableKeyError: No configured encryption key fits.
    """
    if project.key_ciphertext is None:
        raise NoKeyError
    key = key_ring.decrypt(project.key_ciphertext)
    connected = None if key_ring.is_operators(project.key_ciphertext) else key
    if not hmac.compare_digest(fingerprint(connected), project.key_fingerprint):
        raise MismatchedKeyError
    return Credentials(key, project.team_id)


__all__ = ["MismatchedKeyError", "NoKeyError", "UnreadableKeyError", "credentials_for"]
