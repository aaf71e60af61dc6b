"""Temporary folders: what a killed process leaves is deleted by the next one, and nothing else is."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from job.scratch import scratch_folder

_KILLED = """
import os, signal, sys
from pathlib import Path
from job.scratch import scratch_folder

with scratch_folder(Path(sys.argv[1])) as folder:
    (folder / "within").mkdir()
    (folder / "within" / "rows").write_text("rows")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_leaves_a_folder_to_the_next(tmp_path: Path) -> None:
    with scratch_folder(tmp_path) as first:
        (first / "rows").write_text("rows")
        assert subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path)], check=False).returncode == -9
        assert len(list(tmp_path.iterdir())) == 2
        with scratch_folder(tmp_path) as second:
            assert sorted(tmp_path.iterdir()) == sorted([first, second])
        assert (first / "rows").read_text() == "rows"
    assert list(tmp_path.iterdir()) == []


def test_nothing_of_anybody_else_is_deleted(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    (tmp_path / "gke-inventory-rows-link").symlink_to(kept)
    (tmp_path / "gke-inventory-rows-file").touch()
    (tmp_path / "gke-inventory-rows-mine").mkdir()
    (tmp_path / "gke-inventory-rows-mine" / "file").touch()
    (tmp_path / "gke-inventory").mkdir()
    before = sorted(tmp_path.rglob("*"))
    with scratch_folder(tmp_path):
        pass
    assert sorted(tmp_path.rglob("*")) == before


def test_what_was_killed_before_it_was_marked_is_deleted(tmp_path: Path) -> None:
    (tmp_path / "gke-inventory-rows-abcdefgh").mkdir()
    with scratch_folder(tmp_path) as folder:
        assert list(tmp_path.iterdir()) == [folder]


def test_a_new_folder_that_another_process_holds_is_left_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another run that looks for what was left may lock a folder between its creation and our lock."""
    held: list[int] = []

    def lock_first(folder: int, how: int) -> None:
        if not held:
            held.append(os.open(next(tmp_path.iterdir()), os.O_RDONLY))
            flock(held[0], fcntl.LOCK_EX)
        flock(folder, how)

    flock = fcntl.flock
    monkeypatch.setattr(fcntl, "flock", lock_first)
    with scratch_folder(tmp_path) as folder:
        flock(held[0], fcntl.LOCK_UN)
        assert (folder / ".made-by-gke-inventory").is_file()
        assert os.fstat(held[0]).st_ino != folder.stat().st_ino
    os.close(held[0])
