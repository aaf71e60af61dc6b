"""What the scheduler reserves for a pod."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from kinds.objects import rows

from job.kinds.parts.pod_resources import PodResources, effective_resources
from job.wire.pod_spec import PodSpec
from job.wire.pod_status import PodStatus

Object = dict[str, Any]


def effective(spec: Object, status: Object | None = None) -> PodResources:
    return effective_resources(msgspec.convert(spec, PodSpec), msgspec.convert(status or {}, PodStatus))


def cpu(request: Any = None, limit: Any = None, name: str = "c", **more: str) -> Object:
    return {"name": name, "resources": resources(request, limit), **more}


def resources(request: Any = None, limit: Any = None) -> Object:
    return {"requests": {"cpu": request} if request else {}, "limits": {"cpu": limit} if limit else {}}


SIDECAR = {"restartPolicy": "Always"}


@pytest.mark.parametrize(
    ("spec", "request_", "limit"),
    [
        ({"containers": [cpu("100m"), cpu("200m")]}, 300, None),
        ({"containers": [cpu()]}, None, None),
        ({"containers": [cpu("100m", "1"), cpu("100m", "500m")]}, 200, 1500),
        ({"containers": [cpu("100m", "1"), cpu("100m")]}, 200, None),
        ({"containers": [cpu(limit="1")]}, 1000, 1000),
        ({"containers": [cpu("100m")], "initContainers": [cpu("1")]}, 1000, None),
        ({"containers": [cpu("100m")], "initContainers": [cpu("50m", **SIDECAR)]}, 150, None),
        # the second init container runs beside the sidecar, the first does not
        ({"containers": [cpu("100m")], "initContainers": [cpu("1"), cpu("500m", **SIDECAR), cpu("800m")]}, 1300, None),
        ({"containers": [cpu("100m", "100m")], "initContainers": [cpu("1")]}, 1000, 100),
        ({"containers": [cpu("100m")], "overhead": {"cpu": "250m"}}, 350, None),
        ({"containers": [cpu("100m", "1")], "overhead": {"cpu": "250m"}}, 350, 1250),
        ({"containers": [cpu()], "overhead": {"cpu": "250m"}}, 250, None),
        ({"containers": [cpu("100m")], "resources": resources("2", "3")}, 2000, 3000),
        ({"containers": [cpu(), cpu()], "resources": resources("2", "3"), "overhead": {"cpu": "1"}}, 3000, 4000),
        ({"containers": [cpu("100m"), cpu()], "resources": resources(None, "3")}, 100, 3000),
        ({"containers": [cpu(), cpu()], "resources": resources(None, "3")}, 3000, 3000),
        ({"containers": [cpu("100m", "1"), cpu()], "resources": resources("2")}, 2000, None),
        ({"containers": [cpu("100m")], "ephemeralContainers": [cpu("4")]}, 100, None),
        ({}, None, None),
        # each is rounded up by itself to 1, their sum to 2
        ({"containers": [cpu("500u"), cpu("500u"), cpu("500u")]}, 2, None),
        ({"containers": [cpu("0.1m", "0.1m"), cpu("0.1m", "0.1m")], "overhead": {"cpu": "0.1m"}}, 1, 1),
        # 0 is no limit
        ({"containers": [cpu("0", "0")]}, 0, None),
        ({"containers": [cpu("1", "1"), cpu("1", "0m")]}, 2000, None),
        ({"containers": [cpu("1", "1")], "resources": resources(None, "0")}, 1000, 1000),
    ],
)
def test_pods_reserve_what_the_scheduler_reserves(spec: Object, request_: int | None, limit: int | None) -> None:
    found = effective(spec)
    assert (found.cpu_request_millicores, found.cpu_limit_millicores) == (request_, limit)
    assert found.unparsed == ()


def reported(actual: Object | None, allocated: str | None, name: str = "c") -> Object:
    """A container's status. A value of None is absent."""
    both = {"resources": actual, "allocatedResources": {"cpu": allocated} if allocated else None}
    return {"name": name, **{field: value for field, value in both.items() if value is not None}}


def pending(reason: str) -> Object:
    return {"conditions": [{"type": "PodResizePending", "status": "True", "reason": reason}]}


@pytest.mark.parametrize(
    ("asked", "actual", "allocated", "status", "expected"),
    [
        # shrinks: what is in effect is still reserved
        (("100m", "100m"), resources("2", "2"), "2", {"conditions": [{"type": "PodResizeInProgress"}]}, (2000, 2000)),
        (("1", "1"), resources("3", "3"), "1", {}, (3000, 3000)),
        # grows
        (("4", "4"), resources("1", "1"), "1", pending("Deferred"), (4000, 4000)),
        (("4", "4"), resources("1", "1"), "4", {"conditions": [{"type": "PodResizeInProgress"}]}, (4000, 4000)),
        # never will
        (("64", "64"), resources("1", "1"), "1", pending("Infeasible"), (1000, 1000)),
        (("64", "64"), resources("1", "1"), "2", pending("Infeasible"), (2000, 1000)),
        (("64", "64"), None, "1", {"resize": "Infeasible"}, (1000, 64000)),
        (("64", "64"), None, None, pending("Infeasible"), (64000, 64000)),
        (("1", "2"), None, "3", {}, (3000, 2000)),
        (("1", "2"), resources("1", "2"), "1", {}, (1000, 2000)),
        (("1", "1"), resources("1000m", "1"), "1", {}, (1000, 1000)),
    ],
)
@pytest.mark.parametrize("kind", ["regular", "sidecar", "init"])
def test_a_resize_counts_as_the_scheduler_counts_it(
    kind: str, asked: tuple[str, str], actual: Object | None, allocated: str | None, status: Object,
    expected: tuple[int, int],
) -> None:  # fmt: skip
    """https://github.com/kubernetes/kubernetes/blob/v1.35.0/staging/src/k8s.io/component-helpers/resource/helpers.go"""
    status = {"conditions": [one | {"status": "True"} for one in status.get("conditions", ())]} | {
        field: value for field, value in status.items() if field != "conditions"
    }
    found = reported(actual, allocated)
    if kind == "regular":
        resized = effective({"containers": [cpu(*asked)]}, status | {"containerStatuses": [found]})
        assert (resized.cpu_request_millicores, resized.cpu_limit_millicores) == expected
        return
    other = cpu("10m", "10m", name="other")
    first = cpu(*asked, **(SIDECAR if kind == "sidecar" else {}))
    spec, status = {"containers": [other], "initContainers": [first]}, status | {"initContainerStatuses": [found]}
    resized = effective(spec, status)
    beside = 10 if kind == "sidecar" else 0
    totals = (expected[0] + beside, expected[1] + beside)
    assert (resized.cpu_request_millicores, resized.cpu_limit_millicores) == totals


@pytest.mark.parametrize(
    ("asked", "actual", "allocated", "status", "expected"),
    [
        (resources("1", "1"), resources("3", "3"), "1", {}, (3000, 3000)),
        (resources("64", "64"), resources("1", "1"), "2", pending("Infeasible"), (2000, 1000)),
        (resources("4", "4"), resources("1", "1"), "1", pending("Deferred"), (4000, 4000)),
        (resources("64", "64"), None, None, pending("Infeasible"), (64000, 64000)),
    ],
)
def test_a_resize_of_a_whole_pod_counts_likewise(
    asked: Object, actual: Object | None, allocated: str | None, status: Object, expected: tuple[int, int]
) -> None:
    spec = {"containers": [cpu("100m"), cpu(name="d")], "resources": asked}
    found = effective(spec, status | reported(actual, allocated))
    assert (found.cpu_request_millicores, found.cpu_limit_millicores) == expected


def test_what_is_in_effect_for_a_whole_pod_includes_its_overhead() -> None:
    spec = {"containers": [cpu()], "resources": resources("1", "1"), "overhead": {"cpu": "500m"}}
    found = effective(spec, reported(resources("1500m", "1500m"), "1500m"))
    assert (found.cpu_request_millicores, found.cpu_limit_millicores) == (1500, 1500)


HUGE = {"requests": {"memory": "7Ei"}, "limits": {"memory": "7Ei"}}


@pytest.mark.parametrize(
    ("spec", "unparsed"),
    [
        ({"containers": [{"name": "c", "resources": HUGE}, {"name": "d", "resources": HUGE}]},
         ("requests.memory", "limits.memory")),
        ({"containers": [cpu("1E")]}, ("requests.cpu",)),
        ({"containers": [cpu("100m", "100m"), cpu("lots", "1e99999999", name="d")]}, ("requests.cpu", "limits.cpu")),
        ({"containers": [cpu("9223372036854775807m"), cpu("1m", name="d")]}, ("requests.cpu",)),
        ({"containers": [cpu("9223372036854775807m")], "overhead": {"cpu": "1m"}}, ("requests.cpu",)),
        ({"containers": [cpu("1")], "overhead": {"memory": "lots"}}, ("requests.memory", "limits.memory")),
        ({"containers": [cpu("1E")], "resources": resources("1", "1")}, ()),
        ({"containers": [cpu("1")], "resources": resources("1E")}, ("requests.cpu",)),
    ],
)  # fmt: skip
def test_what_64_bits_cannot_hold_is_null_and_named(spec: Object, unparsed: tuple[str, ...]) -> None:
    """Anybody may request any amount, and a number beyond INT64 would fail the load of all rows."""
    found = effective(spec)
    assert found.unparsed == unparsed
    columns = {
        "requests.cpu": found.cpu_request_millicores, "requests.memory": found.memory_request_bytes,
        "limits.cpu": found.cpu_limit_millicores, "limits.memory": found.memory_limit_bytes,
    }  # fmt: skip
    assert [columns[name] for name in unparsed] == [None] * len(unparsed)


def test_the_text_of_what_does_not_fit_is_kept() -> None:
    (pod,) = rows("pods", spec={"containers": [cpu("1E"), cpu("100m", name="d")]})["pods"]
    assert pod["unparsed_quantities"] == ["requests.cpu"]
    assert pod["unparsed_as_written"] == [
        {"resource": "requests.cpu", "quantity": "1E"}, {"resource": "requests.cpu", "quantity": "100m"},
    ]  # fmt: skip
    assert "cpu_request_millicores" not in pod
    found = rows("pods", spec={"containers": [cpu("1E")]})
    assert found["containers"][0]["unparsed_quantities"] == ["requests.cpu"]
    assert found["containers"][0]["requests"] == [{"resource": "cpu", "quantity": "1E"}]


def test_a_limit_of_0_is_null_beside_its_text() -> None:
    limits = {"cpu": "0", "memory": "0", "ephemeral-storage": "0"}
    found = rows("pods", spec={"containers": [{"name": "c", "resources": {"limits": limits, "requests": limits}}]})
    (pod,), (running,), (container,) = found["pods"], found["pod_containers"], found["containers"]
    for row in (pod, running, container):
        assert {"cpu_limit_millicores", "memory_limit_bytes", "ephemeral_storage_limit_bytes"} & set(row) == set()
        assert (row["cpu_request_millicores"], row["memory_request_bytes"]) == (0, 0)
        assert "unparsed_quantities" not in row
    assert {one["resource"]: one["quantity"] for one in container["limits"]} == limits
