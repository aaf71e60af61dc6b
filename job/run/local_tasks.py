"""The tasks of one run as processes on this machine, with one commit.

They get the environment variables by which the tasks of a Cloud Run job know their index, and share the clusters the
same way. Their rows come back to this process, which publishes them together.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import msgspec

from job.config import Config, check_config
from job.connect.identity import configured_identity
from job.errors import ConfigError, InventoryError
from job.kinds import RESOURCES
from job.log import log
from job.run.ledger import seconds_since
from job.run.one_task import running
from job.run.summary import Summary, from_json, skipped, total
from job.signals import Stop
from job.sinks.open_sink import open_sink
from job.sinks.protocol import Commit, Sink, TaskResult
from job.sinks.task_folder import rows_of, write_weights
from job.spool import concatenate
from job.task import Task, new_run_id

_FINISHED = (0, 3)  # exit codes of a task whose rows count


def run_tasks(config: Config, count: int, *, stop: Stop | None = None) -> Summary:
    """Takes one snapshot of everything that is configured, with `count` processes.

    Raises:
        InventoryError: the configuration, credentials or sink cannot be used, or a task failed; nothing was written.
    """
    now, clock = datetime.now(UTC), monotonic()
    check_config(config, resources=RESOURCES)
    if "CLOUD_RUN_TASK_INDEX" in os.environ:
        raise ConfigError(
            "--tasks starts tasks on this machine, but this process is a task of Cloud Run: set the job's task count"
        )
    identity = configured_identity(config)
    threads = min(count, os.cpu_count() or 1)  # the tasks have ended before the commit, so their cores are free
    sink = open_sink(config, lambda: identity, threads=threads, stop=stop)
    task = Task(new_run_id(now), now)
    identity.token()
    sink.prepare()
    with running(config, sink, task) as other:
        if other is not None:
            return skipped(config, task, other, clock)
        return _take_snapshot(config, count, sink, task, clock)


def _take_snapshot(config: Config, count: int, sink: Sink, task: Task, clock: float) -> Summary:
    with tempfile.TemporaryDirectory(prefix="gke-inventory-") as directory:
        folder = Path(directory)
        write_weights(folder, sink.cluster_weights(task.run_id))
        to_folder = msgspec.structs.replace(config, sink=f"folder:///{folder}")
        (folder / "config.json").write_bytes(msgspec.json.encode(to_folder))
        summaries = _run_processes(folder, task.run_id, count)
        rows = concatenate([rows_of(folder, index) for index in range(count)])
        record = total([summary.run for summary in summaries])
        log.info("publishing", rows=sum(rows.counts.values()), bytes=sum(rows.sizes.values()))
        result = TaskResult(complete=record.status == "complete", acceptable=record.acceptable)
        sink.publish(rows, Commit(task.run_id, 0, 0, result))
    gaps = {gap.name: gap for summary in summaries for gap in summary.gaps}  # every task lists every project
    return Summary(
        run=record,
        rows=rows.counts,
        gaps=tuple(gaps[name] for name in sorted(gaps)),
        seconds=seconds_since(clock),
        sink=config.sink,
        bytes_billed=sink.bytes_billed,
        bug=any(summary.bug for summary in summaries),
    )


def _run_processes(folder: Path, run_id: str, count: int) -> list[Summary]:
    """Starts the tasks and waits for all of them; they are terminated if this process stops waiting."""
    environment = os.environ | {"CLOUD_RUN_EXECUTION": run_id, "CLOUD_RUN_TASK_COUNT": str(count)}
    environment["TMPDIR"] = str(folder)  # spools go with it, also those of tasks that are killed
    # -P: a file job.py or yaml.py in the working directory is not imported in place of ours
    command = [sys.executable, "-P", "-m", "job"]
    command += ["run", "--config", str(folder / "config.json"), "--json", "--quiet"]
    processes = [
        subprocess.Popen(  # noqa: S603 (this program itself)
            command,
            env=environment | {"CLOUD_RUN_TASK_INDEX": str(index)},
            stdout=subprocess.PIPE,
            text=True,
            process_group=0,  # Ctrl-C in a terminal reaches this process alone, which ends the others
        )
        for index in range(count)
    ]
    try:
        outputs = [process.communicate()[0] for process in processes]
    except KeyboardInterrupt:
        for process in processes:
            process.kill()  # on SIGTERM each would go on to commit, into a folder that is about to be removed
            process.wait()
        raise
    finally:
        for process in processes:
            process.terminate()
    for index, process in enumerate(processes):
        if process.returncode not in _FINISHED:
            raise InventoryError(
                f"task {index} of {count} exited with code {process.returncode}; nothing was written to the sink"
            )
    return [from_json(output) for output in outputs]
