"""Volumes of pods and of templates, by their sources."""

from __future__ import annotations

from collections.abc import Sequence

from job.kinds.parts.security import Columns, restricted_volumes
from job.wire.pod_spec import Volume


def unusual_volumes(volumes: Sequence[Volume] | None) -> list[Volume]:
    """Those that are neither configuration, nor a Secret, nor a token of the API."""
    return [
        volume
        for volume in volumes or ()
        if volume.projected is None and volume.config_map is None and volume.secret is None
    ]


def empty_dirs(unusual: Sequence[Volume]) -> tuple[str, ...]:
    """The names of `emptyDir` volumes."""
    return tuple([volume.name for volume in unusual if volume.empty_dir is not None])


def pod_volumes(unusual: Sequence[Volume], pod: str) -> Columns:
    """The other columns of the volumes of a pod with this name.

    A generic ephemeral volume has a claim that is named after the pod and the volume:
    https://kubernetes.io/docs/concepts/storage/ephemeral-volumes/#persistentvolumeclaim-naming

    >>> from job.wire.pod_spec import VolumeSource
    >>> pod_volumes([Volume(name="scratch", ephemeral=VolumeSource())], "web-1")
    {'volume_claims': ('web-1-scratch',)}
    """
    found = restricted_volumes(unusual)
    claims: list[str] = []
    for volume in unusual:
        if volume.persistent_volume_claim is not None:
            claims.append(volume.persistent_volume_claim.claim_name)
        elif volume.ephemeral is not None:
            claims.append(f"{pod}-{volume.name}")
    if claims:
        found["volume_claims"] = tuple(claims)
    return found
