"""The command line in a process that is killed without warning at its N-th call to the outside world.

It counts the start and the end of each call that sends, receives, compresses, writes or executes SQL, in all threads.
Processes are forked from one that has imported the clients, since that takes longer than a run.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import FrameType
from typing import Any
from unittest.mock import patch

from job.cli import main as command

COUNTED = frozenset(
    {
        "connect", "do_handshake", "send", "sendall", "recv_into", "read", "write", "compress", "flush", "execute",
        "fetchone", "fetchall", "mkdir", "unlink", "rmdir",
    }
)  # fmt: skip
NEVER = "0"

for name in ("duckdb", "google.cloud.bigquery", "google.cloud.container_v1", "kubernetes.client"):
    importlib.import_module(name)


def start(path: Path, environment: Mapping[str, str], at: str = NEVER) -> ForkServerProcess:
    """Starts `run` with this configuration; its exit code is -9 where it was killed.

    Args:
        environment: all of it.
        at: `[MODULE:]N`; of a MODULE, only the dealings of those whose names begin so count.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=_run, args=(path, dict(environment), at))
    with patch.dict(os.environ, PYTHONPATH=str(Path(__file__).parents[1])):  # where the server finds this module
        process.start()
    return process


def places(path: Path) -> list[str]:
    """The module of ours at work in each dealing of the last attempt: the last is where it was killed."""
    return path.with_suffix(".places").read_text().splitlines()


def _run(path: Path, environment: dict[str, str], at: str) -> None:
    module, _, number = at.rpartition(":")
    last, found = int(number), []
    lock = threading.Lock()

    def save_places() -> None:
        path.with_suffix(".places").write_text("\n".join(found))

    def watch(frame: FrameType, event: str, called: Any) -> None:
        if event in ("c_call", "c_return") and called.__name__ in COUNTED:
            with lock:
                if (here := _place(frame)).startswith(module):
                    found.append(here)
                    if len(found) == last:
                        save_places()
                        os.kill(os.getpid(), signal.SIGKILL)

    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["gke-inventory", "run", "-q", "--config", str(path)]
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    threading.setprofile(watch)
    sys.setprofile(watch)
    try:
        command()
    except SystemExit as done:
        save_places()
        os._exit(int(done.code or 0))  # an interpreter that ends orderly would call `watch` when there is no more of it


def _place(frame: FrameType | None) -> str:
    """The module of ours that is at work."""
    while frame is not None and not str(frame.f_globals.get("__name__", "")).startswith("job."):
        frame = frame.f_back
    return str(frame.f_globals["__name__"]) if frame is not None else "-"
