"""Pods, resolved to their topmost controllers."""

import pytest

from job.kinds.parts import owners as module
from job.kinds.parts.owners import Controllers, Owners, Top
from job.wire.meta import ObjectMeta, OwnerReference


def ref(kind: str, uid: str, api_version: str = "apps/v1") -> OwnerReference:
    return OwnerReference(api_version=api_version, kind=kind, name=f"the-{uid}", uid=uid, controller=True)


def pod(*owners: OwnerReference) -> ObjectMeta:
    return ObjectMeta(name="p", uid="pod", namespace="n", owner_references=list(owners))


def controllers(known: dict[str, OwnerReference | None], namespace: str = "n") -> Controllers:
    """UID -> controller, of objects in a namespace."""
    found = Controllers()
    for uid, owner in known.items():
        found.add(namespace, uid, owner)
    return found


@pytest.fixture
def owners() -> Owners:
    found = Owners()
    for kind, group in (("Deployment", "apps"), ("ReplicaSet", "apps"), ("Job", "batch"), ("CronJob", "batch")):
        found.expect(kind, group)
    return found


def test_a_deployments_pod_belongs_to_the_deployment(owners: Owners) -> None:
    owners.add("Deployment", controllers({"d": None}))
    owners.add("ReplicaSet", controllers({"r": ref("Deployment", "d")}))
    assert owners.top(pod(ref("ReplicaSet", "r"))) == Top("Deployment", "apps/v1", "the-d", "d", "resolved")


def test_a_cronjobs_pod_belongs_to_the_cronjob(owners: Owners) -> None:
    owners.add("CronJob", controllers({"c": None}))
    owners.add("Job", controllers({"j": ref("CronJob", "c", "batch/v1")}))
    assert owners.top(pod(ref("Job", "j", "batch/v1"))).kind == "CronJob"


def test_a_custom_owner_above_is_the_top_and_known_by_reference(owners: Owners) -> None:
    owners.add("ReplicaSet", controllers({"r": ref("Rollout", "x", "argoproj.io/v1alpha1")}))
    top = owners.top(pod(ref("ReplicaSet", "r")))
    assert top == Top("Rollout", "argoproj.io/v1alpha1", "the-x", "x", "referenced")


@pytest.mark.parametrize(
    ("kind", "api_version"),
    [
        ("Job", "batch.volcano.sh/v1alpha1"),
        ("ReplicaSet", "apps.kruise.io/v1"),
        ("Job", "apps/v1"),
        ("Node", "v1"),
        ("ReplicationController", "v1"),
    ],
)
def test_a_custom_owner_with_the_name_of_a_collected_kind_is_known_by_reference(
    owners: Owners, kind: str, api_version: str
) -> None:
    for collected in ("Job", "ReplicaSet"):
        owners.add(collected, Controllers())
    assert owners.top(pod(ref(kind, "x", api_version))) == Top(kind, api_version, "the-x", "x", "referenced")


def test_an_unread_kind_differs_from_a_missing_object(owners: Owners) -> None:
    assert owners.top(pod(ref("ReplicaSet", "r"))).resolution == "not_read"
    owners.add("ReplicaSet", Controllers())
    assert owners.top(pod(ref("ReplicaSet", "r"))).resolution == "not_found"


def test_a_pod_that_nothing_controls_is_its_own_workload(owners: Owners) -> None:
    bystander = OwnerReference(api_version="v1", kind="ConfigMap", name="c", uid="c", controller=False)
    assert owners.top(pod(bystander)) == Top("Pod", "v1", "p", "pod", "uncontrolled")


def test_owners_that_control_each_other_are_not_found_and_the_direct_one_is_named(owners: Owners) -> None:
    circle = {"a": ref("ReplicaSet", "b"), "b": ref("ReplicaSet", "c"), "c": ref("ReplicaSet", "b")}
    owners.add("ReplicaSet", controllers(circle))
    assert owners.top(pod(ref("ReplicaSet", "a"))) == Top("ReplicaSet", "apps/v1", "the-a", "a", "not_found")
    owners.add("ReplicaSet", controllers({"a": ref("ReplicaSet", "a")}))
    assert owners.top(pod(ref("ReplicaSet", "a"))).resolution == "not_found"


def test_a_chain_may_be_long(owners: Owners) -> None:
    chain = {f"r-{number}": ref("ReplicaSet", f"r-{number + 1}") for number in range(40)}
    owners.add("ReplicaSet", controllers(chain | {"r-40": None}))
    between = tuple(f"r-{number}" for number in range(1, 40))
    top = Top("ReplicaSet", "apps/v1", "the-r-40", "r-40", "resolved", between)
    assert owners.top(pod(ref("ReplicaSet", "r-0"))) == top


def test_an_owner_in_another_namespace_does_not_count(owners: Owners) -> None:
    owners.add("ReplicaSet", controllers({"r": None}, namespace="other"))
    assert owners.top(pod(ref("ReplicaSet", "r"))) == Top("ReplicaSet", "apps/v1", "the-r", "r", "not_found")


@pytest.mark.parametrize(
    "uid",
    [
        "b3a1f6d2-7c54-4e0b-9a4f-0d5f3c2b1a00",
        "B3A1F6D2-7C54-4E0B-9A4F-0D5F3C2B1A00",
        "b3a1f6d27c544e0b9a4f0d5f3c2b1a00",
        "urn:uuid:b3a1f6d2-7c54-4e0b-9a4f-0d5f3c2b1a00",
        "{b3a1f6d2-7c54-4e0b-9a4f-0d5f3c2b1a00}",
        "not a UUID",
        "",
    ],
)
def test_an_owners_uid_is_kept_as_it_is_written(uid: str) -> None:
    kinds = [("apps/v1", "Deployment"), ("argoproj.io/v1alpha1", "Rollout"), ("apps/v1", "Deployment")]
    references = {f"uid-{n}": OwnerReference(*kind, f"name-{n}", uid) for n, kind in enumerate(kinds)}
    known = controllers(dict(references))
    assert {found: known.find("n", found)[1] for found in references} == references


def test_many_controllers_are_found_as_few_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SORT_CHUNK", 10)
    references = {f"uid-{n}": OwnerReference("apps/v1", "Deployment", f"d-{n}", f"owner-{n}") for n in range(995)}
    known = controllers({**references, **dict.fromkeys((f"free-{n}" for n in range(5)), None)})
    found = {uid: known.find("n", uid) for uid in references}
    assert found == {uid: (True, owner) for uid, owner in references.items()}
    assert [known.find("n", f"free-{n}") for n in range(5)] == [(True, None)] * 5
    assert known.find("n", "nobody") == (False, None)
    assert known.find("other", "uid-1") == (False, None)


def widget(uid: str, kind: str = "Widget") -> OwnerReference:
    return ref(kind, uid, "example.com/v1")


def test_a_custom_resource_that_was_read_is_the_top_or_leads_to_it(owners: Owners) -> None:
    owners.expect_objects("Widget", "example.com")
    owners.add("ReplicaSet", controllers({"r": widget("w")}))
    unread = owners.top(pod(ref("ReplicaSet", "r")))
    assert (unread.uid, unread.resolution, unread.is_known_through_pods) == ("w", "referenced_not_read", True)

    owners.add_objects("Widget", "example.com", controllers({"w": widget("x"), "x": None}))
    top = owners.top(pod(ref("ReplicaSet", "r")))
    assert top == Top("Widget", "example.com/v1", "the-x", "x", "resolved", ("w",), has_no_table=True)
    assert top.is_known_through_pods

    gone = owners.top(pod(widget("gone")))
    assert (gone.resolution, gone.is_known_through_pods) == ("referenced_not_found", True)
    other = owners.top(pod(widget("gone", "Gadget")))
    assert (other.resolution, other.is_known_through_pods) == ("referenced", True)


def test_a_custom_resource_may_be_in_no_namespace_and_lead_to_others(owners: Owners) -> None:
    owners.expect_objects("Widget", "example.com")
    owners.add_objects("Widget", "example.com", controllers({"w": widget("x"), "x": None}, namespace=""))
    assert owners.top(pod(widget("w"))).uid == "x"


def test_custom_resources_in_a_circle_hide_no_workload(owners: Owners) -> None:
    owners.expect_objects("Widget", "example.com")
    owners.add_objects("Widget", "example.com", controllers({"w": widget("x"), "x": widget("w")}))
    top = owners.top(pod(widget("w")))
    assert (top.uid, top.resolution, top.is_known_through_pods) == ("w", "referenced_not_found", True)


def test_a_workload_that_a_custom_resource_does_not_control_has_a_row_of_its_own(owners: Owners) -> None:
    owners.add("Deployment", controllers({"d": None}))
    assert not owners.top(pod(ref("Deployment", "d"))).is_known_through_pods
