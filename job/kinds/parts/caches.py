"""Caches of pure functions that are bounded by bytes too: anybody may write an image's name of a megabyte."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, TypeVar, cast

import msgspec

Function = TypeVar("Function", bound=Callable[..., Any])

_MAX_BYTES = 16 << 20  # of the arguments in all caches; ordinary ones take less than a megabyte
_NOT_WEIGHED = 1 << 20
_encode = msgspec.json.Encoder(enc_hook=lambda _: None).encode


def bounded_cache(maxsize: int) -> Callable[[Function], Function]:
    """As `functools.lru_cache`. All caches are emptied once the arguments of new entries have 16 MiB in sum.

    Only a call that misses is weighed, so that one that hits takes no longer.
    """

    def decorate(function: Function) -> Function:
        @wraps(function)
        def missed(*arguments: Any, **options: Any) -> Any:
            _weigh((arguments, options))
            return function(*arguments, **options)

        cached = lru_cache(maxsize)(missed)
        _caches.append(cached)
        return cast("Function", cached)

    return decorate


def clear_caches() -> None:
    """Empties all caches."""
    global _added
    _added = 0
    for cached in _caches:
        cached.cache_clear()


def _weigh(arguments: Any) -> None:
    global _added
    try:
        _added += len(_encode(arguments))
    except (OverflowError, TypeError, ValueError):  # a number of many digits
        _added += _NOT_WEIGHED
    if _added > _MAX_BYTES:
        clear_caches()


_added = 0
_caches: list[Any] = []
