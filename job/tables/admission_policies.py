"""ValidatingAdmissionPolicies."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables.admission_webhooks import AdmissionRule
from job.tables.record import KeyValue, OtherApiVersions, Record


class AdmissionPolicy(Record, frozen=True, kw_only=True):
    """A ValidatingAdmissionPolicy."""

    table = "admission_policies"
    description = (
        "A ValidatingAdmissionPolicy: which requests it validates, without its expressions. It has an effect only "
        "where a binding says so."
    )
    read_from = "validatingadmissionpolicies"
    clustering = ("project_id", "cluster", "name")
    primary_key = ("snapshot_id", "name", "uid")

    name: Annotated[str, "Name of the policy."]
    uid: Annotated[str, "Kubernetes UID."]
    created_at: Annotated[datetime | None, "When the policy was created."] = None
    deleted_at: Annotated[datetime | None, "When deletion was requested; NULL unless it is being deleted."] = None
    failure_policy: Annotated[str | None, "`Fail` or `Ignore`."] = None
    fail_closed: Annotated[bool, "Whether requests are refused where an expression cannot be evaluated."]
    rules: Annotated[tuple[AdmissionRule, ...], "Which requests it validates; any rule has to match."] = ()
    excluded: Annotated[tuple[AdmissionRule, ...], "Which of these requests it does not validate."] = ()
    match_policy: Annotated[
        str | None, "`Equivalent` also matches the same objects in other API groups and versions; `Exact` does not."
    ] = None
    match_conditions: Annotated[int, "Number of CEL conditions that a request has to meet too."]
    namespace_selector: Annotated[
        str | None, "Labels of the namespaces whose requests it validates: `env=prod,tier in (a,b)`; NULL for all."
    ] = None
    object_selector: Annotated[str | None, "Labels of the objects that it validates; NULL for all."] = None
    param_api_version: Annotated[str | None, "apiVersion of the objects that have its parameters."] = None
    param_kind: Annotated[str | None, "Kind of the objects that have its parameters; NULL without any."] = None
    validations: Annotated[int, "Number of CEL expressions that a request has to satisfy."]
    other_api_versions: OtherApiVersions = ()
    labels: Annotated[tuple[KeyValue, ...], "Labels of the policy."] = ()
    annotations: Annotated[tuple[KeyValue, ...], "Annotations on the allow-list."] = ()
