"""The rows that objects of access, admission and configuration must lead to, written from the columns' descriptions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from truth.amounts import fraction
from truth.model import Object

Row = tuple[str, tuple[Any, ...], Object]


def _quota(quota: Object) -> Object:
    spec, used = quota["spec"], quota["status"].get("used", {})
    return {
        "scopes": spec.get("scopes", []),
        "resources": [
            {
                "resource": name,
                "hard": hard,
                "hard_amount": float(fraction(hard)),
                "used": used.get(name),
                "used_amount": float(fraction(used[name])) if name in used else None,
                "share_used": float(fraction(used[name]) / fraction(hard)) if name in used else None,
            }
            for name, hard in spec["hard"].items()
        ],
    }


COLUMNS = {
    "quotas": "namespace uid labels created_at resources scopes",
    "limit_ranges": "namespace type minimum minimum_amount maximum maximum_amount default_limit default_request",
}
"""Table -> the columns below, besides those of every row."""

MORE: dict[str, Callable[[Object], Object]] = {"resourcequotas": _quota}
"""Kind -> the columns of its own table that are judged, besides those that all objects have."""


def _limit_range(found: Object) -> Iterator[Row]:
    metadata = found["metadata"]
    fields = {"min": "minimum", "max": "maximum", "default": "default_limit", "defaultRequest": "default_request"}
    for position, limit in enumerate(found["spec"]["limits"]):
        for resource in {name for bound in fields for name in limit.get(bound, {})}:
            amounts = {column: limit.get(field, {}).get(resource) for field, column in fields.items()}
            numbers = {f"{column}_amount": float(fraction(text)) if text else None for column, text in amounts.items()}
            columns = {"namespace": metadata["namespace"], "name": metadata["name"], "type": limit["type"]}
            yield "limit_ranges", (metadata["uid"], position, resource), columns | amounts | numbers


FLAT: dict[str, Callable[[Object], Iterator[Row]]] = {"limitranges": _limit_range}
"""Kind -> the rows of its elements."""
