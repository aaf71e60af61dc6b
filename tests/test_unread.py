"""What somebody else wrote, on its way to rows, logs and terminals."""

from __future__ import annotations

import json

import pytest

from job.unread import readable, refused


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no more\n  than one line", "no more than one line"),
        ("\x1b[31mred\x1b[0m and \x07loud\x00", "[31mred [0m and loud"),
        ("\u202eright to left\u2028", "right to left"),
        ("Größe 漢字", "Größe 漢字"),
        ("x" * 500, "x" * 200),
    ],
)
def test_it_is_one_short_line_that_no_terminal_obeys(text: str, expected: str) -> None:
    assert readable(text) == expected


def test_neither_reason_nor_message_of_a_refusal_is_longer_than_a_line() -> None:
    body = json.dumps({"reason": "R\x00" + "r" * 10_000_000, "message": "a\x1bb" + "m" * 10_000_000}).encode()
    told = refused(403, {}, memoryview(body))
    assert (told.outcome, told.reason, told.message) == ("forbidden", "R " + "r" * 98, "a b" + "m" * 297)
