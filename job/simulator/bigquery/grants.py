"""`GRANT ... ON SCHEMA` and `REVOKE ... ON SCHEMA`: add roles on a dataset to its `access`, or remove them.

https://cloud.google.com/bigquery/docs/reference/standard-sql/data-control-language#grant_statement
"""

from __future__ import annotations

import re
from typing import NamedTuple

from job.simulator.bigquery.errors import invalid_query
from job.simulator.bigquery.storage import Resource, Storage

_ROLES, _NAME = r"(?P<roles>`[^`]+`(?:\s*,\s*`[^`]+`)*)", r"(?P<name>`?[\w.:-]+`?)"
_STATEMENT = rf"\s*{{}}\s+{_ROLES}\s+ON\s+SCHEMA\s+{_NAME}\s+{{}}\s+(?P<members>.+?)\s*;?\s*"
_GRANT = re.compile(_STATEMENT.format("GRANT", "TO"), re.IGNORECASE | re.DOTALL)
_REVOKE = re.compile(_STATEMENT.format("REVOKE", "FROM"), re.IGNORECASE | re.DOTALL)
_BASIC = {"dataViewer": "READER", "dataEditor": "WRITER", "dataOwner": "OWNER"}
_KEYS = {"user": "userByEmail", "serviceAccount": "userByEmail", "group": "groupByEmail", "domain": "domain"}


class Grant(NamedTuple):
    """The roles that a statement grants or revokes on a dataset."""

    statement: str
    """`GRANT` or `REVOKE`."""
    project: str
    dataset: str
    access: list[Resource]
    """https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets#Dataset.FIELDS.access"""


def grant_of(sql: str, project: str) -> Grant | None:
    """Parses a GRANT or REVOKE statement; None for any other statement.

    Raises:
        ApiError: a member has an unknown type.
    """
    granting = _GRANT.fullmatch(sql)
    match = granting or _REVOKE.fullmatch(sql)
    if match is None:
        return None
    *named, dataset = match["name"].strip("`").split(".")
    roles = [_role(role) for role in re.findall(r"`([^`]+)`", match["roles"])]
    members = [member.strip().strip("'\"") for member in match["members"].split(",")]
    access = [{"role": role, **_member(member)} for role in roles for member in members]
    return Grant("GRANT" if granting else "REVOKE", named[0] if named else project, dataset, access)


def apply_grant(storage: Storage, grant: Grant) -> None:
    """Adds the missing entries to the dataset's `access`, or removes the revoked ones.

    Raises:
        ApiError: the dataset does not exist.
    """
    found = storage.dataset(grant.project, grant.dataset)
    existing = list(found.get("access", []))
    others = [entry for entry in existing if entry not in grant.access]
    added = [entry for entry in grant.access if entry not in existing]
    access = existing + added if grant.statement == "GRANT" else others
    storage.update_dataset(found, {"access": access}, set())


def _role(role: str) -> str:
    """The role's name in `access`, where the three basic roles have special names."""
    return _BASIC.get(role.removeprefix("roles/bigquery."), role)


def _member(member: str) -> dict[str, str]:
    kind, _, name = member.partition(":")
    if kind not in _KEYS or not name:
        raise invalid_query(f"Invalid member: {member}")
    return {_KEYS[kind]: name}
