"""Encryption of API keys at rest, under keys that can be rotated."""

import hashlib
from base64 import urlsafe_b64decode

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr

from bot.domain.process.redaction import redactor

# Stored in place of a ciphertext: the key is the operator's, who may change it at any time.
_OPERATORS = ""


class UnreadableKeyError(Exception):
    """A key isn't configured: the one that encrypted an API key, or the operator's API key."""


class MismatchedKeyError(UnreadableKeyError):
    """The stored key isn't the one that was connected: it was moved, blanked or swapped."""


class KeyRing:
    """Encrypts with the first key, decrypts with any of them.

    Every secret that passes through is masked in logs from then on.

    Args:
        keys: Fernet keys, 32 random bytes in URL-safe base64 each; at least one.
        operators_key: The API key of targets that bring none.

    Attributes:
        fingerprints: Of the encryption keys, in their order; they tell nothing of the keys.
    """

    def __init__(self, keys: list[SecretStr], operators_key: SecretStr | None = None) -> None:
        fernets = [Fernet(key.get_secret_value()) for key in keys]
        self._first = fernets[0]
        self._fernet = MultiFernet(fernets)
        self._operators_key = operators_key
        self.fingerprints = [_fingerprint_of_encryption_key(key) for key in keys]

    def encrypt(self, secret: SecretStr | None) -> str:
        """Return what to store for an API key, or for None, the operator's."""
        if secret is None:
            return _OPERATORS
        value = secret.get_secret_value()
        redactor.learn([value])
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
        redactor.learn([value])
        return SecretStr(value)

    def is_operators(self, ciphertext: str) -> bool:
        """Whether what is stored stands for the operator's key."""
        return ciphertext == _OPERATORS

    def needs_rotation(self, ciphertext: str) -> bool:
        """Whether it is encrypted with another key than the first, as far as can be told."""
        if ciphertext == _OPERATORS:
            return False
        try:
            self._first.decrypt(ciphertext.encode())
        except InvalidToken:
            return True
        return False

    def rotate(self, ciphertext: str) -> str:
        """Encrypt with the first key what was encrypted with any of them.

        Raises:
            UnreadableKeyError: no configured key fits.
        """
        try:
            return self._fernet.rotate(ciphertext.encode()).decode()
        except InvalidToken:
            raise UnreadableKeyError from None


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


def _fingerprint_of_encryption_key(key: SecretStr) -> str:
    # 32 random bytes can't be found by guessing; they may be written in more than one way.
    random = urlsafe_b64decode(key.get_secret_value())
    return hashlib.sha256(b"friendli-deploy encryption key:" + random).hexdigest()[:16]


def last_four(secret: SecretStr | None) -> str:
    """The part of a key that may be shown.

    Nothing of one too short to spare four characters, and nothing of the operator's.
    """
    value = secret.get_secret_value() if secret else ""
    return value[-4:] if len(value) >= 12 else ""
