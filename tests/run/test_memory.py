"""How a run fits into its container's memory limit."""

from __future__ import annotations

import platform
import random
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from job.config import Config
from job.errors import SpoolError
from job.run.memory import container_cpus, container_limit, fit_to_memory, is_in_memory
from job.spool import open_spool

MIB = 1 << 20


def written(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("process", "files", "limit"),
    [
        ("0::/\n", {"memory.max": "536870912\n"}, 512 * MIB),
        ("0::/\n", {"memory.max": "max\n"}, None),
        ("0::/a/b\n", {"a/memory.max": f"{MIB}\n", "a/b/memory.max": "max\n"}, MIB),
        ("0::/a/b\n", {"a/memory.max": f"{3 * MIB}\n", "a/b/memory.max": f"{2 * MIB}\n"}, 2 * MIB),
        ("4:cpu:/\n3:memory:/\n", {"memory/memory.limit_in_bytes": f"{MIB}\n"}, MIB),
        ("3:memory:/\n", {"memory/memory.limit_in_bytes": "9223372036854771712\n"}, None),
        ("0::/not/seen/in/here\n", {"memory.max": f"{MIB}\n"}, MIB),
        ("", {}, None),
    ],
)
def test_the_limit_is_the_lowest_of_all_groups_above(
    process: str, files: dict[str, str], limit: int | None, tmp_path: Path
) -> None:
    root = written(tmp_path, {f"cgroup/{name}": text for name, text in files.items()} | {"self": process})
    assert container_limit(root / "cgroup", root / "self") == limit


@pytest.mark.parametrize(
    ("process", "files", "limit"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/a/b\n", {"a/cpu.max": "200000 100000\n", "a/b/cpu.max": "max 100000\n"}, 2),
        ("2:cpu,cpuacct:/\n", {"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 0.5),
        ("2:cpu:/\n0::/\n", {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ("2:cpu:/not/here\n", {"cpu/cpu.cfs_quota_us": "400000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 4),
        ("1:cpuset:/\n", {"cpu/cpu.cfs_quota_us": "400000\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ("", {}, None),
    ],
)
def test_the_limit_of_cpus_is_the_lowest_of_all_groups_above(
    process: str, files: dict[str, str], limit: float | None, tmp_path: Path
) -> None:
    root = written(tmp_path, {f"cgroup/{name}": text for name, text in files.items()} | {"self": process})
    assert container_cpus(root / "cgroup", root / "self") == limit


def test_a_folder_in_memory_is_recognised_by_its_mount(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/vda / ext4 rw 0 0\ntmpfs {tmp_path} tmpfs rw 0 0\n/dev/vdb {tmp_path}/disk ext4 rw 0 0\n")
    (tmp_path / "disk").mkdir()
    assert is_in_memory(tmp_path, mounts)
    assert not is_in_memory(tmp_path / "disk", mounts)
    assert not is_in_memory(Path("/"), mounts)


@pytest.mark.parametrize(
    ("limit", "spooled", "workers", "page_limit"),
    [
        (None, None, 16, 500),
        (2048 * MIB, 1024 * MIB, 16, 500),
        (512 * MIB, None, 16, 500),
        (512 * MIB, 200 * MIB, 5, 500),
        (256 * MIB, None, 6, 250),
        (256 * MIB, 40 * MIB, 4, 100),
        (64 * MIB, None, 1, 100),
    ],
)
def test_workers_become_fewer_and_then_pages_smaller(
    limit: int | None, spooled: int | None, workers: int, page_limit: int
) -> None:
    found = fit_to_memory(Config(), limit, spooled)
    assert (found.workers, found.page_limit) == (workers, page_limit)
    assert msgspec.structs.replace(found, workers=16, page_limit=500) == Config()


def test_configured_values_are_never_exceeded() -> None:
    asked = Config(workers=2, page_limit=50)
    assert fit_to_memory(asked, 64 * 1024 * MIB, None) == asked
    assert fit_to_memory(asked, 200 * MIB, None).page_limit == 50


def test_rows_that_outgrow_their_memory_are_an_error_with_advice() -> None:
    with open_spool(MIB) as spool, pytest.raises(SpoolError, match=r"more than the 1 MiB.*more memory or more tasks"):
        spool.table("pods").write(bytearray(random.Random(1).randbytes(2 * MIB)))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have one heap, or no such setting")
@pytest.mark.parametrize(("before", "least", "most"), [("", 2, 99), ("use_one_malloc_arena()", 1, 1)])
def test_all_threads_share_one_heap(before: str, least: int, most: int) -> None:
    program = f"""
import ctypes, threading
from job.run.memory import use_one_malloc_arena
{before}
kept, together = [], threading.Barrier(4)
def allocate():
    together.wait()
    kept.append(bytearray(10_000))
    together.wait()
threads = [threading.Thread(target=allocate) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
stdout = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, stdout)
libc.fflush(stdout)
"""
    output = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert least <= output.count("<heap nr=") <= most


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="other C libraries keep less memory, or have no such function"
)
def test_unused_memory_is_returned_to_the_system() -> None:
    program = """
from pathlib import Path
from job.run.memory import release_memory
def pages():
    return int(Path("/proc/self/statm").read_text().split()[1])
kept = [bytearray(5000) for _ in range(10_000)]
del kept[:-1]  # the last one keeps the heap from shrinking by itself
before = pages()
release_memory()
print((before - pages()) * 4096)
"""
    output = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert int(output) > 25 * MIB
