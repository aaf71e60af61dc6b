"""Events of the simulated clusters, written in the older form and in that of `events.k8s.io`."""

from __future__ import annotations

from typing import Any

from job.simulator.metadata import Maker, Object, ago


def events(maker: Maker, pods: list[Object], nodes: list[Object]) -> list[Object]:
    """Of each of the pods a warning, of some two with one reason, and something that is no warning; of nodes one."""
    found = []
    for number, pod in enumerate(pods):
        of = _reference("Pod", pod, "spec.containers{app}")
        found.append(_old(maker, of, "Pulled", "Normal", "kubelet", 1, number))
        if number % 3 == 1:
            found.append(_new(maker, of, "FailedScheduling", "default-scheduler", number % 2 * (number + 2)))
        else:
            found.append(_old(maker, of, "BackOff", "Warning", "kubelet", 5 + number, number))
        if number % 3 == 0:
            found.append(_old(maker, of, "BackOff", "Warning", "kubelet", 1, number + 20))
            found.append(_old(maker, of, "FailedMount", "Warning", "kubelet", 2, number))
    return found + [_old(maker, _reference("Node", node), "Rebooted", "Warning", "kubelet", 1, 9) for node in nodes]


def in_other_group(event: Object) -> Object:
    """The Event as `events.k8s.io/v1` has it."""
    names = {
        "involvedObject": "regarding", "message": "note", "source": "deprecatedSource", "count": "deprecatedCount",
        "firstTimestamp": "deprecatedFirstTimestamp", "lastTimestamp": "deprecatedLastTimestamp",
        "reportingComponent": "reportingController",
    }  # fmt: skip
    return {names.get(name, name): value for name, value in event.items()}


def _old(maker: Maker, of: Object, reason: str, kind: str, component: str, count: int, minutes: int) -> Object:
    return _made(
        maker, of, reason, kind,
        source={"component": component, "host": "CANARY-host"},
        firstTimestamp=ago(minutes=minutes + 30), lastTimestamp=ago(minutes=minutes), count=count, eventTime=None,
        reportingComponent=component if minutes % 2 else "", reportingInstance="",
    )  # fmt: skip


def _new(maker: Maker, of: Object, reason: str, component: str, repeats: int) -> Object:
    """Without `series` until it has been repeated."""
    series = {"series": {"count": repeats, "lastObservedTime": _micro(ago(minutes=1))}} if repeats else {}
    return _made(
        maker, of, reason, "Warning", source={}, firstTimestamp=None, lastTimestamp=None,
        eventTime=_micro(ago(minutes=40)), reportingComponent=component, reportingInstance=component,
        action="Scheduling", **series,
    )  # fmt: skip


def _micro(time: str) -> str:
    return time.replace("Z", ".000000Z")


def _reference(kind: str, item: Object, field: str | None = None) -> Object:
    metadata = item["metadata"]
    found = {"kind": kind, "apiVersion": "v1", "name": metadata["name"], "uid": metadata["uid"]}
    namespace = {"namespace": metadata["namespace"]} if "namespace" in metadata else {}
    return found | namespace | ({"fieldPath": field} if field else {})


def _made(maker: Maker, of: Object, reason: str, kind: str, **more: Any) -> Object:
    name = f"{of['name']}.{maker.draw.getrandbits(64):016x}"
    message = "CANARY-event-message --password=CANARY-argument"
    metadata = maker.metadata(name, of.get("namespace", "default"), age_days=0.02, manager="kubelet")
    return {"metadata": metadata, "involvedObject": of, "reason": reason, "message": message, "type": kind, **more}
