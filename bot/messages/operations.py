"""Words for what is done with endpoints: asked for, under way, refused."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.operations import Cause, OperationKind
from bot.messages.markup import mention


@dataclass(frozen=True, slots=True)
class OperationWords:
    """How one kind of operation is spoken of.

    Attributes:
        infinitive: Completes "asked to …" and "Friendli didn't …".
        being: Completes "<name> is being …".
        present: Completes "It …", when no person caused it.
        else_true: What is so if it wasn't done.
    """

    infinitive: str
    being: str
    present: str
    else_true: str


_STAYS = "It stays as it is."
_ENDS = "Its end stays as it is."
_BILLED = "It may still be billed."

WORDS: Mapping[OperationKind, OperationWords] = {
    OperationKind.SLEEP: OperationWords(
        "put it to sleep", "put to sleep", "is put to sleep", _BILLED
    ),
    OperationKind.WAKE: OperationWords("wake it", "woken", "is woken", _STAYS),
    OperationKind.RESTART: OperationWords("restart it", "restarted", "is restarted", _STAYS),
    OperationKind.TERMINATE: OperationWords("terminate it", "terminated", "is terminated", _BILLED),
    OperationKind.DELETE: OperationWords("delete it", "deleted", "is deleted", _STAYS),
    OperationKind.UPDATE: OperationWords("update it", "updated", "is updated", _STAYS),
    OperationKind.EXTEND: OperationWords("extend it", "extended", "is extended", _ENDS),
    OperationKind.KEEP: OperationWords("keep it running", "kept running", "is kept running", _ENDS),
}


def asked(kind: OperationKind, cause: Cause, by: str, *, waits: bool = False) -> str:
    """Somebody, or something, wants it done."""
    words = WORDS[kind]
    match cause:
        case Cause.PERSON:
            return f"{mention(by)} asked to {words.infinitive}."
        case Cause.LIFETIME:
            return f"Its time is over: it {words.present}."
        case Cause.SCHEDULE:
            does = f"is to be {words.being} now" if waits else words.present
            return f"By its schedule, it {does}."
