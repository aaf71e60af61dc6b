"""In which API versions objects were written: the column `other_api_versions`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from job.kinds import KINDS
from job.kinds.objects import object_kind
from job.kinds.parts.api_versions import LAST_APPLIED, other_api_versions
from job.kinds.parts.owners import Owners
from job.kinds.parts.scope import Scope
from job.tables.record import OtherApiVersion
from job.wire.meta import ManagedMeta

SCOPE = Scope(Owners(), ())
ENTRY = {
    "manager": "legacy-operator", "operation": "Update", "apiVersion": "batch/v1beta1", "time": "2026-11-02T09:30:00Z",
    "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"k:{\"name\":\"CANARY-field\"}": {}}},
}  # fmt: skip
APPLIED = {
    "apiVersion": "batch/v1beta1", "kind": "CronJob", "metadata": {"annotations": {"note": "CANARY-applied"}},
    "spec": {"jobTemplate": {"env": [{"name": "PASSWORD", "value": "CANARY-password"}]}},
}  # fmt: skip
WRITTEN = OtherApiVersion(
    api_version="batch/v1beta1", source="managedFields", field_manager="legacy-operator", operation="Update",
    written_at=datetime(2026, 11, 2, 9, 30, tzinfo=UTC),
)  # fmt: skip


def metadata(*entries: Any, applied: str | None = None) -> dict[str, Any]:
    annotations = {"note": "CANARY-annotation"} | ({LAST_APPLIED: applied} if applied is not None else {})
    return {"name": "x", "namespace": "prod", "uid": "1", "managedFields": list(entries), "annotations": annotations}


def found(*entries: Any, applied: str | None = None) -> tuple[OtherApiVersion, ...]:
    decoded = msgspec.convert(metadata(*entries, applied=applied), ManagedMeta)
    return other_api_versions(decoded, "batch/v1")


def test_both_signs_name_the_version_and_nothing_else() -> None:
    versions = found(ENTRY, {**ENTRY, "apiVersion": "batch/v1"}, applied=json.dumps(APPLIED) + "\n")
    assert versions == (WRITTEN, OtherApiVersion(api_version="batch/v1beta1", source="last-applied"))


@pytest.mark.parametrize(
    "applied",
    [
        "", "CANARY", "[]", "{}", '{"apiVersion": 1}', '{"apiVersion": "CANARY"}', '{"apiVersion": "v1\\nCANARY"}',
        '{"apiVersion": "batch/v1"}', "[" * 100_000, json.dumps({"apiVersion": f"{'a' * 300}/v1"}),
    ],
)  # fmt: skip
def test_text_that_names_no_other_api_version_is_none(applied: str) -> None:
    assert found(applied=applied) == ()


def test_what_is_unusual_in_an_entry_is_left_out_of_it() -> None:
    odd = {**ENTRY, "manager": "CANARY (client)", "operation": "CANARY", "time": "yesterday"}
    assert found(odd) == (OtherApiVersion(api_version="batch/v1beta1", source="managedFields"),)
    assert found({**ENTRY, "apiVersion": "CANARY"}) == found({"manager": "x"}) == ()


def test_an_object_has_at_most_twenty_and_each_version_among_them() -> None:
    older = {**ENTRY, "apiVersion": "batch/v2alpha1"}
    kept = found(*[ENTRY] * 30, older, applied=json.dumps(APPLIED))
    applied = OtherApiVersion(api_version="batch/v1beta1", source="last-applied")
    written = msgspec.structs.replace(WRITTEN, api_version="batch/v2alpha1")
    assert kept == (WRITTEN, written, applied, *[WRITTEN] * 17)


KEPT = ("deployments", "cronjobs", "jobs", "horizontalpodautoscalers", "poddisruptionbudgets", "ingresses",
        "runtimeclasses", "resourceclaims", "validatingadmissionpolicies",
        "flowschemas.flowcontrol.apiserver.k8s.io")  # fmt: skip


@pytest.mark.parametrize("resource", KEPT)
def test_rows_have_them_and_no_other_part_of_what_was_applied(resource: str) -> None:
    flows = object_kind("flowschemas", "flowcontrol.apiserver.k8s.io", "v1", "FlowSchema")
    (kind,) = (kind for kind in (*KINDS, flows) if kind.resource == resource)
    spec = {"handler": "runc"} if resource == "runtimeclasses" else {"spec": {}}
    item = {"metadata": metadata(ENTRY, applied=json.dumps(APPLIED)), **spec}
    rows = list(kind.rows(msgspec.json.decode(json.dumps(item), type=kind.item), SCOPE))
    row = rows[0]
    assert [version.source for version in row.other_api_versions] == ["managedFields", "last-applied"]
    assert "CANARY" not in msgspec.json.encode(rows).decode()
