"""Text of servers on its way to rows, logs and terminals."""

from __future__ import annotations

import json
from http.client import BadStatusLine

import pytest
from urllib3.exceptions import ProtocolError

from job.collect.failures import connection_failure, printable, response_failure


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


def test_reason_and_message_are_cut_to_a_line() -> None:
    body = json.dumps({"reason": "R\x00" + "r" * 10_000_000, "message": "a\x1bb" + "m" * 10_000_000}).encode()
    failure = response_failure(403, {}, memoryview(body), "")
    assert (failure.cause.outcome, failure.cause.reason, failure.cause.message) == (
        "forbidden",
        "R " + "r" * 98,
        "a b" + "m" * 297,
    )


@pytest.mark.parametrize(
    "body", [json.dumps({"reason": "ya29.CANARY", "message": "Bearer ya29.CANARY"}), "x ya29.CANARY"]
)
def test_a_repeated_token_is_removed(body: str) -> None:
    failure = response_failure(400, {}, memoryview(body.encode()), "ya29.CANARY")
    assert "CANARY" not in f"{failure.cause.reason} {failure.cause.message}"


@pytest.mark.parametrize("text", ["9" * 5000, "Mon, 01 Jan 99999 00:00:00 GMT", "soon", "-1", ""])
def test_an_unusable_retry_after_is_no_wait(text: str) -> None:
    assert response_failure(429, {"Retry-After": text}, memoryview(b""), "").retry_after == 0.0


def test_a_malformed_response_is_not_quoted() -> None:
    broken = ProtocolError("Connection aborted.", BadStatusLine('"PASSWORD","value":"CANARY"'))
    failure = connection_failure(broken, 1.0)
    assert (failure.cause.outcome, "CANARY" in str(failure)) == ("invalid", False)
