"""Proposed endpoint names: the model's name and a short random tag."""

import re
import secrets

from bot.domain.request.hub_names import read_model

# No vowels, no look-alikes: tags are read aloud, and spell nothing.
_TAG_ALPHABET = "23456789bcdfghjkmnpqrstvwxz"
_TAG_LENGTH = 4
_SLUG_LENGTH = 50


def new_tag() -> str:
    """The random end of a proposed name, against collisions between strangers."""
    number, letters = secrets.randbelow(len(_TAG_ALPHABET) ** _TAG_LENGTH), ""
    for _ in range(_TAG_LENGTH):
        number, letter = divmod(number, len(_TAG_ALPHABET))
        letters += _TAG_ALPHABET[letter]
    return letters


def propose_name(model: str, tag: str) -> str:
    """An endpoint's name from a model's: "meta-llama/Llama-3.1-8B" → "llama-3-1-8b-k7wq".

    The model may be a pasted URL, valid or not. Lower-case ASCII letters, digits and hyphens, at
    most 55 characters with a 4-character tag.
    """
    repo = read_model(model).repo or ""
    slug = re.sub(r"[^a-z0-9]+", "-", repo.rpartition("/")[2].lower())[:_SLUG_LENGTH].strip("-")
    return f"{slug or 'endpoint'}-{tag}"
