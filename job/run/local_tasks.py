"""The tasks of one run as processes on this machine, and one commit of what they have read.

They are told apart by the variables by which Cloud Run tells the tasks of a job apart, and share the clusters alike;
but rows come back here, to be published together.
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
from job.connect.identity import default_identity
from job.errors import ConfigError, InventoryError
from job.kinds import RESOURCES
from job.log import log
from job.run.one_task import begun
from job.run.summary import Summary, skipped
from job.sinks.folder import WEIGHTS_FILE, laid_down
from job.sinks.open_sink import open_sink
from job.sinks.protocol import Commit, Sink, TaskResult
from job.spool import Rows, joined
from job.task import new_run_id

_ENDED_IN_ORDER = (0, 3)


def run_tasks(config: Config, count: int) -> Summary:
    """Takes one snapshot of everything that is configured, with so many processes.

    Raises:
        InventoryError: the configuration, credentials or sink cannot be used, or a task failed; nothing was written.
    """
    clock = monotonic()
    check_config(config, resources=RESOURCES)
    if "CLOUD_RUN_TASK_INDEX" in os.environ:
        raise ConfigError("--tasks starts tasks, and this process is one: leave the tasks to Cloud Run")
    identity = default_identity(config.api_endpoints.oauth2)
    threads = min(count, os.cpu_count() or 1)  # the tasks have ended by the time that they publish: there is room
    sink = open_sink(config, lambda: identity, threads=threads)
    identity.token()
    sink.prepare()
    run_id = new_run_id(datetime.now(UTC))
    with begun(config, sink, run_id, 1) as other:
        if other is not None:
            return skipped(config, run_id, other, clock)
        return _take(config, count, sink, run_id, clock)


def _take(config: Config, count: int, sink: Sink, run_id: str, clock: float) -> Summary:
    with tempfile.TemporaryDirectory(prefix="gke-inventory-") as directory:
        folder = Path(directory)
        (folder / WEIGHTS_FILE).write_bytes(msgspec.json.encode(sink.weights(run_id)))
        told = msgspec.structs.replace(config, sink=f"folder:///{folder}")
        (folder / "config.json").write_bytes(msgspec.json.encode(told))
        summaries = _ended(folder, run_id, count)
        rows = joined([laid_down(folder, index) for index in range(count)])
        outcome = TaskResult(
            complete=all(summary.status == "complete" for summary in summaries),
            acceptable=all(summary.acceptable for summary in summaries),
        )
        log.info("publishing", rows=sum(rows.counts.values()), bytes=sum(rows.sizes.values()))
        sink.publish(rows, Commit(run_id, 0, 0, outcome))
    summary = _summary(config, run_id, rows, summaries, outcome, monotonic() - clock)
    return msgspec.structs.replace(summary, bytes_billed=sink.bytes_billed)


def _ended(folder: Path, run_id: str, count: int) -> list[Summary]:
    """Starts the tasks, and waits for all of them; whatever ends this process ends them."""
    environment = os.environ | {"CLOUD_RUN_EXECUTION": run_id, "CLOUD_RUN_TASK_COUNT": str(count)}
    command = [sys.executable, "-m", "job.cli", "run", "--config", str(folder / "config.json"), "--json", "--quiet"]
    processes = [
        subprocess.Popen(  # noqa: S603 (this very program)
            command, env=environment | {"CLOUD_RUN_TASK_INDEX": str(index)}, stdout=subprocess.PIPE, text=True
        )
        for index in range(count)
    ]
    try:
        answers = [process.communicate()[0] for process in processes]
    finally:
        for process in processes:
            process.terminate()
    for index, process in enumerate(processes):
        if process.returncode not in _ENDED_IN_ORDER:
            raise InventoryError(
                f"task {index} of {count} ended with exit code {process.returncode}; nothing was written to the sink"
            )
    return [msgspec.json.decode(answer, type=Summary) for answer in answers]


def _summary(
    config: Config, run_id: str, rows: Rows, summaries: list[Summary], outcome: TaskResult, seconds: float
) -> Summary:
    first = summaries[0]
    unread = {entry.name: entry for summary in summaries for entry in summary.unread}  # each task lists each project
    return Summary(
        run_id=run_id,
        status="complete" if outcome.complete else "incomplete",
        acceptable=outcome.acceptable,
        projects=first.projects,
        projects_failed=max(summary.projects_failed for summary in summaries),
        clusters=sum(summary.clusters for summary in summaries),
        clusters_complete=sum(summary.clusters_complete for summary in summaries),
        clusters_partial=sum(summary.clusters_partial for summary in summaries),
        clusters_failed=sum(summary.clusters_failed for summary in summaries),
        objects=sum(summary.objects for summary in summaries),
        rows=rows.counts,
        unread=tuple(unread[name] for name in sorted(unread)),
        seconds=round(seconds, 3),
        sink=config.sink,
        bug=any(summary.bug for summary in summaries),
    )
