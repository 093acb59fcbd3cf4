"""Encryption of API keys at rest, with rotation."""

import hashlib
from base64 import urlsafe_b64decode

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr

from bot.domain.process.redaction import redactor

# Stored in place of a ciphertext: the operator's key, which may change at any time.
_OPERATORS = ""


class UnreadableKeyError(Exception):
    """No configured key decrypts it, or the operator's API key is missing."""


class MismatchedKeyError(UnreadableKeyError):
    """The stored key isn't the one that was connected: moved, blanked or swapped."""


class KeyRing:
    """Encrypts with the first key, decrypts with any.

    Registers every secret for masking in logs.

    Args:
        keys: At least one Fernet key: 32 random bytes in URL-safe base64.
        operators_key: The API key of targets without their own.

    Attributes:
        fingerprints: Of the encryption keys, in order; not reversible.
    """

    def __init__(self, keys: list[SecretStr], operators_key: SecretStr | None = None) -> None:
        fernets = [Fernet(key.get_secret_value()) for key in keys]
        self._first = fernets[0]
        self._fernet = MultiFernet(fernets)
        self._operators_key = operators_key
        self.fingerprints = [_fingerprint_of_encryption_key(key) for key in keys]

    def encrypt(self, secret: SecretStr | None) -> str:
        """The ciphertext to store; None is the operator's key."""
        if secret is None:
            return _OPERATORS
        value = secret.get_secret_value()
        redactor.learn([value])
        return self._fernet.encrypt(value.encode()).decode()

    def decrypt(self, ciphertext: str) -> SecretStr:
        """Return the secret, or raise UnreadableKeyError."""
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
        return ciphertext == _OPERATORS

    def needs_rotation(self, ciphertext: str) -> bool:
        if ciphertext == _OPERATORS:
            return False
        try:
            self._first.decrypt(ciphertext.encode())
        except InvalidToken:
            return True
        return False

    def rotate(self, ciphertext: str) -> str:
        """Encrypt with the first key; raises UnreadableKeyError if no key decrypts it."""
        try:
            return self._fernet.rotate(ciphertext.encode()).decode()
        except InvalidToken:
            raise UnreadableKeyError from None


def new_encryption_key() -> str:
    return Fernet.generate_key().decode()


def fingerprint(secret: SecretStr | None) -> str:
    """Identifies an API key without storing it; '' is the operator's.

    API keys are long and random, so a plain hash can't be reversed by guessing.
    """
    if secret is None:
        return ""
    return hashlib.sha256(b"friendli-deploy:" + secret.get_secret_value().encode()).hexdigest()[:32]


def _fingerprint_of_encryption_key(key: SecretStr) -> str:
    # 32 random bytes can't be guessed; they may be written in more than one way.
    random = urlsafe_b64decode(key.get_secret_value())
    return hashlib.sha256(b"friendli-deploy encryption key:" + random).hexdigest()[:16]


def last_four(secret: SecretStr | None) -> str:
    """The part of a key that may be shown.

    Empty for a key too short to spare four characters, and for the operator's.
    """
    value = secret.get_secret_value() if secret else ""
    return value[-4:] if len(value) >= 12 else ""
