"""Which nodes may run a pod, or reach a volume (`v1`)."""

from __future__ import annotations

from job.wire.meta import Elements, Wire


class NodeSelectorRequirement(Wire, frozen=True):
    key: str
    operator: str
    values: Elements[str] | None = None


class NodeSelectorTerm(Wire, frozen=True):
    match_expressions: Elements[NodeSelectorRequirement] | None = None
    match_fields: Elements[NodeSelectorRequirement] | None = None


class NodeSelector(Wire, frozen=True):
    """One of its terms must hold, with all that the term names."""

    node_selector_terms: Elements[NodeSelectorTerm] | None = None
