"""Columns from the label selectors of objects that select pods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from job.kinds.parts.metadata import key_values
from job.tables import SelectorExpression
from job.wire.meta import LabelSelector, LabelSelectorRequirement


def label_selector(found: LabelSelector | None) -> dict[str, Any]:
    """The columns of a selector."""
    return {
        "selector": key_values(found.match_labels if found else None),
        "selector_expressions": tuple(
            SelectorExpression(key=term.key, operator=term.operator, values=tuple(term.values or ()))
            for term in (found.match_expressions if found else None) or ()
        ),
    }


def pod_selector(found: LabelSelector | None) -> dict[str, Any]:
    """The columns of a selector: without one, no pod is selected; an empty one selects all pods of its namespace.

    https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/label-selector/

    >>> pod_selector(LabelSelector(match_labels={}))["selects_all_pods"], pod_selector(None)["selects_all_pods"]
    (True, False)
    """
    selects_all = found is not None and not found.match_labels and not found.match_expressions
    return {**label_selector(found), "selects_all_pods": selects_all}


def selects(found: LabelSelector | None, labels: Mapping[str, str]) -> bool:
    """Whether the selector selects an object with these labels.

    >>> selects(LabelSelector(match_labels={"app": "web"}), {"app": "web", "tier": "front"}), selects(None, {})
    (True, False)
    """
    if found is None:
        return False
    return all(labels.get(key) == value for key, value in (found.match_labels or {}).items()) and all(
        _holds(term, labels) for term in found.match_expressions or ()
    )


def _holds(term: LabelSelectorRequirement, labels: Mapping[str, str]) -> bool:
    """https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors"""
    if term.operator == "Exists":
        return term.key in labels
    if term.operator == "DoesNotExist":
        return term.key not in labels
    is_in = labels.get(term.key) in (term.values or ())
    return is_in if term.operator == "In" else not is_in
