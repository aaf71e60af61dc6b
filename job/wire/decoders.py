"""Decoders of JSON into structs. Every module makes its own at import, before any thread starts.

msgspec inspects a class on first use, without a lock. When two threads are the first to use the same class, the process
crashes or fields get lost. Making the decoder inspects the class and all that it refers to.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def decoder(type: type[T]) -> msgspec.json.Decoder[T]:  # noqa: A002 (msgspec's name)
    """A decoder of JSON text. Call it at import, never in a worker thread."""
    return msgspec.json.Decoder(type)


def converter(type: type[T]) -> Callable[[Any], T]:  # noqa: A002 (msgspec's name)
    """A function from decoded JSON (dicts and lists) to the type. Call it at import.

    It accepts numbers written as text: the JSON form of protocol buffers writes INT64 so.
    """
    decoder(type)

    def convert(decoded: Any) -> T:
        return msgspec.convert(decoded, type, strict=False)

    return convert
