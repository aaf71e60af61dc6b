"""What the owner of a pod says about its eviction."""

from __future__ import annotations

from collections.abc import Mapping

_ANNOTATION = "cluster-autoscaler.kubernetes.io/safe-to-evict"


def safe_to_evict(annotations: Mapping[str, str]) -> bool | None:
    """The annotation of the cluster autoscaler, which GKE's Autopilot heeds too; None without it, or if it is neither.

    https://cloud.google.com/kubernetes-engine/docs/how-to/extended-duration-pods

    >>> safe_to_evict({"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"})
    False
    """
    return _VALUES.get(annotations.get(_ANNOTATION, ""))


_VALUES = {"true": True, "false": False}
