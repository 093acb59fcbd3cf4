"""Encryption of API keys at rest, under keys that can be rotated."""

import hashlib

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr

from bot import logs


class UnreadableKeyError(Exception):
    """A stored API key can't be decrypted: the encryption key that made it isn't configured."""


class Vault:
    """Encrypts with the first key, decrypts with any of them.

    Every secret that passes through is masked in logs from then on.

    Args:
        keys: Fernet keys, 32 random bytes in URL-safe base64 each; at least one.
    """

    def __init__(self, keys: list[SecretStr]) -> None:
        self._fernet = MultiFernet([Fernet(key.get_secret_value()) for key in keys])

    def encrypt(self, secret: SecretStr) -> str:
        """Return the ciphertext to store."""
        value = secret.get_secret_value()
        logs.redactor.learn([value])
        return self._fernet.encrypt(value.encode()).decode()

    def decrypt(self, ciphertext: str) -> SecretStr:
        """Return the secret behind a stored ciphertext.

        Raises:
            UnreadableKeyError: no configured key fits.
        """
        try:
            value = self._fernet.decrypt(ciphertext.encode()).decode()
        except InvalidToken:
            raise UnreadableKeyError from None
        logs.redactor.learn([value])
        return SecretStr(value)


def new_encryption_key() -> str:
    """Make a key for the ENCRYPTION_KEYS setting."""
    return Fernet.generate_key().decode()


def fingerprint(secret: SecretStr) -> str:
    """Tell equal API keys apart from others without storing them.

    API keys are long and random, so a plain hash can't be turned back by guessing.
    """
    return hashlib.sha256(b"friendli-deploy:" + secret.get_secret_value().encode()).hexdigest()[:32]


def last_four(secret: SecretStr) -> str:
    """The part of a key that may be shown; nothing of one too short to spare four characters."""
    value = secret.get_secret_value()
    return value[-4:] if len(value) >= 12 else ""
