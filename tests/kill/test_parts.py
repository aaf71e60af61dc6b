"""A stop, then kills of the retries that finish it, each in another moment of their commit."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from declared import UID_TABLES
from kill import killed
from loopback_bigquery import lift_update_limits
from made import make_dataset, sink_at
from run.test_parts import Attempts, stop_early

from job.simulator import Simulator, simulate

MOMENTS = {"duckdb": (8, 18), "bigquery": (200, 400)}  # of 26 and 532 dealings of `job.sinks` with the outside world


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with simulate(clusters=4, pods=4, plain=True, seed=3) as found:
        lift_update_limits(found.bigquery_endpoint)
        yield found


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["duckdb", "bigquery"])
def test_retries_of_a_stopped_task_may_be_killed(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    url = sink_at(tmp_path / "x.duckdb") if kind == "duckdb" else make_dataset(simulator.bigquery, "parts")
    attempts = Attempts(simulator, url, monkeypatch)
    path = tmp_path / "c.yaml"
    path.write_bytes(msgspec.json.encode(attempts.config))

    def retry(number: int, at: str) -> int | None:
        process = killed.start(path, os.environ | {"CLOUD_RUN_TASK_ATTEMPT": str(number)}, at)
        process.join(timeout=120)
        return process.exitcode

    stop_early(attempts)
    codes: list[int | None] = []
    for number, moment in enumerate(MOMENTS[kind], start=1):
        codes.append(retry(number, f"job.sinks:{moment}"))
        with attempts.sink.kept_open() as kept:
            complete = kept.query("SELECT COUNT(*) FROM latest_snapshots WHERE status = 'complete'").rows
            assert complete in ([(2,)], [(4,)])
            for table in UID_TABLES:
                twice = (
                    f"SELECT s.cluster, t.uid FROM {table} AS t JOIN snapshots AS s ON s.snapshot_id = t.snapshot_id "
                    "GROUP BY 1, 2 HAVING COUNT(*) > 1"
                )
                assert kept.query(twice).rows == []
    assert codes in ([-9, -9], [-9, 0])
    assert retry(3, killed.NEVER) == 0
    attempts.finds_each_once()
