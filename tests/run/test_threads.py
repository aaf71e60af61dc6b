"""What worker threads must not do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from job.simulator import simulate

_WATCH = """
import sys, threading
import msgspec._utils as met_by

learn = met_by._eval_type  # a struct's annotations are evaluated when it is first met

def watch(*arguments):
    if threading.current_thread() is not threading.main_thread():
        print("met by a worker:", arguments[0], file=sys.stderr)
    return learn(*arguments)

met_by._eval_type = watch
from job.cli import main
main()
"""


def test_no_worker_is_the_first_to_meet_a_struct(tmp_path: Path) -> None:
    """msgspec learns a struct when it first meets it; two threads that are the first crash it, or lose fields."""
    faults = ("*/*/web-1:pods:wrong_type", "*/*/web-1:jobs:forbidden", "*/*/web-1:nodes:not_acceptable")
    with simulate(clusters=3, pods=10, plain=True, faults=faults) as simulator:
        (tmp_path / "c.json").write_text(json.dumps(simulator.configuration))
        done = subprocess.run(
            [sys.executable, "-c", _WATCH, "run", "--config", "c.json"],
            cwd=tmp_path, env=os.environ | simulator.environment, capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert "pods: partial" in done.stdout
    assert "met by a worker" not in done.stderr
