"""What an Accept header lets an API server answer."""

from __future__ import annotations

from collections.abc import Container

Form = tuple[str, str, str]
"""Kind, group and version that an answer is to be converted to: `as`, `g` and `v` of the header."""
PLAIN: Form = ("", "", "")
_JSON = ("application/json", "application/*", "*/*")  # a real server also has YAML and Protobuf


def negotiated(accept: str | None, offered: Container[Form] = ()) -> Form | None:
    """The first form of JSON that the header asks for and the server has; None where it has none.

    `application/json;as=Table;g=meta.k8s.io;v=v1,application/json` -> plain, of a server without tables.
    As https://github.com/kubernetes/apiserver/blob/master/pkg/endpoints/handlers/negotiation/negotiate.go
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
