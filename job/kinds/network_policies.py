"""NetworkPolicies (`networking.k8s.io/v1`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import field

from job import tables
from job.kinds.kind import Kind
from job.kinds.parts.metadata import allowed_annotations, key_values
from job.kinds.parts.scope import Scope
from job.kinds.parts.selectors import pod_selector
from job.wire.meta import Elements, LabelSelector, ObjectMeta, Wire

_Anything = Annotated[list[msgspec.Raw], msgspec.Meta(max_length=10_000)]
"""A list of which only the length is read."""


class NetworkPolicyIngressRule(Wire, frozen=True):
    from_: _Anything | None = field(default=None, name="from")
    ports: _Anything | None = None

    @property
    def admits_all(self) -> bool:
        """Whether it admits all traffic."""
        return not self.from_ and not self.ports


class NetworkPolicyEgressRule(Wire, frozen=True):
    to: _Anything | None = None
    ports: _Anything | None = None

    @property
    def admits_all(self) -> bool:
        """Whether it admits all traffic."""
        return not self.to and not self.ports


class NetworkPolicySpec(Wire, frozen=True):
    pod_selector: LabelSelector | None = None
    policy_types: Elements[str] | None = None
    ingress: Elements[NetworkPolicyIngressRule] | None = None
    egress: Elements[NetworkPolicyEgressRule] | None = None


class NetworkPolicy(Wire, frozen=True):
    metadata: ObjectMeta
    spec: NetworkPolicySpec | None = None


def policy_rows(policy: NetworkPolicy, scope: Scope) -> Iterator[tables.Record]:
    """The policy's row."""
    metadata, spec = policy.metadata, policy.spec or NetworkPolicySpec()
    types = spec.policy_types or ()  # API servers fill it in
    yield tables.NetworkPolicy(
        namespace=metadata.namespace or "",
        name=metadata.name,
        uid=metadata.uid,
        created_at=metadata.creation_timestamp,
        deleted_at=metadata.deletion_timestamp,
        **pod_selector(spec.pod_selector or LabelSelector()),
        policy_types=tuple(types),
        **_direction("ingress", "Ingress" in types, spec.ingress or ()),
        **_direction("egress", "Egress" in types, spec.egress or ()),
        labels=key_values(metadata.labels),
        annotations=allowed_annotations(metadata, scope.annotations),
    )


def _direction(
    name: str,
    restricted: bool,
    rules: Sequence[NetworkPolicyIngressRule] | Sequence[NetworkPolicyEgressRule],
) -> dict[str, Any]:
    return {
        f"{name}_rules": len(rules) if restricted else None,
        f"denies_all_{name}": restricted and not rules,
        f"admits_all_{name}": restricted and any(rule.admits_all for rule in rules),
    }


KIND = Kind("networkpolicies", "/apis/networking.k8s.io/v1/networkpolicies", NetworkPolicy, policy_rows)
