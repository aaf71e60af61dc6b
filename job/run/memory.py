"""What fits into the memory that a container may use: a process that takes more is killed, and says nothing."""

from __future__ import annotations

import ctypes
import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from job.config import Config
from job.log import log

_CGROUPS = Path("/sys/fs/cgroup")
_NONE = 1 << 60  # bytes; version 1 writes a number like this where there is no limit
# Measured (tests/benchmarks/memory.py): 170 MiB, and 16 MiB for each worker with pages of 500 pods.
_BASE = 170 << 20
_WORKER = 2 << 20
_OBJECT = 28 << 10
_M_ARENA_MAX = -8  # in malloc.h
_FEWEST_WORKERS, _SMALLEST_PAGE = 4, 100  # before pages become smaller, and the least that they become


def container_limit(cgroups: Path = _CGROUPS, process: Path = Path("/proc/self/cgroup")) -> int | None:
    """The bytes that this process's control group, or one above it, may use; None where there is no limit.

    https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files (memory.max), and of version 1
    memory.limit_in_bytes.
    """
    found = []
    for line in _text(process).splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0":
            folder, name = cgroups, "memory.max"
        elif "memory" in controllers.split(","):
            folder, name = cgroups / "memory", "memory.limit_in_bytes"
        else:
            continue
        group = folder / path.lstrip("/")
        found += [_text(each / name).strip() for each in (group, *group.parents) if each.is_relative_to(folder)]
    limits = [int(text) for text in found if text.isdecimal() and int(text) < _NONE]
    return min(limits, default=None)


def is_in_memory(folder: Path, mounts: Path = Path("/proc/mounts")) -> bool:
    """Whether files of this folder take memory (tmpfs)."""
    resolved = folder.resolve()
    under = [line.split(" ")[1:3] for line in _text(mounts).splitlines()]
    kinds = {point: kind for point, kind in under if resolved.is_relative_to(point)}
    return bool(kinds) and kinds[max(kinds, key=len)] in ("tmpfs", "ramfs")


def spool_bound(folder: Path, limit: int | None) -> int | None:
    """The bytes that rows may take in this folder before they are loaded; None where they take no memory, or may take
    any."""
    if limit is None or not is_in_memory(folder):
        return None
    size = os.statvfs(folder)
    return min(limit // 2, size.f_frsize * size.f_blocks or limit)


@contextmanager
def infrequent_gc() -> Iterator[None]:
    """Lets Python look for cyclic garbage more seldom.

    A page becomes thousands of objects of which none is garbage before all are, and those are freed without being
    looked for: to look among them every 700 takes a tenth of the CPU of a large cluster.
    """
    before = gc.get_threshold()
    gc.set_threshold(20_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def use_one_malloc_arena() -> None:
    """Lets all threads of this process share one heap, before there are any others.

    glibc gives threads heaps of their own, up to eight a core, and each keeps what its pages have taken. Only one at a
    time runs Python and allocates in earnest, so that they would not be quicker. `M_ARENA_MAX` of
    https://www.gnu.org/software/libc/manual/html_node/Malloc-Tunable-Parameters.html; other C libraries have none.
    """
    _tell_malloc("mallopt", _M_ARENA_MAX, 1)


def release_memory() -> None:
    """Gives the memory back that nothing uses any more and glibc keeps for later (`malloc_trim`,
    https://man7.org/linux/man-pages/man3/malloc_trim.3.html): where pages have become rows, the sink needs it."""
    _tell_malloc("malloc_trim", 0)


def needed(workers: int, page_limit: int) -> int:
    """Bytes that a process with so many workers takes, however many objects it reads; its spool comes on top."""
    return _BASE + workers * _worker(page_limit)


def fit_to_memory(config: Config, limit: int | None, spooled: int | None) -> Config:
    """The configuration with as many workers, and pages as large, as fit: fewer workers before smaller pages.

    Args:
        limit: bytes that the process may use.
        spooled: bytes of them that rows may take.
    """
    if limit is None:
        return config
    room = limit * 9 // 10 - (spooled or 0) - _BASE
    page = config.page_limit
    while _workers(room, page) < min(_FEWEST_WORKERS, config.workers) and page > _SMALLEST_PAGE:
        page = max(page // 2, _SMALLEST_PAGE)
    found = msgspec.structs.replace(config, workers=min(config.workers, _workers(room, page)), page_limit=page)
    if found != config:
        log.warning("little memory", limit_mib=limit >> 20, workers=found.workers, page_limit=found.page_limit)
    return found


def _tell_malloc(function: str, *arguments: int) -> None:
    """Calls a function that glibc has, where there is glibc."""
    with suppress(AttributeError, OSError, TypeError):
        getattr(ctypes.CDLL(None), function)(*arguments)


def _workers(room: int, page: int) -> int:
    return max(room // _worker(page), 1)


def _worker(page_limit: int) -> int:
    return _WORKER + page_limit * _OBJECT


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
