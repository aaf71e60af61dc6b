"""Columns from the label selectors of objects that select pods."""

from __future__ import annotations

from typing import Any

from job.kinds.parts.metadata import key_values
from job.tables import SelectorExpression
from job.wire.meta import LabelSelector


def pod_selector(found: LabelSelector | None) -> dict[str, Any]:
    """The columns of a selector: without one, no pod is selected; an empty one selects all pods of its namespace.

    https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/label-selector/

    >>> pod_selector(LabelSelector(match_labels={}))["selects_all_pods"], pod_selector(None)["selects_all_pods"]
    (True, False)
    """
    return {
        "selector": key_values(found.match_labels if found else None),
        "selector_expressions": tuple(
            SelectorExpression(key=term.key, operator=term.operator, values=tuple(term.values or ()))
            for term in (found.match_expressions if found else None) or ()
        ),
        "selects_all_pods": found is not None and not found.match_labels and not found.match_expressions,
    }
