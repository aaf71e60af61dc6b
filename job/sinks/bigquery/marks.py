"""The labels by which this program knows its own tables, views and datasets, and the version that made them."""

from __future__ import annotations

from collections.abc import Mapping

from job.schema import OLDEST_WRITER, SCHEMA_VERSION

_MADE = "gke_inventory"
"""Everything that this program makes has this label. What lacks it is somebody else's, and is never changed."""
MADE = {_MADE: "made"}
FUNCTION_MARK = "(gke-inventory made this function.)"
"""Ends the description of each function, which cannot have labels."""
DIGEST = "gke_inventory_digest"
"""A digest of the definition that a table or view was last made from. While it is current, nothing else is compared."""
_VERSION = "gke_inventory_schema"
_OLDEST_WRITER = "gke_inventory_oldest_writer"
VERSIONS = {_VERSION: str(SCHEMA_VERSION), _OLDEST_WRITER: str(OLDEST_WRITER)}
"""SCHEMA_VERSION and OLDEST_WRITER of the newest program that has changed a table. Not labels of the dataset: the job's
role (roles/bigquery.dataEditor) cannot update that."""


def is_made(labels: Mapping[str, str]) -> bool:
    """Whether this program, of any version, made the table or view with these labels."""
    return labels.get(_MADE) == MADE[_MADE]


def versions_in(labels: Mapping[str, str]) -> tuple[int, int]:
    """Version and oldest writer of a table; 0 where there is none.

    >>> versions_in({"gke_inventory_schema": "7", "gke_inventory_oldest_writer": "5"}), versions_in({"team": "web"})
    ((7, 5), (0, 0))
    """
    version, oldest_writer = labels.get(_VERSION, ""), labels.get(_OLDEST_WRITER, "")
    return int(version) if version.isdecimal() else 0, int(oldest_writer) if oldest_writer.isdecimal() else 0
