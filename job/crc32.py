"""The CRC-32 of joined data, from the checksums of its parts."""

from __future__ import annotations

from functools import cache, lru_cache

_POLYNOMIAL = 0xEDB88320  # reflected, as RFC 1952 has it


def crc32_combine(first: int, second: int, second_length: int) -> int:
    """The checksum of A + B from those of A and of B, and B's length in bytes, as zlib's `crc32_combine`.

    Appending n bytes multiplies A's checksum by x**(8 n) modulo the polynomial; B's is added to that.
    """
    rest = second_length % _STEP
    shifted = _multiply(_power(8 * rest), first) if rest else first
    return _multiply(_power(8 * (second_length - rest)), shifted) ^ second


def _multiply(a: int, b: int) -> int:
    product, bit = 0, 1 << 31  # the highest bit is x**0
    while a:
        if a & bit:
            product ^= b
            a ^= bit
        bit >>= 1
        b = (b >> 1) ^ _POLYNOMIAL if b & 1 else b >> 1
    return product


_STEP = 4096  # bytes: blocks of rows are of about one length, so that few powers have to be worked out


@lru_cache(maxsize=2 * _STEP)
def _power(exponent: int) -> int:
    result, position = 1 << 31, 0
    while exponent:
        if exponent & 1:
            result = _multiply(_square(position), result)
        exponent >>= 1
        position += 1
    return result


@cache
def _square(times: int) -> int:
    """x squared so many times: x**(2**times)."""
    return 1 << 30 if times == 0 else _multiply(_square(times - 1), _square(times - 1))
