"""The tasks of one run as processes on this machine, with one commit.

They get the environment variables by which the tasks of a Cloud Run job know their index, and share the clusters the
same way. Their rows come back to this process, which publishes them together.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import IO, Any

import msgspec

from job.config import Config
from job.config_checks import check_config
from job.connect.identity import configured_identity
from job.errors import ConfigError, Interrupted, InventoryError
from job.kinds import RESOURCES
from job.log import Level, log
from job.progress import PUBLISHING, RunProgress, Seen
from job.run.ledger import seconds_since
from job.run.one_task import running
from job.run.summary import Summary, skipped, total
from job.run.task_count import cpu_count
from job.scratch import scratch_folder
from job.signals import Stop
from job.sinks.open_sink import open_sink
from job.sinks.protocol import Commit, Sink, TaskResult
from job.sinks.task_folder import rows_of, write_clock, write_object_kinds, write_upgrade_info, write_weights
from job.spool import concatenate
from job.task import Task, new_run_id
from job.terminal import takes_escapes

_POLL_SECONDS = 0.05
_LAST_WORDS_SECONDS = 1.0  # in which the lines of a process that has ended are printed


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a task's process tells the one that started it; neither after an interruption or a bug."""

    summary: Summary | None = None
    """Its rows are in the folder."""
    error: str | None = None


def run_tasks(
    config: Config,
    count: int,
    *,
    stop: Stop | None = None,
    progress: RunProgress | None = None,
    level: Level = "warning",
) -> Summary:
    """Takes one snapshot of everything that is configured, with `count` processes.

    Args:
        stop: as for `run`.
        progress: as for `run`. The processes report theirs where it is shown.
        level: of the processes' own logs.

    Raises:
        InventoryError: the configuration, credentials or sink cannot be used, or a task failed; nothing was written.
        Interrupted: the stop came before any cluster was complete; nothing was written.
    """
    now, clock = datetime.now(UTC), monotonic()
    stop, progress = stop or Stop(), progress or RunProgress()
    check_config(config, resources=RESOURCES)
    if "CLOUD_RUN_TASK_INDEX" in os.environ:
        raise ConfigError(
            "--tasks starts tasks on this machine, but this process is a task of Cloud Run: set the job's task count"
        )
    identity = configured_identity(config)
    threads = min(count, cpu_count())  # the tasks have ended before the commit, so their cores are free
    sink = open_sink(config, lambda: identity, threads=threads, stop=stop)
    task = Task(new_run_id(now), now)
    identity.token()
    sink.prepare()
    with running(config, sink, task) as other:
        if other is not None:
            return skipped(config, task, other, clock)
        tasks = _Tasks(count, task.run_id, stop, progress, level)
        return _take_snapshot(config, tasks, sink, task, clock)


@dataclass(frozen=True)
class _Tasks:
    """What starting the processes takes."""

    count: int
    run_id: str
    stop: Stop
    progress: RunProgress
    level: Level


def _take_snapshot(config: Config, tasks: _Tasks, sink: Sink, task: Task, clock: float) -> Summary:
    with scratch_folder() as folder:
        write_clock(folder, sink.seconds_ahead)
        write_weights(folder, sink.cluster_weights(task.run_id, is_shared=False))
        read = sink.upgrade_info_since(task.run_id, task.day) if config.upgrade_info else frozenset()
        write_upgrade_info(folder, read)
        write_object_kinds(folder, sink.object_kinds(task.run_id, RESOURCES) if config.objects.include else {})
        to_folder = msgspec.structs.replace(config, sink=f"folder:///{folder}")
        (folder / "config.json").write_bytes(msgspec.json.encode(to_folder))
        with tasks.stop.graceful_shutdown():
            reports = _run_processes(folder, tasks)
        tasks.progress.phase = PUBLISHING
        found = {index: report.summary for index, report in enumerate(reports) if report.summary}
        is_stopped = len(found) < tasks.count or any(summary.stopped for summary in found.values())
        if is_stopped:
            log.warning("run stopped", run_id=task.run_id)
            if not any(summary.clusters_finished for summary in found.values()):
                raise Interrupted
        rows = concatenate([rows_of(folder, index) for index in found])
        record = total([summary.run for summary in found.values()])
        log.info("publishing", rows=sum(rows.counts.values()), bytes=sum(rows.sizes.values()))
        result = TaskResult(record.status == "complete" and not is_stopped, record.acceptable, is_stopped)
        times = tuple(summary.run.started_at for summary in found.values())
        sink.publish(rows, Commit(task.run_id, 0, 0, result, snapshot_times=times))
    gaps = {gap.name: gap for summary in found.values() for gap in summary.gaps}  # tasks share projects
    return Summary(
        run=record,
        rows=rows.counts,
        gaps=tuple(gaps[name] for name in sorted(gaps)),
        seconds=seconds_since(clock),
        sink=config.sink,
        bytes_billed=sink.bytes_billed,
        bug=any(summary.bug for summary in found.values()),
        stopped=is_stopped,
        clusters_finished=sum(summary.clusters_finished for summary in found.values()),
    )


def _run_processes(folder: Path, tasks: _Tasks) -> list[Report]:
    """Runs the tasks to their end, and passes a stop on to them.

    Raises:
        InventoryError: a task failed; the others are killed.
    """
    is_told, count = False, tasks.count
    with _started(folder, tasks) as processes:
        while any(process.poll() is None for process in processes):
            if tasks.stop.is_set() and not is_told:
                is_told = True
                for process in processes:
                    process.terminate()
            for index, process in enumerate(processes):
                _check(folder, index, count, process, is_told=is_told)
            # not `stop.wait`: its lock would be held while a signal's handler sets it
            time.sleep(_POLL_SECONDS)
        for index, process in enumerate(processes):
            _check(folder, index, count, process, is_told=is_told)
        return [_report(folder, index) for index in range(count)]


@contextmanager
def _started(folder: Path, tasks: _Tasks) -> Iterator[Sequence[subprocess.Popen[bytes]]]:
    """The processes of the tasks; none outlives the context.

    They are a process group of their own, so that a terminal sends Ctrl-C to this process alone.
    """
    environment = os.environ | {
        "CLOUD_RUN_EXECUTION": tasks.run_id,
        "CLOUD_RUN_TASK_COUNT": str(tasks.count),
        "TMPDIR": str(folder),
    }
    # -P: a file job.py or yaml.py in the working directory is not imported in place of ours
    command = [sys.executable, "-P", "-m", "job.commands.task", str(folder / "config.json")]
    shown = [] if not tasks.progress.is_shown else ["colors" if takes_escapes(sys.stderr) else "text"]
    processes: list[subprocess.Popen[bytes]] = []
    readers: list[threading.Thread] = []
    try:
        for index in range(tasks.count):
            process = subprocess.Popen(  # noqa: S603 (this program itself)
                [*command, str(_report_file(folder, index)), tasks.level, *shown],
                env=environment | {"CLOUD_RUN_TASK_INDEX": str(index)},
                stdin=subprocess.PIPE,  # it ends when this process does
                stdout=subprocess.PIPE if shown else subprocess.DEVNULL,
                stderr=subprocess.PIPE if shown else None,
                process_group=0,
            )
            processes.append(process)
            readers += _readers(index, process, tasks.progress)
        yield processes
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()
            if process.stdin is not None:
                process.stdin.close()
        for reader in readers:
            reader.join(_LAST_WORDS_SECONDS)


def _readers(index: int, process: subprocess.Popen[bytes], progress: RunProgress) -> Iterator[threading.Thread]:
    """Threads that take what the process reports of its progress, and print what it logs, until it ends."""
    for stream, take in (
        (process.stdout, lambda line: progress.tasks.update({index: msgspec.json.decode(line, type=Seen)})),
        (process.stderr, _print),
    ):
        if stream is not None:
            thread = threading.Thread(target=_take_lines, args=(stream, take), daemon=True)
            thread.start()
            yield thread


def _take_lines(stream: IO[bytes], take: Callable[[bytes], Any]) -> None:
    with stream, suppress(OSError, ValueError):
        for line in stream:
            with suppress(msgspec.DecodeError):  # a library prints something
                take(line)


def _print(line: bytes) -> None:
    sys.stderr.write(line.decode("utf-8", "backslashreplace"))
    sys.stderr.flush()


def _check(folder: Path, index: int, count: int, process: subprocess.Popen[Any], *, is_told: bool) -> None:
    """Raises for a task that has failed: the other ones need not go on."""
    if process.poll() is None or (is_told and process.returncode):
        return
    failed = f"task {index} of {count}"
    if process.returncode < 0:
        raise InventoryError(
            f"{failed} was killed by signal {-process.returncode}, perhaps because memory is short; "
            "nothing was written to the sink"
        )
    if process.returncode:
        raise InventoryError(f"{failed} exited with code {process.returncode}; nothing was written to the sink")
    if (error := _report(folder, index).error) is not None:
        raise InventoryError(error)


def _report(folder: Path, index: int) -> Report:
    file = _report_file(folder, index)
    return msgspec.json.decode(file.read_bytes(), type=Report) if file.exists() else Report()


def _report_file(folder: Path, index: int) -> Path:
    return folder / f"{index}.report.json"
