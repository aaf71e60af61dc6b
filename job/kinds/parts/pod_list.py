"""Rows that need a whole list of pods: those of pods of other pods, and of workloads whose kind is not collected.

Memory grows with a cluster's pods by 12 bytes each, and by a few hundred for each workload of an unknown kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec
from isal import isal_zlib
from msgspec.structs import replace

from job import tables
from job.kinds.parts.metadata import controller_of
from job.kinds.parts.owners import Controllers
from job.wire.meta import OwnerReference

if TYPE_CHECKING:
    from job.kinds.parts.scope import Scope

_ENTRY_BYTES = 150  # of a dictionary and what it holds, without the text
_BLOCK = 64 << 10  # bytes of rows that are compressed together


class PodList:
    """One attempt at the list of the pods of a cluster.

    Another pod, which comes later in the list, may control a pod. The row of such a pod waits, compressed, for the end
    of the list.
    """

    def __init__(self, scope: Scope) -> None:
        self._owners = scope.owners
        self._pods = Controllers()
        self._waiting = _Waiting()
        self._workloads = _UnknownWorkloads()

    @property
    def size(self) -> int:
        return self._pods.size + self._waiting.size + self._workloads.size

    def add(self, item: Any, rows: list[tables.Record]) -> list[tables.Record]:
        """The rows of a pod, without the pod's own where that has to wait."""
        metadata = item.metadata
        owner = controller_of(metadata)
        self._pods.add(metadata.namespace, metadata.uid, owner)
        pod = rows[0]
        if owner is None or not isinstance(pod, tables.Pod):
            return rows
        resolution = pod.workload_resolution
        if self._owners.top(metadata).is_known_through_pods:  # the last one that was sought
            self._workloads.add(pod)
        elif resolution == "not_read" and pod.workload_kind == "Pod":
            self._waiting.add(owner, pod)
            return rows[1:]
        return rows

    def rest(self) -> Iterator[tables.Record]:
        """The rows that waited, and those of the workloads that are known only as controllers of pods."""
        self._owners.add("Pod", self._pods)
        for owner, pod in self._waiting.all():
            top = self._owners.above(pod.namespace, owner)
            found = replace(
                pod,
                workload_kind=top.kind,
                workload_api_version=top.api_version,
                workload_name=top.name,
                workload_uid=top.uid,
                workload_resolution=top.resolution,
                middle_owner_uids=top.between,
            )
            if top.is_known_through_pods:
                self._workloads.add(found)
            yield found
        yield from self._workloads.rows()


class _Waiting:
    """Rows of pods, with their controllers."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._pending = bytearray()
        self.size = 0
        """Bytes of the blocks."""

    def add(self, owner: OwnerReference, pod: tables.Pod) -> None:
        packed = _PACK.encode((owner, pod))
        self._pending += len(packed).to_bytes(4, "big") + packed
        if len(self._pending) >= _BLOCK:
            self._blocks.append(isal_zlib.compress(self._pending, 1))
            self.size += len(self._blocks[-1])
            self._pending.clear()

    def all(self) -> Iterator[tuple[OwnerReference, tables.Pod]]:
        for block in self._blocks:
            yield from _unpacked(isal_zlib.decompress(block))
        yield from _unpacked(bytes(self._pending))


def _unpacked(block: bytes) -> Iterator[tuple[OwnerReference, tables.Pod]]:
    at = 0
    while at < len(block):
        end = at + 4 + int.from_bytes(block[at : at + 4], "big")
        yield _UNPACK.decode(memoryview(block)[at + 4 : end])
        at = end


class _UnknownWorkload(msgspec.Struct, array_like=True, gc=False):
    """The pods of one workload so far: what they have in common, and how many there are."""

    kind: str
    api_version: str
    namespace: str
    name: str
    uid: str
    labels: dict[str, str]
    """Those of all pods."""
    pods: int = 0
    ready: int = 0
    succeeded: int = 0
    failed: int = 0
    host_network: bool = False
    host_pid: bool = False
    host_ipc: bool = False

    def add(self, pod: tables.Pod) -> None:
        self.pods += 1
        self.ready += pod.ready is True
        self.succeeded += pod.phase == "Succeeded"
        self.failed += pod.phase == "Failed"
        self.host_network |= pod.host_network
        self.host_pid |= pod.host_pid
        self.host_ipc |= pod.host_ipc
        if self.labels:
            there = {label.key: label.value for label in pod.labels}
            self.labels = {key: value for key, value in self.labels.items() if there.get(key) == value}


class _UnknownWorkloads:
    """Workloads of kinds that are not collected. All but the last one are packed."""

    def __init__(self) -> None:
        self._packed: dict[int, bytes] = {}
        self._last: _UnknownWorkload | None = None
        self.size = 0
        """About the bytes of memory that it takes."""

    def add(self, pod: tables.Pod) -> None:
        """Adds a pod. Those of one workload come one after another in their list."""
        last = self._last
        if last is None or (last.uid, last.namespace) != (pod.workload_uid, pod.namespace):
            last = self._last = self._other(pod)
        last.add(pod)

    def rows(self) -> Iterator[tables.Workload]:
        """A row for each workload."""
        self._keep()
        for packed in self._packed.values():
            found = _UNPACK_WORKLOAD.decode(packed)
            yield tables.Workload(
                resource="pods",
                kind=found.kind,
                api_version=found.api_version,
                known_through_pods=True,
                namespace=found.namespace,
                name=found.name,
                uid=found.uid,
                replicas=found.pods,
                replicas_ready=found.ready,
                succeeded=found.succeeded,
                failed=found.failed,
                host_network=found.host_network,
                host_pid=found.host_pid,
                host_ipc=found.host_ipc,
                labels=tuple([tables.KeyValue(key=key, value=value) for key, value in found.labels.items()]),
            )

    def _other(self, pod: tables.Pod) -> _UnknownWorkload:
        self._keep()
        packed = self._packed.get(hash((pod.workload_uid, pod.namespace)))
        if packed is not None:
            return _UNPACK_WORKLOAD.decode(packed)
        return _UnknownWorkload(
            pod.workload_kind,
            pod.workload_api_version,
            pod.namespace,
            pod.workload_name,
            pod.workload_uid,
            {label.key: label.value for label in pod.labels},
        )

    def _keep(self) -> None:
        if self._last is not None:
            key, packed = hash((self._last.uid, self._last.namespace)), _PACK.encode(self._last)
            self.size += len(packed) - len(self._packed[key]) if key in self._packed else len(packed) + _ENTRY_BYTES
            self._packed[key] = packed


_PACK = msgspec.msgpack.Encoder()
_UNPACK = msgspec.msgpack.Decoder(tuple[OwnerReference, tables.Pod])
_UNPACK_WORKLOAD = msgspec.msgpack.Decoder(_UnknownWorkload)
