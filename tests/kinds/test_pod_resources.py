"""What the scheduler reserves for a pod."""

import msgspec
import pytest

from job.kinds.parts.pod_resources import effective_resources
from job.wire.pod_spec import PodSpec


def cpu(request: str | None = None, limit: str | None = None, **more: str) -> dict[str, object]:
    resources = {
        "requests": {"cpu": request} if request else {},
        "limits": {"cpu": limit} if limit else {},
    }
    return {"name": "c", "resources": resources, **more}


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
        ({"containers": [cpu("100m")], "resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "3"}}}, 2000, 3000),
        ({"containers": [cpu("100m")], "ephemeralContainers": [cpu("4")]}, 100, None),
        ({}, None, None),
    ],
)
def test_pods_reserve_what_the_scheduler_reserves(
    spec: dict[str, object], request_: int | None, limit: int | None
) -> None:
    requests, limits = effective_resources(msgspec.convert(spec, PodSpec))
    assert (requests.cpu_millicores, limits.cpu_millicores) == (request_, limit)


def test_a_sum_beyond_int64_is_null() -> None:
    """Anybody may request any amount, and a number beyond INT64 would fail the load of all rows."""
    huge = {"name": "c", "resources": {"requests": {"memory": "7Ei"}, "limits": {"memory": "7Ei"}}}
    requests, limits = effective_resources(msgspec.convert({"containers": [huge, huge]}, PodSpec))
    assert (requests.memory_bytes, limits.memory_bytes) == (None, None)
