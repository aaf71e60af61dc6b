"""ValidatingAdmissionPolicies (`admissionregistration.k8s.io/v1`), without the text of their expressions."""

from __future__ import annotations

from collections.abc import Iterator

from job import tables
from job.kinds.kind import Kind
from job.kinds.parts.admission import MatchCondition, NamedRuleWithOperations, admission_rules, fails_closed
from job.kinds.parts.api_versions import other_api_versions
from job.kinds.parts.metadata import allowed_annotations, key_values
from job.kinds.parts.scope import Scope
from job.kinds.parts.selector_text import selector_text
from job.wire.meta import Elements, LabelSelector, ManagedMeta, Wire


class ParamKind(Wire, frozen=True):
    api_version: str | None = None
    kind: str | None = None


class MatchResources(Wire, frozen=True):
    resource_rules: Elements[NamedRuleWithOperations] | None = None
    exclude_resource_rules: Elements[NamedRuleWithOperations] | None = None
    namespace_selector: LabelSelector | None = None
    object_selector: LabelSelector | None = None
    match_policy: str | None = None


class Validation(Wire, frozen=True):
    """It counts. Its expression and message are left out."""

    reason: str | None = None


class ValidatingAdmissionPolicySpec(Wire, frozen=True):
    failure_policy: str | None = None
    match_conditions: Elements[MatchCondition] | None = None
    match_constraints: MatchResources | None = None
    param_kind: ParamKind | None = None
    validations: Elements[Validation] | None = None


class ValidatingAdmissionPolicy(Wire, frozen=True):
    metadata: ManagedMeta
    spec: ValidatingAdmissionPolicySpec | None = None


def policy_rows(policy: ValidatingAdmissionPolicy, scope: Scope) -> Iterator[tables.Record]:
    """The policy's row."""
    metadata, spec = policy.metadata, policy.spec or ValidatingAdmissionPolicySpec()
    matched, param = spec.match_constraints or MatchResources(), spec.param_kind or ParamKind()
    yield tables.AdmissionPolicy(
        name=metadata.name,
        uid=metadata.uid,
        created_at=metadata.creation_timestamp,
        deleted_at=metadata.deletion_timestamp,
        failure_policy=spec.failure_policy or None,
        fail_closed=fails_closed(spec.failure_policy),
        rules=admission_rules(matched.resource_rules),
        excluded=admission_rules(matched.exclude_resource_rules),
        match_policy=matched.match_policy or None,
        match_conditions=len(spec.match_conditions or ()),
        namespace_selector=selector_text(matched.namespace_selector),
        object_selector=selector_text(matched.object_selector),
        param_api_version=param.api_version or None,
        param_kind=param.kind or None,
        validations=len(spec.validations or ()),
        other_api_versions=other_api_versions(metadata, KIND.api_version),
        labels=key_values(metadata.labels),
        annotations=allowed_annotations(metadata, scope.annotations),
    )


KIND = Kind(
    "validatingadmissionpolicies",
    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
    ValidatingAdmissionPolicy,
    policy_rows,
    default=False,  # GKE has no permission for it alone: https://cloud.google.com/iam/docs/roles-permissions/container
    permission="thirdPartyObjects",
    optional=True,  # served from Kubernetes 1.30
)
