"""`GRANT ... ON SCHEMA`: adds roles on a dataset to its `access`.

https://cloud.google.com/bigquery/docs/reference/standard-sql/data-control-language#grant_statement
"""

from __future__ import annotations

import re
from typing import NamedTuple

from job.simulator.bigquery.errors import invalid_query
from job.simulator.bigquery.storage import Resource, Storage

_GRANT = re.compile(
    r"\s*GRANT\s+(?P<roles>`[^`]+`(?:\s*,\s*`[^`]+`)*)\s+ON\s+SCHEMA\s+(?P<name>`?[\w.:-]+`?)\s+TO\s+(?P<members>.+?)\s*;?\s*",
    re.IGNORECASE | re.DOTALL,
)
_BASIC = {"dataViewer": "READER", "dataEditor": "WRITER", "dataOwner": "OWNER"}
_KEYS = {"user": "userByEmail", "serviceAccount": "userByEmail", "group": "groupByEmail", "domain": "domain"}


class Grant(NamedTuple):
    """The roles that a statement grants on a dataset."""

    project: str
    dataset: str
    access: list[Resource]
    """https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets#Dataset.FIELDS.access"""


def grant_of(sql: str, project: str) -> Grant | None:
    """Parses a GRANT statement; None for any other statement.

    Raises:
        ApiError: a member has an unknown type.
    """
    match = _GRANT.fullmatch(sql)
    if match is None:
        return None
    *named, dataset = match["name"].strip("`").split(".")
    roles = [_role(role) for role in re.findall(r"`([^`]+)`", match["roles"])]
    members = [member.strip().strip("'\"") for member in match["members"].split(",")]
    access = [{"role": role, **_member(member)} for role in roles for member in members]
    return Grant(named[0] if named else project, dataset, access)


def apply_grant(storage: Storage, grant: Grant) -> None:
    """Adds the missing entries to the dataset's `access`.

    Raises:
        ApiError: the dataset does not exist.
    """
    found = storage.dataset(grant.project, grant.dataset)
    existing = list(found.get("access", []))
    added = [entry for entry in grant.access if entry not in existing]
    storage.update_dataset(found, {"access": existing + added}, set())


def _role(role: str) -> str:
    """The role's name in `access`, where the three basic roles have special names."""
    return _BASIC.get(role.removeprefix("roles/bigquery."), role)


def _member(member: str) -> dict[str, str]:
    kind, _, name = member.partition(":")
    if kind not in _KEYS or not name:
        raise invalid_query(f"Invalid member: {member}")
    return {_KEYS[kind]: name}
