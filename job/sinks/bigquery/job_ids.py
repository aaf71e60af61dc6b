"""Ids of jobs, by which a retry finds what an earlier attempt has submitted."""

from __future__ import annotations

import hashlib
import re

_LONGEST = 900  # and room for what is added to it


def job_id(dataset: str, *name: str) -> str:
    """The id of a job of a dataset.

    Up to 1,024 letters, digits, _ and - are allowed (https://cloud.google.com/bigquery/docs/running-jobs). Ids are
    unique in the whole project, so this one has the dataset in it.

    >>> job_id("inventory", "run-1", "0", "commit")
    'gke-inventory-inventory-run-1-0-commit'
    """
    text = "-".join(("gke-inventory", dataset, *name))
    allowed = re.sub(r"[^A-Za-z0-9_-]", "-", text)[:_LONGEST]
    if allowed == text:
        return text
    return f"{allowed}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"  # two such names never have the same id


def part(number: int) -> tuple[str, ...]:
    """What tells the job ids of a part from those of the first."""
    return ("part", str(number)) if number else ()
