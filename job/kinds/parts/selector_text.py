"""Label selectors as text, in the form that `kubectl get --selector` accepts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from job.wire.meta import LabelSelector


def selector_text(selector: LabelSelector | None) -> str | None:
    """None if there is none, or if it selects everything.

    >>> selector_text(LabelSelector(match_labels={"app": "web"}))
    'app=web'
    """
    if selector is None:
        return None
    return ",".join(_terms(selector)) or None


def _terms(selector: LabelSelector) -> Iterator[str]:
    for key, value in (selector.match_labels or {}).items():
        yield f"{key}={value}"
    for term in selector.match_expressions or ():
        yield requirement_text(term.key, term.operator, term.values)


def requirement_text(key: str, operator: str, values: Sequence[str] | None) -> str:
    """One requirement of a selector.

    >>> requirement_text("tier", "NotIn", ["a", "b"]), requirement_text("tier", "DoesNotExist", None)
    ('tier notin (a,b)', '!tier')
    >>> requirement_text("cores", "Gt", ["7"])
    'cores>7'
    """
    if operator == "Exists":
        return key
    if operator == "DoesNotExist":
        return f"!{key}"
    if operator in ("Gt", "Lt"):  # of nodes alone, with one value
        return f"{key}{'>' if operator == 'Gt' else '<'}{','.join(values or ())}"
    return f"{key} {operator.lower()} ({','.join(values or ())})"
