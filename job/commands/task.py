"""The process of one task of `run --tasks`: it reports to the process that started it, and ends with it.

That process holds the other end of stdin, which closes when it ends, however it ends.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import msgspec

from job.commands.exits import TERMINATED, report_error
from job.commands.no_pandas import without_pandas
from job.commands.streams import guarded_streams
from job.errors import Interrupted, InventoryError
from job.signals import Stop


def main() -> None:
    """Runs the task. Arguments: the configuration, and the file for the report."""
    config, report = map(Path, sys.argv[1:])
    threading.Thread(target=_end_with_parent, args=(sys.stdin.fileno(),), daemon=True).start()
    stop = Stop()
    stop.handle_signals()
    with guarded_streams():
        code = _run(config, report, stop)
    os._exit(code)  # workers may be waiting for servers that never answer


def _run(path: Path, report: Path, stop: Stop) -> int:
    from job.config import Config
    from job.config_file import read_settings
    from job.log import configure_logging
    from job.run.local_tasks import Report
    from job.run.memory import use_one_malloc_arena
    from job.run.one_task import run

    configure_logging(quiet=True)
    use_one_malloc_arena()
    found, code = Report(), 0
    try:
        with without_pandas():
            found = Report(summary=run(read_settings(path, Config), stop=stop, publishes_all=True))
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
