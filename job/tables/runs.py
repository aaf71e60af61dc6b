"""Runs: one row for each task of each run."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from job.tables.record import Record

RunStatus = Literal["complete", "incomplete"]
"""The column `status` of `runs`."""


class Run(Record, frozen=True, kw_only=True):
    """One task of one run."""

    table = "runs"
    description = "One task of one run of the job: version, configuration, counts, outcome."
    clustering = ("run_id",)

    run_id: Annotated[str, "The run: the Cloud Run execution's name, else made from the time and a random part."]
    task_index: Annotated[int, "Which task of the run this was, from 0."]
    task_count: Annotated[int, "How many tasks the run had."]
    attempt: Annotated[int, "Which attempt of the task this was, from 0."]
    version: Annotated[str, "Version of gke-inventory."]
    config_digest: Annotated[str, "SHA-256 of the configuration in effect, but for `sink`: 16 hexadecimal digits."]
    status: Annotated[RunStatus, "`complete`, or `incomplete` when anything asked for could not be read."]
    acceptable: Annotated[bool, "What could not be read is no more than `fail_on` lets pass: the exit code is 0."]
    started_at: Annotated[datetime, "When the task began."]
    finished_at: Annotated[datetime, "When the task had collected all it could, just before the commit."]
    duration_seconds: Annotated[float, "Seconds from start to the commit."]
    projects: Annotated[int, "Projects asked for their clusters."]
    projects_failed: Annotated[int, "Projects whose clusters could not all be listed."]
    clusters: Annotated[int, "Snapshots that this task commits; 0 is a run that found no cluster."]
    clusters_complete: Annotated[int, "Clusters read in full."]
    clusters_partial: Annotated[int, "Clusters of which something could not be read."]
    clusters_failed: Annotated[int, "Clusters of which nothing could be read."]
    objects: Annotated[int, "Kubernetes objects read."]
    row_count: Annotated[int, "Rows in all tables but this one and `snapshots`."]
