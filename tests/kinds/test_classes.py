"""Classes of pods: their priority, and what their runtime costs."""

from __future__ import annotations

from kinds.objects import rows


def test_a_priority_of_zero_is_a_priority() -> None:
    (row,) = rows("priorityclasses", value=0, globalDefault=True)["priority_classes"]
    assert row == {"name": "w", "uid": "u", "priority": 0, "global_default": True}


def test_an_overhead_that_is_no_quantity_is_kept_as_text() -> None:
    overhead = {"podFixed": {"cpu": "250m", "memory": "lots"}}
    (row,) = rows("runtimeclasses", handler="runsc", overhead=overhead)["runtime_classes"]
    assert row == {
        "name": "w", "uid": "u", "handler": "runsc", "overhead_cpu_millicores": 250,
        "overhead": [{"resource": "cpu", "quantity": "250m"}, {"resource": "memory", "quantity": "lots"}],
        "unparsed_quantities": ["overhead.memory"],
    }  # fmt: skip
