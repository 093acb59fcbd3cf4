import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from bot.db import encryption
from bot.db.encryption import (
    KeyRing,
    UnreadableKeyError,
    fingerprint,
    last_four,
    new_encryption_key,
)
from bot.domain.process.redaction import Redactor

FIRST, SECOND = (SecretStr(new_encryption_key()) for _ in range(2))
API_KEY = SecretStr("made-up-key-not-a-secret")


def test_what_is_encrypted_can_be_read_again() -> None:
    """And only the ciphertext is stored."""
    key_ring = KeyRing([FIRST])
    ciphertext = key_ring.encrypt(API_KEY)
    assert API_KEY.get_secret_value() not in ciphertext
    assert key_ring.decrypt(ciphertext) == API_KEY


def test_the_same_key_is_never_stored_alike() -> None:
    """Equal ciphertexts would tell that two channels share a key."""
    key_ring = KeyRing([FIRST])
    assert key_ring.encrypt(API_KEY) != key_ring.encrypt(API_KEY)


def test_the_first_key_encrypts_and_all_decrypt() -> None:
    """So a new key can be put first while rows still hold the old one's ciphertexts."""
    old = KeyRing([FIRST]).encrypt(API_KEY)
    rotating = KeyRing([SECOND, FIRST])
    assert rotating.decrypt(old) == API_KEY
    assert KeyRing([SECOND]).decrypt(rotating.encrypt(API_KEY)) == API_KEY


@pytest.mark.parametrize("ciphertext", ["nonsense", "gAAAAA", "ж"])
def test_a_ciphertext_that_no_key_fits_is_told(ciphertext: str) -> None:
    """Without a word of what it holds, and without what the library said."""
    for stored in (ciphertext, KeyRing([FIRST]).encrypt(API_KEY)):
        with pytest.raises(UnreadableKeyError) as caught:
            KeyRing([SECOND]).decrypt(stored)
        assert str(caught.value) == ""
        assert caught.value.__suppress_context__


def test_of_the_operators_key_nothing_is_stored() -> None:
    """Whoever runs the bot changes it where it is set, and it is used from then on."""
    stored = KeyRing([FIRST], API_KEY).encrypt(None)
    changed = SecretStr("changed-key-not-a-secret")
    assert KeyRing([SECOND], changed).decrypt(stored) == changed
    assert (stored, fingerprint(None), last_four(None)) == ("", "", "")
    with pytest.raises(UnreadableKeyError):
        KeyRing([FIRST]).decrypt(stored)


def test_what_passes_through_is_masked_in_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key of any shape, from the moment on that it is stored or read."""
    typed, stored = SecretStr("typed-by-somebody"), SecretStr("stored-by-somebody")
    ciphertext = KeyRing([FIRST]).encrypt(stored)
    fresh = Redactor()
    monkeypatch.setattr(encryption, "redactor", fresh)
    key_ring = KeyRing([FIRST])
    key_ring.encrypt(typed)
    key_ring.decrypt(ciphertext)
    assert fresh.mask("typed-by-somebody, stored-by-somebody") == "•••, •••"


def test_a_new_encryption_key_is_fit_for_use_and_never_the_same() -> None:
    """As the setting wants it."""
    first, second = new_encryption_key(), new_encryption_key()
    assert first != second
    assert (
        KeyRing([SecretStr(first)]).decrypt(KeyRing([SecretStr(first)]).encrypt(API_KEY)) == API_KEY
    )


@given(st.text(), st.text())
def test_fingerprints_tell_equal_keys_from_others(one: str, other: str) -> None:
    """They are equal exactly if the keys are, and say nothing of the key."""
    first, second = fingerprint(SecretStr(one)), fingerprint(SecretStr(other))
    assert (first == second) == (one == other)
    assert len(first) == 32
    assert len(one) < 8 or one not in first


def test_a_fingerprint_stays_what_it_was() -> None:
    """It is stored: another release must find the same row by it."""
    assert fingerprint(API_KEY) == "3930b6d71999959f9e78cfbac478cdce"


@pytest.mark.parametrize(
    ("key", "shown"),
    [("", ""), ("abcd", ""), ("elevenchars", ""), ("twelve-chars", "hars")],
)
def test_of_a_short_key_nothing_is_shown(key: str, shown: str) -> None:
    """Four characters of twelve or more may be seen; of fewer, they would say too much."""
    assert last_four(SecretStr(key)) == shown
