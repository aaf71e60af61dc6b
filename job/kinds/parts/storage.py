"""What claims and volumes share: their storage class, and the zones that a node affinity leaves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from job.wire.meta import ObjectMeta
from job.wire.node_selector import NodeSelectorTerm

ZONE_KEYS = ("topology.gke.io/zone", "topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone")
"""Labels of nodes that name their zone, to CSI drivers and to the scheduler."""
_BETA_CLASS = "volume.beta.kubernetes.io/storage-class"


def storage_class(metadata: ObjectMeta, name: str | None) -> str | None:
    """The class of a claim or a volume: empty for none, None where it is not said.

    An old annotation comes before the field.

    https://kubernetes.io/docs/concepts/storage/persistent-volumes/#class
    """
    return (metadata.annotations or {}).get(_BETA_CLASS, name)


def allowed_values(terms: Iterable[NodeSelectorTerm], keys: tuple[str, ...]) -> tuple[str, ...]:
    """The values of the labels of which a node must have one, sorted; empty where any value will do.

    A node has to match one term, and all expressions of that. https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#node-affinity

    >>> from job.wire.node_selector import NodeSelectorRequirement
    >>> zone_a = NodeSelectorRequirement("topology.gke.io/zone", "In", ["a"])
    >>> anywhere = NodeSelectorRequirement("kubernetes.io/os", "In", ["linux"])
    >>> allowed_values([NodeSelectorTerm([zone_a, anywhere])], ZONE_KEYS)
    ('a',)
    >>> allowed_values([NodeSelectorTerm([zone_a]), NodeSelectorTerm([anywhere])], ZONE_KEYS)
    ()
    >>> both = NodeSelectorRequirement("topology.gke.io/zone", "In", ["a", "b"])
    >>> not_b = NodeSelectorRequirement("topology.gke.io/zone", "NotIn", ["b"])
    >>> allowed_values([NodeSelectorTerm([both, not_b])], ZONE_KEYS)
    ('a',)
    """
    found: set[str] = set()
    for term in terms:
        if not term.match_expressions and not term.match_fields:  # it matches no node
            continue
        asked = [one for one in term.match_expressions or () if one.key in keys]
        named = [set(one.values or ()) for one in asked if one.operator == "In"]
        if not named:
            return ()
        barred = (set(one.values or ()) for one in asked if one.operator == "NotIn")
        found |= set.intersection(*named).difference(*barred)
    return tuple(sorted(found))


def zones_of_labels(labels: Mapping[str, str] | None) -> tuple[str, ...]:
    """The zones that a volume's label names: of a regional disk, two.

    https://kubernetes.io/docs/reference/labels-annotations-taints/#topologykubernetesiozone

    >>> zones_of_labels({"topology.kubernetes.io/zone": "europe-west1-b__europe-west1-c"})
    ('europe-west1-b', 'europe-west1-c')
    """
    value = next((labels[key] for key in ZONE_KEYS if labels.get(key)), "") if labels else ""
    return tuple(sorted(value.split("__"))) if value else ()
