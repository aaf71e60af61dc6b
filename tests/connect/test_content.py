"""Bodies in gzip: whole, or refused; never a part of them as if it were the whole."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from job.connect.content import MalformedContent, unpacked

BODY = b'{"kind":"PodList","items":[]}' * 20
WHOLE = gzip.compress(BODY, 1, mtime=0)


def pieces(whole: bytes, size: int) -> Iterator[bytes]:
    return (whole[at : at + size] for at in range(0, len(whole), size))


@given(
    members=st.lists(st.binary(max_size=300), min_size=1, max_size=3),
    level=st.sampled_from((0, 1, 9)),
    size=st.integers(1, 400),
    portion=st.integers(1, 90),
)
def test_a_body_is_the_same_however_it_is_divided(members: list[bytes], level: int, size: int, portion: int) -> None:
    whole = b"".join(gzip.compress(member, level) for member in members)
    found = list(unpacked(pieces(whole, size), portion))
    assert b"".join(found) == b"".join(members)
    assert max(map(len, found), default=0) <= portion


@given(bit=st.integers(0, 8 * len(WHOLE) - 1), size=st.integers(1, 400))
def test_a_changed_bit_changes_nothing_or_is_noticed(bit: int, size: int) -> None:
    """The header has fields that do not matter, such as the time."""
    changed = bytearray(WHOLE)
    changed[bit // 8] ^= 1 << bit % 8
    with suppress(MalformedContent):
        assert b"".join(unpacked(pieces(bytes(changed), size), 100)) == BODY


@pytest.mark.parametrize("end", range(len(WHOLE)))
def test_truncated_gzip_is_malformed_wherever_it_ends(end: int) -> None:
    with pytest.raises(MalformedContent, match="too early"):
        list(unpacked(pieces(WHOLE[:end], 7), 100))


@pytest.mark.parametrize(
    "more", [b"x", b"more than the body", b"\0" * 8, WHOLE[:-1]], ids=["a byte", "text", "zeros", "half"]
)
def test_whatever_follows_gzip_is_malformed(more: bytes) -> None:
    with pytest.raises(MalformedContent):
        list(unpacked(pieces(WHOLE + more, 50), 100))


def test_a_compression_bomb_takes_as_much_memory_as_it_is_read_of() -> None:
    bomb = gzip.compress(bytes(50 << 20), 9)
    portions = unpacked(iter([bomb]), 1000)
    assert [len(next(portions)) for _ in range(5)] == [1000] * 5
