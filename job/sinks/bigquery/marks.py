"""The labels by which this program knows its own tables, views and datasets, and the version that made them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

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


_CONFIGURED = "gke_inventory_labels_"
"""Labels with hashes of the keys of those that the configuration has set: others on our tables are somebody else's."""
_HASH, _HASHES = 4, 15  # hexadecimal digits, and how many fit into a label's 63 characters


def configured(labels: Mapping[str, str]) -> dict[str, str]:
    """The labels of the configuration, and those that remember them.

    >>> configured({"team": "web"})
    {'team': 'web', 'gke_inventory_labels_0': 'ca8b'}
    """
    hashes = sorted(map(_hash, labels))
    lines = ["".join(hashes[first : first + _HASHES]) for first in range(0, len(hashes), _HASHES)]
    return {**labels, **{f"{_CONFIGURED}{number}": line for number, line in enumerate(lines)}}


def dropped(found: Mapping[str, str], declared: Iterable[str]) -> list[str]:
    """The labels that an earlier configuration set, and that are no longer declared.

    >>> dropped({**configured({"team": "web", "env": "test"}), "theirs": "1"}, configured({"env": "test"}))
    ['team']
    """
    lines = [value for key, value in found.items() if key.startswith(_CONFIGURED)]
    earlier = {line[first : first + _HASH] for line in lines for first in range(0, len(line), _HASH)}
    undeclared = found.keys() - set(declared)
    return sorted(key for key in undeclared if key.startswith(_CONFIGURED) or _hash(key) in earlier)


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:_HASH]
