"""Gateways and HTTPRoutes: what a controller says of the object as it is now, and what may be left out."""

from __future__ import annotations

from typing import Any

import pytest
from kinds.objects import rows

BARE = {"namespace": "n", "name": "w", "uid": "u"}


def gateway(**item: Any) -> dict[str, Any]:
    (found,) = rows("gateways", **item)["gateways"]
    return found


def route(**item: Any) -> dict[str, Any]:
    (found,) = rows("httproutes", **item)["http_routes"]
    return found


def test_objects_whose_parts_are_null_have_their_rows() -> None:
    for spec in (None, {"gatewayClassName": "", "listeners": None}):
        for status in (None, {"addresses": None, "conditions": None, "listeners": None}):
            assert gateway(spec=spec, status=status) == BARE
    for spec in (None, {"hostnames": None, "parentRefs": None, "rules": None}, {"rules": [{"backendRefs": None}, {}]}):
        for status in (None, {"parents": None}):
            assert route(spec=spec, status=status) == BARE


@pytest.mark.parametrize(
    ("generation", "observed", "status", "programmed"),
    [
        (2, 2, "True", True),
        (2, 2, "False", False),
        (2, 2, "Unknown", None),
        (2, 1, "True", None),  # of what it was before
        (1, None, "Unknown", None),  # the API server writes it for a new object
        (None, None, "True", True),
    ],
)
def test_a_condition_counts_if_it_is_about_this_generation(
    generation: int | None, observed: int | None, status: str, programmed: bool | None
) -> None:
    condition = {"type": "Programmed", "status": status, "reason": "R", "observedGeneration": observed}
    found = gateway(metadata={"generation": generation}, status={"conditions": [condition]})
    assert found.get("programmed") is programmed


def parent(name: str, *conditions: tuple[str, str]) -> dict[str, Any]:
    found = [{"type": type_, "status": status, "reason": "R"} for type_, status in conditions]
    return {"controllerName": "example.com/c", "parentRef": {"name": name}, "conditions": found}


@pytest.mark.parametrize(
    ("parents", "accepted"),
    [
        ([], None),
        ([parent("a")], None),
        ([parent("a", ("Accepted", "False"))], False),
        ([parent("a", ("Accepted", "False")), parent("b", ("Accepted", "True"))], True),
        ([parent("gone", ("Accepted", "True"))], None),  # the route does not name it any more
    ],
)
def test_a_route_is_accepted_if_one_parent_accepts_it(parents: list[dict[str, Any]], accepted: bool | None) -> None:
    found = route(spec={"parentRefs": [{"name": "a"}, {"name": "b"}]}, status={"parents": parents})
    assert found.get("accepted") is accepted
    assert [(one["kind"], one["namespace"], one["name"]) for one in found["parents"]] == [
        ("Gateway", "n", "a"), ("Gateway", "n", "b"),
    ]  # fmt: skip


def test_a_parent_is_told_from_others_by_its_port_and_a_status_by_its_controller() -> None:
    def answer(port: int, status: str, controller: str = "example.com/c") -> dict[str, Any]:
        ref = {"name": "g", "port": port, "group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": "n"}
        return {**parent("g", ("Accepted", status)), "parentRef": ref, "controllerName": controller}

    asked = {
        "parentRefs": [
            {"name": "g", "port": 80},
            {"name": "g", "port": 443},
            {"name": "g", "kind": "Service", "group": ""},
        ]
    }
    answers = [answer(80, "True"), answer(443, "False", "a"), answer(443, "False", "b"), answer(80, "False", "z")]
    found = route(metadata={"namespace": "n"}, spec=asked, status={"parents": answers})
    assert found["accepted"] is True
    assert [(one.get("port"), one.get("accepted"), one.get("controller")) for one in found["parents"]] == [
        (80, True, "example.com/c"), (443, False, "a"), (None, None, None),
    ]  # fmt: skip


def test_what_gets_copies_of_requests_is_a_mirror() -> None:
    mirror = {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "copy", "port": 80}}}
    rule = {"filters": [mirror, {"type": "URLRewrite"}], "backendRefs": [{"name": "web", "filters": [mirror]}]}
    found = route(spec={"rules": [rule]})["backends"]
    assert [(one["name"], one.get("is_mirror", False)) for one in found] == [
        ("web", False), ("copy", True), ("copy", True),
    ]  # fmt: skip
