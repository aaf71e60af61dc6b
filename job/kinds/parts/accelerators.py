"""GPUs, TPUs and other accelerators of any maker: which resources are accelerators, and what nodes say of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from job.kinds.parts.caches import bounded_cache
from job.kinds.parts.quantities import base_units
from job.tables import Accelerator, NodeAccelerator
from job.wire.meta import Quantities
from job.wire.pod_spec import ResourceRequirements

_COMMON = frozenset({"cpu", "memory", "ephemeral-storage"})
# The names that device plugins advertise. Intel's also count its GPUs' memory and monitors, which are not here.
_NAMES = frozenset({"nvidia.com/gpu", "google.com/tpu", "amd.com/gpu", "intel.com/gpu", "gpu.intel.com/i915",
                    "gpu.intel.com/xe", "alpha.kubernetes.io/nvidia-gpu", "cambricon.com/mlu", "enflame.com/gcu",
                    "metax-tech.com/gpu", "mthreads.com/gpu"})  # fmt: skip
_PREFIXES = (
    "nvidia.com/gpu.", "nvidia.com/mig-", "cloud-tpus.google.com/", "amd.com/gpu-", "amd.com/cpx", "amd.com/spx",
    "amd.com/dpx", "amd.com/qpx", "habana.ai/", "aws.amazon.com/neuron", "qualcomm.com/qaic", "huawei.com/Ascend",
    "furiosa.ai/", "beta.furiosa.ai/", "rebellions.ai/", "tenstorrent.com/",
)  # fmt: skip
_TYPE_LABELS = (
    "cloud.google.com/gke-accelerator",
    "cloud.google.com/gke-tpu-accelerator",
    "nvidia.com/gpu.product",
    "amd.com/gpu.product-name",
    "habana.ai/product-name",
    "gpu.intel.com/product",
)
TOPOLOGY_LABEL = "cloud.google.com/gke-tpu-topology"
PARTITION_LABEL = "cloud.google.com/gke-gpu-partition-size"


@bounded_cache(maxsize=1024)
def is_accelerator(resource: str) -> bool:
    """Whether a resource stands for accelerators, or for partitions of them.

    >>> [is_accelerator(name) for name in ("google.com/tpu", "nvidia.com/mig-1g.5gb", "furiosa.ai/rngd", "cpu")]
    [True, True, True, False]
    """
    return resource in _NAMES or resource.startswith(_PREFIXES)


def accelerators_of(resources: ResourceRequirements | None) -> tuple[Accelerator, ...]:
    """The accelerators that a container gets. API servers refuse a request for them that differs from the limit."""
    limits = resources.limits if resources is not None else None
    if not limits or _COMMON.issuperset(limits):
        return ()
    found = [(name, base_units(amount)) for name, amount in limits.items() if is_accelerator(name)]
    return tuple([Accelerator(resource=name, count=count) for name, count in found if count])


def total(counts: Iterable[int | None]) -> int | None:
    """The sum of counts; None without any, and for a sum that an INT64 column cannot hold."""
    known = [count for count in counts if count is not None]
    amount = sum(known)
    return amount if known and amount < 2**63 else None


def node_accelerators(capacity: Quantities, allocatable: Quantities) -> tuple[NodeAccelerator, ...]:
    """The accelerators of a node. A device plugin that is gone leaves a capacity of 0."""
    names = [name for name in dict.fromkeys((*capacity, *allocatable)) if is_accelerator(name)]
    found = [(name, base_units(capacity.get(name)), base_units(allocatable.get(name))) for name in names]
    return tuple(
        [
            NodeAccelerator(resource=name, capacity=capacity_, allocatable=allocatable_)
            for name, capacity_, allocatable_ in found
            if capacity_ != 0 or allocatable_
        ]
    )


def accelerator_type(labels: Mapping[str, str]) -> str | None:
    """The type of a node's accelerators, or of those that a node selector asks for."""
    return next((labels[label] for label in _TYPE_LABELS if labels.get(label)), None)
