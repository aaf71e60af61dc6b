"""Text of servers on its way to rows, logs and terminals."""

from __future__ import annotations

from http.client import BadStatusLine

import pytest
from urllib3.exceptions import ProtocolError

from job.collect.failures import connection_failure
from job.printable import printable


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
def test_printable_text_is_one_short_line_without_control_characters(text: str, expected: str) -> None:
    assert printable(text) == expected


def test_a_malformed_response_is_not_quoted() -> None:
    broken = ProtocolError("Connection aborted.", BadStatusLine('"PASSWORD","value":"CANARY"'))
    failure = connection_failure(broken, 1.0)
    assert (failure.cause.outcome, "CANARY" in str(failure)) == ("invalid", False)
