"""The process of one task of `run --tasks`: it reports to the process that started it, and ends with it.

Where a terminal shows the progress of the run, it also prints its own, a line of JSON at a time, to stdout.
That process holds the other end of stdin, which closes when it ends, however it ends.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, cast

import msgspec

from job.commands.exits import TERMINATED, report_error
from job.commands.left_out import without_packages
from job.commands.streams import guarded_streams
from job.errors import Interrupted, InventoryError
from job.signals import Stop

if TYPE_CHECKING:
    from job.log import Level
    from job.progress import RunProgress

_REPORT_SECONDS = 0.25


def main() -> None:
    """Runs the task. Arguments: the configuration, the file for the report, the level of the log, how it is shown."""
    (config, report), (level, *shown) = map(Path, sys.argv[1:3]), sys.argv[3:]
    threading.Thread(target=_end_with_parent, args=(sys.stdin.fileno(),), daemon=True).start()
    stop = Stop()
    stop.handle_signals()
    with guarded_streams(), without_packages():
        progress = _start_reporting(cast("Level", level), shown)
        code = _run(config, report, stop, progress)
        if shown:
            _print(progress)  # how it ends
    os._exit(code)  # workers may be waiting for servers that never answer


def _start_reporting(level: Level, shown: list[str]) -> RunProgress:
    from job.log import configure_logging
    from job.progress import RunProgress
    from job.waiting import say_nothing

    say_nothing(level == "error")
    configure_logging(level, colors="colors" in shown if shown else None)
    progress = RunProgress()
    if shown:
        threading.Thread(target=_print_always, args=(progress,), daemon=True).start()
    return progress


def _print_always(progress: RunProgress) -> None:
    while True:
        _print(progress)
        time.sleep(_REPORT_SECONDS)


def _print(progress: RunProgress) -> None:
    with suppress(OSError):
        os.write(1, msgspec.json.encode(progress.seen()) + b"\n")


def _run(path: Path, report: Path, stop: Stop, progress: RunProgress) -> int:
    from job.config import Config
    from job.config_file import read_settings
    from job.run.local_tasks import Report
    from job.run.memory import use_one_malloc_arena
    from job.run.one_task import run

    use_one_malloc_arena()
    found, code = Report(), 0
    try:
        found = Report(summary=run(read_settings(path, Config), stop=stop, progress=progress, publishes_all=True))
    except (Interrupted, KeyboardInterrupt):
        code = TERMINATED
    except InventoryError as error:
        found = Report(error=str(error))
    except Exception as error:  # noqa: BLE001 (a bug)
        code = report_error(error)
    report.write_bytes(msgspec.json.encode(found))
    return code


def _end_with_parent(pipe: int) -> None:
    while os.read(pipe, 1):
        pass
    os._exit(TERMINATED)


if __name__ == "__main__":
    main()
