"""Which task of a run writes its report."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from made import sink_at
from warehouse import Attempt, Read, publish, run_of

from job.commands.scheduled_report import write_scheduled
from job.config import load_config
from job.config_report import Report
from job.run.summary import Summary
from job.sinks.open_sink import open_warehouse
from job.tables import Run


def test_the_last_of_several_tasks_to_commit_writes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GKE_INVENTORY_SINK", sink_at(tmp_path / "x.duckdb"))
    monkeypatch.setenv("GKE_INVENTORY_PROJECTS", "shop-prod")
    output = tmp_path / "fleet.md"
    config = msgspec.structs.replace(load_config(), report=Report(output=str(output)))
    written = []
    for task in (0, 1):
        rows = run_of(1, Read(f"web-{task}", ["x"]), by=Attempt(task=task, tasks=2))
        publish(open_warehouse(config), rows, run_id="run-1", task=task)
        (run,) = (record for _, record in rows if isinstance(record, Run))
        write_scheduled(config, Summary(run=run, seconds=1.0, sink=config.sink))
        written.append(output.exists())
    assert written == [False, True]
