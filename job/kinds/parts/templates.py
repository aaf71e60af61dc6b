"""What a pod template says besides its containers, security and resources."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from job import tables
from job.kinds.parts.metadata import key_values
from job.kinds.parts.selector_text import requirement_text, selector_text
from job.wire.node_selector import NodeSelectorTerm
from job.wire.pod_spec import (
    Affinity,
    NodeAffinity,
    PodAffinity,
    PodAffinityTerm,
    PodResourceClaim,
    PodTemplateSpec,
    TemplateSpec,
    TemplateVolume,
    VolumeProjection,
)


def template_columns(template: PodTemplateSpec) -> dict[str, Any]:
    """The columns of `workloads`."""
    spec = template.spec or TemplateSpec()
    return {
        "template_labels": key_values(template.metadata.labels if template.metadata else None),
        "image_pull_secrets": tuple(each.name for each in spec.image_pull_secrets or () if each.name),
        "volumes": tuple(mounted for volume in spec.volumes or () for mounted in _mounted(volume)),
        "affinity": tuple(_affinity(spec.affinity)) if spec.affinity else (),
        "scheduling_gates": tuple(gate.name for gate in spec.scheduling_gates or ()),
        "resource_claims": tuple(map(resource_claim, spec.resource_claims or ())),
    }


def resource_claim(claim: PodResourceClaim, of_status: str | None = None) -> tables.PodResourceClaim:
    """The claim of a pod or template.

    Args:
        of_status: the name of the claim that was made from a template, by the pod's status.
    """
    return tables.PodResourceClaim(
        name=claim.name,
        resource_claim=claim.resource_claim_name or of_status or None,
        resource_claim_template=claim.resource_claim_template_name or None,
    )


def _mounted(volume: object) -> Iterator[tables.MountedVolume]:
    """One for each volume, or for each source of a projected one. Of a pod without a controller they are not read."""
    if not isinstance(volume, TemplateVolume):
        return
    if volume.projected is not None and volume.projected.sources:
        for source in volume.projected.sources:
            kind = "/".join(filter(None, ("projected", _type(source))))
            yield tables.MountedVolume(name=volume.name, type=kind, source=_source(source))
        return
    yield tables.MountedVolume(name=volume.name, type=_type(volume), source=_source(volume))


def _type(source: TemplateVolume | VolumeProjection) -> str | None:
    """The name of the field that is set, in the API's words."""
    names = zip(source.__struct_fields__, source.__struct_encode_fields__, strict=True)
    return next((written for field, written in names if field != "name" and getattr(source, field) is not None), None)


def _source(volume: TemplateVolume | VolumeProjection) -> str | None:
    if volume.config_map is not None:
        return volume.config_map.name or None
    if isinstance(volume, VolumeProjection):
        return volume.secret.name or None if volume.secret is not None else None
    if volume.secret is not None:
        return volume.secret.secret_name or None
    if volume.persistent_volume_claim is not None:
        return volume.persistent_volume_claim.claim_name or None
    return volume.csi.driver if volume.csi is not None else None


def _affinity(found: Affinity) -> Iterator[tables.AffinityTerm]:
    nodes = found.node_affinity or NodeAffinity()
    required = nodes.required_during_scheduling_ignored_during_execution
    for alternative in (required.node_selector_terms if required else None) or ():
        yield tables.AffinityTerm(type="node", required=True, selector=_node_term(alternative))
    for preferred in nodes.preferred_during_scheduling_ignored_during_execution or ():
        term = preferred.preference or NodeSelectorTerm()
        yield tables.AffinityTerm(type="node", required=False, weight=preferred.weight, selector=_node_term(term))
    for kind, pods in (("pod", found.pod_affinity), ("pod_anti", found.pod_anti_affinity)):
        for each in (pods or PodAffinity()).required_during_scheduling_ignored_during_execution or ():
            yield _pod_term(kind, each, weight=None)
        for weighted in (pods or PodAffinity()).preferred_during_scheduling_ignored_during_execution or ():
            yield _pod_term(kind, weighted.pod_affinity_term, weight=weighted.weight or 0)


def _node_term(term: NodeSelectorTerm) -> str | None:
    terms = (*(term.match_expressions or ()), *(term.match_fields or ()))
    return ",".join(requirement_text(each.key, each.operator, each.values) for each in terms) or None


def _pod_term(kind: str, term: PodAffinityTerm, *, weight: int | None) -> tables.AffinityTerm:
    return tables.AffinityTerm(
        type=kind,
        required=weight is None,
        weight=weight,
        topology_key=term.topology_key or None,
        selector=selector_text(term.label_selector),
    )
