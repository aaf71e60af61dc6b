"""Limit ranges: a row for each resource that any bound names."""

from __future__ import annotations

from kinds.objects import rows


def test_a_resource_that_only_one_bound_names_has_a_row() -> None:
    limits = [{"type": "Pod", "max": {"cpu": "4"}, "min": {"memory": "1Mi"}}, {"type": "Container"}]
    shared = {"namespace": "n", "name": "w", "uid": "u", "position": 0, "type": "Pod"}
    assert rows("limitranges", spec={"limits": limits}) == {
        "limit_ranges": [
            shared | {"resource_name": "memory", "minimum": "1Mi", "minimum_amount": 1048576.0},
            shared | {"resource_name": "cpu", "maximum": "4", "maximum_amount": 4.0},
        ]
    }
