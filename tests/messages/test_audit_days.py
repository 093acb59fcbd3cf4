"""The audit's pages begin each of the reader's days with its date."""

from datetime import UTC, datetime

import pytest

from bot.domain.audit_effect import Effect
from bot.domain.audit_record import AuditRecord
from bot.messages import audit


def entry(id_: int, hour: int) -> AuditRecord:
    """An entry of a hour of 27 November 2026, in UTC."""
    at = datetime(2026, 11, 27, hour, 30, tzinfo=UTC)
    return AuditRecord(
        id=id_,
        at=at,
        person_id="U1",
        action="endpoint:sleep",
        target_name="prod",
        endpoint=f"it-{id_}",
        effect=Effect.DONE,
        detail="",
    )


@pytest.mark.parametrize(
    ("zone", "days"),
    [
        ("UTC", [("Friday, November 27, 2026", ["it-3", "it-2", "it-1"])]),
        (
            "Europe/Amsterdam",
            [
                ("Saturday, November 28, 2026", ["it-3"]),
                ("Friday, November 27, 2026", ["it-2", "it-1"]),
            ],
        ),
        (
            "America/Los_Angeles",
            [
                ("Friday, November 27, 2026", ["it-3", "it-2"]),
                ("Thursday, November 26, 2026", ["it-1"]),
            ],
        ),
    ],
)
def test_entries_are_grouped_by_the_reader_s_days(
    zone: str, days: list[tuple[str, list[str]]]
) -> None:
    """The same three entries fall on other days elsewhere."""
    entries = [entry(3, 23), entry(2, 12), entry(1, 2)]
    shown = audit.page(entries, zone, is_first=True, has_more=False)
    sections = [block["text"]["text"] for block in shown.blocks if block["type"] == "section"]
    assert [
        (
            text.partition("|")[2].partition(">")[0],
            [name for name in ("it-3", "it-2", "it-1") if f"*{name}*" in text],
        )
        for text in sections
    ] == days


def test_a_long_day_is_cut_into_sections_that_slack_takes() -> None:
    """Under one date; no section is longer than 3,000 characters."""
    entries = [
        AuditRecord(
            id=number,
            at=datetime(2026, 11, 27, 12, tzinfo=UTC),
            person_id="U1",
            action="settings:configure",
            target_name="t" * 60,
            endpoint="e" * 60,
            effect=Effect.DENIED,
            detail="d" * 500,
        )
        for number in range(15)
    ]
    shown = audit.page(entries, "UTC", is_first=True, has_more=True)
    texts = [block["text"]["text"] for block in shown.blocks if block["type"] == "section"]
    assert max(map(len, texts)) <= 3_000
    assert sum("Friday" in text for text in texts) == 1
