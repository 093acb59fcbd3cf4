"""Encryption of API keys at rest, under keys that can be rotated."""

import hashlib

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr

from bot import logs

# Stored in place of a ciphertext: the key is the operator's, who may change it at any time.
_OPERATORS = ""


class UnreadableKeyError(Exception):
    """A key isn't configured: the one that encrypted an API key, or the operator's API key."""


class Vault:
    """Encrypts with the first key, decrypts with any of them.

    Every secret that passes through is masked in logs from then on.

    Args:
        keys: Fernet keys, 32 random bytes in URL-safe base64 each; at least one.
        operators_key: The API key of targets that bring none.
    """

    def __init__(self, keys: list[SecretStr], operators_key: SecretStr | None = None) -> None:
        self._fernet = MultiFernet([Fernet(key.get_secret_value()) for key in keys])
        self._operators_key = operators_key

    def encrypt(self, secret: SecretStr | None) -> str:
        """Return what to store for an API key, or for None, the operator's."""
        if secret is None:
            return _OPERATORS
        value = secret.get_secret_value()
        logs.redactor.learn([value])
        return self._fernet.encrypt(value.encode()).decode()

    def decrypt(self, ciphertext: str) -> SecretStr:
        """Return the secret behind what is stored.

        Raises:
            UnreadableKeyError: no configured key fits.
        """
        if ciphertext == _OPERATORS:
            if self._operators_key is None:
                raise UnreadableKeyError
            return self._operators_key
        try:
            value = self._fernet.decrypt(ciphertext.encode()).decode()
        except InvalidToken:
            raise UnreadableKeyError from None
        logs.redactor.learn([value])
        return SecretStr(value)


def new_encryption_key() -> str:
    """Make a key for the ENCRYPTION_KEYS setting."""
    return Fernet.generate_key().decode()


def fingerprint(secret: SecretStr | None) -> str:
    """Tell equal API keys apart from others without storing them; '' is the operator's.

    API keys are long and random, so a plain hash can't be turned back by guessing.
    """
    if secret is None:
        return ""
    return hashlib.sha256(b"friendli-deploy:" + secret.get_secret_value().encode()).hexdigest()[:32]


def last_four(secret: SecretStr | None) -> str:
    """The part of a key that may be shown.

    Nothing of one too short to spare four characters, and nothing of the operator's.
    """
    value = secret.get_secret_value() if secret else ""
    return value[-4:] if len(value) >= 12 else ""
