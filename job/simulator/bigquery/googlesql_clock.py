"""Gives statements for ZetaSQL the simulator's time: the engine only knows the system's."""

from __future__ import annotations

import re

_NOW = re.compile(
    r"""
    (?P<text> '''.*?''' | \"\"\".*?\"\"\" | '(?:\\.|[^'\\])*' | "(?:\\.|[^"\\])*" | `[^`]*`
            | --[^\n]* | \#[^\n]* | /\*.*?\*/)
    | (?<![\w.]) CURRENT_(?P<kind> TIMESTAMP | DATETIME | DATE) \b (?!\s*\(\s*[^)\s]) (?: \s*\(\s*\))?
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)


def with_time(sql: str, now: int) -> str:
    """The statement with a constant for each CURRENT_TIMESTAMP, CURRENT_DATETIME and CURRENT_DATE without a zone.

    Args:
        now: microseconds since 1970.
    """

    def replaced(found: re.Match[str]) -> str:
        if found["text"]:
            return found[0]
        kind = found["kind"].upper()
        return f"TIMESTAMP_MICROS({now})" if kind == "TIMESTAMP" else f"{kind}(TIMESTAMP_MICROS({now}))"

    return _NOW.sub(replaced, sql) if "CURRENT_" in sql.upper() else sql
