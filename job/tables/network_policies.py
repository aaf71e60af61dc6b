"""NetworkPolicies."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables.record import KeyValue, Record, SelectorExpression


class NetworkPolicy(Record, frozen=True, kw_only=True):
    """A NetworkPolicy."""

    table = "network_policies"
    description = "A NetworkPolicy: which pods it isolates, in which direction, and whether it denies or admits all."
    read_from = "networkpolicies"
    clustering = ("project_id", "cluster", "namespace", "name")
    primary_key = ("snapshot_id", "namespace", "name", "uid")

    namespace: Annotated[str, "Namespace of the policy."]
    name: Annotated[str, "Name of the policy."]
    uid: Annotated[str, "Kubernetes UID."]
    created_at: Annotated[datetime | None, "When the policy was created."] = None
    deleted_at: Annotated[datetime | None, "When deletion was requested; NULL unless it is being deleted."] = None
    selector: Annotated[tuple[KeyValue, ...], "Labels of the pods that it isolates (`matchLabels`)."] = ()
    selector_expressions: Annotated[
        tuple[SelectorExpression, ...], "Further terms of the selector (`matchExpressions`)."
    ] = ()
    selects_all_pods: Annotated[bool, "Whether it selects all pods of the namespace: its selector is empty."]
    policy_types: Annotated[
        tuple[str, ...],
        "`Ingress`, `Egress` or both: the directions in which the pods are isolated. Traffic in the other is not "
        "restricted by this policy.",
    ] = ()
    ingress_rules: Annotated[int | None, "Number of rules that admit ingress; NULL without the type `Ingress`."] = None
    denies_all_ingress: Annotated[
        bool, "Whether it admits no ingress at all. Another policy that selects the same pods may."
    ]
    admits_all_ingress: Annotated[
        bool, "Whether it admits all ingress: a rule has neither sources nor ports. No other policy can then deny any."
    ]
    egress_rules: Annotated[int | None, "Number of rules that admit egress; NULL without the type `Egress`."] = None
    denies_all_egress: Annotated[
        bool, "Whether it admits no egress at all. Another policy that selects the same pods may."
    ]
    admits_all_egress: Annotated[
        bool,
        "Whether it admits all egress: a rule has neither destinations nor ports. No other policy can then deny any.",
    ]
    labels: Annotated[tuple[KeyValue, ...], "Labels of the policy."] = ()
    annotations: Annotated[tuple[KeyValue, ...], "Annotations on the allow-list."] = ()
