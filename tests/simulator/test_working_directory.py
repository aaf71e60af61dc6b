"""Nothing in the working directory is executed: not by the commands, and not by the simulator's process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-P", "-m", "job.cli"]
"""As the console script: the working directory is not on the path."""

MARK = "from pathlib import Path\nPath(__file__).with_suffix('.executed').touch()\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of files that are named as modules that we import."""
    for name in ("job", "yaml", "json", "socket", "aiohttp", "grpc"):
        (tmp_path / f"{name}.py").write_text(MARK)
    return tmp_path


def executed(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.executed"))


def test_a_module_of_the_folder_is_seen_when_it_is_executed(folder: Path) -> None:
    subprocess.run([sys.executable, "-m", "job"], cwd=folder, check=True, timeout=60)
    assert executed(folder) == ["job"]


def test_the_demo_executes_nothing_in_the_working_directory(folder: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "demo", "--clusters", "1", "--pods", "5"],
        cwd=folder, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (folder / "gke-inventory-demo.duckdb").exists()
    assert executed(folder) == []


def test_simulate_executes_nothing_in_the_working_directory(folder: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "simulate", "--clusters", "1", "--pods", "5"],
        cwd=folder, env=os.environ, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        assert "1 clusters in" in process.stdout.readline()
        assert executed(folder) == []
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)
        process.stdout.close()
