"""Mutates real pages, for fuzzing the decoders."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

_SURROGATE, _DEEP, _TWICE, _HUGE = "~surrogate~", "~deep~", "~twice~", "~huge~"
"""Placeholders for what `json.dumps` cannot write, replaced in its text."""
_VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 2**31, 2**63, -(2**63) - 1, 10**30, 0.1, 1e308, "", " ", "0", "-1", "1e9", "1Ei", "9" * 400,
    "\x00", "\ufffd\U0001f4a9", "x" * 5000, "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999+14:00",
    "2026-02-30T00:00:00Z",
    [], {}, [[]], [None], [{}], {"": ""}, {"a": None}, _SURROGATE, _DEEP, _HUGE,
)  # fmt: skip


def mutated(body: bytes, draw: random.Random) -> bytes:
    """The page with one to three mutations of its values, its bytes, or both."""
    for _ in range(draw.randint(1, 3)):
        body = draw.choice(_MUTATIONS)(body, draw)
    return body


def _set_value(body: bytes, draw: random.Random) -> bytes:
    def change(container: Any, key: Any) -> None:
        container[key] = draw.choice(_VALUES)

    return _changed(body, draw, change)


def _delete_value(body: bytes, draw: random.Random) -> bytes:
    def change(container: Any, key: Any) -> None:
        del container[key]

    return _changed(body, draw, change)


def _wrap_value(body: bytes, draw: random.Random) -> bytes:
    def change(container: Any, key: Any) -> None:
        container[key] = draw.choice(([container[key]], {"x": container[key]}, str(container[key])))

    return _changed(body, draw, change)


def _repeat_key(body: bytes, draw: random.Random) -> bytes:
    """Adds a key twice to one object, with two values."""

    def change(container: Any, key: Any) -> None:
        if isinstance(container, dict):
            container[f"{_TWICE}{key}"] = draw.choice(_VALUES)
        else:
            container.append(container[key])

    return _changed(body, draw, change)


def _changed(body: bytes, draw: random.Random, change: Callable[[Any, Any], None]) -> bytes:
    try:
        page = json.loads(body)
    except (ValueError, RecursionError):
        return _flip(body, draw)
    places = list(_places(page))
    if not places:
        return _flip(body, draw)
    change(*draw.choice(places))
    text = json.dumps(page, ensure_ascii=draw.random() < 0.5)
    depth = draw.choice((200, 100_000))
    text = text.replace(f'"{_DEEP}"', "[" * depth + "]" * depth)
    text = text.replace(_SURROGATE, draw.choice(("\\ud800", "\\udc00\\ud800", "\\uD83D\\u0041")))
    text = text.replace(f'"{_HUGE}"', draw.choice(("1e999", "-1e999", "9" * 400, "0." + "0" * 400 + "1")))
    return text.replace(_TWICE, "").encode("utf-8", "surrogatepass")


def _places(value: Any) -> Any:
    """Each container with each key or position in it, at any depth."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield value, key
        yield from _places(inner)


def _flip(body: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(max(len(body), 1))
    return body[:at] + bytes([draw.randrange(256)]) + body[at + 1 :]


def _delete(body: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(max(len(body), 1))
    return body[:at] + body[at + draw.choice((1, 1, 2, 8, 64, 1000)) :]


def _insert(body: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(max(len(body), 1))
    inserted = (
        b"\x00", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xef\xbb\xbf", b'"', b"\\", b"{", b"]", b",", b"null", b"1"
    )  # fmt: skip
    return body[:at] + draw.choice(inserted) + body[at:]


def _repeat(body: bytes, draw: random.Random) -> bytes:
    at, length = draw.randrange(max(len(body), 1)), draw.choice((1, 10, 100, 2000))
    return body[: at + length] + body[at:]


def _cut(body: bytes, draw: random.Random) -> bytes:
    return body[: draw.randrange(max(len(body), 1))]


_MUTATIONS = (
    *(_set_value,) * 6, *(_delete_value,) * 2, *(_wrap_value,) * 2, *(_repeat_key,) * 2,
    *(_flip,) * 3, _delete, _insert, _repeat, _cut,
)  # fmt: skip
