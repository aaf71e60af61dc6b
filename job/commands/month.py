"""What one run does, what a month of them would cost, and which limits of Google's services a schedule would break.

Prices are list prices of a low-price region on 2026-11-30, in US dollars. They leave out the free tier and discounts:
https://cloud.google.com/run/pricing (jobs), https://cloud.google.com/bigquery/pricing#storage and
https://cloud.google.com/stackdriver/pricing.
"""

from __future__ import annotations

import math

import msgspec

_DAYS = 30
_HOUR, _DAY = 3600.0, 86_400.0

_RUN_CPU_SECOND, _RUN_GIB_SECOND = 0.000018, 0.000002
_PHYSICAL_GIB_MONTH, _LOGICAL_GIB_MONTH = 0.04, 0.02
_LOG_GIB = 0.5

# Measured: tests/benchmarks/storage.py, and config/reference/costs.md
_LOGICAL_BYTES, _TIMES_COMPRESSED = 1500, 60  # of one object's rows; of a dataset, by physical billing
_ROWS_AN_OBJECT = 2.5
_LOADED_BYTES = 300  # of one object's rows, compressed as they are uploaded
_LIST_BYTES = 700  # of one object in a list, compressed by the API server
_LOG_BYTES_A_CLUSTER, _LOG_BYTES_A_TASK = 600, 3000
_START_SECONDS, _COMMIT_SECONDS = 5.0, 20.0
_KEPT_DAYS_AFTER_EXPIRY = 14  # time travel and fail-safe, which physical billing counts

# https://cloud.google.com/bigquery/quotas: standard tables, and load jobs of a project
TABLE_MODIFICATIONS_A_DAY = 1500
LOAD_JOBS_A_DAY = 100_000
_TASK_TIMEOUT_SECONDS = 3600.0  # as config/deploy/job.yaml sets it


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What one run does."""

    list_requests: int
    """To the API servers: pages of lists."""
    gke_requests: int
    """ListClusters: the first task lists all projects, and the others those of their clusters. The requests of
    `upgrade_info` come once a day."""
    downloaded_bytes: int
    """On the wire, from the API servers."""
    rows: int
    loaded_bytes: int
    """Uploaded to BigQuery, compressed."""
    load_jobs: int
    seconds: float
    """From start to end, with the slowest task's share and its commit."""


class Month(msgspec.Struct, frozen=True, kw_only=True):
    """Thirty days of such runs, in US dollars."""

    runs: int
    cloud_run_dollars: float
    storage_dollars: float
    """Once rows are as old as they get. BigQuery loads for nothing, and the job's own queries are small."""
    logging_dollars: float
    logical_bytes_a_day: int

    @property
    def dollars(self) -> float:
        return self.cloud_run_dollars + self.storage_dollars + self.logging_dollars


def one_run(
    *, clusters: int, projects: int, objects: int, tasks: int, seconds: float, kinds: int, tables: int, page_limit: int
) -> Run:
    """What a run does.

    Args:
        seconds: that the slowest task reads.
        kinds: how many lists are made of each cluster.
        tables: how many tables are loaded.
        page_limit: objects of a page.
    """
    return Run(
        list_requests=clusters * kinds + objects // page_limit,
        gke_requests=projects + min(clusters, projects * (tasks - 1)),
        downloaded_bytes=objects * _LIST_BYTES,
        rows=round(objects * _ROWS_AN_OBJECT),
        loaded_bytes=objects * _LOADED_BYTES,
        load_jobs=tables * tasks,
        seconds=round(_START_SECONDS + seconds + _COMMIT_SECONDS, 1),
    )


def one_month(
    run: Run, *, runs_a_day: float, clusters: int, objects: int, tasks: int, memory_mib: int,
    kept_days: int | None, physical: bool,
) -> Month:  # fmt: skip
    """What a month of such runs costs.

    Args:
        kept_days: after how many days rows expire; None for never, which is reckoned as a year.
        physical: whether the dataset is billed by its bytes on disk.
    """
    runs = round(runs_a_day * _DAYS)
    task_seconds = runs * tasks * run.seconds
    day = round(runs_a_day * objects * _LOGICAL_BYTES)
    kept = kept_days or 365
    stored, price = float(day * kept), _LOGICAL_GIB_MONTH
    if physical:
        stored, price = day * (kept + _KEPT_DAYS_AFTER_EXPIRY) / _TIMES_COMPRESSED, _PHYSICAL_GIB_MONTH
    logged = runs * (clusters * _LOG_BYTES_A_CLUSTER + tasks * _LOG_BYTES_A_TASK)
    return Month(
        runs=runs,
        cloud_run_dollars=round(task_seconds * (_RUN_CPU_SECOND + memory_mib / 1024 * _RUN_GIB_SECOND), 2),
        storage_dollars=round(stored / (1 << 30) * price, 2),
        logging_dollars=round(logged / (1 << 30) * _LOG_GIB, 2),
        logical_bytes_a_day=day,
    )


def warnings(run: Run, *, runs_a_day: float, tasks: int, seconds: float, unreachable: int) -> tuple[str, ...]:
    """Which limits such a schedule would break, and what a run would not read.

    Args:
        seconds: that the slowest task reads.
        unreachable: clusters and projects that the plan has a problem with.
    """
    found = []
    a_table = math.ceil(tasks * runs_a_day)
    if a_table > TABLE_MODIFICATIONS_A_DAY:
        found.append(
            f"{a_table} load jobs a table and day: BigQuery allows {TABLE_MODIFICATIONS_A_DAY}; "
            "use fewer tasks, or run less often"
        )
    if (jobs := math.ceil(run.load_jobs * runs_a_day)) > LOAD_JOBS_A_DAY:
        found.append(f"{jobs} load jobs a day: BigQuery allows {LOAD_JOBS_A_DAY} a project; use fewer tasks")
    if run.seconds > _DAY / runs_a_day:
        found.append(
            f"a run takes {run.seconds:g} s, and begins every {_DAY / runs_a_day:g} s: runs would overlap; "
            "use more tasks, or run less often"
        )
    if _START_SECONDS + seconds + _COMMIT_SECONDS > _TASK_TIMEOUT_SECONDS:
        found.append(f"a task takes longer than {_TASK_TIMEOUT_SECONDS / _HOUR:g} h, the `timeoutSeconds` of the job")
    if unreachable:
        found.append(f"{unreachable} of the lines above have a problem: a run would not read them")
    return tuple(found)
