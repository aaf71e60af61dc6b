"""Every kind makes rows that fit their tables of any response."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from declared import FLAT_RESOURCES
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kinds.objects import records
from msgspec import inspect
from msgspec.structs import fields

from job.kinds import KINDS, Kind
from job.kinds.clusters import cluster_rows
from job.tables import Record
from job.tables.record import Part
from job.wire import gke

FALSE_WHERE_ABSENT = {
    "cronjobs": {"suspended"}, "deployments": {"paused"}, "ingresses": {"internal"}, "jobs": {"suspended"},
}  # fmt: skip
"""Columns of fields that the API leaves out where they are false."""

METADATA = {"name": "a", "uid": "00000000-0000-4000-8000-000000000001", "namespace": "n"}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.resource)
@pytest.mark.parametrize("rest", ["absent", "null", "empty"])
def test_an_object_of_which_nothing_is_known_has_its_rows_and_no_invented_values(kind: Kind, rest: str) -> None:
    item: dict[str, Any] = {"metadata": METADATA}
    if rest != "absent":
        nothing: Any = None if rest == "null" else {}
        item |= {"spec": nothing, "status": nothing}
        several = dict.fromkeys(("labels", "annotations", "ownerReferences", "creationTimestamp", "generation"))
        item["metadata"] = METADATA | (several if rest == "null" else {"labels": {}, "ownerReferences": []})
    found = records(kind, item, allow=("*",))
    assert bool(found) is (kind.resource not in FLAT_RESOURCES)
    for row in found:
        columns = msgspec.to_builtins(row)
        assert (columns["name"], columns["uid"]) == (METADATA["name"], METADATA["uid"])
        required = {field.name for field in msgspec.structs.fields(row) if field.required}
        required |= {"namespace"} & set(columns)  # that of a Role may be NULL, since a ClusterRole has none
        assert set(columns) - required == FALSE_WHERE_ABSENT.get(kind.resource, set())
        assert not any(columns[name] for name in set(columns) - required)


SCALARS = {
    inspect.NoneType: st.none(),
    inspect.RawType: st.sampled_from([None, "a", {}]),
    inspect.BoolType: st.booleans(),
    inspect.IntType: st.integers(-(2**31), 2**31 - 1),
    inspect.FloatType: st.floats(allow_nan=False, allow_infinity=False),
    inspect.DateTimeType: st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.123456789+02:00"]),
    inspect.StrType: st.sampled_from(
        ["", "a", "True", "False", "Always", "0", "100m", "1.5Gi", "7Ei", "lots", "nginx:1@x", "Ü"]
    ),
}


def values_of(declared: inspect.Type) -> st.SearchStrategy[Any]:
    """JSON that a field of the declared type accepts, with null and absence wherever they are allowed."""
    match declared:
        case inspect.StrType(min_length=1):
            return SCALARS[inspect.StrType].filter(bool)
        case inspect.UnionType(types=types):
            return st.one_of([values_of(one) for one in types])
        case inspect.StructType(fields=fields):
            named = {field.encode_name: values_of(field.type) for field in fields}
            required = {field.encode_name for field in fields if field.required}
            return st.fixed_dictionaries(
                {name: values for name, values in named.items() if name in required},
                optional={name: values for name, values in named.items() if name not in required},
            )
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
            return st.lists(values_of(item), max_size=2)
        case inspect.DictType(value_type=value):
            return st.dictionaries(
                st.sampled_from(["cpu", "memory", "nvidia.com/gpu", "google.com/tpu", "a"]), values_of(value)
            )
    return SCALARS[type(declared)]


def check(rows: list[Record]) -> None:
    """Each row can be encoded, what was encoded is what its record class declares, and its numbers fit an INT64."""
    for row in rows:
        assert msgspec.json.decode(msgspec.json.encode(row), type=type(row)) == row
        numbers = {name: getattr(row, name) for name in row.__struct_fields__}
        assert [n for n, value in numbers.items() if isinstance(value, int) and not -(2**63) <= value < 2**63] == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.resource)
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_object_becomes_rows_that_fit(kind: Kind, data: st.DataObject) -> None:
    check(records(kind, data.draw(values_of(inspect.type_info(kind.item))), allow=("*",)))


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(cluster=values_of(inspect.type_info(gke.Cluster)))
def test_any_gke_cluster_becomes_rows_that_fit(cluster: dict[str, Any]) -> None:
    check(list(cluster_rows(msgspec.convert(cluster, gke.Cluster, strict=False))))


def test_arrays_inside_a_record_are_always_written() -> None:
    """A record's absent array is empty in BigQuery, and NULL in DuckDB."""
    parts = [one for one in _below(Part) if not issubclass(one, Record)]
    assert len(parts) > 10
    found = [f"{part.__name__}.{field.name}" for part in parts for field in fields(part) if field.default == ()]
    assert found == []


def _below(cls: type) -> Iterator[Any]:
    for one in cls.__subclasses__():
        yield one
        yield from _below(one)
