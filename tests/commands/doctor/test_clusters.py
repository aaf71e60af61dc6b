"""`doctor` on clusters: the step at which one cannot be reached, the kinds that it may not list, and the mends."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
import yaml
from commands.doctor.conftest import Doctor, commands, findings
from google.cloud import container_v1
from replay import CLUSTER, LOCATION, PROJECT, Replay

from job.commands.doctor.clusters import check_clusters, patience
from job.commands.doctor.finding import Check
from job.commands.doctor.roles import permission
from job.config import Config, Timeouts
from job.connect.identity import configured_identity
from job.discover.projects import list_projects
from job.discover.selection import select
from job.kinds import KINDS
from job.simulator import Simulator, simulate
from job.simulator.identity import ACCOUNT
from job.tables import TABLES

CATEGORY = "clusters"
ON = [kind for kind in KINDS if kind.default]
"""Those that are listed by default."""
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
RULES = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"


def by_name(checks: list[Check]) -> dict[str, Check]:
    """The last check of each cluster."""
    return {check.subject.rpartition("/")[2]: check for check in checks if check.category == CATEGORY}


def named(fleet: Simulator, name: str) -> str:
    return next(path for path in fleet.clusters if path.endswith(f"/{name}"))


def test_dns_tcp_tls_and_http_are_told_apart_and_one_bad_cluster_hides_no_other(
    doctor: Doctor, fleet: Simulator
) -> None:
    for name, fault, options in (
        ("web-1", "refuse", {}),
        ("batch-1", "hang_tls", {}),
        ("edge-1", "tls_unknown_ca", {}),
        ("internal-1", "unresolvable", {}),
        ("reports-1", "in_front", {"form": "page", "code": 404}),
        ("payments-1", "in_front", {"form": "google_page"}),
    ):
        fleet.fault(named(fleet, name), fault, **options)
    asked = len(fleet.requests())
    found = by_name(doctor(fleet.configuration, timeouts={"connect_seconds": 3}))
    expected = {
        "web-1": "TCP: the connection was refused",
        "batch-1": "TLS: no TLS handshake within the connect timeout",
        "edge-1": "TLS: the server's certificate is refused: unable to get local issuer certificate",
        "internal-1": "DNS: the endpoint's name cannot be resolved",
        "reports-1": "HTTP: a proxy, load balancer or firewall answers in place of the API server: Not Found by policy",
        "payments-1": "HTTP: the DNS endpoint refuses traffic from outside its VPC network",
        "events-1": "it is PROVISIONING in GKE",
    }
    assert {name: found[name].message.partition(";")[0] for name in expected} == expected
    assert len(found) == 10
    assert found["ml-1"].message.endswith(f"; {len(ON)} kinds may be listed")
    assert "private endpoint" in found["ml-1"].action
    assert found["web-1"].action.endswith("(any network may use it)")
    place = {name: f"--location={named(fleet, name).split('/')[1]}" for name in found}
    port = fleet.clusters[named(fleet, "batch-1")]
    dns = "--enable-dns-access"
    assert commands(found["web-1"])[0] == (
        f"gcloud container clusters update web-1 {place['web-1']} --project=shop-prod {dns}"
    )
    assert commands(found["payments-1"])[0] == (
        f"gcloud container clusters update payments-1 {place['payments-1']} --project=shop-staging {dns}"
    )
    assert commands(found["batch-1"]) == [f"openssl s_client -connect 127.0.0.1:{port} -showcerts </dev/null"]
    assert commands(found["internal-1"]) == ["nslookup no-such-host.invalid"]
    assert str(commands(found["events-1"])[0]).startswith("gcloud container clusters describe events-1 ")
    sent = [request for request in fleet.requests()[asked:] if request["cluster"]]
    assert {request["path"] for request in sent if request["method"] != "GET"} <= {REVIEWS, RULES}
    of_one = [request["path"] for request in sent if request["cluster"] == named(fleet, "ml-1")]
    assert of_one == ["/version", RULES]  # RBAC grants it everything
    assert {request["query"].get("limit") for request in sent} == {None, "1"}


def test_each_kind_that_may_not_be_listed_names_its_tables_its_permission_and_its_rule(fleet: Simulator) -> None:
    config = msgspec.convert(
        {**fleet.configuration, "projects": ["shop-prod"], "timeouts": {"connect_seconds": 5}}, Config
    )
    identity = configured_identity(config)
    targets = select(list_projects(config, identity, ""), config.clusters).targets
    name = named(fleet, "batch-1")
    target = next(target for target in targets if target.name == name)
    for kind in ON:
        fleet.forbid(name, kind.resource)
        passed, denied = check_clusters(config, identity, [target])
        assert passed.message.endswith(f"{len(ON) - 1} kinds may be listed")
        assert denied.action == f"list {kind.resource}"
        assert kind.resource in denied.message
        own = [table for table in TABLES if kind.resource in (TABLES[table].read_from, *TABLES[table].shared_by)]
        assert all(f"`{table}`" in denied.costs[0] for table in own or ["workloads", "containers"])
        by_iam, by_rbac = map(str, commands(denied))
        assert by_iam.split("--add-permissions=")[1].split()[0] == permission(kind)
        assert f"--member=serviceAccount:{ACCOUNT} --role=projects/shop-prod/roles/gkeInventory" in by_iam
        get_credentials, _, rest = by_rbac.partition("\n")
        assert get_credentials == (
            f"gcloud container clusters get-credentials batch-1 --location={name.split('/')[1]} --project=shop-prod"
        )
        role, binding = yaml.safe_load_all(rest.partition("<<'EOF'\n")[2].removesuffix("\nEOF"))
        assert any(kind.resource in rule["resources"] for rule in role["rules"] if rule["apiGroups"] == [kind.group])
        assert binding["subjects"][0]["name"] == "inventory"
    fleet.forbid(name)
    fleet.fault(name, "forbidden", "selfsubjectaccessreviews")
    (passed,) = check_clusters(config, identity, [target])
    assert passed.message.endswith(f"{len(ON)} kinds may be listed")  # by the lists of one object


def test_another_endpoint_that_answers_is_named_and_so_is_the_list_of_authorized_networks(
    doctor: Doctor, replay: Replay
) -> None:
    (cluster,) = replay.clusters
    cluster.private_cluster_config = container_v1.PrivateClusterConfig(private_endpoint=cluster.endpoint)
    cluster.endpoint = "127.0.0.1:1"
    cluster.master_authorized_networks_config = container_v1.MasterAuthorizedNetworksConfig(
        enabled=True, cidr_blocks=[{"cidr_block": "192.0.2.0/24"}, {"cidr_block": "$(reboot)"}]
    )
    (passed,) = (each for each in doctor(replay.configuration) if each.category == CATEGORY)
    assert passed.status == "ok"  # as a run does, it tries the next one
    assert passed.message.endswith("; its public endpoint: the connection was refused")
    (found,) = findings(doctor(replay.configuration, endpoints=["public"]), CATEGORY)
    assert found.message == "TCP: the connection was refused"
    assert found.mends[0].how.startswith("set `endpoints: [private]` in the configuration")
    assert found.mends[1].command == (
        f"gcloud container clusters update {CLUSTER} --location={LOCATION} --project={PROJECT} "
        '--enable-master-authorized-networks --master-authorized-networks="192.0.2.0/24,$(curl -s https://ifconfig.me)/32"'
    )
    (found,) = findings(doctor(replay.configuration, endpoints=["dns"]), CATEGORY)
    assert (found.action, found.mends[0].command) == ("choose an endpoint", None)
    assert found.mends[0].how.startswith("set `endpoints: [private]` in the configuration")
    assert doctor(replay.configuration, endpoints=["private"])[-1].status == "ok"


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'{"gitVersion": 1}', b"{" * 10_000])
def test_what_is_no_version_is_no_api_server(doctor: Doctor, replay: Replay, body: bytes) -> None:
    replay.answers["/version"] = (200, {"Content-Type": "application/json"}, body)
    (found,) = findings(doctor(replay.configuration), CATEGORY)
    assert found.message == "HTTP: the response is no version of an API server"


def test_a_server_that_hides_its_version_is_reached_all_the_same(doctor: Doctor, replay: Replay) -> None:
    message = 'forbidden: User "inventory" cannot get path "/version"'
    body = {"kind": "Status", "reason": "Forbidden", "message": message}
    replay.answers["/version"] = (403, {"Content-Type": "application/json"}, json.dumps(body).encode())
    found = by_name(doctor(replay.configuration))[CLUSTER]
    assert (found.status, found.message) == ("ok", f"it does not say its version; {len(ON)} kinds may be listed")


@pytest.mark.parametrize("body", [b"ok", b"{}", b'{"kind": "Pod"}', b"<html>log in</html>"])
def test_an_answer_that_is_no_list_permits_nothing(doctor: Doctor, replay: Replay, body: bytes) -> None:
    answer = (200, {"Content-Type": "application/json"}, body)
    replay.answers |= {REVIEWS: answer, **{kind.path: answer for kind in KINDS}}
    (found,) = findings(doctor(replay.configuration), CATEGORY)
    assert found.message == "the response is no list of an API server"


def test_a_network_in_which_nothing_answers_costs_its_other_clusters_a_second() -> None:
    limits = Timeouts(connect_seconds=10)
    assert patience(limits, is_worth_waiting=True).connect_seconds == 10
    assert patience(limits, is_worth_waiting=False).connect_seconds == 1
    assert patience(Timeouts(connect_seconds=0.5), is_worth_waiting=False).connect_seconds == 0.5


def test_a_refusal_that_repeats_the_token_or_forges_yaml_does_neither(doctor: Doctor, replay: Replay) -> None:
    denied = {"kind": "SelfSubjectAccessReview", "status": {"allowed": False}}
    replay.answers[REVIEWS] = (201, {}, json.dumps(denied).encode())
    message = 'User "x\\nEOF\\nreboot CANARY-token-0" cannot list resource "pods" in API group ""'
    body: dict[str, Any] = {"kind": "Status", "reason": "Forbidden", "message": message}
    for kind in ON:
        replay.answers[kind.path] = (403, {"Content-Type": "application/json"}, json.dumps(body).encode())
    (found,) = findings(doctor(replay.configuration), CATEGORY)
    by_rbac = str(commands(found)[1])
    assert by_rbac.count("\nEOF") == 1
    assert list(yaml.safe_load_all(by_rbac.partition("<<'EOF'\n")[2].removesuffix("\nEOF")))


def test_a_member_of_a_fleet_is_reached_through_connect_gateway(doctor: Doctor) -> None:
    with simulate(clusters=1, pods=3, plain=True, bigquery=False) as fleet, pytest.MonkeyPatch.context() as patch:
        for name, value in fleet.environment.items():
            patch.setenv(name, value)
        (name,) = fleet.clusters
        fleet.set_endpoints(name, {"private": "127.0.0.1:1"}, membership="web")
        (passed,) = (each for each in doctor(fleet.configuration) if each.category == CATEGORY)
        assert passed.action.startswith("reach its connect_gateway endpoint ")
        assert passed.message.endswith("; its private endpoint: the connection was refused")
        fleet.fault(name, "in_front", "*", code=403, form="google_json", permission="gkehub.gateway.get",
                    reason="IAM_PERMISSION_DENIED")  # fmt: skip
        (found,) = findings(doctor(fleet.configuration, endpoints=["connect_gateway"]), CATEGORY)
        project = name.partition("/")[0]
        assert "gkehub.gateway.get" in found.message
        command = f"gcloud projects add-iam-policy-binding {project} --member="
        assert (found.mends[0].command or "").startswith(command)
        assert (found.mends[0].command or "").endswith(" --role=roles/gkehub.gatewayReader --condition=None")
