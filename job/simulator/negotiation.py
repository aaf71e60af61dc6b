"""Content negotiation: in which form an API server answers, by the Accept header."""

from __future__ import annotations

from collections.abc import Container

Form = tuple[str, str, str]
"""Kind, group and version to convert the answer to: the header's `as`, `g` and `v`."""
PLAIN: Form = ("", "", "")
_JSON = ("application/json", "application/*", "*/*")  # a real server also offers YAML and Protobuf


def negotiated(accept: str | None, offered: Container[Form] = ()) -> Form | None:
    """The first form of JSON that the header accepts and the server offers; None if there is none.

    `application/json;as=Table;g=meta.k8s.io;v=v1,application/json` -> PLAIN, unless the server offers tables.
    Follows https://github.com/kubernetes/apiserver/blob/master/pkg/endpoints/handlers/negotiation/negotiate.go
    """
    clauses = [_clause(clause) for clause in (accept or "*/*").split(",")]
    for media, parameters in sorted(clauses, key=lambda clause: -float(clause[1].get("q", 1))):
        form = (parameters.get("as", ""), parameters.get("g", ""), parameters.get("v", ""))
        if media in _JSON and (form == PLAIN or form in offered):
            return form
    return None


def _clause(clause: str) -> tuple[str, dict[str, str]]:
    media, *parameters = (part.strip() for part in clause.split(";"))
    pairs = (parameter.partition("=") for parameter in parameters)
    return media, {key.strip(): value.strip() for key, _, value in pairs}
