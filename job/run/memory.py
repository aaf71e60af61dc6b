"""Fits a run into its container's memory limit: a process that exceeds it is killed without a message."""

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
_PROCESS = Path("/proc/self/cgroup")
_UNLIMITED = 1 << 60  # bytes; cgroup version 1 has a number like this where there is no limit
# Measured (tests/benchmarks/memory.py): 170 MiB, and 16 MiB for each worker with pages of 500 pods.
_BASE = 170 << 20
_WORKER = 2 << 20
_OBJECT = 28 << 10
_M_ARENA_MAX = -8  # in malloc.h
_FEWEST_WORKERS = 4  # before pages become smaller
_SMALLEST_PAGE = 100


def container_limit(cgroups: Path = _CGROUPS, process: Path = _PROCESS) -> int | None:
    """The memory limit of this process's control group, or of one above it, in bytes; None if there is none.

    https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files (memory.max), and of version 1
    memory.limit_in_bytes.
    """
    found = [
        _text(group / ("memory.max" if version == 2 else "memory.limit_in_bytes")).strip()
        for version, group in _groups("memory", cgroups, process)
    ]
    limits = [int(text) for text in found if text.isdecimal() and int(text) < _UNLIMITED]
    return min(limits, default=None)


def container_cpus(cgroups: Path = _CGROUPS, process: Path = _PROCESS) -> float | None:
    """The CPU limit of this process's control group, or of one above it, in CPUs; None if there is none.

    https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu-interface-files (cpu.max), and of version 1
    cpu.cfs_quota_us and cpu.cfs_period_us, https://docs.kernel.org/scheduler/sched-bwc.html.
    """
    limits = []
    for version, group in _groups("cpu", cgroups, process):
        names = ("cpu.max",) if version == 2 else ("cpu.cfs_quota_us", "cpu.cfs_period_us")
        words = [word for name in names for word in _text(group / name).split()]
        if len(words) == 2 and all(word.isdecimal() and int(word) for word in words):  # others: `max`, and -1
            limits.append(int(words[0]) / int(words[1]))
    return min(limits, default=None)


def is_in_memory(folder: Path, mounts: Path = Path("/proc/mounts")) -> bool:
    """Whether files in this folder take up memory (tmpfs)."""
    resolved = folder.resolve()
    under = [line.split(" ")[1:3] for line in _text(mounts).splitlines()]
    kinds = {point: kind for point, kind in under if resolved.is_relative_to(point)}
    return bool(kinds) and kinds[max(kinds, key=len)] in ("tmpfs", "ramfs")


def spool_bound(folder: Path, limit: int | None) -> int | None:
    """The bytes of memory that rows in this folder may take up; None if they take up none, or there is no limit."""
    if limit is None or not is_in_memory(folder):
        return None
    size = os.statvfs(folder)
    return min(limit // 2, size.f_frsize * size.f_blocks or limit)


@contextmanager
def infrequent_gc() -> Iterator[None]:
    """Makes Python collect cyclic garbage less often.

    The thousands of objects of a page are in no cycles, and are freed together by their reference counts. To search
    them every 700 allocations takes a tenth of the CPU time of a large cluster.
    """
    before = gc.get_threshold()
    gc.set_threshold(20_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def use_one_malloc_arena() -> None:
    """Makes all threads of this process share one heap. To be called before other threads start.

    glibc gives threads heaps of their own, up to eight per core, and each keeps the memory of the pages it has read.
    More heaps would not be faster: only one thread at a time runs Python, and allocates much. See `M_ARENA_MAX` in
    https://www.gnu.org/software/libc/manual/html_node/Malloc-Tunable-Parameters.html; other C libraries lack it.
    """
    _call_malloc("mallopt", _M_ARENA_MAX, 1)


def release_memory() -> None:
    """Returns unused memory from glibc to the system: once all pages are rows, the sink needs it.

    https://man7.org/linux/man-pages/man3/malloc_trim.3.html
    """
    _call_malloc("malloc_trim", 0)


def memory_needed(workers: int, page_limit: int) -> int:
    """Bytes that a process with so many workers needs, for any number of objects; without its spool."""
    return _BASE + workers * _worker(page_limit)


def fit_to_memory(config: Config, limit: int | None, spooled: int | None) -> Config:
    """The configuration with fewer workers, and then smaller pages, where the configured ones do not fit.

    Args:
        limit: bytes that the process may use; None is no limit.
        spooled: bytes of them that rows may take up.
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


def _groups(controller: str, cgroups: Path, process: Path) -> Iterator[tuple[int, Path]]:
    """The version and folder of each control group that limits this process: its own, and those above it."""
    for line in _text(process).splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0":
            version, folder = 2, cgroups
        elif controller in controllers.split(","):
            version, folder = 1, cgroups / controller
        else:
            continue
        group = folder / path.lstrip("/")
        yield from ((version, each) for each in (group, *group.parents) if each.is_relative_to(folder))


def _call_malloc(function: str, *arguments: int) -> None:
    """Calls a function of glibc; does nothing with another C library."""
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
