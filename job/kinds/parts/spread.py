"""Over which parts of a cluster a template spreads its pods."""

from __future__ import annotations

from collections.abc import Iterator

from job.kinds.parts.selectors import selects
from job.wire.meta import LabelSelector
from job.wire.pod_spec import Affinity, PodAffinity, PodTemplateSpec, TemplateSpec


def spread_topology_keys(template: PodTemplateSpec) -> tuple[str, ...]:
    """The topology keys of its spread constraints and of its pod anti-affinity, sorted.

    Those count whose selector selects the template's own pods; without a selector, none are selected:
    https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/#topologyspreadconstraints-field
    """
    labels = (template.metadata.labels if template.metadata else None) or {}
    terms = _terms(template.spec) if template.spec else ()
    return tuple(sorted({key for key, selector in terms if key and selects(selector, labels)}))


def _terms(spec: TemplateSpec) -> Iterator[tuple[str, LabelSelector | None]]:
    """Topology key and selector of each."""
    for constraint in spec.topology_spread_constraints or ():
        yield constraint.topology_key, constraint.label_selector
    anti = (spec.affinity or Affinity()).pod_anti_affinity or PodAffinity()
    for term in anti.required_during_scheduling_ignored_during_execution or ():
        yield term.topology_key, term.label_selector
    for weighted in anti.preferred_during_scheduling_ignored_during_execution or ():
        yield weighted.pod_affinity_term.topology_key, weighted.pod_affinity_term.label_selector
