"""Role bindings: one row a subject."""

from __future__ import annotations

from kinds.objects import rows

REF = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}


def test_a_binding_without_subjects_gives_nobody_anything() -> None:
    for subjects in ({}, {"subjects": None}, {"subjects": []}):
        assert rows("rolebindings", roleRef=REF, **subjects) == {}


def test_one_subject_twice_has_two_rows_that_differ_in_their_position() -> None:
    subject = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "a@example.com"}
    found = rows("clusterrolebindings", roleRef=REF, subjects=[subject, subject])["role_bindings"]
    shared = {
        "resource": "clusterrolebindings", "kind": "ClusterRoleBinding", "name": "w", "uid": "u", "scope": "cluster",
        "subject_kind": "User", "subject_name": "a@example.com", "role_kind": "ClusterRole", "role_name": "view",
    }  # fmt: skip
    assert found == [shared | {"position": 0}, shared | {"position": 1}]
