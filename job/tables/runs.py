"""Runs: one row for each task of each run. It commits the rows of all other tables."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from job.tables.record import Record

RunStatus = Literal["complete", "incomplete"]
"""The column `status` of `runs`."""


class Run(Record, frozen=True, kw_only=True):
    """One task of one run."""

    table = "runs"
    description = (
        "One task of one run of the job: version, configuration, counts, status. The commit marker, always written "
        "last: rows in other tables count only if their task has its row here."
    )
    clustering = ("run_id",)
    primary_key = ("snapshot_id",)

    run_id: Annotated[
        str, "Name of the Cloud Run execution. Outside Cloud Run, an id made of the time and a random part."
    ]
    task_index: Annotated[int, "Index of the task in the run, from 0."]
    task_count: Annotated[int, "Number of tasks of the run."]
    attempt: Annotated[int, "Attempt number of the task, from 0."]
    version: Annotated[str, "Version of gke-inventory."]
    config_digest: Annotated[
        str, "SHA-256 of the configuration in effect, without `sink`: the first 16 hexadecimal digits."
    ]
    status: Annotated[RunStatus, "`complete`, or `incomplete` if anything in scope could not be read."]
    acceptable: Annotated[bool, "Whether the gaps are within `fail_on`; then the exit code is 0."]
    started_at: Annotated[datetime, "When the task started."]
    finished_at: Annotated[datetime, "When the task finished collecting, just before the commit."]
    duration_seconds: Annotated[float, "Seconds from `started_at` to `finished_at`."]
    projects: Annotated[
        int,
        "Number of projects in scope. Of several tasks, the first one records all, and each other one what it could "
        "not list.",
    ]
    projects_failed: Annotated[int, "Number of projects whose clusters could not all be listed."]
    clusters: Annotated[
        int,
        "Number of clusters that this task has committed, with those of an earlier attempt that was stopped; 0 if it "
        "found no cluster.",
    ]
    clusters_complete: Annotated[int, "Number of clusters read in full."]
    clusters_partial: Annotated[int, "Number of clusters read in part."]
    clusters_failed: Annotated[int, "Number of clusters of which nothing could be read."]
    objects: Annotated[int, "Number of Kubernetes objects read."]
    row_count: Annotated[int, "Number of rows in all tables except `runs` and `snapshots`."]
