"""The report that a run writes once it has committed."""

from __future__ import annotations

from job.commands.report import write_report
from job.config import Config
from job.errors import InventoryError
from job.log import log
from job.run.summary import Summary
from job.selection import Selection
from job.sinks.open_sink import open_warehouse, place_of
from job.views import views


def write_scheduled(config: Config, summary: Summary) -> None:
    """Writes the report that the configuration asks for, unless the run was stopped or read nothing.

    What fails is logged: the run is committed whether or not there is a report of it.
    """
    output = config.report.output
    if output is None or summary.stopped or summary.skipped_for:
        return
    try:
        if not _all_committed(config, summary):
            return
        write_report(config, form=None, output=output, at=None, between=None, dry_run=False, is_silent=True)
    except InventoryError as error:
        log.error("report not written", run_id=summary.run.run_id, output=output, detail=str(error))
    else:
        log.info("report written", run_id=summary.run.run_id, output=output)


def _all_committed(config: Config, summary: Summary) -> bool:
    """Whether this task was the last of its run to commit. Two that commit at once may both be."""
    count = summary.run.task_count
    if count == 1:
        return True
    view = next(view for view in views() if view.name == "committed_attempts")
    asked = Selection(["tasks_committed"], {"run_id": summary.run.run_id}).sql(view, place_of(config))
    return any(tasks == count for (tasks,) in open_warehouse(config).query(asked).rows)
